//! Any inputs at all, at random: the manager and its model agree after each.

use std::collections::BTreeSet;

use headcount_core::reference::{Operation, PlainConfig, World};
use headcount_core::{Counters, EventKind, Manager, Output, Random, Release, SetView};
use headcount_rules::Effort;
use proptest::prelude::*;

use crate::story::cases;

fn must_agree<T>(result: Result<T, headcount_core::reference::Disagreement>) -> T {
    result.unwrap_or_else(|disagreement| panic!("{disagreement}"))
}

proptest! {
    #![proptest_config(cases())]

    /// S01 to S13, B01, B02, B04, B05, B07: whatever happens, in whatever order. Each operation has
    /// bytes of its own, so that a failure shrinks to the few operations that it needs.
    #[test]
    fn any_operations_agree_with_the_model(
        options in prop::collection::vec(any::<u8>(), 15),
        operations in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..24), 1..80),
    ) {
        let mut world = World::from_bytes(&mut options.as_slice());
        for bytes in &operations {
            let Some(operation) = Operation::from_bytes(&mut bytes.as_slice()) else { continue };
            if let Err(disagreement) = world.run(&operation) {
                return Err(TestCaseError::fail(disagreement.to_string()));
            }
        }
    }

    /// The same from one string of bytes, as a fuzzer has them.
    #[test]
    fn any_bytes_agree_with_the_model(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Err(disagreement) = World::run_bytes(&bytes) {
            return Err(TestCaseError::fail(disagreement.to_string()));
        }
    }
}

/// Long runs, so that what takes many steps to go wrong has the time to; and a look at whether
/// the operations reach what they are there to reach.
#[test]
fn long_runs_agree_with_the_model_and_reach_everything() {
    let mut reached = Reached::default();
    for seed in 0..12_u8 {
        let mut random = Random::new(u64::from(seed));
        let mut bytes = || -> Vec<u8> { (0..8).flat_map(|_| random.next_u64().to_le_bytes()).collect() };
        // One manager, and over the seeds each throttle, both ways to reload, and guards.
        let mut world = World::from_bytes(&mut [0, seed, seed, seed % 4, seed, seed * 3].as_slice());
        for _ in 0..Effort::asked_for().steps / 12 {
            let Some(operation) = Operation::from_bytes(&mut bytes().as_slice()) else {
                continue;
            };
            for output in must_agree(world.run(&operation)) {
                reached.output(&output);
            }
            for pair in world.pairs() {
                reached.state(pair.manager());
            }
        }
    }
    let all = [
        "a drop that came back",
        "a drop that is held",
        "a drop that stayed",
        "a failed config",
        "a failing provider",
        "a ghost",
        "a held drop",
        "a provider that begins to fail",
        "a provider that can't be built",
        "a provider that recovers",
        "a provider with several sets",
        "a read that lacks something",
        "a set that is whole",
        "a slow receiver",
        "a stop",
        "an empty set",
        "an unchanged update",
        "readiness",
        "several levels",
        "snapshots",
    ];
    // Longer runs may reach more.
    let missed: Vec<_> = all.into_iter().filter(|what| !reached.0.contains(what)).collect();
    assert_eq!(missed, [""; 0]);
}

/// What the operations have reached.
#[derive(Default)]
struct Reached(BTreeSet<&'static str>);

impl Reached {
    fn note(&mut self, what: &'static str, reached_it: bool) {
        if reached_it {
            self.0.insert(what);
        }
    }

    fn output(&mut self, output: &Output<PlainConfig>) {
        match output {
            Output::Start { sets, .. } => self.note("a provider with several sets", sets.len() > 1),
            Output::Stop { .. } => self.note("a stop", true),
            Output::Event(event) => self.note(event_word(&event.what), true),
            Output::Emit(snapshot) => {
                let sets: Vec<_> = snapshot.sets().filter_map(|set| snapshot.set(set)).collect();
                self.note("an empty set", sets.iter().any(|set| set.group_count() == 0));
                let is_whole = |set: &SetView<'_>| set.is_whole() && set.providers().count() > 1;
                self.note("a set that is whole", sets.iter().any(is_whole));
                let mut providers = snapshot.providers();
                self.note(
                    "several levels",
                    providers.any(|provider| provider.groups().len() > 100),
                );
            }
        }
    }

    fn state(&mut self, manager: &Manager<PlainConfig>) {
        let Counters {
            unchanged_updates,
            ignored_reports,
            updates,
            updates_delayed,
            ..
        } = manager.counters();
        self.note("a failed config", !manager.failed_configs().is_empty());
        self.note("an unchanged update", unchanged_updates > 0);
        self.note("a ghost", ignored_reports > 0);
        self.note("snapshots", updates > 10);
        self.note("a slow receiver", updates_delayed > 10);
        let mut providers = manager.providers();
        self.note(
            "a failing provider",
            providers.any(|provider| provider.health.is_failing()),
        );
        let mut providers = manager.providers();
        self.note("a held drop", providers.any(|provider| provider.held.is_some()));
        self.note("readiness", manager.is_ready() && manager.providers().count() > 1);
    }
}

fn event_word(what: &EventKind) -> &'static str {
    match what {
        EventKind::Failing(_) => "a provider that begins to fail",
        EventKind::Partial(_) => "a read that lacks something",
        EventKind::Recovered { .. } => "a provider that recovers",
        EventKind::DropHeld { .. } => "a drop that is held",
        EventKind::DropReleased { why, .. } => match why {
            Release::CameBack => "a drop that came back",
            Release::HoldTime => "a drop that stayed",
            Release::Confirmed => "a confirmed drop",
            Release::Reload => "a drop that no set minds after a reload",
            Release::Expired => "a drop of which nothing is left that is not too old",
        },
        EventKind::Expired { .. } => "groups that are too old",
        EventKind::BuildFailed(_) => "a provider that can't be built",
        _ => "an event that is not known here",
    }
}
