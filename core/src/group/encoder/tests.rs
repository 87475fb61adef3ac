use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

type Pairs = Vec<(String, String)>;

#[derive(Debug, Clone)]
struct Plain {
    source: String,
    labels: Pairs,
    targets: Vec<Pairs>,
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-c]{0,4}",
        2 => "value-[0-9]{1,2}",
        1 => "\\PC{0,12}",
        1 => Just("x".repeat(300)),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("__address__".to_owned()), "[a-e]{1,3}", "\\PC{1,6}"]
}

fn pairs() -> impl Strategy<Value = Pairs> {
    vec((name(), text()), 0..5)
}

fn plain() -> impl Strategy<Value = Plain> {
    (text(), pairs(), vec(pairs(), 0..6)).prop_map(|(source, labels, targets)| Plain {
        source,
        labels,
        targets,
    })
}

fn encode(encoder: &mut Encoder, groups: &[Plain]) -> Vec<Group> {
    let mut batch = encoder.batch();
    for group in groups {
        batch
            .group(&group.source, group.labels.clone(), group.targets.clone())
            .expect("valid");
    }
    assert_eq!(batch.len(), groups.len());
    batch.finish()
}

/// What a set of pairs means: sorted, the last value of a name.
fn meaning(pairs: &Pairs) -> BTreeMap<&str, &str> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn assert_reads_as(group: &Group, plain: &Plain) {
    assert_eq!(group.source(), plain.source);
    assert_eq!(
        group.labels().iter().collect::<BTreeMap<_, _>>(),
        meaning(&plain.labels)
    );
    assert_eq!(group.labels().len(), meaning(&plain.labels).len());
    let mut expected: Vec<_> = plain
        .targets
        .iter()
        .map(|target| meaning(target).into_iter().collect::<Vec<_>>())
        .collect();
    expected.sort();
    let found: Vec<Vec<_>> = group.targets().map(|target| target.iter().collect()).collect();
    assert_eq!(found, expected);
    assert_eq!(group.target_count(), plain.targets.len());
    let one_by_one: Vec<_> = group.targets().collect();
    for (place, target) in one_by_one.iter().enumerate() {
        assert_eq!(group.targets().nth(place), Some(*target));
    }
}

proptest! {
    #[test]
    fn groups_read_as_what_was_put_in(batches in vec(vec(plain(), 0..6), 1..5)) {
        let mut encoder = Encoder::new();
        let mut all = Vec::new();
        for batch in &batches {
            let groups = encode(&mut encoder, batch);
            all.extend(batch.iter().zip(groups));
        }
        // Read at the end: what later batches shared must not change what earlier ones mean.
        for (plain, group) in &all {
            assert_reads_as(group, plain);
        }
    }

    #[test]
    fn labels_at_once_are_written_as_one_by_one(batches in vec(vec(plain(), 0..6), 1..5), at in 0_usize..4) {
        let (mut at_once, mut one_by_one) = (Encoder::new(), Encoder::new());
        for groups in &batches {
            let (mut all, mut each) = (at_once.batch(), one_by_one.batch());
            for Plain { source, labels, targets } in groups {
                prop_assert_eq!((all.begin(source), each.begin(source)), (Ok(()), Ok(())));
                // The first of a set's, and then the others.
                let (first, others) = labels.split_at(at.min(labels.len()));
                for part in [first, others] {
                    prop_assert_eq!(all.group_labels(part.iter().cloned()), Ok(()));
                }
                for (name, value) in labels {
                    prop_assert_eq!(each.group_label(name, value), Ok(()));
                }
                for target in targets {
                    prop_assert_eq!((all.begin_target(), each.begin_target()), (Ok(()), Ok(())));
                    let (first, others) = target.split_at(at.min(target.len()));
                    for part in [first, others] {
                        prop_assert_eq!(all.labels(part.iter().cloned()), Ok(()));
                    }
                    for (name, value) in target {
                        prop_assert_eq!(each.label(name, value), Ok(()));
                    }
                }
                prop_assert_eq!((all.end(), each.end()), (Ok(()), Ok(())));
            }
            for (a, b) in all.finish().iter().zip(each.finish()) {
                prop_assert_eq!(&a.0.slice, &b.0.slice);
                prop_assert_eq!(a, &b);
            }
        }
    }

    #[test]
    fn equality_is_of_meaning_not_of_encoding(a in vec(plain(), 0..5), b in vec(plain(), 0..5)) {
        let mut encoder = Encoder::new();
        let first = encode(&mut encoder, &a);
        encode(&mut encoder, &b);
        let again = encode(&mut encoder, &a);
        let elsewhere = encode(&mut Encoder::new(), &a);
        prop_assert_eq!(&first, &again);
        prop_assert_eq!(&first, &elsewhere);
        let others = encode(&mut encoder, &b);
        for (x, plain_x) in first.iter().zip(&a) {
            for (y, plain_y) in others.iter().zip(&b) {
                let mut targets_x: Vec<_> = plain_x.targets.iter().map(meaning).collect();
                let mut targets_y: Vec<_> = plain_y.targets.iter().map(meaning).collect();
                targets_x.sort();
                targets_y.sort();
                let same = plain_x.source == plain_y.source
                    && meaning(&plain_x.labels) == meaning(&plain_y.labels)
                    && targets_x == targets_y;
                prop_assert_eq!(x == y, same);
            }
        }
    }

    #[test]
    fn the_order_of_targets_does_not_matter(plain in plain(), seed: u64) {
        let mut shuffled = plain.clone();
        let mut random = crate::Random::new(seed);
        for place in (1..shuffled.targets.len()).rev() {
            shuffled.targets.swap(place, random.between(0, place as u64) as usize);
        }
        let mut encoder = Encoder::new();
        prop_assert_eq!(encode(&mut encoder, &[plain]), encode(&mut encoder, &[shuffled]));
    }
}

#[test]
fn a_value_that_occurs_twice_in_a_batch_is_written_once() {
    let shared = "the same long value in each of the groups ".repeat(20);
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    for number in 0..100 {
        batch
            .group(
                &format!("s{number}"),
                [("shared", shared.as_str())],
                [[("__address__", "a")]],
            )
            .expect("valid");
    }
    let groups = batch.finish();
    let total: usize = groups.iter().map(Group::size_bytes).sum();
    assert!(total < 100 * 80 + shared.len(), "{total} bytes");
    assert!(
        groups
            .iter()
            .all(|group| group.labels().get("shared") == Some(shared.as_str()))
    );
}

#[test]
fn strings_that_are_no_longer_used_are_given_back() {
    let mut encoder = Encoder::new();
    let mut sizes = BTreeSet::new();
    for generation in 0..60 {
        let mut batch = encoder.batch();
        for number in 0..2_000 {
            let value = format!("generation {generation} value {}", number / 2);
            batch
                .group(&format!("s{number}"), [("v", value.as_str())], [[("__address__", "a")]])
                .expect("valid");
        }
        let groups = batch.finish();
        assert!(
            groups
                .iter()
                .all(|group| group.labels().get("v").is_some_and(|value| value.contains("value")))
        );
        sizes.insert(encoder.strings.count());
    }
    // 1,000 values a generation, 60,000 in all: a lineage ends once most of it is unused.
    assert!(sizes.last().is_some_and(|&largest| largest <= 5_000), "{sizes:?}");
}

#[test]
fn a_bad_label_drops_its_group_only() {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    batch
        .group("good", [("a", "1")], [[("__address__", "x")]])
        .expect("valid");
    let long = "n".repeat(MAX_NAME_BYTES + 1);
    let value = "v".repeat(MAX_VALUE_BYTES + 1);
    let source = "s".repeat(MAX_SOURCE_BYTES + 1);
    let none: [[(&str, &str); 0]; 0] = [];
    let errors = [
        batch.group("bad", [("", "v")], [[("a", "b")]]).unwrap_err(),
        batch.group("bad", [(long.as_str(), "v")], [[("a", "b")]]).unwrap_err(),
        batch.group("bad", [("a", value.as_str())], [[("a", "b")]]).unwrap_err(),
        batch.group(&source, [("a", "v")], none).unwrap_err(),
        batch.label("a", "b").unwrap_err(),
        batch.end().unwrap_err(),
    ];
    insta::assert_snapshot!(
        errors
            .map(|error| error
                .to_string()
                .replace(&"n".repeat(64), "n…")
                .replace(&"s".repeat(64), "s…"))
            .join("\n")
    );
    batch.begin("half").expect("valid");
    batch.begin_target().expect("open");
    batch.label("left", "over").expect("open");
    batch
        .group("after", [("b", "2")], [[("__address__", "y")]])
        .expect("valid");
    let groups = batch.finish();
    assert_eq!(groups.iter().map(Group::source).collect::<Vec<_>>(), ["good", "after"]);
    assert_eq!(groups[1].targets().next().map(|target| target.len()), Some(1));
}

#[test]
fn the_last_value_of_a_name_counts() {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    for _ in 0..3 {
        batch
            .group("s", [("a", "1"), ("b", "2"), ("a", "3")], [[("x", "1"), ("x", "2")]])
            .expect("valid");
    }
    for group in batch.finish() {
        assert_eq!(group.labels().iter().collect::<Vec<_>>(), [("a", "3"), ("b", "2")]);
        assert_eq!(group.targets().next().and_then(|target| target.get("x")), Some("2"));
    }
}

#[test]
fn an_empty_group_has_a_source_only() {
    let group = Group::empty("gone");
    assert_eq!(
        (group.source(), group.target_count(), group.labels().len()),
        ("gone", 0, 0)
    );
    assert_eq!(group.targets().count(), 0);
}

/// The drawing in the module's documentation.
#[test]
fn the_bytes_are_as_they_are_drawn() {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    let target = |number: u8| {
        [
            ("__address__", format!("10.0.0.{number}:9100")),
            ("zone", "eu1".to_owned()),
        ]
    };
    let labels = [("rack", "1".to_owned())];
    batch
        .group("racks.json:0", labels, [target(1), target(2)])
        .expect("it fits");
    let group = batch.finish().remove(0);
    let header = &group.0.header.header;
    let drawn = [
        b"\x0cracks.json:0".as_slice(),
        b"\x13\x01\x1a10.0.0.1:9100\x06eu1",
        b"\x10\x01\x1a10.0.0.2:9100\x07",
        b"\x03\x02\x021",
    ];
    let labels_at: usize = drawn[..3].iter().map(|part| part.len()).sum();
    assert_eq!((header.labels_at as usize, header.target_count), (labels_at, 2));
    assert_eq!(group.0.slice, drawn.concat());
}
