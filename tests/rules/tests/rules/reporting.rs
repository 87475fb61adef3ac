//! What snapshots and events say of providers besides their groups (B01, B04, B05, B09, S11).

use std::collections::BTreeSet;
use std::time::Duration;

use headcount_core::reference::{Answer, Input, PlainConfig};
use headcount_core::{
    DropGuard, EventKind, Failure, Instant, Manager, ManagerOptions, Missing, MissingPart, Output, ProviderId, Release,
    Snapshot, UnknownProvider, Update,
};
use proptest::prelude::*;

use crate::story::{Sets, Sources, Story, any_sets, backoff, cases, sets, sources, ticker};

const HOLD: Duration = Duration::from_secs(600);

/// A report that has no group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    Full,
    Delta,
    Completing,
    Partial(u8),
    Failure,
}

fn any_report() -> impl Strategy<Value = Report> {
    prop_oneof![
        Just(Report::Full),
        Just(Report::Delta),
        Just(Report::Completing),
        (0_u8..2).prop_map(Report::Partial),
        Just(Report::Failure),
    ]
}

fn zone(number: u8) -> Missing {
    Missing::of([MissingPart::new(format!("zone {number}"), "HTTP 503")]).expect("a part")
}

fn report(story: &mut Story, id: ProviderId, report: Report) {
    let update = match report {
        Report::Full => Update::full(Vec::new()),
        Report::Delta => Update::unchanged(),
        Report::Completing => Update::completing(Vec::new()),
        Report::Partial(number) => Update::partial(Vec::new(), zone(number)),
        Report::Failure => return story.fails(id, Failure::new("no answer")).expect("it runs"),
    };
    story.update(id, update).expect("it runs");
}

fn names(snapshot: &Snapshot) -> BTreeSet<String> {
    snapshot.sets().map(|set| set.to_string()).collect()
}

proptest! {
    #![proptest_config(cases())]

    /// B01: a provider's first update, its first failure and its first read of everything each make a
    /// snapshot, also without any group, because it says so; nothing else without a group makes one.
    #[test]
    fn b01_what_is_first_is_said(reports in prop::collection::vec(any_report(), 0..12), restarts: bool) {
        let mut story = Story::throttled(backoff());
        if restarts {
            let id = story.one_provider();
            story.full(id, &Sources::new()).expect("it runs");
            story.restart();
        }
        let id = story.one_provider();
        story.settle();
        let (mut updated, mut failed, mut whole) = (false, false, false);
        for each in reports {
            story.wait(Duration::from_secs(60));
            let emitted = story.emitted.len();
            let before = (updated, failed, whole);
            updated |= each != Report::Failure;
            failed |= each == Report::Failure;
            whole |= matches!(each, Report::Full | Report::Completing);
            report(&mut story, id, each);
            story.settle();
            let is_first = before != (updated, failed, whole);
            prop_assert_eq!(story.emitted.len() - emitted, usize::from(is_first), "{:?}", each);

            let provider = story.last().provider(id).expect("it runs");
            let reports = provider.reports();
            let known = (reports.first_update.is_some(), reports.first_failure.is_some(), reports.first_whole.is_some());
            prop_assert_eq!(known, (updated, failed, whole));
            prop_assert_eq!(reports.is_whole(), whole || restarts);
        }
    }

    /// B04: that a provider begins to fail, lacks something, or does well again is an event at once,
    /// once each, whether or not there is a snapshot; and the next snapshot says how it fares.
    #[test]
    fn b04_how_a_provider_fares_is_an_event(reports in prop::collection::vec(any_report(), 1..12)) {
        let mut story = Story::throttled(backoff());
        story.receiver_is_quick = false;
        let id = story.one_provider();
        let mut before = None;
        let mut failures = 0;
        for each in reports {
            report(&mut story, id, each);
            let events = story.take_events();
            let failed = failures;
            failures = if each == Report::Failure { failed + 1 } else { 0 };
            let expected = match (before, each) {
                (Some(Report::Failure), Report::Failure) => None,
                (_, Report::Failure) => Some("fails".to_owned()),
                (Some(Report::Partial(old)), Report::Partial(new)) if old == new => None,
                (_, Report::Partial(new)) => Some(format!("lacks {}", zone(new))),
                (Some(Report::Failure | Report::Partial(_)), _) => Some(format!("is well after {failed}")),
                _ => None,
            };
            let found: Vec<String> = events
                .iter()
                .map(|event| match event {
                    EventKind::Failing(_) => "fails".to_owned(),
                    EventKind::Partial(missing) => format!("lacks {missing}"),
                    EventKind::Recovered { failures } => format!("is well after {failures}"),
                    other => format!("{other:?}"),
                })
                .collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
            before = Some(each);
            story.wait(Duration::from_secs(1));
        }
        let fares = story.manager().provider(id).expect("it runs").health.reports.condition.clone();
        story.receiver_is_quick = true;
        story.receiver_takes();
        story.apply(&sets(&[("node", &[0])]));
        story.settle();
        prop_assert_eq!(&story.last().provider(id).expect("it runs").reports().condition, &fares);
    }

    /// B09, S11: a set is whole when each of its providers has been read whole and none of its configs
    /// failed; a snapshot says so of each set, and which configs failed and why.
    #[test]
    fn b09_a_set_is_whole_when_all_of_it_is(all in any_sets(), read in prop::collection::btree_set(0_u8..4, 0..4), bad in 0_u8..4) {
        let mut story = Story::prompt();
        let started = story.apply(&all).started;
        for id in started {
            match story.config(id) {
                config if config == bad => story.cannot_be_built(id, "no such file").expect("it runs"),
                config if read.contains(&config) => report(&mut story, id, Report::Full),
                _ => report(&mut story, id, Report::Partial(0)),
            }
        }
        let wanted = |set: &str| -> BTreeSet<u8> {
            all.iter().filter(|(name, _)| name == set).flat_map(|(_, configs)| configs.clone()).collect()
        };
        for name in names(story.last()) {
            let set = story.last().set(&name).expect("it is there");
            let wanted = wanted(&name);
            let failed: Vec<_> = set.failed_configs().map(|failed| failed.reason.as_str()).collect();
            let expected = if wanted.contains(&bad) { vec!["no such file"] } else { vec![] };
            prop_assert_eq!(failed, expected);
            let is_whole = wanted.iter().all(|config| *config != bad && read.contains(config));
            prop_assert_eq!(set.is_whole(), is_whole, "{}", name);
        }
        // The next apply tries what failed again, and says so from its first snapshot on.
        story.apply(&all);
        prop_assert_eq!(story.last().failed_configs().len(), 0);
    }

    /// S02, S10: the version that an apply names is that of the first snapshot with its sets.
    #[test]
    fn s10_an_apply_names_its_snapshot(
        steps in prop::collection::vec((any_sets(), any::<bool>(), 0_u64..7_000), 1..10), seed: u64,
    ) {
        let options = ManagerOptions { throttle: backoff(), seed, ..ManagerOptions::default() };
        let mut story = Story::new(options);
        story.receiver_is_quick = false;
        let mut applied: Vec<(u64, Sets)> = Vec::new();
        for (all, takes, pause) in steps {
            applied.push((story.apply(&all).version, all));
            story.wait(Duration::from_millis(pause));
            if takes {
                story.receiver_takes();
            }
        }
        story.receiver_is_quick = true;
        story.receiver_takes();
        story.settle();
        for snapshot in &story.emitted {
            let (_, sets) = applied.iter().rfind(|(version, _)| *version <= snapshot.version()).expect("one was applied");
            prop_assert_eq!(names(snapshot), sets.iter().map(|(set, _)| set.clone()).collect());
        }
        let versions: Vec<u64> = story.emitted.iter().map(Snapshot::version).collect();
        prop_assert!(applied.iter().all(|(version, _)| versions.contains(version)), "each was emitted");
    }
}

fn guarded() -> Story {
    Story::new(ManagerOptions {
        throttle: ticker(Duration::ZERO),
        guard: Some(DropGuard::new("30%".parse().expect("a percentage"), HOLD)),
        ..ManagerOptions::default()
    })
}

/// So many targets in one source.
fn targets(count: usize) -> Sources {
    let addresses: Vec<String> = (0..count).map(|number| format!("10.0.0.{number}:9100")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    sources(&[("s", &addresses)])
}

/// B05: that a drop is held, grows, and is let go is an event each, with the reason.
#[test]
fn b05_what_is_held_is_an_event() {
    let held = |event: &EventKind| match event {
        EventKind::DropHeld { targets, of, .. } => format!("holds {targets} of {of}"),
        EventKind::DropReleased { targets, held, why } => {
            let others = targets - held.addresses().count();
            let others = if others > 0 {
                format!(", {others} of them never held")
            } else {
                String::new()
            };
            format!("lets {targets} go{others}: {why:?}")
        }
        other => format!("{other:?}"),
    };
    let mut story = guarded();
    let id = story.one_provider();
    story.full(id, &targets(10)).expect("it runs");
    let said = |story: &mut Story, what: &dyn Fn(&mut Story)| {
        what(story);
        story.take_events().iter().map(held).collect::<Vec<_>>().join(", ")
    };
    let left = |count| {
        move |story: &mut Story| {
            story.full(id, &targets(count)).expect("it runs");
        }
    };
    assert_eq!(said(&mut story, &left(5)), "holds 5 of 10");
    assert_eq!(said(&mut story, &left(5)), "", "nothing is new");
    assert_eq!(said(&mut story, &left(4)), "holds 6 of 10");
    assert_eq!(said(&mut story, &left(9)), "lets 1 go: CameBack");

    assert_eq!(
        said(&mut story, &left(3)),
        "holds 6 of 10",
        "with the one that went before"
    );
    let fails = |story: &mut Story| story.fails(id, Failure::new("no answer")).expect("it runs");
    assert!(said(&mut story, &fails).starts_with("Failing"));
    assert_eq!(
        said(&mut story, &|story| story.wait(HOLD)),
        "",
        "nobody knows whether it stayed so"
    );
    assert_eq!(
        said(&mut story, &left(3)),
        "Recovered { failures: 1 }, lets 6 go: HoldTime"
    );

    assert_eq!(said(&mut story, &left(1)), "holds 2 of 3");
    let confirm = |story: &mut Story| assert_eq!(story.input(Input::Confirm(id)), Answer::Confirmed(Ok(2)));
    assert_eq!(said(&mut story, &confirm), "lets 2 go: Confirmed");

    let mut story = guarded();
    let started = story.apply(&sets(&[("small", &[0]), ("large", &[0, 1])])).started;
    story.full(started[0], &targets(10)).expect("it runs");
    let others: Vec<String> = (0..90).map(|number| format!("10.1.0.{number}:9100")).collect();
    let others = Sources::from([("other".to_owned(), others)]);
    story.full(started[1], &others).expect("it runs");
    let drops = |story: &mut Story| {
        story.full(started[0], &targets(5)).expect("it runs");
    };
    assert_eq!(said(&mut story, &drops), "holds 5 of 10");
    let reload = |story: &mut Story| drop(story.apply(&sets(&[("large", &[0, 1])])));
    assert_eq!(said(&mut story, &reload), "lets 5 go: Reload");
}

/// B05: what stays so for the hold time is let go by the clock, and said then.
#[test]
fn b05_the_hold_time_s_end_is_an_event() {
    let mut story = guarded();
    let id = story.one_provider();
    story.full(id, &targets(10)).expect("it runs");
    story.full(id, &targets(1)).expect("it runs");
    story.take_events();
    story.wait(HOLD);
    let [event] = story.events.as_slice() else {
        panic!("one event: {:?}", story.events)
    };
    assert_eq!((event.at, event.provider), (story.now, id));
    let why = Release::HoldTime;
    let held: Vec<String> = (1..10).map(|number| format!("10.0.0.{number}:9100")).collect();
    let held = held.iter().map(String::as_str).collect();
    assert_eq!(event.what, EventKind::DropReleased { targets: 9, held, why });
}

/// S11: that a config can't be built is an event.
#[test]
fn s11_a_failed_config_is_an_event() {
    let mut story = Story::prompt();
    let id = story.one_provider();
    story.cannot_be_built(id, "no such file").expect("it runs");
    let failed = story.manager().failed_configs()[0].clone();
    assert_eq!(story.take_events(), [EventKind::BuildFailed(failed)]);
}

/// A warning is for people: it is passed on, and neither how the provider fares nor what is shown depends on it. Who was
/// stopped says nothing any more (S06).
#[test]
fn a_warning_is_an_event_and_changes_nothing() {
    let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
    let config = PlainConfig::new("file", 0);
    let id = manager
        .apply(Instant::ZERO, [("node".to_owned(), vec![config])])
        .started[0];
    manager
        .handle_update(Instant::ZERO, id, Update::unchanged())
        .expect("it runs");
    while manager.poll_output().is_some() {}
    let health = manager.provider(id).expect("it runs").health.clone();
    let (version, deadline) = (manager.snapshot(Instant::ZERO).version(), manager.poll_timeout());

    manager.handle_warning(Instant::ZERO, id, "odd").expect("it runs");
    let Some(Output::Event(event)) = manager.poll_output() else {
        panic!("it was said")
    };
    assert_eq!((event.provider, event.what), (id, EventKind::Warned("odd".into())));
    assert!(manager.poll_output().is_none());
    assert_eq!(manager.poll_timeout(), deadline);
    assert_eq!(*manager.provider(id).expect("it runs").health, health);
    assert_eq!(manager.snapshot(Instant::ZERO).version(), version);

    manager.apply(Instant::ZERO, []);
    while manager.poll_output().is_some() {}
    assert_eq!(
        manager.handle_warning(Instant::ZERO, id, "odd"),
        Err(UnknownProvider(id))
    );
    assert!(manager.poll_output().is_none());
}
