//! From the manager's instants to time of day.

use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::env::Clock;

/// Both clocks, read at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock {
    now: Instant,
    unix: Duration,
}

impl WallClock {
    pub(crate) fn read(clock: &dyn Clock) -> Self {
        Self {
            now: clock.now(),
            unix: clock.unix_time(),
        }
    }

    /// The moment `at`, in seconds since 1970-01-01 UTC.
    pub(crate) fn unix_seconds(&self, at: Instant) -> f64 {
        self.unix
            .saturating_sub(self.now.saturating_duration_since(at))
            .as_secs_f64()
    }

    /// Seconds from `at` until now.
    pub(crate) fn age_seconds(&self, at: Instant) -> f64 {
        self.now.saturating_duration_since(at).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_instants() {
        let seconds = Duration::from_secs;
        let clock = WallClock {
            now: Instant::ZERO + seconds(100),
            unix: seconds(1_000_000),
        };
        assert_eq!(clock.unix_seconds(Instant::ZERO + seconds(40)), 999_940.0);
        assert_eq!(clock.age_seconds(Instant::ZERO + seconds(40)), 60.0);
    }
}
