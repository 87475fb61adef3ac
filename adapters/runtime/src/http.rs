//! The HTTP client on a [`Runtime`](crate::Runtime).

use std::sync::Arc;

use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{TokenCache, Variables};
use headcount_http::{HttpClients, Platform, Spawn};

use crate::runtime::SharedRuntime;
use crate::{Descriptors, SystemClock, SystemConnections, SystemFiles, SystemVariables};

/// HTTP clients over this machine's network and files, with the proxies of this process's environment for those
/// that ask for them (`proxy_from_environment`).
pub fn http_clients(runtime: &SharedRuntime) -> HttpClients {
    http_clients_with(runtime, Arc::new(SystemVariables), TokenCache::default())
}

/// The same with these environment variables, and with tokens that are shared with others.
pub fn http_clients_with(runtime: &SharedRuntime, variables: Arc<dyn Variables>, tokens: TokenCache) -> HttpClients {
    let platform = Platform {
        clock: Arc::new(SystemClock::new(runtime.clone())),
        files: Arc::new(SystemFiles::new(runtime.clone())),
        connections: Arc::new(SystemConnections::new(runtime.clone())),
        spawn: Arc::new(OnRuntime(runtime.clone())),
        variables,
        tokens,
    };
    HttpClients::new(platform).keep_idle(Descriptors::of_this_process().idle)
}

/// Starts tasks on a runtime.
struct OnRuntime(SharedRuntime);

impl Spawn for OnRuntime {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.0.spawn(future);
    }
}
