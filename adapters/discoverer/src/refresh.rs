//! The loop that polls, backs off and reports, written once.
//!
//! A mechanism that is asked again and again implements [`Refresh`] and hands itself to [`run`].
//! The one rule: **whatever happens, the manager hears of every refresh**, either what was found
//! or why nothing was, with the time it took.
//!
//! When it asks is decided by [`Schedule`]:
//!
//! * The first refresh is at once. The second comes after half to a whole interval, the others
//!   after 90 % to 100 % of one, counted from start to start: discoverers that started together
//!   drift apart, and targets are never older than the configuration allows.
//! * After a failure the next refresh comes when an interval is over, and up to a tenth later. If the failure may
//!   pass by itself there is one more try in between: after a second, at the next failures after two, four, …, and
//!   at most half an interval, each shortened by up to half at random. So **a backend that fails is asked at most
//!   twice in an interval**, however it fails.
//! * After `Retry-After` it is as the server says.
//!
//! A refresh that has not ended after an interval (at least [`SHORTEST_DEADLINE`], at most [`LONGEST_DEADLINE`]) is
//! given up: that is a failure too.

use std::time::Duration;

use futures_lite::FutureExt;
use headcount_core::{Failure, Update};

use crate::env::Random;
use crate::{Env, Stopped, Updates};

/// The wait after a first failure that may pass by itself, unless the interval is shorter.
pub const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest wait that a server can ask for, unless the refresh interval is longer still: a
/// mistaken header must not silence a discoverer for a day.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(10 * 60);

/// However short the interval, a refresh may take as long as this.
pub const SHORTEST_DEADLINE: Duration = Duration::from_secs(30);

/// However long the interval, a refresh may take no longer than this: a backend that hangs must be noticed within
/// minutes, even where it is asked once a day.
pub const LONGEST_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// A mechanism that is asked again and again.
pub trait Refresh: Send {
    /// Asks once. When it takes too long the future is dropped where it waits, and this is called again later.
    fn refresh(&mut self, env: &Env) -> impl Future<Output = Result<Refreshed, RefreshError>> + Send;
}

/// What a refresh found.
#[derive(Debug, Clone)]
pub enum Refreshed {
    /// Groups.
    Update(Update),
    /// What the refresh before found, and it was cheap to see.
    Unchanged,
}

/// Why a refresh failed, and when to try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RefreshError {
    message: String,
    retry: Retry,
}

/// When to try again after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Soon, and less and less soon: it may pass by itself (a connection, an overloaded server).
    Soon,
    /// When the refresh interval is over: somebody has to mend something (a 404, a wrong answer).
    AtInterval,
    /// Not before this much time has passed, because the server asks so (`Retry-After`).
    After(Duration),
}

impl RefreshError {
    /// A failure that may pass by itself.
    pub fn soon(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retry: Retry::Soon,
        }
    }

    /// A failure that stays until somebody mends something.
    pub fn at_interval(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retry: Retry::AtInterval,
        }
    }

    /// The same failure, to be tried again not before `wait` has passed.
    pub fn after(self, wait: Duration) -> Self {
        Self {
            retry: Retry::After(wait),
            ..self
        }
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// When to try again.
    pub fn retry(&self) -> Retry {
        self.retry
    }
}

/// Refreshes for ever, and reports each time. Returns when nobody listens any more.
///
/// ```
/// use std::time::Duration;
///
/// use headcount_core::{Encoder, Update};
/// use headcount_discoverer::refresh::{self, Refresh, Refreshed, RefreshError};
/// use headcount_discoverer::{Env, Updates};
///
/// struct Racks(Encoder);
///
/// impl Refresh for Racks {
///     async fn refresh(&mut self, _env: &Env) -> Result<Refreshed, RefreshError> {
///         let mut batch = self.0.batch();
///         let group = batch.group("rack-1", [("rack", "1")], [[("__address__", "10.0.0.1:9100")]]);
///         group.map_err(|error| RefreshError::at_interval(error.to_string()))?;
///         Ok(Refreshed::Update(Update::full(batch.finish())))
///     }
/// }
///
/// async fn racks(env: Env, updates: Updates) {
///     refresh::run(Duration::from_secs(60), Racks(Encoder::new()), env, updates).await;
/// }
/// ```
pub async fn run(interval: Duration, mut mechanism: impl Refresh, env: Env, updates: Updates) {
    let mut schedule = Schedule::new(interval);
    loop {
        let started = env.clock.now();
        let result = in_time(interval, &env, mechanism.refresh(&env)).await;
        let took = env.clock.now().saturating_duration_since(started);
        let (wait, reported) = match result {
            Ok(refreshed) => {
                let update = match refreshed {
                    Refreshed::Update(update) => update,
                    Refreshed::Unchanged => Update::unchanged(),
                };
                let wait = schedule.after_success(env.random.as_ref()).saturating_sub(took);
                (wait, updates.send(update.took(took)).await)
            }
            Err(error) => {
                let wait = schedule.after_failure(error.retry, took, env.random.as_ref());
                (wait, updates.fail(Failure::new(error.message).took(took)).await)
            }
        };
        if let Err(Stopped) = reported {
            return;
        }
        env.clock.sleep(wait).await;
    }
}

/// What a refresh gives, or that it did not end in time.
async fn in_time(
    interval: Duration,
    env: &Env,
    refresh: impl Future<Output = Result<Refreshed, RefreshError>>,
) -> Result<Refreshed, RefreshError> {
    let deadline = interval.clamp(SHORTEST_DEADLINE, LONGEST_DEADLINE);
    let late = async {
        env.clock.sleep(deadline).await;
        Err(RefreshError::soon(format!(
            "the refresh did not end within {deadline:?}: what it asks does not answer, or has more to tell than fits \
             into this time"
        )))
    };
    // One that ends at the last moment, by a limit of its own, says more.
    refresh.or(late).await
}

/// Decides how long to wait between refreshes.
#[derive(Debug, Clone)]
pub struct Schedule {
    interval: Duration,
    succeeded_before: bool,
    /// Tries between the intervals since the last success.
    tries: u32,
    /// How much of an interval was over when the refresh that runs now began, if it is such a try.
    since_interval: Option<Duration>,
}

impl Schedule {
    /// A schedule for a `refresh_interval`; less than a millisecond counts as one, and more than a
    /// century as a century.
    pub fn new(interval: Duration) -> Self {
        let century = Duration::from_secs(100 * 365 * 86_400);
        Self {
            interval: interval.clamp(Duration::from_millis(1), century),
            succeeded_before: false,
            tries: 0,
            since_interval: None,
        }
    }

    /// From the start of a refresh that succeeded to the start of the next.
    pub fn after_success(&mut self, random: &dyn Random) -> Duration {
        self.tries = 0;
        self.since_interval = None;
        let share = if std::mem::replace(&mut self.succeeded_before, true) {
            0.9
        } else {
            0.5
        };
        random.between(self.interval.mul_f64(share), self.interval)
    }

    /// From the end of a refresh that failed after it `took` so long to the start of the next.
    pub fn after_failure(&mut self, retry: Retry, took: Duration, random: &dyn Random) -> Duration {
        let was_try = self.since_interval.take();
        match retry {
            Retry::After(wait) => {
                let wait = wait
                    .min(LONGEST_RETRY_AFTER.max(self.interval))
                    .max(FIRST_RETRY.min(self.interval));
                random.between(wait, wait.saturating_add(wait / 10))
            }
            Retry::Soon if was_try.is_none() => {
                let doubled = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(self.tries));
                let longest = self.interval / 2;
                self.tries = self.tries.saturating_add(1);
                // Never sooner than the last time, or three could fall into one interval.
                let wait = match doubled < longest {
                    true => random.between(doubled / 2, doubled),
                    false => longest,
                };
                self.since_interval = Some(took.saturating_add(wait));
                wait
            }
            Retry::Soon | Retry::AtInterval => {
                let over = was_try.unwrap_or_default().saturating_add(took);
                let interval = random.between(self.interval, self.interval.mul_f64(1.1));
                interval.saturating_sub(over)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use headcount_core::{Encoder, Instant, ProviderId, UpdateKind};
    use proptest::prelude::*;

    use super::*;
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
        let (queue, received) = async_channel::bounded(1);
        drop(received);
        let world = World::new();
        let updates = Updates::new(ProviderId::from_number(1), queue);
        let scripted = Scripted(vec![Err(RefreshError::soon("down"))].into());
        let mut running = Box::pin(run(MINUTE, scripted, world.env(), updates));
        let mut poll = || futures_lite::future::block_on(futures_lite::future::poll_once(&mut running));
        assert_eq!(poll(), None, "the refresh takes a while");
        world.clock.move_to(Instant::ZERO + MINUTE);
        assert_eq!(poll(), Some(()));
    }
}
