//! Connections that wait for their next request.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use headcount_core::planted;

use crate::connection::Connection;

/// A connection that was not used for this long is closed: Prometheus's limit.
const IDLE: Duration = Duration::from_secs(5 * 60);
/// Connections that wait for one place.
const WAITING: usize = 8;
/// How often all places are looked at for connections that waited too long.
const SWEEP: Duration = Duration::from_secs(30);

/// Where a connection leads, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) secure: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The UNIX socket that it goes over.
    pub(crate) socket: Option<PathBuf>,
    /// Host and port of the proxy.
    pub(crate) proxy: Option<String>,
    /// Which reading of the certificate files it was made with.
    pub(crate) generation: u64,
}

/// The connections of one client.
///
/// A request looks at the connections of its own place only: there may be as many places as
/// there are targets.
pub(crate) struct Pool {
    places: Mutex<Places>,
    idle: Arc<Idle>,
}

/// How many connections of all clients wait, and how many may.
pub(crate) struct Idle {
    most: usize,
    now: AtomicUsize,
}

/// One of those that wait.
struct Kept(Arc<Idle>);

#[derive(Default)]
struct Places {
    waiting: HashMap<Place, Vec<Waiting>>,
    swept: Option<Instant>,
}

struct Waiting {
    connection: Connection,
    since: Instant,
    _kept: Kept,
}

impl Idle {
    pub(crate) fn at_most(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            now: AtomicUsize::new(0),
        })
    }

    /// A place for one more, if there is one.
    fn keep(self: &Arc<Self>) -> Option<Kept> {
        let kept = Kept(self.clone());
        // Dropping it counts it out again.
        let before = self.now.fetch_add(1, Ordering::Relaxed);
        planted!(before < self.most, OneMoreWaits, before <= self.most).then_some(kept)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Waiting {
    fn is_usable(&self) -> bool {
        !self.connection.is_closed() && self.since.elapsed() < IDLE
    }
}

impl Pool {
    pub(crate) fn new(idle: &Arc<Idle>) -> Self {
        Self {
            places: Mutex::default(),
            idle: idle.clone(),
        }
    }

    /// A connection to `place`, the one that was used last.
    pub(crate) fn take(&self, place: &Place) -> Option<Connection> {
        self.with(|waiting| {
            let connections = waiting.get_mut(place)?;
            connections.retain(Waiting::is_usable);
            let newest = connections.pop();
            let shared = newest.as_ref().and_then(|newest| newest.connection.share());
            if let Some(shared) = shared {
                connections.extend(newest.map(|newest| Waiting {
                    since: Instant::now(),
                    ..newest
                }));
                return Some(shared);
            }
            if connections.is_empty() {
                waiting.remove(place);
            }
            newest.map(|newest| newest.connection)
        })
    }

    /// Keeps a connection for the next request.
    pub(crate) fn put(&self, place: &Place, connection: Connection) {
        self.with(|waiting| {
            let connections = waiting.entry(place.clone()).or_default();
            connections.retain(Waiting::is_usable);
            let has_shared = connections.iter().any(|waiting| waiting.connection.is_http2());
            if connections.len() < WAITING
                && !has_shared
                && let Some(kept) = self.idle.keep()
            {
                connections.push(Waiting {
                    connection,
                    since: Instant::now(),
                    _kept: kept,
                });
            }
            if connections.is_empty() {
                waiting.remove(place);
            }
        });
    }

    /// Forgets a shared connection that failed, so that the next request makes a new one.
    pub(crate) fn forget_shared(&self, place: &Place) {
        self.with(|waiting| {
            if let Some(connections) = waiting.get_mut(place) {
                connections.retain(|waiting| !waiting.connection.is_http2());
            }
        });
    }

    /// Looks at the connections; now and then without those that nobody will ask for again.
    fn with<T>(&self, look: impl FnOnce(&mut HashMap<Place, Vec<Waiting>>) -> T) -> T {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let places = &mut *places;
        if places.swept.is_none_or(|swept| swept.elapsed() >= SWEEP) {
            places.swept = Some(Instant::now());
            places.waiting.retain(|_, connections| {
                connections.retain(Waiting::is_usable);
                !connections.is_empty()
            });
        }
        look(&mut places.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_wait_than_may() {
        let idle = Idle::at_most(2);
        let kept: Vec<_> = (0..5).filter_map(|_| idle.keep()).collect();
        assert_eq!((kept.len(), idle.now.load(Ordering::Relaxed)), (2, 2));
        drop(kept);
        assert!(idle.keep().is_some());
    }
}
