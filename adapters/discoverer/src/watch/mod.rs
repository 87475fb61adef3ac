//! The loop for backends that say what changes, written once: list, watch, list again now and then.
//!
//! A mechanism implements [`Watch`]: the whole state and where in the backend's history that is, and a stream of
//! what changes after such a position. [`run`] does the rest. The one rule: **what is shown is always a state
//! that the backend was in**, a later one with each report, whatever breaks.
//!
//! * **A stream that ends or breaks** is opened again where it stopped. Where the backend no longer knows that position
//!   ([`Broken::TooOld`]), everything is listed again and the difference is reported, so there is never a gap.
//! * **A stream that is silent** for [`Timing::idle`], without so much as a heartbeat, is not trusted, and opened again:
//!   a connection whose other end is gone looks the same.
//! * **Everything is listed again** each [`Timing::resync`], should the stream have left something out; the
//!   difference is reported.
//! * **After a failure** the wait doubles from [`FIRST_PAUSE`] to [`LONGEST_PAUSE`], shortened at random, until
//!   the backend says something again. Each failure is reported, groups stay, and when the backend answers again that
//!   is reported, too.
//! * **Who asks for it** has everything listed again, at once or as soon as [`on_demand`](crate::on_demand) allows.
//! * **Changes that come at once** are one report, of at most [`MOST_BATCHED`] groups or one change.
//!
//! ```
//! use std::time::Duration;
//!
//! use headcount_core::{Encoder, Group};
//! use headcount_discoverer::refresh::RefreshError;
//! use headcount_discoverer::watch::{self, Broken, Change, Listing, Timing, Watch};
//! use headcount_discoverer::{Env, Updates};
//!
//! /// A backend with one host, which has a new address each minute.
//! struct Wanderer(Encoder);
//!
//! impl Wanderer {
//!     fn at(&mut self, minute: u64) -> Result<Vec<Group>, RefreshError> {
//!         let mut batch = self.0.batch();
//!         let address = format!("10.0.0.{}:9100", minute % 256);
//!         let added = batch.group("wanderer", [("a", "b")], [[("__address__", address.as_str())]]);
//!         added.map_err(|error| RefreshError::at_interval(error.to_string()))?;
//!         Ok(batch.finish())
//!     }
//! }
//!
//! impl Watch for Wanderer {
//!     type Position = u64;
//!     type Stream = u64;
//!
//!     async fn list(&mut self, env: &Env) -> Result<Listing<u64>, RefreshError> {
//!         let position = env.clock.unix_time().as_secs() / 60;
//!         Ok(Listing { groups: self.at(position)?, position })
//!     }
//!
//!     async fn watch(&mut self, _env: &Env, from: &u64) -> Result<u64, Broken> {
//!         Ok(*from)
//!     }
//!
//!     async fn next(&mut self, env: &Env, minute: &mut u64) -> Result<Option<Change<u64>>, Broken> {
//!         env.clock.sleep(Duration::from_secs(60)).await;
//!         *minute += 1;
//!         Ok(Some(Change { groups: self.at(*minute)?, position: Some(*minute) }))
//!     }
//! }
//!
//! async fn wanderer(env: Env, updates: Updates) {
//!     watch::run(Timing::default(), Wanderer(Encoder::new()), env, updates).await;
//! }
//! ```

mod known;

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use futures_lite::future::{or, poll_once};
use headcount_core::{Failure, Group, Instant, Update, planted};

use crate::on_demand::{Ended, OnDemand};
use crate::refresh::{LONGEST_RETRY_AFTER, RefreshError, Retry};
use crate::{Backoff, Env, Stopped, Updates};
use known::Known;

/// The wait after a first failure.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest wait, unless the server asks for more.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long listing everything may take.
pub const LIST_DEADLINE: Duration = Duration::from_secs(5 * 60);

/// How many groups are reported together: enough that a burst costs little, few enough that one does not hold up
/// the others.
pub const MOST_BATCHED: usize = 1_000;

/// What is over sooner than this after it began was of no use.
const SHORT: Duration = Duration::from_secs(5);

const BACKOFF: Backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);

/// A mechanism whose backend says what changes.
pub trait Watch: Send {
    /// A place in the backend's history: a revision, an index, a time.
    type Position: Clone + Send + Sync;

    /// An open stream of changes.
    type Stream: Send;

    /// Everything there is. When it takes too long the future is dropped where it waits.
    fn list(&mut self, env: &Env) -> impl Future<Output = Result<Listing<Self::Position>, RefreshError>> + Send;

    /// Opens the stream of what changes after `from`. When there is no answer within [`Timing::idle`] the future is
    /// dropped where it waits.
    fn watch(&mut self, env: &Env, from: &Self::Position) -> impl Future<Output = Result<Self::Stream, Broken>> + Send;

    /// Waits for the next change; `None` when the stream has ended as streams do. The future is only ever dropped
    /// together with the stream.
    fn next(
        &mut self,
        env: &Env,
        stream: &mut Self::Stream,
    ) -> impl Future<Output = Result<Option<Change<Self::Position>>, Broken>> + Send;
}

/// All that there is at one position.
#[derive(Debug, Clone)]
pub struct Listing<P> {
    /// Every group.
    pub groups: Vec<Group>,
    /// Where changes after this begin.
    pub position: P,
}

/// Something that a stream said.
#[derive(Debug, Clone)]
pub struct Change<P> {
    /// The groups that are new or other than before; one without targets is gone. None: a heartbeat.
    pub groups: Vec<Group>,
    /// Where changes after this begin; the last one that was said holds.
    pub position: Option<P>,
}

impl<P> Change<P> {
    /// Nothing changed, and the stream lives.
    pub fn heartbeat() -> Self {
        Self {
            groups: Vec::new(),
            position: None,
        }
    }
}

/// Why a stream could not be opened, or broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The backend no longer knows what changed since this position: everything has to be listed again.
    #[error("the backend no longer knows what changed since")]
    TooOld,
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] RefreshError),
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How often everything is listed again; up to a tenth sooner, so that those who started together drift apart.
    pub resync: Duration,
    /// How long a stream may be silent; longer than its heartbeats are apart.
    pub idle: Duration,
}

impl Default for Timing {
    /// Each half hour, and five minutes.
    fn default() -> Self {
        Self {
            resync: Duration::from_secs(30 * 60),
            idle: Duration::from_secs(5 * 60),
        }
    }
}

/// Lists, and follows what changes, for ever. Returns when nobody listens any more.
pub async fn run<W: Watch>(timing: Timing, mechanism: W, env: Env, updates: Updates) {
    let watcher = Watcher {
        on_demand: OnDemand::new(&env, &updates),
        // However little was asked for, it must not go round without a pause.
        timing: Timing {
            resync: timing.resync.max(SHORT),
            idle: timing.idle.max(FIRST_PAUSE),
        },
        mechanism,
        known: Known::default(),
        place: None,
        list_at: env.clock.now(),
        lists_failed: 0,
        failed: 0,
        is_failing: false,
        env,
        updates,
    };
    let Err(Stopped) = watcher.run().await;
}

struct Watcher<W: Watch> {
    timing: Timing,
    mechanism: W,
    env: Env,
    updates: Updates,
    on_demand: OnDemand,
    /// What was reported.
    known: Known,
    place: Option<Place<W::Position>>,
    list_at: Instant,
    /// Listings that failed since the last one that did not.
    lists_failed: u32,
    /// Streams that failed since one last said something, or was open for a while.
    failed: u32,
    /// Whether the last report was a failure of a stream.
    is_failing: bool,
}

/// Where changes begin that are not known yet.
struct Place<P> {
    position: P,
    listed_at: Instant,
}

/// Why a stream was left.
enum Left {
    /// It ended, after it had said something or not.
    Ended {
        said_something: bool,
    },
    /// It is time to list again, or nothing was said for too long.
    Given,
    Broken(Broken),
}

/// What ended the wait for a stream's next word.
enum Waited<T> {
    Said(T),
    Enough,
    /// Everything is to be listed.
    Wanted,
}

impl<W: Watch> Watcher<W> {
    async fn run(mut self) -> Result<Infallible, Stopped> {
        loop {
            if self.place.is_none() || self.list_at <= self.env.clock.now() {
                self.list().await?;
            }
            if let Some(place) = &self.place {
                let position = place.position.clone();
                self.follow(&position).await?;
            }
        }
    }

    /// Lists everything, and reports what differs from what is known. If that fails and there is a place to go on from,
    /// that is done; otherwise it waits.
    async fn list(&mut self) -> Result<(), Stopped> {
        self.on_demand.begin();
        let started = self.env.clock.now();
        let listed = in_time(
            &self.env,
            LIST_DEADLINE,
            "listing everything",
            self.mechanism.list(&self.env),
        )
        .await;
        let now = self.env.clock.now();
        let took = now.saturating_duration_since(started);
        match listed {
            Ok(listing) => {
                let update = self.known.replace(listing.groups);
                self.place = Some(Place {
                    position: listing.position,
                    listed_at: now,
                });
                let resync = self.timing.resync;
                self.list_at = now + self.env.random.between(resync.mul_f64(0.9), resync);
                (self.lists_failed, self.is_failing) = (0, false);
                self.updates.send(update.took(took)).await?;
                self.on_demand.end(Ended::Well).await
            }
            Err(error) => {
                let wait = self.pause(error.retry(), self.lists_failed);
                self.lists_failed = self.lists_failed.saturating_add(1);
                self.list_at = now + wait;
                let failure = Failure::new(error.message()).took(took).retry_in(wait);
                self.updates.fail(failure).await?;
                let ended = match error.retry() {
                    Retry::After(_) => Ended::LeaveAlone(wait),
                    Retry::Soon | Retry::AtInterval => Ended::Failed,
                };
                self.on_demand.end(ended).await?;
                if self.place.is_none() {
                    self.wait(wait).await;
                }
                Ok(())
            }
        }
    }

    /// Opens a stream, reports what it says until it is left, and waits where that is called for.
    async fn follow(&mut self, from: &W::Position) -> Result<(), Stopped> {
        let opened = self.env.clock.now();
        let opening = self.mechanism.watch(&self.env, from);
        let opening = in_time(&self.env, self.timing.idle, "opening the stream of changes", opening);
        let wanted = async {
            self.on_demand.wanted().await;
            None
        };
        let stream = or(async { Some(opening.await) }, wanted).await;
        let left = match stream {
            None => {
                self.list_at = self.env.clock.now();
                return Ok(());
            }
            Some(Ok(stream)) => {
                if self.lists_failed == 0 && planted!(std::mem::take(&mut self.is_failing), RecoveryIsNotTold, false) {
                    self.updates.send(Update::unchanged()).await?;
                }
                self.read(stream).await?
            }
            Some(Err(broken)) => Left::Broken(broken),
        };
        let now = self.env.clock.now();
        let is_short = |since: Instant| now.saturating_duration_since(since) < SHORT;
        if !is_short(opened) {
            // However little it said, it was open.
            self.failed = 0;
        }
        match left {
            Left::Ended { said_something: false } if is_short(opened) => {
                self.fail(RefreshError::soon(
                    "the stream of changes ended as soon as it had begun, and said nothing",
                ))
                .await
            }
            // Some servers end each stream after what they had to say. Opened at once, they would be asked all the time.
            Left::Ended { .. } if is_short(opened) => {
                self.wait(self.pause(Retry::Soon, 0)).await;
                Ok(())
            }
            Left::Ended { .. } | Left::Given => Ok(()),
            Left::Broken(Broken::Failed(error)) => self.fail(error).await,
            Left::Broken(Broken::TooOld) => match self.place.take() {
                Some(place) if planted!(is_short(place.listed_at), TooOldFails, true) => {
                    let message = "the backend no longer knows what changed since a moment ago, when it was listed";
                    self.fail(RefreshError::soon(message)).await
                }
                _ => Ok(()),
            },
        }
    }

    /// Reports what a stream says until it is left.
    async fn read(&mut self, mut stream: W::Stream) -> Result<Left, Stopped> {
        let mut batch: Vec<Group> = Vec::new();
        let mut said_something = false;
        let (env, updates, on_demand) = (&self.env, &self.updates, &self.on_demand);
        loop {
            let mut next = pin!(self.mechanism.next(env, &mut stream));
            let at_once = match batch.len() {
                0 => None,
                more if more >= MOST_BATCHED => None,
                _ => poll_once(&mut next).await,
            };
            let said = match at_once {
                Some(said) => said,
                None => {
                    if !batch.is_empty() {
                        updates.send(Update::delta(std::mem::take(&mut batch))).await?;
                    }
                    let left = planted!(
                        self.list_at.saturating_duration_since(env.clock.now()),
                        ListNeverAgain,
                        Duration::MAX
                    );
                    if left.is_zero() {
                        return Ok(Left::Given);
                    }
                    let said = async { Waited::Said(next.await) };
                    let enough = async {
                        env.clock.sleep(left.min(self.timing.idle)).await;
                        Waited::Enough
                    };
                    let wanted = async {
                        on_demand.wanted().await;
                        Waited::Wanted
                    };
                    match or(wanted, or(said, enough)).await {
                        Waited::Said(said) => said,
                        Waited::Enough => return Ok(Left::Given),
                        Waited::Wanted => {
                            self.list_at = env.clock.now();
                            return Ok(Left::Given);
                        }
                    }
                }
            };
            match said {
                Ok(Some(change)) => {
                    self.failed = 0;
                    said_something = true;
                    batch.extend(change.groups.into_iter().filter(|group| self.known.take(group)));
                    if let (Some(place), Some(position)) = (&mut self.place, change.position) {
                        planted!(place.position = position, PositionStays, drop(position));
                    }
                }
                ended => {
                    if !batch.is_empty() {
                        updates.send(Update::delta(batch)).await?;
                    }
                    return Ok(match ended {
                        Err(broken) => Left::Broken(broken),
                        _ => Left::Ended { said_something },
                    });
                }
            }
        }
    }

    /// Reports a stream's failure, and waits.
    async fn fail(&mut self, error: RefreshError) -> Result<(), Stopped> {
        let wait = self.pause(error.retry(), self.failed);
        self.failed = self.failed.saturating_add(1);
        self.is_failing = true;
        self.updates.fail(Failure::new(error.message()).retry_in(wait)).await?;
        self.wait(wait).await;
        Ok(())
    }

    /// Waits so long, or until somebody asks for everything to be listed.
    async fn wait(&mut self, wait: Duration) {
        let wanted = async {
            self.on_demand.wanted().await;
            true
        };
        let passed = async {
            self.env.clock.sleep(wait).await;
            false
        };
        if or(passed, wanted).await {
            self.list_at = self.env.clock.now();
        }
    }

    fn pause(&self, retry: Retry, failed: u32) -> Duration {
        let random = self.env.random.as_ref();
        match retry {
            Retry::Soon => BACKOFF.jittered(failed, random),
            Retry::AtInterval => BACKOFF.jittered(u32::MAX, random),
            Retry::After(wait) => {
                let wait = wait.clamp(FIRST_PAUSE, LONGEST_RETRY_AFTER);
                random.between(wait, wait.saturating_add(wait / 10))
            }
        }
    }
}

/// What `act` gives, unless it takes too long.
async fn in_time<T, E: From<RefreshError>>(
    env: &Env,
    within: Duration,
    doing: &str,
    act: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let late = async {
        env.clock.sleep(within).await;
        Err(RefreshError::soon(format!("{doing}: no answer within {within:?}")).into())
    };
    or(act, late).await
}

#[cfg(test)]
mod tests;
