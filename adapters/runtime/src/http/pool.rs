//! Connections that wait for their next request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;

/// A connection that was not used for this long is closed: Prometheus's limit.
const IDLE: Duration = Duration::from_secs(5 * 60);
/// Connections that wait for one place.
const WAITING: usize = 8;

/// Where a connection leads, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// Host and port of the proxy.
    pub(super) proxy: Option<String>,
    /// Which reading of the certificate files it was made with.
    pub(super) generation: u64,
}

/// The connections of one client.
#[derive(Default)]
pub(super) struct Pool {
    waiting: Mutex<HashMap<Place, Vec<Waiting>>>,
}

struct Waiting {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// A connection to `place`, the one that was used last.
    pub(super) fn take(&self, place: &Place) -> Option<Connection> {
        self.with(|waiting| {
            let connections = waiting.get_mut(place)?;
            let mut newest = connections.pop()?;
            if let Some(shared) = newest.connection.share() {
                newest.since = Instant::now();
                connections.push(newest);
                return Some(shared);
            }
            Some(newest.connection)
        })
    }

    /// Keeps a connection for the next request.
    pub(super) fn put(&self, place: &Place, connection: Connection) {
        self.with(|waiting| {
            let connections = waiting.entry(place.clone()).or_default();
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
    pub(super) fn forget_shared(&self, place: &Place) {
        self.with(|waiting| {
            if let Some(connections) = waiting.get_mut(place) {
                connections.retain(|waiting| !waiting.connection.is_http2());
            }
        });
    }

    /// Looks at the connections, without those that are closed or waited for too long.
    fn with<T>(&self, look: impl FnOnce(&mut HashMap<Place, Vec<Waiting>>) -> T) -> T {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, connections| {
            connections.retain(|waiting| !waiting.connection.is_closed() && waiting.since.elapsed() < IDLE);
            !connections.is_empty()
        });
        look(&mut waiting)
    }
}
