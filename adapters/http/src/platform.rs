//! What HTTP needs of the world and of an async runtime.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use headcount_discoverer::BoxFuture;
pub use headcount_discoverer::env::ByteStream as Stream;
use headcount_discoverer::env::{Clock, Files};

/// Opens connections.
pub trait Connect: Send + Sync {
    /// A TCP connection to one address.
    ///
    /// # Errors
    /// What the system says. Dropping the future gives up.
    fn tcp(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>>;

    /// A connection to a UNIX socket.
    ///
    /// # Errors
    /// What the system says. Dropping the future gives up.
    fn unix(&self, path: &Path) -> BoxFuture<'static, io::Result<Box<dyn Stream>>>;
}

/// Starts tasks.
pub trait Spawn: Send + Sync {
    /// Starts a task that runs until it completes. Nobody waits for it.
    fn spawn(&self, future: BoxFuture<'static, ()>);
}

/// What HTTP clients stand on. Cloning it clones handles.
#[derive(Clone)]
pub struct Platform {
    /// Time limits, and when tokens end.
    pub clock: Arc<dyn Clock>,
    /// Certificates, keys, and secrets that stand in files.
    pub files: Arc<dyn Files>,
    /// Connections.
    pub connect: Arc<dyn Connect>,
    /// The tasks that carry them.
    pub spawn: Arc<dyn Spawn>,
    /// Environment variables, for clients that take their proxy from there (`proxy_from_environment`).
    pub environment: Arc<BTreeMap<String, String>>,
}
