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
    /// apart. One that comes before its time (a server in trouble is asked by another rule) counts, but the next is
    /// never later than an interval from now: what was asked too often for an hour has no hour to wait for that.
    pub(super) fn take(&mut self, now: Instant, random: &dyn Random) {
        let interval = random.between(self.interval.mul_f64(0.9), self.interval);
        let latest = now + interval;
        self.earliest = self.second.min(latest);
        self.second = self.second.clamp(now, latest) + interval;
    }
}

#[cfg(test)]
mod tests {
    use headcount_discoverer::testing::World;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn two_come_at_once_and_then_one_an_interval() {
        let world = World::new();
        let random = world.env().random;
        let (mut pace, mut now) = (Pace::new(SECOND * 10), Instant::ZERO + SECOND * 60);
        let mut taken = Vec::new();
        for _ in 0..5 {
            now = now.max(pace.earliest());
            pace.take(now, &*random);
            taken.push(now.saturating_duration_since(Instant::ZERO).as_secs() / 9);
        }
        assert_eq!(taken, [6, 6, 7, 8, 9]);
    }

    #[test]
    fn what_came_before_its_time_has_no_debt() {
        let world = World::new();
        let random = world.env().random;
        let (mut pace, now) = (Pace::new(SECOND * 10), Instant::ZERO + SECOND * 60);
        (0..100).for_each(|_| pace.take(now, &*random));
        assert!(pace.earliest() <= now + SECOND * 10);
    }
}
