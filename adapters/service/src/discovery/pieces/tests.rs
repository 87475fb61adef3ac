//! Lists in pieces are, byte for byte, what a plain encoder makes; compressed, they are one gzip stream.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headcount_core::{Encoder, Group, Instant, Manager, ManagerOptions, ProviderId, SetView, Snapshot, Update};
use headcount_discoverer::mechanism::{SdConfig, Unsupported};
use proptest::prelude::*;

use super::{Encoded, Index, KeptIndex, Part, Pieces, lock};
use crate::discovery::list::{entries_with_own_labels, merged, write_entries};
use crate::discovery::sorted_groups;

/// The list, without anything of what makes it quick.
fn plain(set: SetView<'_>) -> Vec<u8> {
    let mut entries = Vec::new();
    for (_, stored) in sorted_groups(set) {
        entries_with_own_labels(stored.group(), |addresses, own| {
            let labels: BTreeMap<_, _> = merged(own.iter().copied(), stored.group().labels()).collect();
            let json = |value: serde_json::Value| value.to_string();
            entries.push(format!(
                "{{\"targets\":{},\"labels\":{}}}",
                json(addresses.into()),
                json(serde_json::to_value(labels).expect("JSON"))
            ));
        });
    }
    match entries.is_empty() {
        true => b"[]".to_vec(),
        false => format!("[\n{}\n]", entries.join(",\n")).into_bytes(),
    }
}

fn config(number: u64) -> SdConfig {
    SdConfig::unsupported(Unsupported {
        mechanism: format!("m{number}"),
        entry: String::new(),
    })
}

/// Providers of which sets have some.
struct World {
    manager: Manager<SdConfig>,
    encoder: Encoder,
    pieces: Pieces,
}

/// What a group is made of: a number, how many targets it has, a label.
type Parts = (u32, usize, u8);

impl World {
    fn new() -> Self {
        Self {
            manager: Manager::new(Instant::ZERO, ManagerOptions::default()),
            encoder: Encoder::new(),
            pieces: Pieces::default(),
        }
    }

    fn apply(&mut self, sets: &[(&str, Vec<u64>)]) {
        let sets = sets.iter().map(|(name, configs)| {
            (
                (*name).to_owned(),
                configs.iter().map(|number| config(*number)).collect(),
            )
        });
        self.manager
            .apply(Instant::ZERO, sets.collect::<Vec<(String, Vec<SdConfig>)>>());
    }

    fn groups(&mut self, groups: &[Parts]) -> Vec<Group> {
        let mut batch = self.encoder.batch();
        for (number, targets, label) in groups {
            let addresses: Vec<_> = (0..*targets).map(|target| format!("h{number}-{target}:1")).collect();
            let label = label.to_string();
            let targets = addresses.iter().map(|address| {
                // Some have a label of their own, some have no address.
                let name = if address.ends_with("7:1") {
                    "no_address"
                } else {
                    "__address__"
                };
                let own = if address.ends_with("3:1") { "own" } else { name };
                BTreeMap::from([(name, address.as_str()), (own, address.as_str())])
            });
            batch
                .group(&format!("s/{number}"), [("l", label.as_str())], targets)
                .expect("valid");
        }
        batch.finish()
    }

    fn update(&mut self, number: u64, update: Update) {
        let provider = self.manager.provider_of(&config(number)).expect("it runs");
        self.manager
            .handle_update(Instant::ZERO, provider, update)
            .expect("running");
    }

    fn full(&mut self, number: u64, groups: &[Parts]) {
        let groups = self.groups(groups);
        self.update(number, Update::full(groups));
    }

    fn delta(&mut self, number: u64, groups: &[Parts]) {
        let groups = self.groups(groups);
        self.update(number, Update::delta(groups));
    }

    fn snapshot(&self) -> Snapshot {
        self.manager.snapshot(Instant::ZERO)
    }
}

fn gzip(list: &Arc<Encoded>) -> Vec<u8> {
    let (mut parts, mut all) = (list.gzip_parts(), Vec::new());
    loop {
        match parts.next() {
            Part::Ready(part) => all.extend_from_slice(&part),
            Part::Missing => parts.make_ready(u64::MAX)(),
            Part::End => return all,
        }
    }
}

/// How many pieces have yet to be compressed; they are so afterwards.
fn missing(list: &Arc<Encoded>) -> usize {
    let (mut parts, mut missing) = (list.gzip_parts(), 0);
    loop {
        match parts.next() {
            Part::Missing => {
                missing += 1;
                parts.make_ready(1)();
            }
            Part::Ready(_) => {}
            Part::End => return missing,
        }
    }
}

/// What is in a gzip stream of one member.
fn unzipped(bytes: &[u8]) -> Vec<u8> {
    let mut found = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_end(&mut found)
        .expect("one whole member");
    found
}

fn check(list: &Arc<Encoded>, expected: &[u8]) {
    assert_eq!(list.to_vec(), expected);
    assert_eq!(list.len(), expected.len() as u64);
    let zipped = gzip(list);
    assert_eq!(unzipped(&zipped), expected);
    assert_eq!(list.gzip_len(), Some(zipped.len() as u64));
}

fn any_groups() -> impl Strategy<Value = Vec<Parts>> {
    // Few large ones and many small ones, among them such as begin a run.
    let targets = prop_oneof![6 => 0..4_usize, 1 => 100..140_usize];
    prop::collection::vec((0..400_u32, targets, 0..3_u8), 0..60)
}

#[derive(Debug, Clone)]
enum Step {
    Full(u64, Vec<Parts>),
    Delta(u64, Vec<Parts>),
    Apply(Vec<u64>),
    /// The list is asked for as it was.
    Late,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..3_u64, any_groups()).prop_map(|(provider, groups)| Step::Full(provider, groups)),
        6 => (0..3_u64, any_groups()).prop_map(|(provider, groups)| Step::Delta(provider, groups)),
        1 => prop::sample::subsequence(vec![0, 1, 2], 0..=3).prop_shuffle().prop_map(Step::Apply),
        1 => Just(Step::Late),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Whatever happened before: bytes, tag and pieces are those of a list that is made anew.
    #[test]
    fn lists_are_what_a_plain_encoder_makes(steps in prop::collection::vec(any_step(), 1..9)) {
        let mut world = World::new();
        let all = ("all", vec![0, 1, 2]);
        world.apply(&[all.clone(), ("some", vec![0, 2])]);
        let kept = [KeptIndex::default(), KeptIndex::default()];
        let mut late = world.snapshot();
        for step in steps {
            match &step {
                Step::Full(provider, groups) => world.full(*provider, groups),
                Step::Delta(provider, groups) => world.delta(*provider, groups),
                Step::Apply(some) => world.apply(&[all.clone(), ("some", some.clone())]),
                Step::Late => {}
            }
            let mut now = world.snapshot();
            if let Step::Late = step {
                std::mem::swap(&mut late, &mut now);
            }
            for (name, kept) in ["all", "some"].into_iter().zip(&kept) {
                let set = now.set(name).expect("a set");
                let list = world.pieces.list(set, kept);
                check(&list, &plain(set));
                let anew = Pieces::default().list(set, &KeptIndex::default());
                prop_assert_eq!(list.tag(), anew.tag(), "where it is cut does not depend on what was");
            }
        }
    }
}

/// Groups of one target each.
fn small(count: u32) -> Vec<Parts> {
    (0..count).map(|number| (number, 1, 0)).collect()
}

/// A list that is written by one who counts.
fn counted(pieces: &Pieces, set: SetView<'_>, index: &mut Index, groups: &AtomicUsize) -> Arc<Encoded> {
    pieces.write(set, Some(&[]), index, || {
        |_: ProviderId, group: &Group, out: &mut Vec<u8>| {
            groups.fetch_add(1, Ordering::Relaxed);
            write_entries(group, out);
        }
    })
}

#[test]
fn one_changed_group_costs_its_piece_and_compresses_no_other() {
    const GROUPS: u32 = 10_000;
    let (mut world, groups) = (World::new(), AtomicUsize::new(0));
    world.apply(&[("a", vec![0])]);
    world.full(0, &small(GROUPS));
    let mut index = Index::default();
    let snapshot = world.snapshot();
    let first = counted(&world.pieces, snapshot.set("a").expect("a set"), &mut index, &groups);
    assert_eq!(groups.swap(0, Ordering::Relaxed), GROUPS as usize);
    let first_zipped = gzip(&first);
    for number in [0, 77, GROUPS - 1, GROUPS + 5] {
        world.delta(0, &[(number, 1, 9)]);
        let snapshot = world.snapshot();
        let set = snapshot.set("a").expect("a set");
        let list = counted(&world.pieces, set, &mut index, &groups);
        let written = groups.swap(0, Ordering::Relaxed);
        assert!(written < 1_500, "{written} groups for one");
        assert_ne!(list.tag(), first.tag());
        assert!(list.gzip_len().is_none(), "a piece is new");
        assert_eq!(missing(&list), 1, "pieces for one");
        assert_eq!(unzipped(&gzip(&list)), plain(set));
    }
    assert_eq!(gzip(&first), first_zipped, "it is what it was");
    // What is there again is there already, and compressed.
    world.full(0, &small(GROUPS));
    let snapshot = world.snapshot();
    let again = counted(&world.pieces, snapshot.set("a").expect("a set"), &mut index, &groups);
    assert_eq!((again.tag(), again.gzip_len()), (first.tag(), first.gzip_len()));
    assert!(first.gzip_len().is_some());
}

/// What is written by several threads is what one writes.
/// Else who asks with the tag of one is told that the other has not changed.
#[test]
fn lists_of_one_length_have_tags_of_their_own() {
    let mut tags = std::collections::BTreeSet::new();
    let mut lengths = std::collections::BTreeSet::new();
    for groups in [
        &[(1, 1, 0), (2, 1, 0)],
        &[(1, 1, 0), (3, 1, 0)],
        &[(4, 1, 0), (2, 1, 0)],
        &[(1, 1, 1), (2, 1, 0)],
        &[(1, 1, 0), (2, 1, 1)],
    ] {
        let mut world = World::new();
        world.apply(&[("a", vec![0])]);
        world.full(0, groups);
        let snapshot = world.snapshot();
        let list = world
            .pieces
            .list(snapshot.set("a").expect("a set"), &KeptIndex::default());
        tags.insert(list.tag().to_owned());
        lengths.insert(list.len());
    }
    assert_eq!((lengths.len(), tags.len()), (1, 5), "{lengths:?} {tags:?}");
}

#[test]
fn sets_of_the_same_providers_have_one_list_and_others_share_its_pieces() {
    let mut world = World::new();
    world.apply(&[("a", vec![0]), ("b", vec![0]), ("c", vec![0, 1])]);
    world.full(0, &small(20_000));
    world.full(1, &[(1_000_000, 1, 0)]);
    let snapshot = world.snapshot();
    let list = |name| {
        world
            .pieces
            .list(snapshot.set(name).expect("a set"), &KeptIndex::default())
    };
    let kept = KeptIndex::default();
    let a = world.pieces.list(snapshot.set("a").expect("a set"), &kept);
    assert!(Arc::ptr_eq(&a, &list("b")));
    a.deflate(0, u64::MAX);
    let c = list("c");
    assert_eq!(c.gzip_len(), None);
    assert_eq!(missing(&c), 1, "pieces that are not those of the other list");
    assert_eq!(a.to_vec(), plain(snapshot.set("a").expect("a set")));
    assert_eq!(lock(&world.pieces.discovered).len(), 2);
}

#[test]
fn nobody_reads_what_is_gone() {
    let mut world = World::new();
    world.apply(&[("a", vec![0]), ("b", vec![1])]);
    world.full(0, &small(10));
    let (kept, snapshot) = (KeptIndex::default(), world.snapshot());
    world.pieces.list(snapshot.set("a").expect("a set"), &kept);
    drop(kept);
    world
        .pieces
        .list(snapshot.set("b").expect("a set"), &KeptIndex::default());
    assert_eq!(lock(&world.pieces.discovered).len(), 1, "the first is not kept");
}
