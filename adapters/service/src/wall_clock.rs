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

    /// As if they had been read.
    #[cfg(test)]
    pub(crate) fn at(now: Instant, unix: Duration) -> Self {
        Self { now, unix }
    }

    /// The moment `at`, which may be yet to come, in seconds since 1970-01-01 UTC.
    pub(crate) fn unix_seconds(&self, at: Instant) -> f64 {
        self.unix
            .saturating_add(at.saturating_duration_since(self.now))
            .saturating_sub(self.now.saturating_duration_since(at))
            .as_secs_f64()
    }

    /// The moment `at` in UTC, as Go writes it: `2026-01-31T23:59:59.5Z`.
    pub(crate) fn utc(&self, at: Instant) -> String {
        let unix = self.unix.saturating_sub(self.now.saturating_duration_since(at));
        let fraction = format!(".{:09}", unix.subsec_nanos());
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        format!("{}{fraction}Z", time_of_day(unix.as_secs()))
    }

    /// The same for people, to the second: `2026-01-31T23:59:59Z`.
    pub(crate) fn utc_seconds(&self, at: Instant) -> String {
        let unix = self.unix.saturating_sub(self.now.saturating_duration_since(at));
        format!("{}Z", time_of_day(unix.as_secs()))
    }

    /// The moment that is so long after 1970-01-01 UTC; the epoch, if it was before that.
    pub(crate) fn instant(&self, unix: Duration) -> Instant {
        let since_epoch = Duration::from_nanos(self.now.as_nanos());
        let past = self.unix.saturating_sub(unix);
        Instant::ZERO + since_epoch.saturating_sub(past) + unix.saturating_sub(self.unix)
    }

    /// The time of day, since 1970-01-01 UTC.
    pub(crate) fn unix(&self) -> Duration {
        self.unix
    }

    /// Seconds from `at` until now.
    pub(crate) fn age_seconds(&self, at: Instant) -> f64 {
        self.now.saturating_duration_since(at).as_secs_f64()
    }
}

/// So many seconds after 1970-01-01 in UTC, as Go writes it, to the millisecond: `2026-01-31T23:59:59.5Z`.
pub(crate) fn utc(unix: f64) -> String {
    let unix = Duration::from_secs_f64(unix.clamp(0.0, f64::from(u32::MAX)));
    let fraction = format!(".{:03}", unix.subsec_millis());
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{}{fraction}Z", time_of_day(unix.as_secs()))
}

/// `2026-01-31T23:59:59`, of so many seconds after 1970-01-01.
fn time_of_day(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of so many days after 1970-01-01, in the Gregorian calendar. Years are
/// counted from March, so that the day that leap years add is the last one.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (era * 400 + year + u64::from(month <= 2), month, day)
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
        assert_eq!(clock.unix_seconds(Instant::ZERO + seconds(160)), 1_000_060.0);
        assert_eq!(clock.age_seconds(Instant::ZERO + seconds(40)), 60.0);
        assert_eq!(clock.instant(seconds(999_940)), Instant::ZERO + seconds(40));
        assert_eq!(clock.instant(seconds(1_000_060)), Instant::ZERO + seconds(160));
        assert_eq!(clock.instant(seconds(5)), Instant::ZERO);
        assert_eq!(clock.utc_seconds(Instant::ZERO + seconds(40)), "1970-01-12T13:45:40Z");
    }

    #[test]
    fn tells_the_time_of_day() {
        let utc = |nanos| {
            let clock = WallClock {
                now: Instant::from_nanos(5),
                unix: Duration::from_nanos(nanos),
            };
            clock.utc(Instant::from_nanos(5))
        };
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_399_500_000_000), "2000-02-28T23:59:59.5Z");
        assert_eq!(utc(951_782_400_000_000_001), "2000-02-29T00:00:00.000000001Z");
        assert_eq!(utc(1_767_225_599_000_000_000), "2025-12-31T23:59:59Z");
        assert_eq!(utc(4_107_542_400_000_000_000), "2100-03-01T00:00:00Z");
    }
}
