//! What becomes of the groups of a provider that fails for too long (B04).

use std::time::Duration;

use headcount_core::{EventKind, Failure, ManagerOptions, TimeoutReason, Update};
use proptest::prelude::*;

use crate::story::{Sources, Story, cases, sources, ticker};

const MAX_STALE: Duration = Duration::from_secs(60);

fn story() -> Story {
    Story::new(ManagerOptions {
        throttle: ticker(Duration::ZERO),
        max_stale: Some(MAX_STALE),
        ..ManagerOptions::default()
    })
}

/// What a provider says, and how many seconds after what it said before.
#[derive(Debug, Clone, Copy)]
enum Reported {
    Full(u8),
    Unchanged,
    Failed,
}

fn saids() -> impl Strategy<Value = Vec<(u64, Reported)>> {
    let said = prop_oneof![
        1 => (0..3_u8).prop_map(Reported::Full),
        1 => Just(Reported::Unchanged),
        3 => Just(Reported::Failed),
    ];
    prop::collection::vec((1..50_u64, said), 1..20)
}

fn found(number: u8) -> Sources {
    match number {
        0 => Sources::new(),
        number => sources(&[(&format!("source {number}"), &["10.0.0.1"])]),
    }
}

proptest! {
    #![proptest_config(cases())]

    /// While it does well, and for a minute after it began to fail, all is shown; then nothing, until it does well again.
    #[test]
    fn b04_what_fails_is_shown_until_it_is_too_old(said in saids()) {
        let mut story = story();
        let id = story.one_provider();
        let (mut has, mut failing) = (Sources::new(), None);
        for (seconds, said) in said {
            for _ in 0..seconds {
                story.wait(Duration::from_secs(1));
                let is_too_old = failing.is_some_and(|since| story.now >= since + MAX_STALE);
                let expected = if is_too_old { Sources::new() } else { has.clone() };
                prop_assert_eq!(story.received("node"), Some(expected));
            }
            match said {
                Reported::Full(number) => {
                    has = found(number);
                    story.full(id, &has).expect("it runs");
                }
                Reported::Unchanged => drop(story.update(id, Update::unchanged()).expect("it runs")),
                Reported::Failed => story.fails(id, Failure::new("no answer")).expect("it runs"),
            }
            failing = match said {
                Reported::Failed => failing.or(Some(story.now)),
                Reported::Full(_) | Reported::Unchanged => None,
            };
        }
    }
}

/// What is hidden is not forgotten: a discoverer that says that nothing has changed does not say it again.
#[test]
fn b04_what_was_too_old_is_there_again() {
    let mut story = story();
    let id = story.one_provider();
    let has = sources(&[("a", &["10.0.0.1", "10.0.0.2"]), ("b", &["10.0.0.3"])]);
    story.full(id, &has).expect("it runs");
    story.fails(id, Failure::new("no answer")).expect("it runs");
    let until = story.now + MAX_STALE;
    assert_eq!(story.manager().poll_timeout(), Some((until, TimeoutReason::Stale)));
    story.take_events();
    story.wait(MAX_STALE);
    assert_eq!(story.received("node"), Some(Sources::new()));
    assert_eq!(story.take_events(), [EventKind::Expired { targets: 3 }]);
    let reports = |story: &Story| story.last().provider(id).expect("it runs").reports().clone();
    assert_eq!(reports(&story).expired, Some(until));
    assert!(
        reports(&story).is_whole(),
        "it was read whole, and that it is too old is no reason to wait"
    );

    story.update(id, Update::unchanged()).expect("it runs");
    assert_eq!(story.received("node"), Some(has));
    assert_eq!((reports(&story).expired, story.manager().poll_timeout()), (None, None));
}

/// One that says nothing because nothing happens is well, however long it is silent.
#[test]
fn b04_who_does_well_does_not_grow_old() {
    let mut story = story();
    let id = story.one_provider();
    let has = sources(&[("a", &["10.0.0.1"])]);
    story.full(id, &has).expect("it runs");
    story.wait(MAX_STALE * 100);
    assert_eq!(story.received("node"), Some(has.clone()));
    // Its first failure after that is no reason either.
    story.fails(id, Failure::new("no answer")).expect("it runs");
    story.wait(MAX_STALE - Duration::from_nanos(1));
    assert_eq!(story.received("node"), Some(has));
    story.wait(Duration::from_nanos(1));
    assert_eq!(story.received("node"), Some(Sources::new()));
}

/// What was restored counts from the start of this manager until somebody speaks.
#[test]
fn b04_what_was_restored_grows_old_until_its_provider_speaks() {
    let mut story = story();
    let id = story.one_provider();
    let has = sources(&[("a", &["10.0.0.1"])]);
    story.full(id, &has).expect("it runs");
    story.restart();
    story.one_provider();
    story.wait(MAX_STALE - Duration::from_nanos(1));
    assert_eq!(story.received("node"), Some(has));
    story.wait(Duration::from_nanos(1));
    assert_eq!(story.received("node"), Some(Sources::new()));
}
