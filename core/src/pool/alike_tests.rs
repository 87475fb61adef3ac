//! Targets that differ, and whose samples don't.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::fate::Entry;
use super::tests::{PROVIDER, group, job};
use super::{Fate, JobOptions, TargetPool};

type Target = Vec<(&'static str, &'static str)>;

fn target(address: &'static str, more: &[(&'static str, &'static str)]) -> Target {
    [("__address__", address)]
        .into_iter()
        .chain(more.iter().copied())
        .collect()
}

/// The addresses of those that have the same labels as each, by its address.
fn alike(pool: &TargetPool) -> BTreeMap<String, BTreeSet<String>> {
    let mut reader = pool.reader();
    let address = |labels: crate::LabelSet<'_>| labels.get("__address__").unwrap_or_default().to_owned();
    let pairs = pool.targets().filter_map(|view| {
        let others = pool.same_labels(&mut reader, &view, usize::MAX);
        let others: BTreeSet<_> = others.iter().map(|other| address(other.labels)).collect();
        (!others.is_empty()).then(|| (address(view.labels), others))
    });
    pairs.collect()
}

fn pool_of(options: JobOptions, targets: &[Target]) -> TargetPool {
    let mut pool = TargetPool::new(options);
    pool.put_group(PROVIDER, &group("s", &[], targets));
    pool
}

#[test]
fn a_fate_takes_no_more_room_for_it() {
    assert_eq!(size_of::<Entry>(), 32);
}

#[test]
fn those_that_are_scraped_elsewhere_or_otherwise_with_the_same_labels_are_told() {
    let same = |targets: &[Target]| {
        let pool = pool_of(job(vec![]), targets);
        (
            pool.counts().shared_labels,
            alike(&pool).keys().cloned().collect::<Vec<_>>().join(" "),
        )
    };
    let name = ("instance", "web");
    for (targets, expected) in [
        (vec![target("a:1", &[name]), target("b:1", &[name])], (1, "a:1 b:1")),
        // One that has nothing but its address, and one that claims to be it.
        (
            vec![target("a:1", &[]), target("b:1", &[("instance", "a:1")])],
            (1, "a:1 b:1"),
        ),
        (
            vec![target("a:1", &[]), target("a:1", &[("__metrics_path__", "/b")])],
            (1, "a:1"),
        ),
        (
            vec![target("a:1", &[]), target("a:1", &[("__scheme__", "https")])],
            (1, "a:1"),
        ),
        (
            vec![target("a:1", &[]), target("a:1", &[("__param_x", "y")])],
            (1, "a:1"),
        ),
        // Twice as often is twice, too.
        (
            vec![target("a:1", &[]), target("a:1", &[("__scrape_interval__", "30s")])],
            (1, "a:1"),
        ),
        (
            vec![target("a:1", &[name]), target("b:1", &[name, ("rack", "1")])],
            (0, ""),
        ),
        (vec![target("a:1", &[]), target("b:1", &[])], (0, "")),
        // These are one and the same.
        (vec![target("a:1", &[]), target("a:1", &[("instance", "a:1")])], (0, "")),
        (vec![target("a:1", &[]), target("a:1", &[("__meta_x", "y")])], (0, "")),
        (
            vec![target("a:1", &[name]), target("a:1", &[name, ("__meta_x", "y")])],
            (0, ""),
        ),
        // And these are not scraped.
        (vec![target("a:1", &[name]), target("b/1", &[name])], (0, "")),
    ] {
        assert_eq!(same(&targets), (expected.0, expected.1.to_owned()), "{targets:?}");
    }
}

#[test]
fn one_that_goes_or_comes_changes_what_is_told_of_the_others() {
    let name = ("instance", "web");
    let mut pool = pool_of(
        job(vec![]),
        &[target("a:1", &[name]), target("b:1", &[name]), target("c:1", &[])],
    );
    let (mut reader, others) = (pool.reader(), ["b:1".to_owned()]);
    assert_eq!(alike(&pool)["a:1"], BTreeSet::from(others));
    let (one, other) = pool.any_same_labels(&mut reader).expect("two of them");
    assert_ne!(one.labels, other.labels);
    pool.put_group(
        PROVIDER,
        &group("s", &[], &[target("b:1", &[name]), target("c:1", &[])]),
    );
    assert_eq!(alike(&pool), BTreeMap::new());
    assert!(pool.any_same_labels(&mut reader).is_none());
    pool.put_group(PROVIDER, &group("t", &[], &[target("d:1", &[("instance", "c:1")])]));
    assert_eq!(alike(&pool)["c:1"], BTreeSet::from(["d:1".to_owned()]));
    pool.configure(job(vec![super::tests::set("instance", "all")]));
    assert_eq!(alike(&pool)["c:1"].len(), 2);
    assert_eq!(
        pool.same_labels(&mut pool.reader(), &pool.targets().next().expect("one"), 1)
            .len(),
        1
    );
}

#[test]
fn a_hundred_thousand_with_the_same_labels_are_no_burden() {
    let mut encoder = crate::Encoder::new();
    let mut batch = encoder.batch();
    batch.begin("s").unwrap();
    for number in 0..100_000 {
        batch.begin_target().unwrap();
        batch.label("__address__", &format!("h:{number}")).unwrap();
        batch.label("instance", "all").unwrap();
    }
    batch.end().unwrap();
    let mut pool = TargetPool::new(job(vec![]));
    pool.put_group(PROVIDER, &batch.finish().remove(0));
    assert_eq!((pool.counts().active, pool.counts().shared_labels), (100_000, 1));
    pool.remove_group(PROVIDER, "s");
    assert_eq!(pool.counts().shared_labels, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// Whatever comes and goes, it is what one sees who compares all with all.
    #[test]
    fn what_is_told_is_what_a_comparison_of_all_tells(
        steps in prop::collection::vec((0..4_u8, prop::collection::vec((0..3_u8, 0..4_u8, 0..3_u8), 0..5)), 1..12),
    ) {
        const ADDRESSES: [&str; 3] = ["a:1", "b:1", "c:1"];
        const MORE: [&[(&str, &str)]; 3] = [&[], &[("__metrics_path__", "/x")], &[("rack", "1")]];
        let mut pool = TargetPool::new(job(vec![]));
        for (source, targets) in steps {
            let targets: Vec<Target> = targets.iter().map(|(address, instance, more)| {
                let mut target = target(ADDRESSES[usize::from(*address)], MORE[usize::from(*more)]);
                target.extend(ADDRESSES.get(usize::from(*instance)).map(|instance| ("instance", *instance)));
                target
            }).collect();
            pool.put_group(PROVIDER, &group(&source.to_string(), &[], &targets));
            let (mut reader, mut by_labels) = (pool.reader(), BTreeMap::<Vec<_>, usize>::new());
            let mut told = 0;
            for view in pool.targets().filter(|view| matches!(view.fate, Fate::Active { .. })) {
                let mut labels = reader.labels(&view).expect("active");
                labels.retain(|(name, _)| !name.starts_with("__"));
                *by_labels.entry(labels).or_default() += 1;
                told += pool.same_labels(&mut reader, &view, usize::MAX).len();
            }
            let several: Vec<usize> = by_labels.into_values().filter(|count| *count > 1).collect();
            prop_assert_eq!(pool.counts().shared_labels, several.len());
            prop_assert_eq!(told, several.iter().map(|count| count * (count - 1)).sum::<usize>());
        }
    }
}
