//! Limits of time.

use std::future::pending;
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{Awaited, Clock, HttpError};

/// A limit that has begun to run.
pub(crate) struct Running {
    /// There is none without it.
    sleep: Option<BoxFuture<'static, ()>>,
    awaited: Awaited,
    limit: Duration,
}

impl Running {
    /// Starts a limit; without one it never ends.
    pub(crate) fn start(clock: &dyn Clock, awaited: Awaited, limit: Option<Duration>) -> Self {
        Self {
            sleep: limit.map(|limit| clock.sleep(limit)),
            awaited,
            limit: limit.unwrap_or(Duration::MAX),
        }
    }

    /// Completes when the limit has passed, with the error that says so.
    pub(crate) async fn passed<T>(&mut self, host: &str) -> Result<T, HttpError> {
        match &mut self.sleep {
            Some(sleep) => sleep.await,
            None => pending().await,
        }
        Err(HttpError::Timeout {
            host: host.to_owned(),
            awaited: self.awaited,
            limit: self.limit,
        })
    }
}

/// What `act` gives, unless it takes longer than the limit.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    host: &str,
    awaited: Awaited,
    limit: Option<Duration>,
    act: impl Future<Output = Result<T, HttpError>>,
) -> Result<T, HttpError> {
    let mut limit = Running::start(clock, awaited, limit);
    act.or(limit.passed(host)).await
}
