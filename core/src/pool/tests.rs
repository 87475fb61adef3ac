use core::num::NonZeroU64;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::relabel::{NameValidation, RelabelRule, Relabeling, RuleRegex, SourceLabels, Verdict, model};
use crate::{Encoder, Instant, Manager, ManagerOptions, Output, ProviderConfig, Snapshot, SnapshotDiff, Update};

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
    let view = pool.group_targets(ProviderId::from_number(7), "late").next().unwrap();
    assert_eq!(view.labels.get("__address__"), Some("a:1"));
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
        (ProviderId::from_number(3), "first", 0)
    );
    assert_eq!(pool.target(id).map(|owner| owner.provider), Some(provider));
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

/// Everything that can be asked of a pool's targets, in an order that does not depend on its past.
/// Labels that are at hand, sorted. Each can be found by its name.
fn copied(labels: &TargetLabels<'_>) -> Labels {
    let mut all = BTreeMap::new();
    labels.any(|name, value| {
        assert_eq!(labels.get(name), Some(value));
        all.insert(name.to_owned(), value.to_owned());
        false
    });
    assert_eq!(labels.get("no such label"), None);
    all.into_iter().collect()
}

/// A target's place, and where it comes from.
fn seen(view: &TargetView<'_>) -> (u64, String, u32) {
    (view.provider.number(), view.group.source().to_owned(), view.index)
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

fn state(pool: &TargetPool) -> (BTreeMap<(u64, String, u32), String>, FateCounts) {
    let mut reader = pool.reader();
    let targets = pool.targets().map(|view| {
        let place = (view.provider.number(), view.group.source().to_owned(), view.index);
        let fate = match view.fate {
            Fate::Duplicate {
                id,
                provider,
                group,
                index,
            } => format!("{id} as {provider} {} {index}", group.source()),
            fate => format!("{fate:?}"),
        };
        (place, format!("{fate} {:?}", reader.labels(&view)))
    });
    (targets.collect(), pool.counts())
}

fn active(pool: &TargetPool) -> BTreeSet<TargetId> {
    let ids = pool.targets().filter_map(|view| match view.fate {
        Fate::Active { id } | Fate::OverLimit { id, .. } => Some(id),
        _ => None,
    });
    ids.collect()
}

fn follow(known: &mut BTreeSet<TargetId>, output: PoolOutput) {
    match output {
        PoolOutput::Started(id) => assert!(known.insert(id), "started twice"),
        PoolOutput::Stopped(id) => assert!(known.remove(&id), "stopped what was not there"),
        PoolOutput::Relabelled { old, new } => assert!(known.remove(&old) && known.insert(new), "relabelled"),
    }
}

/// A group of few words, so that duplicates and changes back are common.
fn any_group() -> impl Strategy<Value = Group> {
    let word = || prop::sample::select(vec!["", "a:1", "b:1", "c", "x/y"]);
    let name = || {
        prop::sample::select(vec![
            "__address__",
            "l",
            "m",
            "__meta_m",
            "instance",
            "__scheme__",
            "job",
        ])
    };
    let labels = prop::collection::vec((name(), word()), 0..3);
    let target = prop::collection::vec((name(), word()), 0..3);
    let address = prop::sample::select(vec!["a:1", "b:1", "c:1", "d:1"]);
    let target = (address, target).prop_map(|(address, mut labels)| {
        labels.insert(0, ("__address__", address));
        labels
    });
    (
        prop::sample::select(vec!["s", "t", "u"]),
        labels,
        prop::collection::vec(target, 0..4),
    )
        .prop_map(|(source, labels, targets)| group(source, &labels, &targets))
}

fn any_job() -> impl Strategy<Value = (JobOptions, Vec<RelabelRule>)> {
    let rules = vec![
        set("l", "fixed"),
        RelabelRule::LabelMap {
            regex: RuleRegex::new("__meta_(.*)"),
            replacement: "$1".to_owned(),
        },
        RelabelRule::LabelDrop {
            regex: RuleRegex::new("l|m"),
        },
        RelabelRule::Drop {
            source: source(&["l"]),
            regex: RuleRegex::new("c"),
        },
        RelabelRule::Keep {
            source: source(&["__address__"]),
            regex: RuleRegex::new("[abd].*"),
        },
        RelabelRule::HashMod {
            source: source(&["__address__"]),
            target_label: "shard".to_owned(),
            modulus: NonZeroU64::MIN.saturating_add(1),
        },
        set("__param_x", "p"),
    ];
    let limit = || prop::option::of(1_u64..4).prop_map(|limit| limit.and_then(NonZeroU64::new));
    let rules = prop::sample::subsequence(rules.clone(), 0..=rules.len());
    (rules, limit(), limit(), prop::bool::ANY).prop_map(|(rules, targets, labels, with_params)| {
        let limits = TargetLimits {
            targets,
            labels,
            ..TargetLimits::default()
        };
        let params = if with_params {
            vec![("x".to_owned(), vec!["1".to_owned()])]
        } else {
            Vec::new()
        };
        (
            JobOptions {
                limits,
                params,
                ..job(rules.clone())
            },
            rules,
        )
    })
}

/// The labels in the end, by the model.
fn expected(options: &JobOptions, rules: &[RelabelRule], view: &TargetView<'_>) -> Option<Labels> {
    let mut labels = Labels::new();
    for (name, value) in view.labels {
        model::set(&mut labels, name, value);
    }
    for (name, value) in view.group.labels() {
        if view.labels.get(name).is_none() {
            model::set(&mut labels, name, value);
        }
    }
    let mut default = |name: &str, value: &str| {
        if !labels.iter().any(|(other, _)| other == name) {
            model::set(&mut labels, name, value);
        }
    };
    for (name, value) in [
        ("job", "node"),
        ("__scrape_interval__", "1m"),
        ("__scrape_timeout__", "10s"),
    ] {
        default(name, value);
    }
    default("__metrics_path__", "/metrics");
    default("__scheme__", "http");
    job::FLAGS.iter().for_each(|name| default(name, "false"));
    options
        .params
        .iter()
        .for_each(|(name, values)| default(&format!("__param_{name}"), &values[0]));
    if model::relabel(&mut labels, rules, NameValidation::Utf8) != Verdict::Kept {
        return None;
    }
    let address = labels.iter().find(|(name, _)| name == "__address__")?.1.clone();
    if address.contains('/') {
        return None;
    }
    labels.retain(|(name, _)| !name.starts_with("__meta_"));
    if !labels.iter().any(|(name, _)| name == "instance") {
        labels.push(("instance".to_owned(), address));
    }
    labels.sort();
    Some(labels)
}

#[derive(Debug, Clone)]
enum Step {
    Put(u64, Group),
    Remove(u64, &'static str),
    Configure(Box<JobOptions>, Vec<RelabelRule>),
    Poll,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u64..2, any_group()).prop_map(|(provider, group)| Step::Put(provider, group)),
        2 => (0_u64..2, prop::sample::select(vec!["s", "t", "u"])).prop_map(|(provider, source)| Step::Remove(provider, source)),
        1 => any_job().prop_map(|(job, rules)| Step::Configure(Box::new(job), rules)),
        2 => Just(Step::Poll),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a_pool_can_be_read_page_by_page(groups in prop::collection::vec(any_group(), 0..8), page in 1..5_usize) {
        let mut pool = TargetPool::new(job(Vec::new()));
        for group in &groups {
            pool.put_group(PROVIDER, group);
        }
        let (mut paged, mut from) = (Vec::new(), TargetCursor::default());
        loop {
            let found: Vec<_> = pool.targets_from(from).take(page).collect();
            let Some((last, _)) = found.last() else { break };
            from = TargetCursor::from_number(last.next().number());
            paged.extend(found.iter().map(|(_, view)| seen(view)));
        }
        prop_assert_eq!(paged, pool.targets().map(|view| seen(&view)).collect::<Vec<_>>());
        prop_assert_eq!(pool.targets_from(TargetCursor::from_number(u64::MAX)).count(), 0);
    }

    #[test]
    fn a_pool_is_what_a_full_rebuild_makes(first in any_job(), steps in prop::collection::vec(any_step(), 1..24)) {
        let (mut options, mut rules) = first;
        let mut pool = TargetPool::new(options.clone());
        let mut groups: BTreeMap<(u64, String), Group> = BTreeMap::new();
        let mut known = BTreeSet::new();
        for step in steps {
            match step {
                Step::Put(provider, group) => {
                    pool.put_group(ProviderId::from_number(provider), &group);
                    groups.insert((provider, group.source().to_owned()), group);
                }
                Step::Remove(provider, source) => {
                    pool.remove_group(ProviderId::from_number(provider), source);
                    groups.remove(&(provider, source.to_owned()));
                }
                Step::Configure(job, its_rules) => {
                    (options, rules) = (*job, its_rules);
                    pool.configure(options.clone());
                }
                Step::Poll => {
                    drain(&mut pool).into_iter().for_each(|output| follow(&mut known, output));
                    prop_assert_eq!(&known, &active(&pool));
                }
            }
            let mut rebuilt = TargetPool::new(options.clone());
            for ((provider, _), group) in groups.iter().rev() {
                rebuilt.put_group(ProviderId::from_number(*provider), group);
            }
            prop_assert_eq!(state(&pool), state(&rebuilt));
        }
        drain(&mut pool).into_iter().for_each(|output| follow(&mut known, output));
        prop_assert_eq!(&known, &active(&pool));
        // And by the model, target for target.
        let (mut reader, mut identities) = (pool.reader(), BTreeMap::new());
        for view in pool.targets() {
            let labels = expected(&options, &rules, &view);
            prop_assert_eq!(&reader.labels(&view), &labels);
            prop_assert_eq!(reader.read(&view, copied), labels.clone());
            let discovered = reader.discovered(&view);
            prop_assert_eq!(reader.read_discovered(&view, copied), discovered);
            prop_assert_eq!(&reader.explain(&view).labels, &labels);
            if let Fate::Active { id } | Fate::Duplicate { id, .. } | Fate::OverLimit { id, .. } = view.fate {
                prop_assert_eq!(identities.entry(id).or_insert(labels.clone()), &labels);
            }
        }
        let different: BTreeSet<_> = identities.values().collect();
        prop_assert_eq!(different.len(), identities.len());
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Config(u8);

impl ProviderConfig for Config {
    fn kind(&self) -> &str {
        "test"
    }

    fn describe(&self) -> String {
        self.0.to_string()
    }
}

const JOBS: [&str; 3] = ["one", "two", "three"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn pools_follow_a_manager(steps in prop::collection::vec((0..4_u8, prop::collection::vec(any_group(), 0..3), prop::collection::vec(prop::collection::vec(0..3_u8, 0..3), 3), 1..8_u8), 1..20)) {
        let mut now = Instant::ZERO;
        let mut manager: Manager<Config> = Manager::new(now, ManagerOptions::default());
        let mut pools = TargetPools::new();
        // Takes several snapshots at once, by their differences.
        let mut late = TargetPools::new();
        let mut newest = Snapshot::default();
        let mut waiting: Option<SnapshotDiff> = None;
        let mut known: BTreeMap<String, BTreeSet<TargetId>> = BTreeMap::new();
        for (kind, groups, sets, which) in steps {
            let chosen = |place: usize| which >> place & 1 == 1;
            match kind {
                0 => {
                    let sets = JOBS.iter().zip(&sets).enumerate().filter(|(place, _)| chosen(*place));
                    let sets = sets.map(|(_, (job, configs))| ((*job).to_owned(), configs.iter().copied().map(Config).collect()));
                    manager.apply(now, sets.collect::<Vec<(String, Vec<Config>)>>());
                }
                1 => for pools in [&mut pools, &mut late] {
                    pools.configure(JOBS.iter().enumerate().filter(|(place, _)| chosen(*place)).map(|(_, job)| JobOptions::new(job)));
                },
                _ => {
                    let ids: Vec<ProviderId> = manager.providers().map(|provider| provider.id).collect();
                    if let Some(id) = ids.get(usize::from(which) % ids.len().max(1)) {
                        let update = if kind == 2 { Update::full(groups) } else { Update::delta(groups) };
                        prop_assert!(manager.handle_update(now, *id, update).is_ok());
                    }
                }
            }
            now = now + Duration::from_secs(30);
            manager.handle_timeout(now);
            let mut last = None;
            while let Some(output) = manager.poll_output() {
                if let Output::Emit(snapshot) = output {
                    pools.handle_snapshot(&snapshot);
                    let diff = snapshot.diff(&newest);
                    match &mut waiting {
                        Some(waiting) => waiting.extend(&diff),
                        None => waiting = Some(diff),
                    }
                    newest = snapshot.clone();
                    last = Some(snapshot);
                }
            }
            manager.handle_receiver_ready(now);
            while let Some((job, output)) = pools.poll_output() {
                follow(known.entry(job.to_string()).or_default(), output);
            }
            known.retain(|_, ids| !ids.is_empty());
            let now_active = pools.pools().map(|(job, pool)| (job.to_string(), active(pool)));
            prop_assert_eq!(&known, &now_active.filter(|(_, ids)| !ids.is_empty()).collect::<BTreeMap<_, _>>());
            if chosen(2) && let Some(diff) = waiting.take() {
                late.handle_diff(&diff);
                let states = |pools: &TargetPools| -> BTreeMap<_, _> {
                    pools.pools().map(|(job, pool)| (job.clone(), state(pool))).collect()
                };
                prop_assert_eq!(states(&late), states(&pools));
            }
            let Some(snapshot) = last else { continue };
            for (job, pool) in pools.pools() {
                let mut rebuilt = TargetPool::new(JobOptions::new(job));
                for (provider, stored) in snapshot.set(job).into_iter().flat_map(|set| set.groups()) {
                    rebuilt.put_group(provider.id(), stored.group());
                }
                prop_assert_eq!(state(pool), state(&rebuilt));
            }
        }
    }
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
