use std::time::Duration;

use crate::env::Random;

/// Waits that double: the first, twice that, four times that, …, up to a longest.
///
/// ```
/// use std::time::Duration;
///
/// use headcount_discoverer::Backoff;
///
/// let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// let waits = [0, 1, 4, 5, u32::MAX].map(|before| backoff.wait(before).as_secs());
/// assert_eq!(waits, [1, 2, 16, 30, 30]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// Waits from `first` to `longest`, which is the only one if it is shorter.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The wait after so many others.
    pub fn wait(&self, before: u32) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(before));
        doubled.min(self.longest)
    }

    /// The same, shortened by up to half at random, so that those who wait for the same thing come one by one.
    pub fn jittered(&self, before: u32, random: &dyn Random) -> Duration {
        let wait = self.wait(before);
        random.between(wait / 2, wait)
    }
}
