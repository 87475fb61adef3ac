use std::time::Duration;

use headcount_core::Instant;

use crate::BoxFuture;

/// Time, and waiting for it to pass.
pub trait Clock: Send + Sync {
    /// Time since the epoch that the driver chose. Never goes back.
    fn now(&self) -> Instant;

    /// Time since 1970-01-01 UTC, for what is shown to people. May jump.
    fn unix_time(&self) -> Duration;

    /// Completes once `duration` has passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}
