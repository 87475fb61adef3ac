//! Connections that wait for their next request.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

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
#[derive(Default)]
pub(crate) struct Pool(Mutex<Places>);

#[derive(Default)]
struct Places {
    waiting: HashMap<Place, Vec<Waiting>>,
    swept: Option<Instant>,
}

struct Waiting {
    connection: Connection,
    since: Instant,
}

impl Waiting {
    fn is_usable(&self) -> bool {
        !self.connection.is_closed() && self.since.elapsed() < IDLE
    }
}

impl Pool {
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
            if connections.len() < WAITING && !has_shared {
                connections.push(Waiting {
                    connection,
                    since: Instant::now(),
                });
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
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
