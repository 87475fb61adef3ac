//! When a backend is asked again.

use std::time::Duration;

use headcount_core::planted;

use super::{FIRST_RETRY, LONGEST_RETRY_AFTER, Retry};
use crate::Backoff;
use crate::env::Random;

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
        planted!(self.tries = 0, SuccessForgetsNoTries, ());
        self.since_interval = None;
        let share = if std::mem::replace(&mut self.succeeded_before, true) {
            0.9
        } else {
            planted!(0.5, SecondIsAsLateAsOthers, 0.9)
        };
        planted!(
            random.between(self.interval.mul_f64(share), self.interval),
            OlderThanTheInterval,
            random.between(self.interval, self.interval.mul_f64(2.0 - share))
        )
    }

    /// From the end of a refresh that failed after it `took` so long to the start of the next.
    pub fn after_failure(&mut self, retry: Retry, took: Duration, random: &dyn Random) -> Duration {
        let was_try = self.since_interval.take();
        match retry {
            Retry::After(wait) => {
                let wait = wait
                    .min(planted!(
                        LONGEST_RETRY_AFTER.max(self.interval),
                        RetryAfterADay,
                        Duration::from_secs(1 << 32)
                    ))
                    .max(FIRST_RETRY.min(self.interval));
                random.between(wait, wait.saturating_add(wait / 10))
            }
            Retry::Soon if planted!(was_try.is_none(), ThreeInAnInterval, true) => {
                let longest = self.interval / 2;
                let backoff = Backoff::new(FIRST_RETRY, longest);
                // Never sooner than the last time, or three could fall into one interval.
                let wait = match backoff.wait(self.tries) < longest {
                    true => backoff.jittered(self.tries, random),
                    false => longest,
                };
                self.tries = self.tries.saturating_add(1);
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
