//! The work of following one kind of object: list everything, watch what changes, list again when that is called for.
//!
//! The one rule: **what is in the store was so at the server**, a later state with each change, and nothing goes because
//! something could not be read.
//!
//! * A list is the beginning of a watch where the server can do that (the module `initial`). One that refuses is listed in
//!   pages, and not asked for anything else for [`UNABLE`]; so it is, until the next list, after a failure of any other sort.
//! * In pages a list has [`PAGE`] objects each, all of one version. When the server no longer knows that version (410),
//!   the list begins again; the last try asks for one page, which can't grow old.
//! * What a whole list lacks is gone; of one that failed nothing counts.
//! * A watch begins at the version of the list, and goes on where the last one ended: the server ends each after a few
//!   minutes, as it is asked to. Bookmarks keep the version young. Where the server no longer knows it (410), everything
//!   is listed, and the difference is the change, so there is never a gap.
//! * A watch that is silent for [`IDLE`] is not trusted, and opened again: a connection whose other end is gone looks the
//!   same. If the server has said something since the last list, everything is listed: one that is back from a copy sooner
//!   than that was noticed waits in silence for a version that it does not have yet.
//! * After a watch that broke, was silent, or ended before the time that it was asked to last, the server is asked for its
//!   newest version before the next one is opened, and listed if that is an earlier one (the module `behind`).
//! * After a failure to open one, everything is listed: a server that was away may have been restored from a copy, and
//!   be earlier in its history than before. So it is each [`RESYNC`] in any case, and when somebody asks for it.
//! * After failures the wait doubles from [`FIRST_PAUSE`] to [`LONGEST_PAUSE`]; `Retry-After` counts.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_lite::future::or;
use headcount_core::Instant;
use headcount_discoverer::env::{Awaited, HttpError, HttpLimits};
use headcount_discoverer::refresh::{LONGEST_RETRY_AFTER, RefreshError, Retry};
use headcount_discoverer::{BODY_KNOB, Backoff, Env};

use super::super::access::by_error;
use super::super::kind::Kind;
use super::super::object::{Nonsense, Object};
use super::Subject;
use super::asking::{Asking, Refused};
use super::behind::is_behind;
use super::events::Events;
use super::initial::{self, Unlisted, Watch};
use super::list::{ListReader, Page};
use super::store::{Store, Trouble};

/// How many objects a page has.
const PAGE: usize = 500;
/// How often a list begins anew because it has grown old while it was read.
const MOST_TRIES: usize = 3;
/// How long a list may take.
const LIST_DEADLINE: Duration = Duration::from_secs(5 * 60);
/// How long a page may be silent.
const PAGE_IDLE: Duration = Duration::from_secs(60);
/// How long a watch may be silent. There is a bookmark each minute.
pub(super) const IDLE: Duration = Duration::from_secs(150);
/// How long a watch is asked to last, at least and at most.
const WATCH: (Duration, Duration) = (Duration::from_secs(240), Duration::from_secs(300));
/// How much sooner than it was asked to a server may end a watch: its time began when it was asked.
const EARLY: Duration = Duration::from_secs(5);
/// How long a server that could not list as the beginning of a watch is not asked to do so again: it may be replaced by a
/// newer one.
const UNABLE: Duration = Duration::from_secs(6 * 60 * 60);
/// How often everything is listed.
const RESYNC: Duration = Duration::from_secs(60 * 60);
/// The wait after a first failure.
pub(in super::super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest wait, unless the server asks for more.
pub(in super::super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What is over sooner than this after it began was of no use.
const SHORT: Duration = Duration::from_secs(5);

const BACKOFF: Backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);

/// Who follows a subject.
pub(super) struct Reflector {
    asking: Asking,
    store: Arc<Store>,
    env: Env,
    /// Up to where everything is known.
    version: Option<String>,
    listed_at: Instant,
    list_at: Instant,
    failed: u32,
    /// Whether a watch has said something since the last list.
    is_talking: bool,
    /// Whether the last watch did not end as it should have: the server may be back from a copy.
    is_in_doubt: bool,
    /// From when on a list may be the beginning of a watch.
    streams_at: Instant,
    /// Whether the next list is in pages in any case.
    is_in_pages: bool,
}

/// Everything there is.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) objects: BTreeMap<Arc<str>, Object>,
    /// The keys of objects that are there, and could not be read.
    pub(super) kept: Vec<String>,
    pub(super) version: String,
}

/// How a watch ended.
enum Left {
    /// As watches do, or it broke.
    Ended {
        said_something: bool,
    },
    /// It is time for something else.
    Given,
    Refused(Refused),
}

impl Reflector {
    pub(super) fn new(subject: Subject, store: Arc<Store>, env: Env) -> Self {
        let now = env.clock.now();
        Self {
            asking: Asking::new(subject, env.clone()),
            store,
            env,
            version: None,
            listed_at: now,
            list_at: now,
            failed: 0,
            is_talking: false,
            is_in_doubt: false,
            streams_at: now,
            is_in_pages: false,
        }
    }

    /// Follows, for ever.
    pub(super) async fn run(mut self) {
        loop {
            self.turn().await;
        }
    }

    async fn turn(&mut self) {
        let now = self.env.clock.now();
        let version = self.version.clone();
        let watch = match version.filter(|_| now < self.list_at && !self.store.is_asked()) {
            Some(version) => self.go_on(&version).await,
            None => match self.list().await {
                Some(watch) => Ok(watch),
                None => return,
            },
        };
        let opened = self.env.clock.now();
        let left = match watch {
            Ok(watch) => self.follow(watch).await,
            Err(refused) => Left::Refused(refused),
        };
        let now = self.env.clock.now();
        let is_short = |since: Instant| now.saturating_duration_since(since) < SHORT;
        match left {
            Left::Given => self.failed = 0,
            Left::Ended { said_something: false } if is_short(opened) => {
                let error = RefreshError::soon("the watch ended as soon as it had begun, and said nothing");
                self.fail(error, None).await;
            }
            // Opened at once, who ends each watch soon would be asked all the time.
            Left::Ended { .. } if is_short(opened) => self.wait(self.pause(Retry::Soon, 0)).await,
            Left::Ended { .. } => self.failed = 0,
            Left::Refused(Refused::Gone) => {
                self.version = None;
                if is_short(self.listed_at) {
                    let error = RefreshError::soon("the server no longer knows what changed since a moment ago");
                    self.fail(error, None).await;
                }
            }
            Left::Refused(Refused::Failed(error) | Refused::Invalid(error)) => {
                self.version = None;
                self.fail(error, None).await;
            }
        }
    }

    /// Lists everything; gives the watch that it was the beginning of, if it was. If that fails it waits, or goes on with a
    /// watch where there is one to go on with.
    async fn list(&mut self) -> Option<Watch> {
        let answers = self.store.begin_list();
        let clock = self.env.clock.clone();
        let late = async {
            clock.sleep(LIST_DEADLINE).await;
            Err(RefreshError::soon(format!("no whole list within {LIST_DEADLINE:?}")))
        };
        match or(self.read_list(), late).await {
            Ok((listed, watch)) => {
                let now = self.env.clock.now();
                self.store.replace(listed.objects, &listed.kept, answers);
                self.version = Some(listed.version);
                self.listed_at = now;
                (self.is_talking, self.is_in_doubt) = (false, false);
                self.list_at = now + self.env.random.between(RESYNC.mul_f64(0.9), RESYNC);
                self.failed = 0;
                watch
            }
            Err(error) => {
                let wait = self.pause(error.retry(), self.failed);
                self.list_at = self.env.clock.now() + wait;
                match self.version {
                    Some(_) => {
                        self.is_in_doubt = true;
                        self.told(&error, wait, Some(answers));
                    }
                    None => self.fail(error, Some(answers)).await,
                }
                None
            }
        }
    }

    /// All there is, by whichever way the server can.
    async fn read_list(&mut self) -> Result<(Listed, Option<Watch>), RefreshError> {
        let now = self.env.clock.now();
        // Unless it is said below that all went well, it did not, also if this is given up.
        if !std::mem::replace(&mut self.is_in_pages, true) && now >= self.streams_at {
            match initial::list(&mut self.asking, &self.store, &self.env).await {
                Ok((listed, watch)) => {
                    self.is_in_pages = false;
                    return Ok((listed, Some(watch)));
                }
                Err(Unlisted::Unable) => self.streams_at = self.env.clock.now() + UNABLE,
                Err(Unlisted::Failed(error)) => return Err(error),
            }
        }
        let listed = self.read_all_pages().await?;
        self.is_in_pages = false;
        Ok((listed, None))
    }

    async fn read_all_pages(&mut self) -> Result<Listed, RefreshError> {
        let mut tries = 1;
        loop {
            let limit = (tries < MOST_TRIES).then_some(PAGE);
            match self.read_pages(limit).await {
                Ok(listed) => return Ok(listed),
                Err(Refused::Failed(error) | Refused::Invalid(error)) => return Err(error),
                Err(Refused::Gone) if tries < MOST_TRIES => tries += 1,
                Err(Refused::Gone) => {
                    return Err(RefreshError::soon(
                        "the server forgets what it lists before it was read",
                    ));
                }
            }
        }
    }

    async fn read_pages(&mut self, limit: Option<usize>) -> Result<Listed, Refused> {
        let mut listed = Listed::default();
        let (kind, most) = (self.asking.subject.kind, self.env.limits.groups);
        let mut more = String::new();
        loop {
            let limit = limit.map(|limit| limit.to_string()).unwrap_or_default();
            let limits = HttpLimits {
                body: self.env.limits.body,
                ..HttpLimits::stream(PAGE_IDLE)
            };
            let parameters = [("limit", limit.as_str()), ("continue", more.as_str())];
            let mut answer = self.asking.ask(&parameters, limits).await?;
            let mut reader = ListReader::default();
            let mut skipped = 0;
            loop {
                let piece = match answer.next_piece().await {
                    Ok(Some(piece)) => piece,
                    Ok(None) => break,
                    Err(error) => return Err(by_body_error(error).into()),
                };
                reader.add_objects(kind, piece, |found| match found {
                    Ok(named) => drop(listed.objects.insert(named.key.into(), named.object)),
                    Err(Nonsense { key, .. }) => {
                        skipped += 1;
                        listed.kept.extend(key);
                    }
                });
            }
            self.store.skipped(skipped);
            if listed.objects.len() > most {
                return Err(too_many(kind, most).into());
            }
            let page: Page = reader.end().map_err(RefreshError::soon)?;
            if page.more.is_empty() {
                listed.version = page.version;
                return Ok(listed);
            }
            if page.more == more {
                return Err(RefreshError::soon("the list has a page that names itself as the next").into());
            }
            more = page.more;
        }
    }

    /// Opens a watch of what changes after a version, unless the server is no longer that far.
    async fn go_on(&mut self, version: &str) -> Result<Watch, Refused> {
        if self.is_in_doubt && is_behind(&mut self.asking, &self.env, version).await? {
            return Err(Refused::Gone);
        }
        self.is_in_doubt = false;
        self.open(version).await
    }

    /// Opens a watch of what changes after a version.
    async fn open(&mut self, version: &str) -> Result<Watch, Refused> {
        let lasts = how_long_a_watch_lasts(&self.env);
        let seconds = lasts.as_secs().to_string();
        let parameters = [
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", version),
            ("timeoutSeconds", &seconds),
        ];
        let stream = self.asking.ask(&parameters, HttpLimits::stream(IDLE)).await?;
        Ok(Watch::new(stream, self.env.clock.now() + lasts))
    }

    /// Reads what a watch says, until there is something else to do.
    async fn follow(&mut self, mut watch: Watch) -> Left {
        let (store, clock) = (self.store.clone(), self.env.clock.clone());
        loop {
            if let Err(refused) = self.take_in(&mut watch) {
                return Left::Refused(refused);
            }
            let left = self.list_at.saturating_duration_since(clock.now());
            if left.is_zero() {
                return Left::Given;
            }
            let next = async { Some(watch.stream.next_piece().await) };
            let time = async {
                clock.sleep(left).await;
                None
            };
            let asked = async {
                until_asked(&store).await;
                None
            };
            let piece = match or(next, or(time, asked)).await {
                None => return Left::Given,
                Some(Ok(Some(piece))) => piece,
                Some(Err(HttpError::Timeout {
                    awaited: Awaited::Piece,
                    ..
                })) => {
                    self.is_in_doubt = true;
                    if self.is_talking {
                        self.list_at = clock.now();
                    }
                    return Left::Given;
                }
                // What was told is known, and the next one goes on from there. If the server is gone that will fail.
                Some(end @ (Ok(None) | Err(_))) => {
                    let early = watch.ends_at.saturating_duration_since(clock.now());
                    self.is_in_doubt |= end.is_err() || early > EARLY;
                    return Left::Ended {
                        said_something: watch.has_said_something,
                    };
                }
            };
            self.is_talking = true;
            watch.lines.add(piece);
        }
    }

    /// Takes in the lines of a watch that are whole. What is none says nothing, however often it comes.
    fn take_in(&mut self, watch: &mut Watch) -> Result<(), Refused> {
        let (mut events, mut result) = (Events::default(), Ok(()));
        let kind = self.asking.subject.kind;
        watch.lines.take(|line| {
            watch.has_said_something = true;
            if result.is_ok() {
                result = events.add(kind, line);
            }
        });
        self.version = events.version.or(self.version.take());
        self.store.skipped(events.unreadable.len());
        self.store.apply(events.changes);
        result?;
        Ok(watch.lines.within(self.env.limits.body)?)
    }

    /// Tells of a failure.
    fn told(&mut self, error: &RefreshError, wait: Duration, answers: Option<u64>) {
        self.failed = self.failed.saturating_add(1);
        let trouble = Trouble {
            reason: error.message().to_owned(),
            retry_at: self.env.clock.now() + wait,
        };
        self.store.fail(trouble, answers);
    }

    /// Tells of a failure, and waits.
    async fn fail(&mut self, error: RefreshError, answers: Option<u64>) {
        let wait = self.pause(error.retry(), self.failed);
        self.told(&error, wait, answers);
        self.wait(wait).await;
    }

    /// Waits so long, or until somebody asks for a list.
    async fn wait(&self, wait: Duration) {
        or(self.env.clock.sleep(wait), until_asked(&self.store)).await;
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

/// Completes when somebody asks for everything to be listed: who asks wakes the one who works.
async fn until_asked(store: &Store) {
    poll_fn(|_| match store.is_asked() {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

/// How long a watch is asked to last.
pub(super) fn how_long_a_watch_lasts(env: &Env) -> Duration {
    Duration::from_secs(env.random.between(WATCH.0, WATCH.1).as_secs())
}

/// There is more than is wanted.
pub(super) fn too_many(kind: Kind, most: usize) -> RefreshError {
    let plural = kind.plural();
    RefreshError::at_interval(format!(
        "there are more than {most} {plural}; more with --max-groups-per-provider"
    ))
}

pub(super) fn by_body_error(error: HttpError) -> RefreshError {
    match error {
        HttpError::BodyTooLarge { .. } => RefreshError::at_interval(format!("{error}; {BODY_KNOB}")),
        error => by_error(error),
    }
}
