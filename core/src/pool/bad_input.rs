//! Bad input ends in a fate or an error that has a name: never in a panic, never in silence.

use core::num::NonZeroU64;

use super::tests::{PROVIDER, address, drain, fate_of, group, job, set, source};
use super::{Fate, FateCounts, InvalidTarget, JobOptions, PoolOutput, TargetLimit, TargetLimits, TargetPool};
use crate::relabel::{NameValidation, RelabelError, RelabelRule, Relabeling, RuleRegex, SourceLabels, VmagentRule};
use crate::{Encoder, GroupError, MAX_VALUE_BYTES};

fn replace(target: &str, regex: &str) -> RelabelRule {
    RelabelRule::Replace {
        source: source(&["__address__"]),
        regex: RuleRegex::new(regex),
        target_label: target.to_owned(),
        replacement: "$1".to_owned(),
    }
}

#[test]
fn a_label_without_a_name_is_refused_where_it_is_found() {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    let no_labels: [(&str, &str); 0] = [];
    let added = batch.group("s", no_labels, [[("", "x")]]);
    assert_eq!(added, Err(GroupError::EmptyName { value: "x".to_owned() }));
    assert!(batch.finish().is_empty());
}

#[test]
fn rules_that_set_bad_names_are_refused_or_set_nothing() {
    let compile = |rule, names| Relabeling::compile([rule], names).map(|_| ());
    let refused = |name: &str| {
        Err(RelabelError::LabelName {
            rule: 0,
            action: "replace",
            name: name.to_owned(),
        })
    };
    assert_eq!(compile(replace("a-b", "(.*)"), NameValidation::Legacy), refused("a-b"));
    assert_eq!(compile(replace("a-b", "(.*)"), NameValidation::Utf8), Ok(()));
    assert_eq!(compile(replace("", "(.*)"), NameValidation::Utf8), refused(""));
    // A name that a value gives can't be refused beforehand.
    let options = JobOptions {
        relabeling: Relabeling::compile([replace("${1}", "(.*)")], NameValidation::Legacy).unwrap(),
        ..JobOptions::new("node")
    };
    let (fate, labels) = fate_of(options, &[], &address("host-1:80"));
    assert_eq!(fate, "active");
    assert!(!labels.unwrap().iter().any(|(name, _)| name == "host-1:80"));
}

#[test]
fn names_of_any_kind_are_labels_if_they_are_discovered() {
    let labels = [("1 ü-", "x"), ("a\nb", "y"), ("\u{feff}", "z")];
    let (fate, found) = fate_of(job(vec![]), &labels, &address("h:1"));
    assert_eq!(fate, "active");
    for (name, value) in labels {
        let label = (name.to_owned(), value.to_owned());
        assert!(found.as_ref().is_some_and(|found| found.contains(&label)), "{name:?}");
    }
}

#[test]
fn addresses_with_paths_are_invalid_and_those_without_ports_are_not() {
    for (text, expected) in [
        ("http://h:1", Some(InvalidTarget::AddressWithPath)),
        ("h:1/metrics", Some(InvalidTarget::AddressWithPath)),
        ("/", Some(InvalidTarget::AddressWithPath)),
        ("", Some(InvalidTarget::NoAddress)),
        ("no-port", None),
        ("h:", None),
        (":9100", None),
        ("[::1]", None),
        ("h:99999999", None),
        (" ", None),
    ] {
        // With rules the address is looked at in another form.
        for rules in [
            vec![],
            vec![replace("x", "(.*):.*")],
            vec![replace("__address__", "(.*)")],
        ] {
            let (fate, labels) = fate_of(job(rules), &[], &address(text));
            let expected = expected.map_or_else(|| "active".to_owned(), |why| why.to_string());
            assert_eq!(fate, expected, "{text:?}");
            // The port is the scraper's to add, as it is Prometheus's.
            let address = ("__address__".to_owned(), text.to_owned());
            assert!(labels.is_none_or(|labels| labels.contains(&address)), "{text:?}");
        }
    }
}

#[test]
fn one_address_with_other_labels_is_another_target() {
    let mut pool = TargetPool::new(job(vec![]));
    pool.put_group(PROVIDER, &group("a", &[("rack", "1")], &[address("h:1")]));
    pool.put_group(PROVIDER, &group("b", &[("rack", "2")], &[address("h:1")]));
    pool.put_group(PROVIDER, &group("c", &[("rack", "2")], &[address("h:1")]));
    assert_eq!(drain(&mut pool).len(), 2);
    let counts = FateCounts {
        active: 2,
        duplicate: 1,
        ..FateCounts::default()
    };
    assert_eq!(pool.counts(), counts);
    let duplicates = pool.targets().filter_map(|view| match view.fate {
        Fate::Duplicate { group, .. } => Some((view.group.source().to_owned(), group.source().to_owned())),
        _ => None,
    });
    let duplicates: Vec<_> = duplicates.collect();
    assert!(
        matches!(duplicates.as_slice(), [(a, b)] if a != b && a != "a" && b != "a"),
        "{duplicates:?}"
    );
}

#[test]
fn a_million_targets_in_one_group_have_a_fate_each() {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    batch.begin("s").unwrap();
    for number in 0..1_000_000 {
        batch.begin_target().unwrap();
        let address = if number % 4 == 0 {
            "h/x".to_owned()
        } else {
            format!("h:{number}")
        };
        batch.label("__address__", &address).unwrap();
    }
    batch.end().unwrap();
    let drop = RelabelRule::Drop {
        source: source(&["__address__"]),
        regex: RuleRegex::new(".*[05]"),
    };
    let limits = TargetLimits {
        targets: NonZeroU64::new(1_000),
        ..TargetLimits::default()
    };
    let mut pool = TargetPool::new(JobOptions {
        limits,
        ..job(vec![drop])
    });
    pool.put_group(PROVIDER, &batch.finish()[0]);
    let counts = FateCounts {
        active: 600_000,
        dropped: 150_000,
        duplicate: 0,
        invalid: 250_000,
        over_label_limits: 0,
        shared_labels: 0,
    };
    assert_eq!((pool.counts(), drain(&mut pool).len()), (counts, 600_000));
    let over = |fate: Fate<'_>| {
        matches!(
            fate,
            Fate::OverLimit {
                limit: TargetLimit::Targets,
                ..
            }
        )
    };
    assert_eq!(pool.targets().filter(|view| over(view.fate)).count(), 600_000);
    pool.remove_group(PROVIDER, "s");
    assert_eq!(
        (pool.counts(), drain(&mut pool).len()),
        (FateCounts::default(), 600_000)
    );
}

#[test]
fn rules_that_drop_everything_say_so_of_each() {
    let drop = RelabelRule::Drop {
        source: SourceLabels::default(),
        regex: RuleRegex::default(),
    };
    let mut pool = TargetPool::new(job(vec![set("a", "b"), drop]));
    let addresses: Vec<String> = (0..100).map(|number| format!("h:{number}")).collect();
    let targets: Vec<_> = addresses.iter().map(|text| address(text)).collect();
    pool.put_group(PROVIDER, &group("s", &[], &targets));
    assert_eq!((drain(&mut pool), pool.counts().dropped), (vec![], 100));
    assert!(pool.targets().all(|view| view.fate == Fate::Dropped { rule: 1 }));
}

#[test]
fn expressions_that_are_too_large_are_refused_with_their_rule() {
    let rules = [set("a", "b"), replace("x", r"(\pL{1000}){1000}")];
    let error = Relabeling::compile(rules, NameValidation::Utf8).unwrap_err();
    assert!(
        matches!(
            &error,
            RelabelError::RegexTooLarge {
                rule: 1,
                action: "replace",
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("make it smaller"), "{error}");
}

/// As in Prometheus: limits on labels are for who sets `label_limit`.
#[test]
fn any_number_of_labels_is_a_target() {
    let names: Vec<String> = (0..30_000).map(|number| format!("label{number}")).collect();
    let mut target = address("h:1");
    target.extend(names.iter().map(|name| (name.as_str(), "x")));
    let double = RelabelRule::LabelMap {
        regex: RuleRegex::new("label(.*)"),
        replacement: "other$1".to_owned(),
    };
    let one_more = set("a", "y");
    for (rules, expected) in [
        (vec![], 30_000),
        (vec![one_more.clone()], 30_001),
        (vec![double.clone(), one_more.clone(), double], 60_001),
    ] {
        let (fate, labels) = fate_of(job(rules), &[], &target);
        let labels = labels.unwrap_or_else(|| panic!("{fate}"));
        // Beside those that each target has.
        let is_given = |name: &str| ["label", "other", "a"].iter().any(|given| name.starts_with(given));
        let count = labels.iter().filter(|(name, _)| is_given(name)).count();
        assert_eq!(count, expected, "{fate}");
    }
}

#[test]
fn names_that_are_too_long_together_are_an_invalid_target() {
    let names: Vec<String> = (0..300).map(|number| format!("{number:060000}")).collect();
    let mut target = address("h:1");
    target.extend(names.iter().map(|name| (name.as_str(), "x")));
    let (fate, labels) = fate_of(job(vec![]), &[], &target);
    assert_eq!((fate, labels), (InvalidTarget::NamesTooLong.to_string(), None));
    let double = RelabelRule::LabelMap {
        regex: RuleRegex::new("0(.*)"),
        replacement: "1$1".to_owned(),
    };
    target.truncate(200);
    let (fate, _) = fate_of(job(vec![double]), &[], &target);
    assert_eq!(fate, InvalidTarget::TooLarge { rule: 0 }.to_string());
}

/// A line of rules can double a value, and a thousand lines can each keep one.
#[test]
fn rules_that_make_ever_more_of_a_target_end_at_a_bound() {
    let source = || SourceLabels {
        names: vec!["long".to_owned()],
        ..SourceLabels::default()
    };
    let replace = |target: &str, replacement: &str| RelabelRule::Replace {
        source: source(),
        regex: RuleRegex::new("(.*)"),
        target_label: target.to_owned(),
        replacement: replacement.to_owned(),
    };
    let mut target = address("h:1");
    target.push(("long", "0123456789abcdef"));
    let twice = |times| vec![replace("long", "$1$1"); times];
    let (_, labels) = fate_of(job(twice(16)), &[], &target);
    let long = labels.unwrap_or_default().into_iter().find(|(name, _)| name == "long");
    assert_eq!(long.map(|(_, value)| value.len()), Some(MAX_VALUE_BYTES));
    let (fate, _) = fate_of(job(twice(17)), &[], &target);
    assert_eq!(fate, InvalidTarget::TooLarge { rule: 16 }.to_string());
    // What is below the bound for one value, a hundred times; but copies of what is there take nothing.
    let mut rules = twice(16);
    rules.extend((0..100).map(|number| replace(&format!("copy{number}"), "$1")));
    assert!(fate_of(job(rules), &[], &target).1.is_some());
    let long = "x".repeat(MAX_VALUE_BYTES - 2);
    let mut target = address("h:1");
    target.push(("long", &long));
    let rules = (0..100)
        .map(|number| replace(&format!("copy{number}"), "$1!"))
        .collect();
    let (fate, _) = fate_of(job(rules), &[], &target);
    assert_eq!(fate, InvalidTarget::TooLarge { rule: 16 }.to_string());
}

#[test]
fn what_graphite_makes_of_a_name_is_bounded_for_each_label_and_for_all() {
    let name = "x".repeat(400_000);
    let mut target = address("h:1");
    target.push(("__name__", &name));
    let rule = |labels: usize| {
        let labels = (0..labels).map(|number| (format!("part{number}"), "$1$1".to_owned()));
        RelabelRule::Vmagent(VmagentRule::Graphite {
            template: "*".to_owned(),
            labels: labels.collect(),
        })
    };
    let (fate, labels) = fate_of(job(vec![rule(10)]), &[], &target);
    let labels = labels.unwrap_or_else(|| panic!("{fate}"));
    let parts: Vec<_> = labels.iter().filter(|(name, _)| name.starts_with("part")).collect();
    assert!(parts.len() == 10 && parts.iter().all(|(_, value)| value.len() == 2 * name.len()));
    let (fate, _) = fate_of(job(vec![rule(1_000)]), &[], &target);
    assert_eq!(fate, InvalidTarget::TooLarge { rule: 0 }.to_string());
}

#[test]
fn a_target_that_changes_to_another_endpoint_stops_and_starts() {
    let mut pool = TargetPool::new(job(vec![]));
    pool.put_group(PROVIDER, &group("s", &[], &[address("a:1")]));
    drain(&mut pool);
    for change in [
        vec![("__scheme__", "https")],
        vec![("__metrics_path__", "/x")],
        vec![("__param_x", "1")],
    ] {
        let mut target = address("a:1");
        target.extend(change);
        pool.put_group(PROVIDER, &group("s", &[], &[target]));
        let outputs = drain(&mut pool);
        assert!(
            matches!(outputs.as_slice(), [PoolOutput::Stopped(_), PoolOutput::Started(_)]),
            "{outputs:?}"
        );
    }
}
