//! What is stored.

use std::time::Duration;

use headcount_core::reference::COLLIDING_SOURCES;
use headcount_core::{Encoder, Group, Update};
use proptest::prelude::*;

use crate::story::{Sources, Story, any_sources, backoff, cases, encode, sources};

proptest! {
    #![proptest_config(cases())]

    /// S04: an update replaces the groups whose sources it names; other groups stay; a group with
    /// no targets removes its source.
    #[test]
    fn s04_an_update_replaces_the_sources_it_names(
        before in any_sources(), named in any_sources(), removed in prop::collection::btree_set("[a-e]", 0..3),
    ) {
        let mut story = Story::prompt();
        let id = story.one_provider();
        story.full(id, &before).expect("it runs");
        let mut update = named.clone();
        update.extend(removed.iter().map(|source| (source.clone(), Vec::new())));
        story.delta(id, &update).expect("it runs");

        let mut expected = before;
        expected.extend(update);
        expected.retain(|_, addresses| !addresses.is_empty());
        prop_assert_eq!(story.received("node"), Some(expected));
    }

    /// S04: groups may arrive in any order and split over any number of updates.
    #[test]
    fn s04_groups_arrive_in_any_order(found in any_sources(), order: prop::sample::Index, split in 1_usize..4) {
        let mut at_once = Story::prompt();
        let id = at_once.one_provider();
        at_once.delta(id, &found).expect("it runs");

        let mut bit_by_bit = Story::prompt();
        let id = bit_by_bit.one_provider();
        let mut groups = bit_by_bit.groups(&found);
        let length = groups.len();
        if length > 0 {
            groups.rotate_left(order.index(length));
        }
        for part in groups.chunks(split) {
            bit_by_bit.update(id, Update::delta(part.to_vec())).expect("it runs");
        }
        prop_assert_eq!(bit_by_bit.received("node"), at_once.received("node"));
        prop_assert_eq!(at_once.received("node"), Some(found));
    }

    /// S05: a full update removes the sources that it does not name.
    #[test]
    fn s05_a_full_update_is_all_there_is(before in any_sources(), after in any_sources()) {
        let mut story = Story::prompt();
        let id = story.one_provider();
        story.full(id, &before).expect("it runs");
        let outcome = story.full(id, &after).expect("it runs");
        let gone = before.keys().filter(|source| !after.contains_key(*source)).count();
        prop_assert_eq!(outcome.removed, gone);
        prop_assert_eq!(story.received("node"), Some(after));
    }

    /// B01: an update whose groups equal what is stored makes no snapshot. It counts as received
    /// and as unchanged.
    #[test]
    fn b01_nothing_changed_nothing_said(found in any_sources(), full: bool, new_encoder: bool) {
        let mut story = Story::throttled(backoff());
        let id = story.one_provider();
        story.full(id, &found).expect("it runs");
        story.settle();
        story.wait(Duration::from_secs(60));
        let (emitted, counters) = (story.emitted.len(), story.manager().counters());

        let groups = if new_encoder { encode(&mut Encoder::new(), &found) } else { story.groups(&found) };
        let update = if full { Update::full(groups) } else { Update::delta(groups) };
        let outcome = story.update(id, update).expect("it runs");
        prop_assert!(outcome.is_unchanged());
        prop_assert_eq!(outcome.unchanged, found.len());
        prop_assert_eq!(story.manager().poll_timeout(), None);
        story.update(id, Update::delta(vec![Group::empty("unheard of")])).expect("it runs");
        story.update(id, Update::unchanged()).expect("it runs");
        story.wait(Duration::from_secs(60));

        prop_assert_eq!(story.emitted.len(), emitted);
        let after = story.manager().counters();
        prop_assert_eq!(after.received_updates - counters.received_updates, 3);
        prop_assert_eq!(after.unchanged_updates - counters.unchanged_updates, 3);
        prop_assert_eq!(after.updates, counters.updates);
    }
}

/// When an update names a source twice, the last one counts, also if that one has no targets.
#[test]
fn s04_the_last_group_of_a_source_counts() {
    let mut story = Story::prompt();
    let id = story.one_provider();
    let mut groups = story.groups(&sources(&[("a", &["1"]), ("b", &["1"])]));
    groups.extend(story.groups(&sources(&[("a", &["2"]), ("b", &[]), ("c", &[])])));
    groups.extend(story.groups(&sources(&[("c", &["3"])])));
    let outcome = story.update(id, Update::full(groups)).expect("it runs");
    assert_eq!((outcome.added, outcome.removed), (2, 0));
    assert_eq!(story.received("node"), Some(sources(&[("a", &["2"]), ("c", &["3"])])));
}

/// Sources whose hash is the same are told apart.
#[test]
fn s04_sources_that_collide_are_told_apart() {
    let [first, second, third] = COLLIDING_SOURCES;
    let mut story = Story::prompt();
    let id = story.one_provider();
    let mut expected = sources(&[(first, &["1"]), (second, &["2"]), (third, &["3"])]);
    story.full(id, &expected).expect("it runs");
    assert_eq!(story.received("node"), Some(expected.clone()));

    let outcome = story
        .delta(id, &sources(&[(second, &["4"]), (first, &["1"])]))
        .expect("it runs");
    assert_eq!((outcome.changed, outcome.unchanged), (1, 1));
    expected.insert(second.to_owned(), vec!["4".to_owned()]);
    assert_eq!(story.received("node"), Some(expected.clone()));

    story.delta(id, &sources(&[(second, &[])])).expect("it runs");
    expected.remove(second);
    assert_eq!(story.received("node"), Some(expected));

    let outcome = story.full(id, &sources(&[(third, &["3"])])).expect("it runs");
    assert_eq!((outcome.removed, outcome.unchanged), (1, 1));
    story.full(id, &Sources::new()).expect("it runs");
    assert_eq!(story.received("node"), Some(Sources::new()));
}

/// A source that goes and comes back between two snapshots is a change, because another
/// update put it there (B07); one that comes and goes is none.
#[test]
fn b02_what_comes_and_goes_between_snapshots() {
    let mut story = Story::throttled(backoff());
    let id = story.one_provider();
    story.full(id, &sources(&[("stays", &["1"])])).expect("it runs");
    story.settle();
    story
        .delta(id, &sources(&[("stays", &[]), ("passes", &["2"])]))
        .expect("it runs");
    story
        .delta(id, &sources(&[("stays", &["1"]), ("passes", &[])]))
        .expect("it runs");
    story.settle();
    let [.., before, after] = story.emitted.as_slice() else {
        panic!("two snapshots")
    };
    let diff = after.diff(before);
    let changed: Vec<_> = diff
        .providers()
        .flat_map(|pool| pool.groups().map(|group| group.source().to_owned()).collect::<Vec<_>>())
        .collect();
    assert_eq!(changed, ["stays"]);

    story.delta(id, &sources(&[("passes", &["2"])])).expect("it runs");
    story.delta(id, &sources(&[("passes", &[])])).expect("it runs");
    story.settle();
    let [.., before, after] = story.emitted.as_slice() else {
        panic!("two snapshots")
    };
    assert!(after.version() > before.version());
    assert!(after.diff(before).is_empty(), "{:?}", after.diff(before));
}
