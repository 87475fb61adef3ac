//! A list that is the beginning of a watch (WatchList): what there is comes as events, and a bookmark says that it was all.
//!
//! The one rule: **what the bookmark did not end is no list.** Until then everything is kept apart; what comes after it
//! are changes as in any watch, which goes on.
//!
//! A server that can't do it refuses the question. One that does not know of it and takes it in silence tells what there
//! is, too, but never that it was all: one that was silent for [`SILENCE`] is taken for such.

use std::time::Duration;

use futures_lite::future::or;
use headcount_core::Instant;
use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpLimits, HttpStream};
use headcount_discoverer::refresh::RefreshError;

use super::asking::{Asking, Refused};
use super::events::Events;
use super::lines::Lines;
use super::reflector::{IDLE, Listed, by_body_error, how_long_a_watch_lasts, too_many};
use super::store::Store;

/// How long a server may tell of no object before the bookmark that ends them.
const SILENCE: Duration = Duration::from_secs(30);

/// A watch that is open.
pub(super) struct Watch {
    pub(super) stream: HttpStream,
    /// What of it was not read yet.
    pub(super) lines: Lines,
    pub(super) has_said_something: bool,
    /// When the server should end it, as it was asked to.
    pub(super) ends_at: Instant,
}

impl Watch {
    /// One that has said nothing yet.
    pub(super) fn new(stream: HttpStream, ends_at: Instant) -> Self {
        Self {
            stream,
            lines: Lines::default(),
            has_said_something: false,
            ends_at,
        }
    }
}

/// Why there is no list.
pub(super) enum Unlisted {
    /// The server can't list in this way.
    Unable,
    Failed(RefreshError),
}

impl From<RefreshError> for Unlisted {
    fn from(error: RefreshError) -> Self {
        Self::Failed(error)
    }
}

/// What has come so far.
#[derive(Default)]
struct Initial(Listed);

/// Everything there is, at the newest version, and the watch from there on.
pub(super) async fn list(asking: &mut Asking, store: &Store, env: &Env) -> Result<(Listed, Watch), Unlisted> {
    let lasts = how_long_a_watch_lasts(env);
    let seconds = lasts.as_secs().to_string();
    let parameters = [
        ("watch", "1"),
        ("sendInitialEvents", "true"),
        // Without it a server that does not know of initial events would not refuse.
        ("resourceVersionMatch", "NotOlderThan"),
        ("allowWatchBookmarks", "true"),
        ("timeoutSeconds", &seconds),
    ];
    let mut watch = match asking.ask(&parameters, HttpLimits::stream(IDLE)).await {
        Ok(stream) => Watch::new(stream, env.clock.now() + lasts),
        Err(refused) => return Err(refused_list(refused)),
    };
    let kind = asking.subject.kind;
    let mut initial = Initial::default();
    let mut silent_at = env.clock.now() + SILENCE;
    loop {
        let silent = async {
            let left = silent_at.saturating_duration_since(env.clock.now());
            env.clock.sleep(left).await;
            None
        };
        let piece = match or(async { Some(watch.stream.next_piece().await) }, silent).await {
            None => return Err(Unlisted::Unable),
            Some(Ok(Some(piece))) => piece,
            Some(Ok(None)) => {
                return Err(RefreshError::soon("the watch ended before it had told of everything there is").into());
            }
            Some(Err(error)) => return Err(by_body_error(error).into()),
        };
        watch.has_said_something = true;
        watch.lines.add(piece);
        let (mut events, mut since, mut result) = (Events::default(), Vec::new(), Ok(()));
        watch.lines.take(|line| {
            if events.is_all {
                since.extend_from_slice(line);
                since.push(b'\n');
            } else if result.is_ok() {
                result = events.add(kind, line);
            }
        });
        store.skipped(events.unreadable.len());
        if !events.unreadable.is_empty() || !events.changes.is_empty() {
            silent_at = env.clock.now() + SILENCE;
        }
        let is_whole = events.is_all;
        initial.take(events);
        result.map_err(refused_list)?;
        if initial.0.objects.len() > env.limits.groups {
            return Err(too_many(kind, env.limits.groups).into());
        }
        if is_whole {
            watch.lines.put_back(since);
            return Ok((initial.0, watch));
        }
        watch.lines.within(env.limits.body)?;
    }
}

fn refused_list(refused: Refused) -> Unlisted {
    match refused {
        Refused::Invalid(_) => Unlisted::Unable,
        Refused::Failed(error) => error.into(),
        Refused::Gone => RefreshError::soon("the server forgets what it lists before it was read").into(),
    }
}

impl Initial {
    fn take(&mut self, events: Events) {
        let listed = &mut self.0;
        listed.kept.extend(events.unreadable.into_iter().flatten());
        for change in events.changes {
            match change.object {
                Some(object) => drop(listed.objects.insert(change.key.into(), object)),
                None => {
                    listed.kept.retain(|key| *key != change.key);
                    listed.objects.remove(change.key.as_str());
                }
            }
        }
        if let Some(version) = events.version {
            listed.version = version;
        }
    }
}
