//! Whatever happened to a pool, it is what a new one with the same groups and the same job would be.

use super::*;
use crate::relabel::{Verdict, model};

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

/// Everything that can be asked of a pool's targets, in an order that does not depend on its past.
pub(super) fn state(pool: &TargetPool) -> (BTreeMap<(u64, String, u32), String>, FateCounts) {
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

/// What is scraped of each group, by its provider and the hash of its source.
fn scraped(pool: &TargetPool) -> BTreeMap<(ProviderId, u64), Vec<String>> {
    let (mut reader, mut scraped) = (pool.reader(), BTreeMap::<_, Vec<_>>::new());
    for view in pool.targets() {
        if let Fate::Active { .. } | Fate::OverLimit { .. } = view.fate {
            let group = (view.provider, view.group.source_hash());
            scraped
                .entry(group)
                .or_default()
                .push(format!("{:?}", reader.labels(&view)));
        }
    }
    scraped
}

/// The groups of which something else is scraped.
fn differ<'a, T: PartialEq>(
    one: &'a BTreeMap<(ProviderId, u64), T>,
    other: &'a BTreeMap<(ProviderId, u64), T>,
) -> impl Iterator<Item = (ProviderId, u64)> {
    let groups = one.keys().chain(other.keys());
    groups.filter(|group| one.get(group) != other.get(group)).copied()
}

pub(super) fn active(pool: &TargetPool) -> BTreeSet<TargetId> {
    pool.targets().filter_map(|view| view.fate.scraped()).collect()
}

pub(super) fn follow(known: &mut BTreeSet<TargetId>, output: PoolOutput) {
    match output {
        PoolOutput::Started(id) => assert!(known.insert(id), "started twice"),
        PoolOutput::Stopped(id) => assert!(known.remove(&id), "stopped what was not there"),
        PoolOutput::Relabelled { old, new } => assert!(known.remove(&old) && known.insert(new), "relabelled"),
    }
}

/// A group of few words, so that duplicates and changes back are common.
pub(super) fn any_group() -> impl Strategy<Value = Group> {
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
        let mut before = (pool.next_touched(), scraped(&pool));
        for step in steps {
            let is_other_job = matches!(step, Step::Configure(..));
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
            // What became of whom is told, or that it is not known.
            let after = (pool.next_touched(), scraped(&pool));
            let touched = pool.touched_since(before.0).map(Iterator::collect::<BTreeSet<_>>);
            prop_assert_eq!(touched.is_none(), is_other_job);
            for group in differ(&before.1, &after.1) {
                prop_assert!(touched.as_ref().is_none_or(|touched| touched.contains(&group)), "{:?}", group);
            }
            before = after;
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
