//! The machine's clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use headcount_core::Instant;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::Clock;

use crate::runtime::SharedRuntime;

/// Monotonic time, counted from 1970 by what the wall clock said when this value was made; and the wall clock.
///
/// So what one process remembers of times means the same to the next, as far as somebody sets the clock.
pub struct SystemClock {
    runtime: SharedRuntime,
    made: std::time::Instant,
    made_at: Instant,
}

impl SystemClock {
    /// A clock that is set to what the wall clock says now.
    pub fn new(runtime: SharedRuntime) -> Self {
        Self {
            runtime,
            made: std::time::Instant::now(),
            made_at: Instant::ZERO + unix_time(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        self.made_at + self.made.elapsed()
    }

    fn unix_time(&self) -> Duration {
        unix_time()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.runtime.sleep(duration)
    }
}

/// A clock set before 1970 is shown as 1970: this time is for people only.
fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
