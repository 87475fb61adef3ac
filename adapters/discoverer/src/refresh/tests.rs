use std::collections::VecDeque;

use headcount_core::{Encoder, Instant, ProviderId, UpdateKind};
use proptest::prelude::*;

use super::*;
use crate::ReportQueue;
use crate::env::Random;
use crate::testing::{Collected, Received, World};

struct Seeded(u64);

impl Random for Seeded {
    fn next_u64(&self) -> u64 {
        self.0
    }
}

const MINUTE: Duration = Duration::from_secs(60);

proptest! {
    #[test]
    fn waits_stay_within_what_is_promised(
        bits: u64,
        interval in 1_u64..100_000,
        took in 0_u64..200_000,
        failures in 0_usize..40,
    ) {
        let (random, interval, took) = (Seeded(bits), Duration::from_millis(interval), Duration::from_millis(took));
        let mut schedule = Schedule::new(interval);
        let first = schedule.after_success(&random);
        prop_assert!(interval / 2 <= first && first <= interval);
        let second = schedule.after_success(&random);
        prop_assert!(interval.mul_f64(0.899) <= second && second <= interval);
        let mut longest = Duration::ZERO;
        for _ in 0..failures {
            let wait = schedule.after_failure(Retry::Soon, took, &random);
            prop_assert!(wait <= interval / 2 && wait >= longest, "ever later, up to half an interval");
            longest = wait;
            let rest = schedule.after_failure(Retry::Soon, took, &random);
            let from_start = took + wait + took + rest;
            prop_assert!(from_start >= interval, "two in an interval, and no third");
            prop_assert!(from_start <= interval.mul_f64(1.11).max(took + wait + took));
        }
        let at_interval = took + schedule.after_failure(Retry::AtInterval, took, &random);
        prop_assert!(interval <= at_interval.max(took) && at_interval <= interval.mul_f64(1.11).max(took));
        let asked = Duration::from_secs(30);
        prop_assert!(schedule.after_failure(Retry::After(asked), took, &random) >= asked);
        let capped = schedule.after_failure(Retry::After(Duration::MAX), took, &random);
        prop_assert!(capped <= LONGEST_RETRY_AFTER.max(interval).mul_f64(1.11));
    }
}

/// Answers as scripted, then for ever as the last time.
struct Scripted(VecDeque<Result<Refreshed, RefreshError>>);

impl Refresh for Scripted {
    async fn refresh(&mut self, env: &Env) -> Result<Refreshed, RefreshError> {
        env.clock.sleep(Duration::from_millis(20)).await;
        let next = self.0.pop_front().expect("the script has an end");
        if self.0.is_empty() {
            self.0.push_back(next.clone());
        }
        next
    }
}

impl Scripted {
    fn run(script: Vec<Result<Refreshed, RefreshError>>, time: Duration) -> Vec<Received> {
        let mut world = World::new();
        let scripted = Self(script.into());
        world.start(Box::new(move |env, updates| run(MINUTE, scripted, env, updates)));
        world.run_for(time)
    }
}

fn found(sources: &[&str]) -> Result<Refreshed, RefreshError> {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    for source in sources {
        batch
            .group(source, [("a", "b")], [[("__address__", *source)]])
            .expect("short strings");
    }
    Ok(Refreshed::Update(Update::full(batch.finish())))
}

#[test]
fn the_first_refresh_is_at_once_and_the_others_keep_to_the_interval() {
    let received = Scripted::run(vec![found(&["x"])], MINUTE * 60);
    assert_eq!(received[0].at, Instant::ZERO + Duration::from_millis(20));
    assert!(
        (60..=68).contains(&received.len()),
        "{} refreshes in an hour of minutes",
        received.len()
    );
    assert!(received.iter().all(|received| {
        received
            .update()
            .is_some_and(|u| u.duration() == Some(Duration::from_millis(20)))
    }));
}

/// Takes a third of the interval, and notes when it begins.
struct Slow(
    std::sync::Arc<std::sync::Mutex<Vec<Instant>>>,
    Result<Refreshed, RefreshError>,
);

impl Refresh for Slow {
    async fn refresh(&mut self, env: &Env) -> Result<Refreshed, RefreshError> {
        self.0.lock().expect("nobody panicked").push(env.clock.now());
        env.clock.sleep(MINUTE / 3).await;
        self.1.clone()
    }
}

#[test]
fn intervals_count_from_start_to_start() {
    for (answer, longest) in [
        (found(&["x"]), MINUTE),
        (Ok(Refreshed::Unchanged), MINUTE),
        (Err(RefreshError::at_interval("wrong")), MINUTE.mul_f64(1.11)),
    ] {
        let starts = std::sync::Arc::default();
        let slow = Slow(std::sync::Arc::clone(&starts), answer.clone());
        let mut world = World::new();
        world.start(Box::new(move |env, updates| run(MINUTE, slow, env, updates)));
        world.run_for(MINUTE * 60);
        let starts = starts.lock().expect("nobody panicked");
        assert!(starts.len() > 50, "{} starts in an hour of minutes", starts.len());
        for pair in starts.windows(2) {
            let apart = pair[1].saturating_duration_since(pair[0]);
            assert!(apart <= longest, "{apart:?} from start to start: {answer:?}");
        }
    }
}

#[test]
fn discoverers_that_start_together_drift_apart() {
    let mut world = World::new();
    for _ in 0..100 {
        world.start(Box::new(|env, updates| {
            run(MINUTE, Scripted(vec![found(&[])].into()), env, updates)
        }));
    }
    let received = world.run_for(MINUTE * 10);
    let last_minute = |second: u64| {
        let start = Instant::ZERO + MINUTE * 9 + Duration::from_secs(second);
        received
            .iter()
            .filter(|received| start <= received.at && received.at < start + Duration::from_secs(1))
            .count()
    };
    let busiest = (0..60).map(last_minute).max();
    assert!(busiest <= Some(10), "{busiest:?} of 100 in the same second");
}

#[test]
fn failures_are_told_and_tried_again_ever_less_soon() {
    let failure = Err(RefreshError::soon("connecting to sd.example: refused"));
    let received = Scripted::run(vec![found(&["x"]), failure], MINUTE * 10);
    assert!(received[0].update().is_some());
    assert!(
        received[1..]
            .iter()
            .all(|received| received.failure() == Some("connecting to sd.example: refused"))
    );
    let gaps: Vec<_> = received[1..]
        .windows(2)
        .map(|pair| pair[1].at.saturating_duration_since(pair[0].at))
        .collect();
    assert!(gaps[0] <= FIRST_RETRY + Duration::from_millis(20), "{gaps:?}");
    assert!(gaps.iter().all(|gap| *gap <= MINUTE.mul_f64(1.1)), "{gaps:?}");
    // The first of them is the success.
    for three in received[1..].windows(3) {
        let time = three[2].at.saturating_duration_since(three[0].at);
        assert!(time >= MINUTE, "three in {time:?}: {gaps:?}");
    }
    assert!(received.len() >= 15, "two in each minute: {gaps:?}");
}

#[test]
fn after_a_success_the_next_failure_is_tried_again_soon() {
    let mut script: Vec<_> = (0..8).map(|_| Err(RefreshError::soon("down"))).collect();
    script.extend([found(&["x"]), Err(RefreshError::soon("down"))]);
    let received = Scripted::run(script, MINUTE * 10);
    let back = received
        .iter()
        .position(|received| received.update().is_some())
        .expect("one success");
    let gap = received[back + 2].at.saturating_duration_since(received[back + 1].at);
    assert!(gap <= FIRST_RETRY + Duration::from_millis(20), "{gap:?}");
}

#[test]
fn what_has_to_be_mended_is_asked_for_at_the_interval() {
    let received = Scripted::run(vec![Err(RefreshError::at_interval("404"))], MINUTE * 10);
    assert!((10..=12).contains(&received.len()), "{}", received.len());
}

#[test]
fn a_server_decides_when_it_is_asked_again() {
    let busy = Err(RefreshError::soon("503").after(MINUTE * 5));
    let received = Scripted::run(vec![busy, found(&["x"])], MINUTE * 20);
    let gap = received[1].at.saturating_duration_since(received[0].at);
    assert!(MINUTE * 5 <= gap && gap <= MINUTE * 6, "{gap:?}");
}

#[test]
fn unchanged_counts_as_a_success_and_names_no_group() {
    let received = Scripted::run(vec![found(&["x"]), Ok(Refreshed::Unchanged)], MINUTE * 2);
    let update = received[1].update().expect("a success");
    assert_eq!((update.kind(), update.groups().len()), (UpdateKind::Delta, 0));
    let mut collected = Collected::default();
    collected.receive(&received);
    assert_eq!(collected.sources(), ["x"]);
}

/// Never ends.
struct Hanging;

impl Refresh for Hanging {
    async fn refresh(&mut self, _env: &Env) -> Result<Refreshed, RefreshError> {
        std::future::pending().await
    }
}

#[test]
fn every_refresh_has_a_deadline() {
    let second = Duration::from_secs(1);
    for (interval, deadline) in [
        (second, SHORTEST_DEADLINE),
        (MINUTE, MINUTE),
        (MINUTE * 600, LONGEST_DEADLINE),
    ] {
        let mut world = World::new();
        world.start(Box::new(move |env, updates| run(interval, Hanging, env, updates)));
        let heard = world.run_for(deadline);
        assert_eq!(heard.len(), 1);
        assert!(
            heard[0]
                .failure()
                .is_some_and(|message| message.contains("did not end within"))
        );
        assert_eq!(heard[0].at, Instant::ZERO + deadline);
    }
}

#[test]
fn it_returns_when_nobody_listens() {
    let queue = ReportQueue::unbounded();
    queue.close();
    let world = World::new();
    let updates = Updates::new(ProviderId::from_number(1), queue);
    let scripted = Scripted(vec![Err(RefreshError::soon("down"))].into());
    let mut running = Box::pin(run(MINUTE, scripted, world.env(), updates));
    let mut poll = || futures_lite::future::block_on(futures_lite::future::poll_once(&mut running));
    assert_eq!(poll(), None, "the refresh takes a while");
    world.clock.move_to(Instant::ZERO + MINUTE);
    assert_eq!(poll(), Some(()));
}

/// A world in which a backend is asked each hour, which answers like this for ever.
fn hourly(answer: Result<Refreshed, RefreshError>) -> World {
    let mut world = World::new();
    let scripted = Scripted(vec![answer].into());
    world.start(Box::new(move |env, updates| run(MINUTE * 60, scripted, env, updates)));
    world.run_for(MINUTE);
    world
}

#[test]
fn who_asks_for_a_refresh_gets_one_now() {
    let mut world = hourly(found(&["a"]));
    let request = world.ask(world.provider());
    let received = world.run_for(MINUTE);
    assert_eq!(received.len(), 2, "an update, and that it is what was asked for");
    assert_eq!(
        (received[0].update().is_some(), received[1].answered()),
        (true, Some(request))
    );
    // The interval begins anew.
    let next = world.run_for(MINUTE * 61);
    assert_eq!(next.len(), 1);
    assert!(next[0].at >= received[0].at + MINUTE * 53);
}

#[test]
fn who_asks_for_a_refresh_that_fails_hears_that() {
    let mut world = hourly(Err(RefreshError::at_interval("down")));
    let request = world.ask(world.provider());
    let received = world.run_for(MINUTE);
    assert_eq!(
        (received[0].failure(), received[1].answered()),
        (Some("down"), Some(request))
    );
}

#[test]
fn who_asks_for_a_refresh_waits_for_as_long_as_the_server_says() {
    let after = RefreshError::soon("busy").after(MINUTE * 5);
    let mut world = hourly(Err(after));
    let request = world.ask(world.provider());
    assert!(world.run_for(MINUTE * 3).is_empty());
    let received = world.run_for(MINUTE * 3);
    assert_eq!(received.iter().find_map(Received::answered), Some(request));
}
