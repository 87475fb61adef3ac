//! What HTTP needs of the world and of an async runtime.

use std::sync::Arc;

use headcount_discoverer::BoxFuture;
pub use headcount_discoverer::env::ByteStream as Stream;
use headcount_discoverer::env::{Clock, Connections, Files, TokenCache, Variables};

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
    pub connections: Arc<dyn Connections>,
    /// The tasks that carry them.
    pub spawn: Arc<dyn Spawn>,
    /// Environment variables, for clients that take their proxy from there (`proxy_from_environment`).
    pub variables: Arc<dyn Variables>,
    /// Tokens, which all clients with the same `oauth2` share.
    pub tokens: TokenCache,
}
