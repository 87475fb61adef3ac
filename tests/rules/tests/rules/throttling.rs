//! When snapshots are emitted.

use std::time::Duration;

use headcount_core::reference::{COLLIDING_SOURCES, Input};
use headcount_core::{Backoff, Instant, ManagerOptions, Throttle, TimeoutReason};
use proptest::prelude::*;

use crate::story::{Sources, Story, any_sources, backoff, cases, sets, sources, ticker};

/// Times between changes: from much shorter to much longer than the throttles' waits.
fn pauses() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(
        prop_oneof![Just(0), 1_u64..200, 200_u64..6_000, 5_000_u64..20_000],
        1..60,
    )
}

fn any_throttle() -> impl Strategy<Value = Throttle> {
    let backoff = (0_u64..300, 0_u64..8_000, 0_u64..8_000, 0_u32..3_000, 0_u32..1_500);
    prop_oneof![
        Just(Throttle::default()),
        (0_u64..8_000).prop_map(|millis| ticker(Duration::from_millis(millis))),
        backoff.prop_map(|(initial, max, quiet, growth_permille, jitter_permille)| {
            Throttle::Backoff(Backoff {
                initial: Duration::from_millis(initial),
                max: Duration::from_millis(max),
                quiet: Duration::from_millis(quiet),
                growth_permille,
                jitter_permille,
            })
        }),
    ]
}

/// A story in which something changes after each pause, up to the last one.
fn churn(throttle: Throttle, seed: u64, pauses: &[u64]) -> Story {
    let mut story = Story::new(ManagerOptions {
        throttle,
        seed,
        ..ManagerOptions::default()
    });
    let id = story.one_provider();
    for (number, pause) in pauses.iter().enumerate() {
        story.wait(Duration::from_millis(*pause));
        story.delta(id, &numbered(number)).expect("it runs");
    }
    story
}

/// A source whose target changes with each number.
fn numbered(number: usize) -> Sources {
    sources(&[("a", &[&number.to_string()]), (COLLIDING_SOURCES[0], &["1"])])
}

fn times(story: &Story) -> Vec<Instant> {
    story.emitted.iter().map(headcount_core::Snapshot::at).collect()
}

fn between(earlier: Instant, later: Instant) -> Duration {
    later.saturating_duration_since(earlier)
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

proptest! {
    #![proptest_config(cases())]

    /// S07, ticker: snapshots are emitted at ticks of the manager's own clock only, at most one a
    /// tick, and only if something changed.
    #[test]
    fn s07_a_ticker_emits_at_ticks_only(pauses in pauses()) {
        let mut story = churn(ticker(Duration::from_secs(5)), 0, &pauses);
        story.settle();
        let times = times(&story);
        prop_assert!(times.iter().all(|time| time.as_nanos() % 5_000_000_000 == 0 && *time > Instant::ZERO));
        prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(times.len() <= pauses.len() + 1, "not more snapshots than changes");
    }

    /// S07, backoff: between two snapshots there is at least half of 100 ms, and while changes
    /// keep coming the wait grows to 5 s, half as much more or less.
    #[test]
    fn s07_backoff_keeps_its_distance(pauses in pauses(), seed: u64) {
        let mut story = churn(backoff(), seed, &pauses);
        story.settle();
        let times = times(&story);
        for pair in times.windows(2) {
            prop_assert!(between(pair[0], pair[1]) >= Duration::from_millis(50));
        }
        // The first change is emitted after 100 ms ± 50 %.
        prop_assert!((at(50)..=at(150)).contains(&times[0]), "{:?}", times[0]);
    }

    /// S07, backoff under steady churn: the 300 changes of a minute make 15 to 35 snapshots, and
    /// once the wait has grown there are 2.5 s to 7.5 s between two.
    #[test]
    fn s07_backoff_under_steady_churn(seed: u64) {
        let mut story = churn(backoff(), seed, &[200; 300]);
        story.settle();
        let times = times(&story);
        prop_assert!((15..=35).contains(&times.len()), "{}", times.len());
        for pair in times.windows(2).skip(12) {
            let wait = between(pair[0], pair[1]);
            prop_assert!((2_500..=7_700).contains(&wait.as_millis()), "{wait:?}");
        }
    }

    /// S07, backoff: after more than 5 s without a snapshot a change is prompt again.
    #[test]
    fn s07_backoff_is_prompt_again_after_quiet(pauses in pauses(), seed: u64, quiet in 5_001_u64..60_000) {
        let mut story = churn(backoff(), seed, &pauses);
        story.settle();
        story.wait(Duration::from_millis(quiet));
        let id = story.started[0].0;
        let before = story.now;
        story.delta(id, &numbered(usize::MAX)).expect("it runs");
        story.settle();
        let wait = between(before, story.last().at());
        prop_assert!((50..=150).contains(&wait.as_millis()), "{wait:?}");
    }

    /// S07: jitter comes from the manager's own seed, so runs can be repeated.
    #[test]
    fn s07_jitter_is_the_seed_s(pauses in pauses(), seed: u64) {
        let run = |seed| times(&churn(backoff(), seed, &pauses));
        prop_assert_eq!(run(seed), run(seed));
    }

    /// S08: after the last change there is always a snapshot that contains it, at most one
    /// throttle interval later if the receiver takes it; and a change never moves a deadline.
    #[test]
    fn s08_the_last_change_is_always_told(throttle in any_throttle(), pauses in pauses(), seed: u64) {
        let mut story = churn(throttle, seed, &pauses);
        let id = story.started[0].0;
        story.delta(id, &numbered(usize::MAX)).expect("it runs");
        let (changed, deadline) = (story.now, story.manager().poll_timeout());
        if let Some((deadline, reason)) = deadline {
            prop_assert_eq!(reason, TimeoutReason::Throttle);
            prop_assert!(deadline <= changed + throttle.longest_wait());
            story.apply(&sets(&[("node", &[0]), ("other", &[])]));
            prop_assert_eq!(story.manager().poll_timeout().map(|(at, _)| at), Some(deadline));
        }
        story.wait(throttle.longest_wait());
        prop_assert_eq!(story.received("node"), Some(numbered(usize::MAX)));
        prop_assert_eq!(story.manager().poll_timeout(), None, "nothing is left to emit");
    }

    /// S09: a receiver that is not ready loses nothing and blocks nobody: the change stays
    /// pending, is counted as delayed once, asks for no wake-up meanwhile, and what the receiver
    /// gets when it is ready is the newest state, in one snapshot.
    #[test]
    fn s09_a_slow_receiver_gets_the_newest(
        throttle in any_throttle(), all in prop::collection::vec(any_sources(), 1..8), slow in 20_000_u64..60_000,
    ) {
        let mut story = Story::throttled(throttle);
        story.receiver_is_quick = false;
        let id = story.one_provider();
        story.wait(throttle.longest_wait());
        prop_assert_eq!(story.emitted.len(), 1, "the receiver has the reload's snapshot to chew on");

        story.full(id, &sources(&[("first", &["0"])])).expect("it runs");
        for found in &all {
            story.full(id, found).expect("it runs");
            story.wait(Duration::from_millis(slow));
        }
        prop_assert_eq!(story.emitted.len(), 1);
        prop_assert_eq!(story.manager().counters().updates_delayed, 1);
        prop_assert_eq!(story.manager().poll_timeout(), None);

        story.receiver_takes();
        prop_assert_eq!(story.emitted.len(), 2, "at once: the throttle's time is over");
        prop_assert_eq!(story.last().at(), story.now);
        prop_assert_eq!(story.received("node"), all.last().cloned());
        story.receiver_takes();
        story.wait(Duration::from_secs(60));
        prop_assert_eq!(story.emitted.len(), 2, "there is no queue");
    }
}

/// S07, ticker: a change at a tick waits for the next one; a quiet tick is silent.
#[test]
fn s07_a_change_at_a_tick_is_too_late_for_it() {
    let mut story = Story::throttled(ticker(Duration::from_secs(5)));
    let id = story.one_provider();
    story.wait(Duration::from_secs(5));
    story.delta(id, &numbered(1)).expect("it runs");
    story.wait(Duration::from_secs(20));
    story.delta(id, &numbered(2)).expect("it runs");
    story.settle();
    assert_eq!(times(&story), [at(5_000), at(10_000), at(30_000)]);
}

/// S07, ticker: ticks are counted from the manager's start, not from the epoch.
#[test]
fn s07_ticks_count_from_the_start() {
    let mut story = Story::throttled(ticker(Duration::from_secs(5)));
    let start = at(1_234);
    story.now = start;
    story.pair = headcount_core::reference::Pair::new(
        start,
        ManagerOptions {
            throttle: ticker(Duration::from_secs(5)),
            ..ManagerOptions::default()
        },
    );
    story.one_provider();
    story.settle();
    assert_eq!(times(&story), [at(6_234)]);
}

/// S07, backoff: an initial wait of zero emits the first change at once, and the next after
/// 150 ms.
#[test]
fn s07_an_initial_wait_of_zero_still_throttles() {
    let settings = Backoff {
        initial: Duration::ZERO,
        jitter_permille: 0,
        ..Backoff::default()
    };
    let mut story = Story::throttled(Throttle::Backoff(settings));
    let id = story.one_provider();
    assert_eq!(times(&story), [at(0)]);
    story.delta(id, &numbered(1)).expect("it runs");
    story.settle();
    assert_eq!(times(&story), [at(0), at(150)]);
}

/// S07, backoff: exactly `quiet` after a snapshot is not quiet yet.
#[test]
fn s07_quiet_is_more_than_five_seconds() {
    let settings = Backoff {
        jitter_permille: 0,
        ..Backoff::default()
    };
    for (pause, wait) in [(5_000, 100), (5_001, 100), (60, 100), (40, 110)] {
        let mut story = Story::throttled(Throttle::Backoff(settings));
        let id = story.one_provider();
        story.settle();
        let emitted = story.now;
        story.wait(Duration::from_millis(pause));
        story.delta(id, &numbered(1)).expect("it runs");
        story.settle();
        assert_eq!(
            between(emitted, story.last().at()).as_millis(),
            u128::from(pause + wait),
            "after {pause} ms"
        );
    }
    // What tells the two apart is the wait after the next snapshot: it has grown, or not.
    for (pause, wait) in [(5_000, 225), (5_001, 150)] {
        let mut story = Story::throttled(Throttle::Backoff(settings));
        let id = story.one_provider();
        story.settle();
        story.wait(Duration::from_millis(pause));
        story.delta(id, &numbered(1)).expect("it runs");
        story.settle();
        let emitted = story.now;
        story.delta(id, &numbered(2)).expect("it runs");
        story.settle();
        assert_eq!(
            between(emitted, story.last().at()).as_millis(),
            wait,
            "after {pause} ms"
        );
    }
}

/// S09: a receiver that becomes ready before the deadline is not late, and the deadline stands.
#[test]
fn s09_a_receiver_that_is_back_in_time_is_not_late() {
    let mut story = Story::throttled(ticker(Duration::from_secs(5)));
    story.receiver_is_quick = false;
    let id = story.one_provider();
    story.settle();
    story.delta(id, &numbered(1)).expect("it runs");
    story.wait(Duration::from_millis(4_999));
    story.receiver_takes();
    assert_eq!(story.emitted.len(), 1);
    story.settle();
    assert_eq!(times(&story), [at(5_000), at(10_000)]);
    assert_eq!(story.manager().counters().updates_delayed, 0);
}

/// A driver that comes late is forgiven: any input after the deadline emits.
#[test]
fn s08_a_late_driver_emits_with_the_next_input() {
    let mut story = Story::throttled(backoff());
    let id = story.one_provider();
    story.now = at(60_000);
    story
        .fails(id, headcount_core::Failure::new("no answer"))
        .expect("it runs");
    assert_eq!(times(&story), [at(60_000)]);
    story.input(Input::Timeout);
    assert_eq!(story.emitted.len(), 1);
}

/// Time at its end, or running backwards, is no reason to panic or to fall silent.
#[test]
fn s08_time_at_its_edges() {
    for throttle in [backoff(), ticker(Duration::from_secs(5)), ticker(Duration::MAX)] {
        let end = Instant::from_nanos(u64::MAX);
        let mut story = Story::throttled(throttle);
        let id = story.one_provider();
        story.now = end;
        story.delta(id, &numbered(1)).expect("it runs");
        assert_eq!(times(&story), [end]);
        story.delta(id, &numbered(2)).expect("it runs");
        story.settle();
        assert_eq!(story.received("node"), Some(numbered(2)));
    }
    // Backwards: the manager alone, for the model knows no such time.
    let mut manager = headcount_core::Manager::new(at(1_000), ManagerOptions::default());
    manager.apply(
        at(900),
        [(
            "node".to_owned(),
            vec![headcount_core::reference::PlainConfig::new("file", 0)],
        )],
    );
    manager.handle_timeout(at(10));
    let (deadline, _) = manager.poll_timeout().expect("a reload is due");
    assert!(deadline <= at(1_050), "{deadline:?}");
    manager.handle_timeout(deadline);
    assert_eq!(manager.counters().updates, 1);
}
