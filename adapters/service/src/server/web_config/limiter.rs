//! `rate_limit`: a bucket of tokens, one for each request.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use headcount_core::planted;

/// A bucket that holds `burst` tokens, and gets one each `interval`.
#[derive(Debug)]
pub(crate) struct Limiter {
    interval: Duration,
    burst: f64,
    state: Mutex<(Instant, f64)>,
}

impl Limiter {
    /// A full bucket.
    pub(super) fn new(interval: Duration, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst);
        Self {
            interval,
            burst,
            state: Mutex::new((now, burst)),
        }
    }

    /// Whether one more request is taken now.
    pub(in crate::server) fn takes(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, tokens) = *state;
        let since = now.saturating_duration_since(last).as_secs_f64();
        let tokens = (tokens + since / self.interval.as_secs_f64()).min(planted!(self.burst, BucketHasNoTop, f64::MAX));
        let is_taken = planted!(tokens >= 1.0, BucketHasNoBottom, tokens >= 0.0);
        *state = (now.max(last), if is_taken { tokens - 1.0 } else { tokens });
        is_taken
    }

    /// With what is left in another.
    pub(super) fn with_state_of(self, other: &Self) -> Self {
        let state = *other.state.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            state: Mutex::new(state),
            ..self
        }
    }

    /// Whether it is the same bucket, which then keeps what is in it.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.interval, self.burst) == (other.interval, other.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_one_each_interval() {
        let start = Instant::now();
        let limiter = Limiter::new(Duration::from_secs(2), 3, start);
        let taken = |seconds: u64| limiter.takes(start + Duration::from_secs(seconds));
        let all: Vec<_> = [0, 0, 0, 0, 1, 2, 2, 3, 4, 100, 100, 100, 100].map(taken).into();
        let expected = [
            true, true, true, false, false, true, false, false, true, true, true, true, false,
        ];
        assert_eq!(all, expected);
    }
}
