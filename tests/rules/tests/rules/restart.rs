//! What is there after a restart, with what the manager before saved.
//!
//! No rule of its own: it follows from S04, S05 and B04 for a provider that starts with groups.

use headcount_core::reference::PlainConfig;
use headcount_core::{Failure, Manager, ManagerOptions, SavedState, Update};
use proptest::prelude::*;

use crate::story::{Sources, Story, any_sets, any_sources, backoff, cases, sets};

/// A story whose provider has found this, and the next life of it, before anything was applied.
fn restarted(found: &Sources) -> Story {
    let mut story = Story::prompt();
    let id = story.one_provider();
    story.full(id, found).expect("it runs");
    story.restart();
    story
}

proptest! {
    #![proptest_config(cases())]

    /// S10: the first apply makes a snapshot due, and it has what was saved, before any provider has reported.
    #[test]
    fn restart_shows_what_was_shown(found in any_sources()) {
        let mut story = restarted(&found);
        story.one_provider();
        prop_assert_eq!(story.received("node"), Some(found));
        // B04: nobody has reported yet.
        prop_assert!(!story.manager().is_ready());
    }

    /// S05: the first full update is all there is.
    #[test]
    fn restart_keeps_nothing_beyond_a_full_update(before in any_sources(), after in any_sources()) {
        let mut story = restarted(&before);
        let id = story.one_provider();
        let emitted = story.emitted.len();
        story.full(id, &after).expect("it runs");
        prop_assert_eq!(story.received("node"), Some(after.clone()));
        // B01: what is found as it was saved is no change, and that it was found is said.
        prop_assert_eq!(story.emitted.len(), emitted + 1);
        let [.., older, newer] = story.emitted.as_slice() else { panic!("two snapshots") };
        prop_assert_eq!(newer.diff(older).providers().next().is_some(), before != after);
    }

    /// S04: a delta replaces what it names; B04: a failure replaces nothing.
    #[test]
    fn restart_keeps_what_is_not_known_better(before in any_sources(), named in any_sources()) {
        let mut story = restarted(&before);
        let id = story.one_provider();
        story.fails(id, Failure::new("it is not there")).expect("it runs");
        prop_assert_eq!(story.received("node"), Some(before.clone()));
        story.delta(id, &named).expect("it runs");
        let mut expected = before;
        expected.extend(named);
        prop_assert_eq!(story.received("node"), Some(expected));
    }

    /// S05: what comes in parts is all there is as soon as the last of them says so; what was there before the restart and
    /// is in none of them is gone.
    #[test]
    fn restart_keeps_nothing_beyond_a_completing_update(
        before in any_sources(), first in any_sources(), last in any_sources(), later in any_sources(),
    ) {
        let mut story = restarted(&before);
        let id = story.one_provider();
        story.delta(id, &first).expect("it runs");
        let groups = story.groups(&last);
        story.update(id, Update::completing(groups)).expect("it runs");
        let mut expected = first;
        expected.extend(last);
        prop_assert_eq!(story.received("node"), Some(expected.clone()));
        // From then on a delta says nothing of what it does not name, and neither does another that completes.
        let groups = story.groups(&later);
        story.update(id, Update::completing(groups)).expect("it runs");
        expected.extend(later);
        prop_assert_eq!(story.received("node"), Some(expected));
    }

    /// Whatever is configured then, each provider whose config ran before has its groups, and no
    /// other has any; what the first apply does not want is forgotten.
    #[test]
    fn restart_gives_each_config_its_own(before in any_sets(), after in any_sets(), found in any_sources()) {
        let mut story = Story::throttled(backoff());
        for id in story.apply(&before).started {
            let mut of_its_own = found.clone();
            of_its_own.insert("own".to_owned(), vec![story.config(id).to_string()]);
            story.full(id, &of_its_own).expect("it runs");
        }
        let ran: Vec<u8> = before.iter().flat_map(|(_, configs)| configs.clone()).collect();
        story.restart();
        for (round, configured) in [&after, &before].into_iter().enumerate() {
            let started = story.apply(configured).started;
            for id in started {
                let snapshot = story.manager().snapshot(story.now);
                let groups = snapshot.provider(id).expect("it runs").groups();
                let config = story.config(id);
                let own = groups.get("own").and_then(|own| own.group().targets().next()?.get("__address__").map(str::to_owned));
                let expected = (round == 0 && ran.contains(&config)).then(|| config.to_string());
                prop_assert_eq!(own, expected);
            }
        }
    }

    /// B08: a state is written the same way, whatever the way to it.
    #[test]
    fn restart_states_do_not_show_how_they_came(found in any_sources()) {
        let mut once = restarted(&found);
        once.one_provider();
        let mut twice = restarted(&found);
        twice.one_provider();
        twice.restart();
        twice.one_provider();
        let written = |story: &Story| serde_json::to_string(&story.manager().save(story.now)).expect("it can be written");
        prop_assert_eq!(written(&once), written(&twice));
    }

    /// A state that was cut anywhere, or has any byte replaced, is refused or read; nothing panics.
    #[test]
    fn restart_reads_any_bytes(found in any_sources(), cut: prop::sample::Index, place: prop::sample::Index, byte: u8) {
        let mut story = restarted(&found);
        story.one_provider();
        let mut written = serde_json::to_vec(&story.manager().save(story.now)).expect("it can be written");
        let cut = cut.index(written.len());
        prop_assert!(serde_json::from_slice::<SavedState<PlainConfig>>(&written[..cut]).is_err());
        let place = place.index(written.len());
        written[place] = byte;
        if let Ok(state) = serde_json::from_slice(&written) {
            let mut manager = Manager::restore(story.now, ManagerOptions::default(), state);
            manager.apply(story.now, [("node".to_owned(), vec![PlainConfig::new("file", 0)])]);
        }
    }
}

/// A start from nothing and one with an empty state are the same.
#[test]
fn restart_with_nothing_is_a_start() {
    let mut story = Story::throttled(backoff());
    story.restart();
    let applied = story.apply(&sets(&[("node", &[0])]));
    assert_eq!(applied.started.len(), 1);
    story.settle();
    assert_eq!(story.received("node"), Some(Sources::new()));
}
