//! The loop that polls, backs off and reports, written once.
//!
//! A mechanism that is asked again and again implements [`Refresh`] and hands itself to [`run`].
//! The one rule: **whatever happens, the manager hears of every refresh**, either what was found
//! or why nothing was, with the time it took.
//!
//! When it asks is decided by [`Schedule`]:
//!
//! * The first refresh is at once. The second comes after half to a whole interval, the others
//!   after 90 % to 100 % of one, counted from start to start: discoverers that started together
//!   drift apart, and targets are never older than the configuration allows.
//! * After a failure, and after a read that is missing a part, the next refresh comes when an interval is over, and up to a tenth later. If the failure may
//!   pass by itself there is one more try in between: after a second, at the next failures after two, four, …, and
//!   at most half an interval, each shortened by up to half at random. So **a backend that fails is asked at most
//!   twice in an interval**, however it fails.
//! * After `Retry-After` it is as the server says.
//! * Who asks for a refresh gets one at once, or as soon as [`on_demand`](crate::on_demand) allows.
//!
//! A refresh that has not ended at its [`deadline`] is given up: that is a failure too.

mod schedule;

use std::fmt::Display;
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_core::{Failure, Update, UpdateKind, planted};

use crate::on_demand::{Ended, OnDemand};
use crate::{Env, Updates};

pub use schedule::Schedule;

/// The wait after a first failure that may pass by itself, unless the interval is shorter.
pub const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest wait that a server can ask for, unless the refresh interval is longer still: a
/// mistaken header must not silence a discoverer for a day.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(10 * 60);

/// However short the interval, a refresh may take as long as this.
pub const SHORTEST_DEADLINE: Duration = Duration::from_secs(30);

/// However long the interval, a refresh may take no longer than this: a backend that hangs must be noticed within
/// minutes, even where it is asked once a day.
pub const LONGEST_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// A mechanism that is asked again and again.
pub trait Refresh: Send {
    /// Asks once. When it takes too long the future is dropped where it waits, and this is called again later.
    fn refresh(&mut self, env: &Env) -> impl Future<Output = Result<Refreshed, RefreshError>> + Send;
}

/// What a refresh found.
#[derive(Debug, Clone)]
pub enum Refreshed {
    /// Groups.
    Update(Update),
    /// What the refresh before found, and it was cheap to see.
    Unchanged,
}

/// Why a refresh failed, and when to try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RefreshError {
    message: String,
    retry: Retry,
}

/// When to try again after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Soon, and less and less soon: it may pass by itself (a connection, an overloaded server).
    Soon,
    /// When the refresh interval is over: somebody has to mend something (a 404, a wrong answer).
    AtInterval,
    /// Not before this much time has passed, because the server asks so (`Retry-After`).
    After(Duration),
}

impl RefreshError {
    /// A failure that may pass by itself.
    pub fn soon(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retry: Retry::Soon,
        }
    }

    /// A failure that stays until somebody mends something.
    pub fn at_interval(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retry: Retry::AtInterval,
        }
    }

    /// The same failure, to be tried again not before `wait` has passed.
    pub fn after(self, wait: Duration) -> Self {
        Self {
            retry: Retry::After(wait),
            ..self
        }
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// When to try again.
    pub fn retry(&self) -> Retry {
        self.retry
    }
}

/// What went wrong first, and how many others did: of parts of one refresh that failed, all alike as a rule.
///
/// ```
/// use headcount_discoverer::refresh::and_others;
/// assert_eq!(and_others("zone a: HTTP 503", 0, "part"), "zone a: HTTP 503");
/// assert_eq!(and_others("zone a: HTTP 503", 1, "part"), "zone a: HTTP 503; and so for the other part");
/// assert_eq!(and_others("zone a: HTTP 503", 2, "part"), "zone a: HTTP 503; and so for the 2 other parts");
/// ```
pub fn and_others(first: impl Display, others: usize, what: &str) -> String {
    match others {
        0 => first.to_string(),
        1 => format!("{first}; and so for the other {what}"),
        _ => format!("{first}; and so for the {others} other {what}s"),
    }
}

/// Refreshes for ever, and reports each time. Returns when nobody listens any more.
///
/// ```
/// use std::time::Duration;
///
/// use headcount_core::{Encoder, Update};
/// use headcount_discoverer::refresh::{self, Refresh, Refreshed, RefreshError};
/// use headcount_discoverer::{Env, Updates};
///
/// struct Racks(Encoder);
///
/// impl Refresh for Racks {
///     async fn refresh(&mut self, _env: &Env) -> Result<Refreshed, RefreshError> {
///         let mut batch = self.0.batch();
///         let group = batch.group("rack-1", [("rack", "1")], [[("__address__", "10.0.0.1:9100")]]);
///         group.map_err(|error| RefreshError::at_interval(error.to_string()))?;
///         Ok(Refreshed::Update(Update::full(batch.finish())))
///     }
/// }
///
/// async fn racks(env: Env, updates: Updates) {
///     refresh::run(Duration::from_secs(60), Racks(Encoder::new()), env, updates).await;
/// }
/// ```
pub async fn run(interval: Duration, mechanism: impl Refresh, env: Env, updates: Updates) {
    run_within(interval, deadline(interval), mechanism, env, updates).await;
}

/// The same with another deadline for each refresh: for backends that are asked to wait with their answers until there is
/// something new. One that took longer than an interval is followed by the next at once.
pub async fn run_within(
    interval: Duration,
    deadline: Duration,
    mut mechanism: impl Refresh,
    env: Env,
    updates: Updates,
) {
    let mut schedule = Schedule::new(interval);
    let mut on_demand = OnDemand::new(&env, &updates);
    loop {
        on_demand.begin();
        let started = env.clock.now();
        let result = in_time(deadline, &env, mechanism.refresh(&env)).await;
        let took = env.clock.now().saturating_duration_since(started);
        let (wait, ended, reported) = match result {
            Ok(refreshed) => {
                let update = match refreshed {
                    Refreshed::Update(update) => update,
                    Refreshed::Unchanged => Update::unchanged(),
                };
                let (wait, ended) = match planted!(update.kind(), PartCountsAsWell, UpdateKind::Full) {
                    // What could not be got must not be asked for more often than what fails as a whole.
                    UpdateKind::Partial => {
                        let wait = schedule.after_failure(Retry::AtInterval, took, env.random.as_ref());
                        (wait, Ended::Failed)
                    }
                    _ => {
                        let wait = schedule.after_success(env.random.as_ref());
                        (
                            planted!(wait.saturating_sub(took), ReadingMakesItLater, wait),
                            Ended::Well,
                        )
                    }
                };
                (wait, ended, updates.send(update.took(took)).await)
            }
            Err(error) => {
                let wait = schedule.after_failure(error.retry, took, env.random.as_ref());
                let ended = match error.retry {
                    Retry::After(_) => planted!(Ended::LeaveAlone(wait), RetryAfterIsNoRest, Ended::Failed),
                    Retry::Soon | Retry::AtInterval => Ended::Failed,
                };
                let failure = Failure::new(error.message).took(took);
                (wait, ended, updates.fail(failure).await)
            }
        };
        if reported.is_err() || on_demand.end(ended).await.is_err() {
            // Nobody listens any more.
            return;
        }
        env.clock.sleep(wait).or(on_demand.wanted()).await;
    }
}

/// How long a refresh may take: an interval, at least [`SHORTEST_DEADLINE`], at most [`LONGEST_DEADLINE`].
pub fn deadline(interval: Duration) -> Duration {
    planted!({}, ShortIntervalGivesUpEarly, return interval.min(LONGEST_DEADLINE));
    interval.clamp(
        SHORTEST_DEADLINE,
        planted!(LONGEST_DEADLINE, HangsForAnInterval, Duration::MAX),
    )
}

/// What a refresh gives, or that it did not end in time.
async fn in_time(
    deadline: Duration,
    env: &Env,
    refresh: impl Future<Output = Result<Refreshed, RefreshError>>,
) -> Result<Refreshed, RefreshError> {
    let late = async {
        env.clock.sleep(deadline).await;
        Err(RefreshError::soon(format!(
            "the refresh did not end within {deadline:?}: what it asks does not answer, or has more to tell than fits \
             into this time"
        )))
    };
    // One that ends at the last moment, by a limit of its own, says more.
    refresh.or(late).await
}

#[cfg(test)]
mod tests;
