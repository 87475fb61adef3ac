//! How often something may be asked.

use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::env::Random;

/// Lets one through each interval and, after a quiet time, two at once: so what changes once is told at once, and
/// what changes all the time is told once an interval. It is what Consul's documentation advises for blocking
/// queries, a token bucket that holds two.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    interval: Duration,
    /// When the next may come.
    earliest: Instant,
    /// When the one after it could come, if the next came at once.
    second: Instant,
}

impl Pace {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            earliest: Instant::ZERO,
            second: Instant::ZERO,
        }
    }

    /// When the next may come; often in the past.
    pub(super) fn earliest(&self) -> Instant {
        self.earliest
    }

    /// One comes now. Intervals are shortened by up to a tenth at random, so that those who started together drift
    /// apart.
    pub(super) fn take(&mut self, now: Instant, random: &dyn Random) {
        let interval = random.between(self.interval.mul_f64(0.9), self.interval);
        self.earliest = self.second;
        self.second = self.second.max(now) + interval;
    }
}
