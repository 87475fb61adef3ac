//! What the rest of the crate asks of an async runtime.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::BoxFuture;
pub use headcount_http::Stream;

/// An async runtime, reduced to what differs between runtimes.
///
/// Every method can be called from any thread, inside or outside of the runtime. Files and name
/// resolution are not here: they block, so they run on a pool of threads of their own, which is
/// the same for every runtime.
pub trait Runtime: Send + Sync + 'static {
    /// Starts a task that runs until it completes. Nobody waits for it: cancelling and waiting are
    /// built on top, once for all runtimes.
    fn spawn(&self, future: BoxFuture<'static, ()>);

    /// Completes once `duration` has passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Opens a TCP connection to one address.
    ///
    /// # Errors
    /// What the system says. Dropping the future gives up.
    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>>;

    /// Opens a connection to a UNIX socket. A runtime that says nothing else has none.
    ///
    /// # Errors
    /// What the system says. Dropping the future gives up.
    fn connect_unix(&self, path: &Path) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let _ = path;
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}

/// A runtime that many parts hold.
pub type SharedRuntime = Arc<dyn Runtime>;
