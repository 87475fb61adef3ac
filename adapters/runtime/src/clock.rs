//! The machine's clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use headcount_core::Instant;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::Clock;

use crate::runtime::SharedRuntime;

/// Monotonic time since this value was made, and the wall clock.
pub struct SystemClock {
    runtime: SharedRuntime,
    epoch: std::time::Instant,
}

impl SystemClock {
    /// A clock whose epoch is now.
    pub fn new(runtime: SharedRuntime) -> Self {
        Self {
            runtime,
            epoch: std::time::Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::ZERO + self.epoch.elapsed()
    }

    fn unix_time(&self) -> Duration {
        // A clock set before 1970 is shown as 1970: this time is for people only.
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.runtime.sleep(duration)
    }
}
