//! Connections over TCP and UNIX sockets.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{ByteStream, Connection, ConnectionError, Connections, Doing, Endpoint};

use crate::SystemClock;
use crate::race::{race, resolve};
use crate::runtime::SharedRuntime;

/// This machine's network and its UNIX sockets.
#[derive(Clone)]
pub struct SystemConnections {
    runtime: SharedRuntime,
    clock: Arc<SystemClock>,
}

impl SystemConnections {
    /// Connections on `runtime`.
    pub fn new(runtime: SharedRuntime) -> Self {
        let clock = Arc::new(SystemClock::new(runtime.clone()));
        Self { runtime, clock }
    }
}

impl Connections for SystemConnections {
    fn connect(
        &self,
        endpoint: &Endpoint,
        within: Duration,
    ) -> BoxFuture<'static, Result<Connection, ConnectionError>> {
        let (this, endpoint) = (self.clone(), endpoint.clone());
        Box::pin(async move {
            let stream = open(&this.runtime, &endpoint);
            Connection::open(endpoint.clone(), this.clock, within, stream).await
        })
    }
}

async fn open(runtime: &SharedRuntime, endpoint: &Endpoint) -> Result<Box<dyn ByteStream>, ConnectionError> {
    let stream = match endpoint {
        Endpoint::Unix(path) => runtime.connect_unix(path).await,
        Endpoint::Tcp { host, port } => {
            let addresses = resolve(host, *port).await.map_err(|error| ConnectionError::Resolve {
                endpoint: endpoint.clone(),
                cause: error.into(),
            })?;
            race(&**runtime, addresses).await
        }
    };
    stream.map_err(|error| ConnectionError::Io {
        endpoint: endpoint.clone(),
        doing: Doing::Connecting,
        cause: error.into(),
    })
}
