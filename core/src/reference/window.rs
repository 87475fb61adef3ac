//! When a snapshot may be emitted, as the rules say it (S07, S08).
//!
//! A ticker's deadlines can be predicted to the nanosecond. A backoff's are drawn at random, so
//! here they are a [`Window`]: **not before what the throttle allows, not after what it
//! promises.**

use core::time::Duration;

use super::Disagreement;
use crate::{Backoff, Instant, Throttle};

/// From the earliest to the latest moment at which something may be due, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Not before: S07.
    pub earliest: Instant,
    /// Not after: S08.
    pub latest: Instant,
}

impl Window {
    /// Whether `moment` lies in it.
    pub fn contains(&self, moment: Instant) -> bool {
        (self.earliest..=self.latest).contains(&moment)
    }
}

/// What a throttle has to remember, to say when something is due.
#[derive(Debug, Clone)]
pub struct Windows {
    throttle: Throttle,
    origin: Instant,
    last_emission: Option<Instant>,
    /// Backoff: the wait that applies now, before jitter.
    wait: u128,
}

impl Windows {
    /// A throttle whose clock starts at `origin`.
    pub fn new(throttle: Throttle, origin: Instant) -> Self {
        Self {
            throttle,
            origin,
            last_emission: None,
            wait: 0,
        }
    }

    /// Something changed, and nothing was due: when is it?
    ///
    /// # Errors
    /// That is later than [`Throttle::longest_wait`] promises (S08).
    pub fn change(&mut self, now: Instant) -> Result<Window, Disagreement> {
        let window = match self.throttle {
            Throttle::Ticker { interval } => {
                let tick = self.next_tick(interval, now);
                Window {
                    earliest: tick,
                    latest: tick,
                }
            }
            Throttle::Backoff(backoff) => self.backoff(&backoff, now),
        };
        // S08 promises this in words that do not depend on the past.
        if window.latest > now + self.throttle.longest_wait() {
            let promise = now + self.throttle.longest_wait();
            return Err(Disagreement::new("longest_wait (S08)", window.latest, promise));
        }
        Ok(window)
    }

    /// A snapshot was emitted.
    pub fn emission(&mut self, now: Instant) {
        self.last_emission = Some(now);
        if let Throttle::Backoff(backoff) = self.throttle {
            // The wait grows from `initial`, or from 100 ms if that is shorter, but not over `max`.
            let (initial, max) = (backoff.initial.as_nanos(), backoff.max.as_nanos());
            let from = self.wait.max(max.min(100_000_000));
            let grown = permille(from, backoff.growth_permille).max(from);
            self.wait = grown.min(max.max(initial));
        }
    }

    /// Ticks are at the manager's start and every `interval` from there. A change at a tick is
    /// too late for it.
    fn next_tick(&self, interval: Duration, now: Instant) -> Instant {
        if interval.is_zero() {
            return now;
        }
        let since_start = now.saturating_duration_since(self.origin).as_nanos();
        let ticks = since_start / interval.as_nanos() + 1;
        at(u128::from(self.origin.as_nanos()) + ticks * interval.as_nanos())
    }

    fn backoff(&mut self, backoff: &Backoff, now: Instant) -> Window {
        let initial = backoff.initial.as_nanos();
        let quiet = self
            .last_emission
            .is_none_or(|last| now.saturating_duration_since(last) > backoff.quiet);
        if quiet {
            self.wait = initial;
        }
        // Jitter: up to its share less, up to its share more.
        let jitter = permille(self.wait, backoff.jitter_permille);
        let (shortest, longest) = (self.wait.saturating_sub(jitter), self.wait + jitter);
        let now_nanos = u128::from(now.as_nanos());
        match self.last_emission {
            Some(last) if !quiet => {
                // The wait is kept from the last emission; a change after that still waits as
                // long as a first one, but no longer than the wait itself.
                let last = u128::from(last.as_nanos());
                Window {
                    earliest: at((last + shortest).max(now_nanos + initial.min(shortest))),
                    latest: at((last + longest).max(now_nanos + initial.min(longest))),
                }
            }
            _ => Window {
                earliest: at(now_nanos + shortest),
                latest: at(now_nanos + longest),
            },
        }
    }
}

fn permille(whole: u128, share: u32) -> u128 {
    whole * u128::from(share) / 1_000
}

/// The moment `nanos` after the epoch, or the last one there is.
fn at(nanos: u128) -> Instant {
    Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
