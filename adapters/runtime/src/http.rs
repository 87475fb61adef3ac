//! The HTTP client on a [`Runtime`](crate::Runtime).

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use headcount_discoverer::BoxFuture;
use headcount_http::{Connect, HttpClients, Platform, Spawn, Stream};

use crate::runtime::SharedRuntime;
use crate::{SystemClock, SystemFiles};

/// HTTP clients over this machine's network and files, with the proxies of this process's environment for those
/// that ask for them (`proxy_from_environment`).
pub fn http_clients(runtime: &SharedRuntime) -> HttpClients {
    // A variable that is not Unicode can't be a proxy.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    http_clients_with(runtime, variables.collect())
}

/// The same with other environment variables in place of the process's.
pub fn http_clients_with(runtime: &SharedRuntime, environment: BTreeMap<String, String>) -> HttpClients {
    let on_runtime = Arc::new(OnRuntime(runtime.clone()));
    HttpClients::new(Platform {
        clock: Arc::new(SystemClock::new(runtime.clone())),
        files: Arc::new(SystemFiles::new(runtime.clone())),
        connect: on_runtime.clone(),
        spawn: on_runtime,
        environment: Arc::new(environment),
    })
}

/// Opens connections on a runtime, and starts tasks there.
pub(crate) struct OnRuntime(pub(crate) SharedRuntime);

impl Connect for OnRuntime {
    fn tcp(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        self.0.connect(address)
    }

    fn unix(&self, path: &Path) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        self.0.connect_unix(path)
    }
}

impl Spawn for OnRuntime {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.0.spawn(future);
    }
}
