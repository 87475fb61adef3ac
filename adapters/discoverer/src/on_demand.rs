//! When a backend is asked because somebody asks for it: an operator, or the webhook of a CMDB.
//!
//! The one rule: **however often it is asked for, a backend is asked at most half of the time.** A read that was asked
//! for comes at once, unless the last such read ended less than a second ago, or less than it took, whichever is
//! longer; after reads that failed, the wait doubles up to [`LONGEST_PAUSE`]. What a server asks for itself
//! (`Retry-After`) stands above it.

use std::time::Duration;

use headcount_core::{Instant, planted};

use crate::requests::Read;
use crate::{Backoff, Env, Stopped, Updates};

/// The wait between a read that was asked for and the next one.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest wait after reads that were asked for and failed, unless they took longer.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(30);

const BACKOFF: Backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);

/// How a read ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It got everything.
    Well,
    /// It did not.
    Failed,
    /// It did not, and the backend wants to be left alone for so long.
    LeaveAlone(Duration),
}

/// The part of a discoverer's loop that listens to who asks for a read.
///
/// ```
/// use std::time::Duration;
///
/// use futures_lite::future::or;
/// use headcount_core::Update;
/// use headcount_discoverer::on_demand::{Ended, OnDemand};
/// use headcount_discoverer::{Env, Stopped, Updates};
///
/// async fn cmdb(env: Env, updates: Updates) -> Result<(), Stopped> {
///     let mut on_demand = OnDemand::new(&env, &updates);
///     loop {
///         on_demand.begin();
///         // … ask the backend …
///         updates.send(Update::full(Vec::new())).await?;
///         on_demand.end(Ended::Well).await?;
///         or(env.clock.sleep(Duration::from_secs(60)), on_demand.wanted()).await;
///     }
/// }
/// ```
#[derive(Debug)]
pub struct OnDemand {
    env: Env,
    updates: Updates,
    /// The read under way, and when it began.
    read: Option<(Read, Instant)>,
    /// When the next one may begin that is asked for.
    not_before: Instant,
    /// Reads that were asked for and failed, since one was well.
    failed: u32,
}

impl OnDemand {
    /// Listens to who asks the provider of `updates`.
    pub fn new(env: &Env, updates: &Updates) -> Self {
        Self {
            env: env.clone(),
            updates: updates.clone(),
            read: None,
            not_before: Instant::ZERO,
            failed: 0,
        }
    }

    /// A read of everything begins: it answers all who asked before.
    pub fn begin(&mut self) {
        let read = self.updates.begin_read();
        // One that was given up is what the next one makes good for.
        let request = read.request.or_else(|| {
            planted!(self.read.take(), GivenUpReadAnswersNobody, None).and_then(|(given_up, _)| given_up.request)
        });
        self.read = Some((Read { request }, self.env.clock.now()));
    }

    /// Whether a read is under way that somebody asked for.
    pub fn is_requested(&self) -> bool {
        self.read.as_ref().is_some_and(|(read, _)| read.is_requested())
    }

    /// Whether a read is under way.
    pub fn is_reading(&self) -> bool {
        self.read.is_some()
    }

    /// The read has ended, and what came of it was reported: who asked for it is told.
    ///
    /// # Errors
    /// [`Stopped`] when nobody listens any more.
    pub async fn end(&mut self, ended: Ended) -> Result<(), Stopped> {
        let Some((read, began)) = self.read.take() else {
            return Ok(());
        };
        let now = self.env.clock.now();
        if ended == Ended::Well {
            self.failed = 0;
        }
        if read.is_requested() {
            let took = now.saturating_duration_since(began);
            self.not_before = now
                + planted!(
                    BACKOFF.wait(self.failed).max(took),
                    SlowBackendIsAlwaysAsked,
                    BACKOFF.wait(self.failed)
                );
            if ended != Ended::Well {
                self.failed = planted!(self.failed.saturating_add(1), FailingBackendIsAskedOn, 0);
            }
        }
        if let Ended::LeaveAlone(wait) = ended {
            self.not_before = self.not_before.max(now + wait);
        }
        self.updates.end_read(read).await
    }

    /// Completes when a read is asked for and may begin. Dropping the future loses nothing.
    pub async fn wanted(&self) {
        self.updates.wanted().await;
        let wait = self.not_before.saturating_duration_since(self.env.clock.now());
        if !wait.is_zero() {
            self.env.clock.sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::or;
    use headcount_core::Update;

    use super::*;
    use crate::testing::{Received, World};

    /// Reads that take so long and end so, asked for when they are and at no other time.
    fn world(took: Duration, ended: Ended) -> World {
        let mut world = World::new();
        world.start(Box::new(move |env: Env, updates: Updates| async move {
            let mut on_demand = OnDemand::new(&env, &updates);
            loop {
                on_demand.begin();
                env.clock.sleep(took).await;
                updates.send(Update::unchanged()).await.ok();
                on_demand.end(ended).await.ok();
                or(env.clock.sleep(Duration::from_secs(86_400)), on_demand.wanted()).await;
            }
        }));
        world
    }

    /// How many reads there were while it was asked for ten times a second.
    fn storm(took: Duration, ended: Ended, lasts: Duration) -> usize {
        let mut world = world(took, ended);
        let provider = world.provider();
        world.run_for(took);
        let step = Duration::from_millis(100);
        let steps = lasts.as_millis() / step.as_millis();
        let mut reads = 0;
        for _ in 0..steps {
            world.ask(provider);
            reads += updates(&world.run_for(step));
        }
        reads
    }

    fn updates(received: &[Received]) -> usize {
        received.iter().filter(|received| received.update().is_some()).count()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_storm_of_requests_leaves_a_backend_half_of_the_time() {
        let quick = storm(SECOND / 10, Ended::Well, SECOND * 60);
        assert!((50..=60).contains(&quick), "{quick}");
        let slow = storm(SECOND * 5, Ended::Well, SECOND * 60);
        assert!((5..=6).contains(&slow), "{slow}");
    }

    #[test]
    fn a_backend_that_fails_is_asked_less_and_less() {
        let failing = storm(SECOND / 10, Ended::Failed, SECOND * 300);
        // 1, 2, 4, 8, 16 s, and then each half minute.
        assert!((12..=16).contains(&failing), "{failing}");
    }

    #[test]
    fn who_wants_to_be_left_alone_is() {
        assert_eq!(storm(SECOND / 10, Ended::LeaveAlone(SECOND * 60), SECOND * 59), 0);
    }

    /// A loop that races its reads against something else drops them where they wait.
    #[test]
    fn a_read_that_was_given_up_is_made_good_for_by_the_next() {
        let mut world = World::new();
        world.start(Box::new(|env: Env, updates: Updates| async move {
            let mut on_demand = OnDemand::new(&env, &updates);
            on_demand.wanted().await;
            on_demand.begin();
            on_demand.begin();
            assert!(on_demand.is_requested());
            on_demand.end(Ended::Well).await.ok();
        }));
        world.settle();
        let number = world.ask(world.provider());
        let received = world.settle();
        assert_eq!(received.iter().find_map(Received::answered), Some(number));
    }

    #[test]
    fn the_first_request_is_answered_at_once_and_those_that_come_meanwhile_with_one_more_read() {
        let mut world = world(SECOND, Ended::Well);
        let provider = world.provider();
        assert_eq!(updates(&world.run_for(SECOND * 60)), 1);
        for _ in 0..5 {
            world.ask(provider);
        }
        world.run_for(SECOND / 2);
        let late: Vec<u64> = (0..5).map(|_| world.ask(provider)).collect();
        let received = world.run_for(SECOND * 60);
        assert_eq!(updates(&received), 2);
        let answered: Vec<_> = received.iter().filter_map(Received::answered).collect();
        assert_eq!(answered, [5, 10]);
        assert_eq!(late.last(), Some(&10));
        // Reported before it was said to be answered.
        assert!(received[0].update().is_some() && received[1].answered().is_some());
    }
}
