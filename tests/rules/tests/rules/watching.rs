//! What can be known of the manager.

use std::fmt::Write;
use std::time::Duration;

use headcount_core::reference::{Operation, PlainConfig, World};
use headcount_core::{Counters, Failure, Manager, ManagerOptions, Output, Random, Update};
use proptest::prelude::*;

use crate::story::{Sets, Story, any_sources, backoff, cases, encode, sets, sources};

proptest! {
    #![proptest_config(cases())]

    /// S12: what the metrics need is counted: updates received, delayed and delivered, targets,
    /// failures and how long refreshes took; what belongs to sets and providers that are gone is gone.
    #[test]
    fn s12_counters(all in prop::collection::vec((any_sources(), any::<bool>(), 0_u64..1_000), 0..12)) {
        let mut story = Story::throttled(backoff());
        let id = story.one_provider();
        let (mut updates, mut failures, mut took) = (0, 0, Duration::ZERO);
        for (found, fails, millis) in &all {
            let duration = Duration::from_millis(*millis);
            took += duration;
            if *fails {
                failures += 1;
                story.fails(id, Failure::new("no answer").took(duration)).expect("it runs");
            } else {
                updates += 1;
                let groups = story.groups(found);
                story.update(id, Update::full(groups).took(duration)).expect("it runs");
            }
            story.wait(duration);
        }
        story.settle();

        let counters = story.manager().counters();
        prop_assert_eq!(counters.received_updates, updates);
        prop_assert_eq!(counters.updates, story.emitted.len() as u64);
        prop_assert_eq!(counters.updates_delayed, 0);
        let provider = story.manager().provider(id).expect("it runs");
        prop_assert_eq!((provider.health.updates, provider.health.failures), (updates, failures));
        prop_assert_eq!(provider.health.unchanged_updates, counters.unchanged_updates);
        prop_assert_eq!(provider.health.refreshes, (all.len() as u64, took));
        let received = story.received("node").expect("the set is there");
        prop_assert_eq!(provider.groups, received.len());
        prop_assert_eq!(provider.targets, received.values().map(Vec::len).sum::<usize>());
        prop_assert_eq!(story.last().set("node").map(|set| set.target_count()), Some(provider.targets));

        story.apply(&Sets::new());
        prop_assert_eq!(story.manager().providers().count(), 0);
        prop_assert_eq!(story.manager().sets().len(), 0);
    }

    /// S13: any number of managers live side by side, known apart by name: what one does is what
    /// it does alone.
    #[test]
    fn s13_managers_do_not_mix(seed: u64, steps in 1_usize..80) {
        let options = |number: u64| ManagerOptions {
            name: format!("manager {number}"),
            seed: number,
            ..ManagerOptions::default()
        };
        let mut both = World::new(headcount_core::Instant::ZERO, [options(0), options(1)]);
        let mut alone = [0, 1].map(|number| World::new(headcount_core::Instant::ZERO, [options(number)]));
        for operation in operations(seed, steps) {
            both.run(&operation).unwrap_or_else(|disagreement| panic!("{disagreement}"));
            for (number, world) in alone.iter_mut().enumerate() {
                if is_for(&operation, number) {
                    world.run(&operation).unwrap_or_else(|disagreement| panic!("{disagreement}"));
                }
            }
        }
        for (together, alone) in both.pairs().zip(&alone) {
            let alone = alone.pairs().next().expect("there is one");
            prop_assert_eq!(alone.manager().name(), together.manager().name());
            prop_assert_eq!(state(alone.manager(), both.now()), state(together.manager(), both.now()));
            let snapshot = together.manager().snapshot(both.now());
            prop_assert_eq!(snapshot.manager(), &**together.manager().name());
        }
    }

    /// B04: of each provider it is known when it started, when it last spoke, changed something
    /// and failed, and how; a failure is no snapshot, and takes nothing away.
    #[test]
    fn b04_health(found in any_sources(), pause in 1_u64..10_000) {
        let mut story = Story::throttled(backoff());
        story.wait(Duration::from_millis(pause));
        let id = story.one_provider();
        let started = story.now;
        let health = |story: &Story| story.manager().provider(id).expect("it runs").health.clone();
        let failure = |story: &Story| health(story).current_failure().map(|failed| failed.message.to_string());
        prop_assert_eq!(health(&story).started, started);
        prop_assert!(!health(&story).has_reported() && !story.manager().is_ready());

        story.wait(Duration::from_millis(pause));
        story.fails(id, Failure::new("no answer")).expect("it runs");
        let failed = story.now;
        prop_assert_eq!(health(&story).last_failure.map(|failed| failed.at), Some(failed));
        prop_assert_eq!(failure(&story), Some("no answer".to_owned()));
        prop_assert!(story.manager().is_ready(), "a failure is an answer, too");
        prop_assert_eq!((health(&story).last_update, health(&story).last_success), (None, None));
        prop_assert_eq!(health(&story).consecutive_failures(), 1);
        story.fails(id, Failure::new("no answer")).expect("it runs");
        prop_assert_eq!((health(&story).consecutive_failures(), health(&story).failures), (2, 2));

        story.wait(Duration::from_millis(pause));
        story.full(id, &found).expect("it runs");
        let updated = story.now;
        prop_assert_eq!(health(&story).last_update, Some(updated));
        prop_assert_eq!(health(&story).last_success, Some(updated));
        prop_assert_eq!(health(&story).consecutive_failures(), 0);
        prop_assert_eq!(health(&story).last_change, (!found.is_empty()).then_some(updated));
        prop_assert_eq!(failure(&story), None);
        prop_assert_eq!(health(&story).last_failure.map(|failed| failed.at), Some(failed), "what was, was");

        story.settle();
        story.wait(Duration::from_millis(pause));
        let emitted = story.emitted.len();
        story.full(id, &found).expect("it runs");
        story.fails(id, Failure::new("no answer again")).expect("it runs");
        prop_assert_eq!(health(&story).last_update, Some(story.now));
        prop_assert_eq!(health(&story).last_change, (!found.is_empty()).then_some(updated));
        prop_assert_eq!(failure(&story), Some("no answer again".to_owned()));
        prop_assert_eq!(story.manager().poll_timeout(), None, "a failure changes nothing that is shown");
        prop_assert_eq!(story.emitted.len(), emitted);
        prop_assert_eq!(story.received("node"), Some(found));
    }

    /// B07: for each target in a snapshot it can be said which provider, config, source and
    /// update put it there, and when.
    #[test]
    fn b07_provenance(all in prop::collection::vec(any_sources(), 1..6)) {
        let mut story = Story::throttled(backoff());
        let id = story.one_provider();
        let mut put = Vec::new();
        for found in &all {
            story.wait(Duration::from_secs(1));
            story.full(id, found).expect("it runs");
            put.push((story.now, found));
        }
        story.settle();
        for (pool, stored) in story.last().set("node").expect("it is there").groups() {
            prop_assert_eq!((pool.id(), &**pool.name(), &**pool.kind()), (id, "file/0", "file"));
            prop_assert_eq!(&**pool.description(), "number 0");
            // The update that put it there is the first of those in a row that have it as it is.
            let source = stored.group().source();
            let last = all.last().and_then(|found| found.get(source));
            let since = put.iter().rposition(|(_, found)| found.get(source) != last).map_or(0, |before| before + 1);
            prop_assert_eq!(stored.update(), since as u64 + 1);
            prop_assert_eq!(stored.changed(), put[since].0);
        }
    }

    /// B08: the same inputs at the same times give the same outputs, byte for byte.
    #[test]
    fn b08_same_input_same_output(seed: u64, steps in 1_usize..80) {
        prop_assert_eq!(record(seed, steps), record(seed, steps));
    }
}

/// B08 over versions and platforms: a fixed run's outputs are those that are written down.
#[test]
fn b08_a_fixed_run_never_changes() {
    insta::assert_snapshot!("a_fixed_run", record(42, 150));
}

/// B08: how outputs and snapshots read in full, for logs and for comparing.
#[test]
fn b08_debug_output_is_written_down() {
    let mut story = Story::throttled(backoff());
    story.apply(&sets(&[("node", &[0, 1]), ("empty", &[])]));
    let (first, second) = (story.started[0].0, story.started[1].0);
    story
        .full(
            first,
            &sources(&[("a.json:0", &["10.0.0.1:9100", "10.0.0.2:9100"]), ("b.json:0", &["c"])]),
        )
        .expect("it runs");
    story.cannot_be_built(second, "no such directory").expect("it runs");
    story.settle();
    insta::assert_debug_snapshot!("a_snapshot", story.last());
}

/// S12: an input to a manager that knows nothing of it is counted apart.
#[test]
fn s12_reports_of_the_unknown_are_counted_apart() {
    let mut manager: Manager<PlainConfig> = Manager::new(headcount_core::Instant::ZERO, ManagerOptions::default());
    let nobody = headcount_core::ProviderId::from_number(7);
    let groups = encode(&mut headcount_core::Encoder::new(), &sources(&[("a", &["1"])]));
    let error = manager
        .handle_update(headcount_core::Instant::ZERO, nobody, Update::full(groups))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "provider 7 is not running; what it reported was ignored"
    );
    assert_eq!(
        manager.counters(),
        Counters {
            ignored_reports: 1,
            ..Counters::default()
        }
    );
}

fn operations(seed: u64, steps: usize) -> Vec<Operation> {
    let mut random = Random::new(seed);
    let bytes = |random: &mut Random| -> Vec<u8> { (0..5).flat_map(|_| random.next_u64().to_le_bytes()).collect() };
    (0..steps)
        .filter_map(|_| Operation::from_bytes(&mut bytes(&mut random).as_slice()))
        .collect()
}

/// Whether an operation reaches the manager `number` of two.
fn is_for(operation: &Operation, number: usize) -> bool {
    match operation {
        Operation::Apply { manager, .. }
        | Operation::Update { manager, .. }
        | Operation::Repeat { manager, .. }
        | Operation::Failure { manager, .. }
        | Operation::BuildFailure { manager, .. }
        | Operation::Options { manager, .. }
        | Operation::Throttle { manager, .. }
        | Operation::Confirm { manager, .. }
        | Operation::Restart { manager, .. }
        | Operation::ReceiverTakes { manager }
        | Operation::Wake { manager } => usize::from(*manager) % 2 == number,
        Operation::Advance(_) | Operation::Oversleep(_) => true,
    }
}

fn state(manager: &Manager<PlainConfig>, now: headcount_core::Instant) -> String {
    let providers: Vec<_> = manager.providers().collect();
    let snapshot = manager.snapshot(now);
    format!(
        "{snapshot:?}\n{providers:?}\n{:?}\n{:?}",
        manager.counters(),
        manager.poll_timeout()
    )
}

/// A run's operations and outputs, a line each; snapshots with what changed in them.
fn record(seed: u64, steps: usize) -> String {
    let names = ["scrape", "notify"].map(|name| ManagerOptions {
        name: name.to_owned(),
        seed,
        ..ManagerOptions::default()
    });
    let mut world = World::new(headcount_core::Instant::ZERO, names);
    let mut last = std::collections::BTreeMap::new();
    let mut text = String::new();
    for operation in operations(seed, steps) {
        let outputs = world
            .run(&operation)
            .unwrap_or_else(|disagreement| panic!("{disagreement}"));
        for output in outputs {
            let now = world.now();
            match output {
                Output::Start { name, sets, .. } => writeln!(text, "{now:?} start {name} for {sets:?}"),
                Output::Stop { provider } => writeln!(text, "{now:?} stop {provider}"),
                Output::Event(event) => writeln!(text, "{now:?} {} {:?}", event.provider, event.what),
                Output::Emit(snapshot) => {
                    let name = snapshot.manager().to_owned();
                    let (version, at) = (snapshot.version(), snapshot.at());
                    let sets: Vec<_> = snapshot
                        .sets()
                        .map(|set| (set, snapshot.set(set).map_or(0, |set| set.target_count())))
                        .collect();
                    let mut line = format!("{at:?} {name} emits {version}: {sets:?}");
                    if let Some(before) = last.get(&name) {
                        for pool in snapshot.diff(before).providers() {
                            let sources: Vec<_> = pool.groups().map(|group| group.source().to_owned()).collect();
                            let shown = sources.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(" ");
                            let _ = write!(line, "; {} {} ({shown})", pool.id(), sources.len());
                        }
                    }
                    last.insert(name, snapshot);
                    writeln!(text, "{line}")
                }
            }
            .expect("text can be written");
        }
    }
    text
}
