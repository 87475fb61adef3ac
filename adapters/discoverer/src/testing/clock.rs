use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use headcount_core::Instant;

use crate::BoxFuture;
use crate::env::Clock;

/// The wall-clock time at the start of every world: 2026-01-01 00:00 UTC.
const UNIX_EPOCH_OF_WORLDS: Duration = Duration::from_secs(1_767_225_600);

/// How many sleeps may begin before time passes. Thousands of discoverers may sleep; one that sleeps for no time, again
/// and again, would take a processor of whoever runs it, and would never let this world go on.
const MOST_SLEEPS: u64 = 1_000_000;

/// Time that passes when it is told to. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct VirtualClock(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    now: Instant,
    next_sleep: u64,
    /// The number of the last sleep that had begun when time last passed.
    before_this_moment: u64,
    /// Deadline, number of the sleep, and whom to wake.
    sleeps: Vec<(Instant, u64, Waker)>,
}

impl VirtualClock {
    /// What time it is.
    pub fn time(&self) -> Instant {
        self.with(|state| state.now)
    }

    /// When the first of those that sleep has to be woken.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.with(|state| state.sleeps.iter().map(|(deadline, ..)| *deadline).min())
    }

    /// Moves to `time`, unless it is past, and wakes whose deadline has come.
    pub fn move_to(&self, time: Instant) {
        let woken: Vec<_> = self.with(|state| {
            if time > state.now {
                (state.now, state.before_this_moment) = (time, state.next_sleep);
            }
            let now = state.now;
            state.sleeps.extract_if(.., |(deadline, ..)| *deadline <= now).collect()
        });
        for (_, _, waker) in woken {
            waker.wake();
        }
    }

    /// Sleeps until `deadline`.
    ///
    /// # Panics
    /// Too many slept and no time passed.
    pub(super) fn sleep_until(&self, deadline: Instant) -> Sleep {
        let (number, at_once) = self.with(|state| {
            state.next_sleep = state.next_sleep.wrapping_add(1);
            let at_once = state.next_sleep.wrapping_sub(state.before_this_moment);
            (state.next_sleep, at_once)
        });
        assert!(
            at_once <= MOST_SLEEPS,
            "a discoverer sleeps again and again, and for no time"
        );
        Sleep {
            clock: self.clone(),
            deadline,
            number,
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        self.time()
    }

    fn unix_time(&self) -> Duration {
        UNIX_EPOCH_OF_WORLDS.saturating_add(Duration::from_nanos(self.time().as_nanos()))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.sleep_until(self.time() + duration))
    }
}

/// Completes when its deadline has come.
pub(super) struct Sleep {
    clock: VirtualClock,
    deadline: Instant,
    number: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.clock.with(|state| {
            state.sleeps.retain(|(_, number, _)| *number != self.number);
            if state.now >= self.deadline {
                return Poll::Ready(());
            }
            state.sleeps.push((self.deadline, self.number, context.waker().clone()));
            Poll::Pending
        })
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock
            .with(|state| state.sleeps.retain(|(_, number, _)| *number != self.number));
    }
}
