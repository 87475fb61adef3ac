//! What becomes of targets, by example; `rebuild` and `follow` say the rest for all of them.

mod follow;
mod many;
mod rebuild;

use core::num::NonZeroU64;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::Encoder;
use crate::relabel::{NameValidation, RelabelRule, Relabeling, RuleRegex, SourceLabels};

type Labels = Vec<(String, String)>;

pub(super) const PROVIDER: ProviderId = ProviderId::from_number(0);

pub(super) fn group(source: &str, labels: &[(&str, &str)], targets: &[Vec<(&str, &str)>]) -> Group {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    batch.group(source, labels.to_vec(), targets.to_vec()).unwrap();
    batch.finish().remove(0)
}

pub(super) fn source(names: &[&str]) -> SourceLabels {
    SourceLabels {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..SourceLabels::default()
    }
}

pub(super) fn set(name: &str, value: &str) -> RelabelRule {
    RelabelRule::Replace {
        source: source(&[]),
        regex: RuleRegex::default(),
        target_label: name.to_owned(),
        replacement: value.to_owned(),
    }
}

pub(super) fn job(rules: Vec<RelabelRule>) -> JobOptions {
    JobOptions {
        relabeling: Relabeling::compile(rules, NameValidation::Utf8).unwrap(),
        ..JobOptions::new("node")
    }
}

pub(super) fn address(address: &str) -> Vec<(&str, &str)> {
    vec![("__address__", address)]
}

pub(super) fn drain(pool: &mut TargetPool) -> Vec<PoolOutput> {
    std::iter::from_fn(|| pool.poll_output()).collect()
}

/// The fate of one target and its labels in the end.
pub(super) fn fate_of(
    options: JobOptions,
    labels: &[(&str, &str)],
    target: &[(&str, &str)],
) -> (String, Option<Labels>) {
    let mut pool = TargetPool::new(options);
    pool.put_group(PROVIDER, &group("s", labels, &[target.to_vec()]));
    let view = pool.targets().next().unwrap();
    let fate = match view.fate {
        Fate::Active { .. } => "active".to_owned(),
        Fate::Dropped { rule } => format!("dropped by {rule}"),
        Fate::Invalid { why } => why.to_string(),
        Fate::OverLimit { limit, .. } => format!("{limit:?}"),
        Fate::Duplicate { .. } => "duplicate".to_owned(),
    };
    (fate, pool.reader().labels(&view))
}

fn get(labels: Option<Labels>, name: &str) -> Option<String> {
    labels?
        .into_iter()
        .find(|(other, _)| other == name)
        .map(|(_, value)| value)
}

#[test]
fn labels_are_populated_as_prometheus_does() {
    let options = JobOptions {
        params: vec![
            ("module".to_owned(), vec!["a".to_owned(), "b".to_owned()]),
            ("none".to_owned(), Vec::new()),
        ],
        scrape_interval: Duration::from_secs(90),
        ..JobOptions::new("node")
    };
    let mut pool = TargetPool::new(options);
    let labels = [("rack", "1"), ("job", "other"), ("hidden", "x"), ("__meta_x", "y")];
    let target = vec![("__address__", "h:1"), ("hidden", ""), ("__scheme__", "")];
    pool.put_group(PROVIDER, &group("s", &labels, &[target]));
    let view = pool.targets().next().unwrap();
    let explanation = pool.reader().explain(&view);
    insta::assert_debug_snapshot!((&explanation.discovered, &explanation.labels));
    assert_eq!(explanation.labels, pool.reader().labels(&view));
}

#[test]
fn a_targets_own_parameter_wins_over_the_jobs() {
    let options = || JobOptions {
        params: vec![("x".to_owned(), vec!["jobs".to_owned(), "second".to_owned()])],
        ..job(vec![])
    };
    let param = |labels: &[(&str, &str)], own: &[(&'static str, &'static str)]| {
        let mut target = address("h:1");
        target.extend(own);
        get(fate_of(options(), labels, &target).1, "__param_x")
    };
    assert_eq!(param(&[], &[]).as_deref(), Some("jobs"));
    assert_eq!(param(&[], &[("__param_x", "own")]).as_deref(), Some("own"));
    assert_eq!(param(&[("__param_x", "groups")], &[]).as_deref(), Some("groups"));
    assert_eq!(
        param(&[("__param_x", "groups")], &[("__param_x", "own")]).as_deref(),
        Some("own")
    );
    // An empty one is as good as none.
    assert_eq!(param(&[], &[("__param_x", "")]).as_deref(), Some("jobs"));
}

#[test]
fn targets_are_checked() {
    let one = [("__address__", "h:1")];
    for (rules, target, expected) in [
        (
            vec![],
            vec![("a", "b")],
            "the target has no address; set __address__ to host:port",
        ),
        (
            vec![],
            vec![("__address__", "http://h/")],
            "the target's __address__ holds a `/`; a path belongs into __metrics_path__, a scheme into __scheme__",
        ),
        (vec![], vec![("__address__", "no-port")], "active"),
        (
            vec![set("__address__", "")],
            one.to_vec(),
            "the target has no address; set __address__ to host:port",
        ),
        (
            vec![set("__scrape_interval__", "0")],
            one.to_vec(),
            "the target's __scrape_interval__ is 0; it has to be longer",
        ),
        (
            vec![set("__scrape_interval__", "")],
            one.to_vec(),
            "the target's __scrape_interval__ can't be read: it is empty; write for example 30s",
        ),
        (
            vec![set("__scrape_interval__", "5s")],
            one.to_vec(),
            "the target's __scrape_timeout__ is longer than its __scrape_interval__",
        ),
        (
            vec![set("__scrape_timeout__", "0s")],
            one.to_vec(),
            "the target's __scrape_timeout__ is 0; it has to be longer",
        ),
        (
            vec![set("__scrape_timeout__", "x")],
            one.to_vec(),
            "the target's __scrape_timeout__ can't be read: it has to be numbers with units, from the largest to the smallest, as in 1h30m",
        ),
        (vec![set("__scrape_timeout__", "1m")], one.to_vec(), "active"),
        (
            vec![set("__scrape_native_histograms__", "yes")],
            one.to_vec(),
            "the target's __scrape_native_histograms__ is neither true nor false",
        ),
        (vec![set("__scrape_native_histograms__", "T")], one.to_vec(), "active"),
        (
            vec![RelabelRule::Drop {
                source: source(&[]),
                regex: RuleRegex::default(),
            }],
            one.to_vec(),
            "dropped by 0",
        ),
    ] {
        assert_eq!(fate_of(job(rules), &[], &target).0, expected);
    }
}

#[test]
fn instance_is_the_address_unless_said_otherwise() {
    let instance = |rules| get(fate_of(job(rules), &[("__meta_a", "x")], &address("h:1")).1, "instance");
    assert_eq!(instance(vec![]).as_deref(), Some("h:1"));
    assert_eq!(instance(vec![set("instance", "i")]).as_deref(), Some("i"));
    assert_eq!(
        instance(vec![set("__address__", "other:2")]).as_deref(),
        Some("other:2")
    );
    let (_, labels) = fate_of(job(vec![set("__tmp_x", "kept")]), &[("__meta_a", "x")], &address("h:1"));
    assert_eq!(get(labels.clone(), "__meta_a"), None);
    assert_eq!(get(labels, "__tmp_x").as_deref(), Some("kept"));
}

#[test]
fn limits_of_labels_are_about_those_that_reach_samples() {
    let with = |limits: TargetLimits| {
        let options = JobOptions { limits, ..job(vec![]) };
        fate_of(
            options,
            &[("__meta_very_long_name", "a very long value")],
            &[("__address__", "h:1"), ("name7_7", "value678")],
        )
        .0
    };
    // job, instance, name7_7
    let limit = NonZeroU64::new;
    assert_eq!(
        with(TargetLimits {
            labels: limit(3),
            label_name_length: limit(8),
            label_value_length: limit(8),
            ..TargetLimits::default()
        }),
        "active"
    );
    assert_eq!(
        with(TargetLimits {
            labels: limit(2),
            ..TargetLimits::default()
        }),
        "Labels"
    );
    assert_eq!(
        with(TargetLimits {
            label_name_length: limit(7),
            ..TargetLimits::default()
        }),
        "LabelNameLength"
    );
    assert_eq!(
        with(TargetLimits {
            label_value_length: limit(7),
            ..TargetLimits::default()
        }),
        "LabelValueLength"
    );
}

#[test]
fn too_many_targets_fail_all_and_none_is_stopped() {
    let limits = TargetLimits {
        targets: NonZeroU64::new(2),
        kept_dropped_targets: NonZeroU64::new(1),
        ..TargetLimits::default()
    };
    let drop = RelabelRule::Drop {
        source: source(&["__address__"]),
        regex: RuleRegex::new("x.*"),
    };
    let mut pool = TargetPool::new(JobOptions {
        limits,
        ..job(vec![drop])
    });
    pool.put_group(PROVIDER, &group("s", &[], &["a:1", "b:1", "x:1", "x:2"].map(address)));
    assert_eq!((drain(&mut pool).len(), pool.exceeded_target_limit()), (2, None));
    assert_eq!((pool.dropped().count(), pool.counts().dropped), (1, 2));
    pool.put_group(PROVIDER, &group("t", &[], &[address("c:1")]));
    assert_eq!(
        (drain(&mut pool).len(), pool.exceeded_target_limit()),
        (1, Some((3, 2)))
    );
    let over = |view: &TargetView<'_>| {
        matches!(
            view.fate,
            Fate::OverLimit {
                limit: TargetLimit::Targets,
                ..
            }
        )
    };
    assert_eq!(pool.targets().filter(over).count(), 3);
    pool.remove_group(PROVIDER, "t");
    assert_eq!(pool.targets().filter(over).count(), 0);
}

#[test]
fn changes_are_told_and_no_more() {
    let mut pool = TargetPool::new(job(vec![RelabelRule::LabelDrop {
        regex: RuleRegex::new("noise"),
    }]));
    let put = |pool: &mut TargetPool, source: &str, labels: &[(&str, &str)], addresses: &[&str]| {
        let targets: Vec<_> = addresses.iter().map(|text| address(text)).collect();
        pool.put_group(PROVIDER, &group(source, labels, &targets));
        drain(pool)
    };
    let started = put(&mut pool, "s", &[], &["a:1", "b:1"]);
    assert!(matches!(
        started.as_slice(),
        [PoolOutput::Started(_), PoolOutput::Started(_)]
    ));
    // What relabelling removes changes nothing.
    assert_eq!(put(&mut pool, "s", &[("noise", "x")], &["b:1", "a:1"]), []);
    // Another label is the same endpoint.
    let relabelled = put(&mut pool, "s", &[("rack", "2")], &["a:1", "b:1"]);
    assert!(matches!(
        relabelled.as_slice(),
        [PoolOutput::Relabelled { .. }, PoolOutput::Relabelled { .. }]
    ));
    // Moving to another group, or standing in two, neither stops nor starts.
    assert_eq!(put(&mut pool, "t", &[("rack", "2")], &["a:1", "b:1"]), []);
    assert_eq!(pool.counts().duplicate, 2);
    pool.remove_group(PROVIDER, "s");
    assert_eq!(drain(&mut pool), []);
    assert_eq!((pool.counts().duplicate, pool.counts().active), (0, 2));
    let mixed = put(&mut pool, "t", &[("rack", "2")], &["b:1", "c:1"]);
    assert!(matches!(
        mixed.as_slice(),
        [PoolOutput::Stopped(_), PoolOutput::Started(_)]
    ));
    // What comes and goes before anybody asks was never there.
    pool.put_group(PROVIDER, &group("u", &[], &[address("d:1")]));
    pool.remove_group(PROVIDER, "u");
    assert_eq!(drain(&mut pool), []);
}

#[test]
fn a_duplicate_says_of_which() {
    let mut pool = TargetPool::new(job(vec![RelabelRule::LabelDrop {
        regex: RuleRegex::new("from"),
    }]));
    pool.put_group(
        ProviderId::from_number(7),
        &group("late", &[("from", "b")], &[address("x:1"), address("a:1")]),
    );
    pool.put_group(
        ProviderId::from_number(3),
        &group("first", &[("from", "a")], &[address("a:1")]),
    );
    let view = pool.group_targets(ProviderId::from_number(3), "first").next().unwrap();
    let Fate::Duplicate {
        id,
        provider,
        group,
        index,
    } = view.fate
    else {
        panic!("{:?}", view.fate)
    };
    assert_eq!(
        (provider, group.source(), index),
        (ProviderId::from_number(7), "late", 0)
    );
    assert_eq!(pool.target(id).map(|owner| owner.provider), Some(provider));
}

/// As in Prometheus, of all versions: the discovered labels that are shown are those of the last one.
#[test]
fn of_several_that_are_the_same_the_last_is_shown() {
    let mut pool = TargetPool::new(job(vec![]));
    let with = |number: &'static str| vec![("__address__", "a:1"), ("__meta_number", number)];
    let shown = |pool: &TargetPool| {
        let active = pool.targets().filter(|view| matches!(view.fate, Fate::Active { .. }));
        let shown: Vec<_> = active
            .map(|view| view.labels.get("__meta_number").unwrap_or("").to_owned())
            .collect();
        shown.join(" ")
    };
    let (early, late) = (ProviderId::from_number(3), ProviderId::from_number(7));
    pool.put_group(early, &group("s", &[], &[with("1"), with("2"), with("0")]));
    assert_eq!(shown(&pool), "2", "the last of its group, which is sorted");
    pool.put_group(late, &group("s", &[], &[with("9"), with("8")]));
    assert_eq!(shown(&pool), "9", "of the last provider");
    pool.put_group(early, &group("s", &[], &[with("3")]));
    assert_eq!(shown(&pool), "9");
    assert_eq!(drain(&mut pool).len(), 1, "it was started once");
    pool.remove_group(late, "s");
    assert_eq!(shown(&pool), "3");
    assert_eq!(pool.next_touched(), 6, "of another group it is said once");
}

#[test]
fn many_targets_in_one_group_that_are_all_the_same() {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    batch.begin("s").unwrap();
    for number in 0..100_000 {
        batch.begin_target().unwrap();
        batch.label("__address__", "a:1").unwrap();
        batch.label("__meta_number", &format!("{number:06}")).unwrap();
    }
    batch.end().unwrap();
    let mut pool = TargetPool::new(job(vec![]));
    pool.put_group(PROVIDER, &batch.finish()[0]);
    assert_eq!(drain(&mut pool).len(), 1);
    assert_eq!((pool.counts().active, pool.counts().duplicate), (1, 99_999));
    pool.remove_group(PROVIDER, "s");
    assert_eq!((drain(&mut pool).len(), pool.counts()), (1, FateCounts::default()));
}

#[test]
fn the_rule_that_drops_a_target_and_what_it_looked_at() {
    let keep = RelabelRule::Keep {
        source: source(&["rack", "missing", "__address__"]),
        regex: RuleRegex::new("2;.*"),
    };
    let mut pool = TargetPool::new(job(vec![set("rack", "1"), keep]));
    pool.put_group(
        PROVIDER,
        &group("s", &[("rack", "2")], &[address("h:1"), vec![("a", "b")]]),
    );
    let mut reader = pool.reader();
    let dropped: Vec<_> = pool.targets().map(|view| reader.dropped_by(&view)).collect();
    assert_eq!(dropped, [Some((1, "1;;h:1".to_owned())), Some((1, "1;;".to_owned()))]);
    pool.configure(job(Vec::new()));
    let mut reader = pool.reader();
    assert_eq!(
        pool.targets().map(|view| reader.dropped_by(&view)).collect::<Vec<_>>(),
        [None, None]
    );
}

#[test]
fn many_targets_are_found_in_one_go() {
    let targets: Vec<Vec<(&str, &str)>> = ["a:1", "b:1", "c:1", "a:1", "d/"].map(address).into();
    let mut pool = TargetPool::new(job(Vec::new()));
    pool.put_group(PROVIDER, &group("s", &[("rack", "1")], &targets));
    pool.put_group(PROVIDER, &group("t", &[("rack", "2")], &targets[..2]));
    let mut ids: Vec<TargetId> = drain(&mut pool)
        .into_iter()
        .map(|output| match output {
            PoolOutput::Started(id) => id,
            other => panic!("{other:?}"),
        })
        .collect();
    let places = |ids: &[TargetId]| {
        let found = pool.find(ids.iter().copied());
        let mut places: Vec<_> = found.map(|view| (view.group.source().to_owned(), view.index)).collect();
        places.sort();
        places
    };
    let expected = [("s", 0), ("s", 1), ("s", 2), ("t", 0), ("t", 1)];
    let expected = expected.map(|(source, index)| (source.to_owned(), index));
    assert_eq!(places(&ids).len(), 5);
    let sources = |places: Vec<(String, u32)>| places.into_iter().map(|(source, _)| source).collect::<Vec<_>>();
    assert_eq!(sources(places(&ids)), sources(expected.to_vec()));
    for id in &ids {
        let one = pool.target(*id).unwrap();
        assert_eq!(places(&[*id]), [(one.group.source().to_owned(), one.index)]);
    }
    ids.reverse();
    ids.push(TargetId::from_number(0));
    ids.push(ids[0]);
    assert_eq!(places(&ids).len(), 5);
}
