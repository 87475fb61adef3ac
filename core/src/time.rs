//! Time as a number that the driver owns.
//!
//! The core never reads a clock: every input carries `now`. An [`Instant`] counts nanoseconds
//! from an epoch that the driver chose, so it can be printed, compared, stored and replayed.

use core::fmt;
use core::ops::Add;
use core::time::Duration;

/// A moment, in nanoseconds since the driver's epoch. Lasts 584 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The epoch.
    pub const ZERO: Self = Self(0);

    /// The moment `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to here; zero when `earlier` is later.
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// The moment `duration` later, or the last one there is.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

/// A duration in nanoseconds, capped at the largest that an [`Instant`] can hold.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_past_the_end_stays_at_the_end() {
        assert_eq!(
            Instant::from_nanos(u64::MAX) + Duration::from_secs(1),
            Instant::from_nanos(u64::MAX)
        );
        assert_eq!((Instant::ZERO + Duration::MAX).as_nanos(), u64::MAX);
    }

    #[test]
    fn the_past_is_zero_away() {
        let later = Instant::ZERO + Duration::from_secs(2);
        assert_eq!(Instant::ZERO.saturating_duration_since(later), Duration::ZERO);
        assert_eq!(later.saturating_duration_since(Instant::ZERO), Duration::from_secs(2));
    }
}
