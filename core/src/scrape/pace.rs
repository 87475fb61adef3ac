//! How often a target is scraped, and how long a scrape may take.

use core::time::Duration;

use crate::parse_duration;
use crate::time::nanos;

/// A scrape interval and a timeout that is not longer; neither is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScrapePace {
    interval_nanos: u64,
    timeout_nanos: u64,
}

impl ScrapePace {
    /// `None` if either is 0, or the timeout is longer than the interval.
    ///
    /// ```
    /// use core::time::Duration;
    /// use headcount_core::ScrapePace;
    ///
    /// assert!(ScrapePace::new(Duration::from_secs(60), Duration::from_secs(10)).is_some());
    /// assert!(ScrapePace::new(Duration::from_secs(10), Duration::from_secs(60)).is_none());
    /// ```
    pub fn new(interval: Duration, timeout: Duration) -> Option<Self> {
        let (interval_nanos, timeout_nanos) = (nanos(interval), nanos(timeout));
        let is_sound = timeout_nanos > 0 && timeout_nanos <= interval_nanos;
        is_sound.then_some(Self {
            interval_nanos,
            timeout_nanos,
        })
    }

    /// What a target's final labels say: `__scrape_interval__` and `__scrape_timeout__`. Every
    /// target that a [`TargetPool`](crate::TargetPool) has as active has one.
    pub fn from_labels(labels: &[(String, String)]) -> Option<Self> {
        let value = |wanted: &str| labels.iter().find(|(name, _)| name == wanted);
        let duration = |name| parse_duration(&value(name)?.1).ok();
        Self::new(duration("__scrape_interval__")?, duration("__scrape_timeout__")?)
    }

    /// Time from one scrape to the next.
    pub const fn interval(self) -> Duration {
        Duration::from_nanos(self.interval_nanos)
    }

    /// The longest that a scrape may take.
    pub const fn timeout(self) -> Duration {
        Duration::from_nanos(self.timeout_nanos)
    }

    pub(super) const fn interval_nanos(self) -> u64 {
        self.interval_nanos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_read_from_labels_and_checked() {
        let labels = |interval: &str, timeout: &str| {
            [("__scrape_interval__", interval), ("__scrape_timeout__", timeout)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let pace = ScrapePace::from_labels(&labels("1m30s", "500ms")).unwrap();
        assert_eq!(pace.interval(), Duration::from_secs(90));
        assert_eq!(pace.timeout(), Duration::from_millis(500));
        for (interval, timeout) in [("0s", "0s"), ("1m", "0s"), ("1s", "2s"), ("", "1s"), ("1m", "x")] {
            assert_eq!(
                ScrapePace::from_labels(&labels(interval, timeout)),
                None,
                "{interval} {timeout}"
            );
        }
        assert_eq!(ScrapePace::from_labels(&[]), None);
    }
}
