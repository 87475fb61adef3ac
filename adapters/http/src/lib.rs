//! HTTP clients over hyper, with Prometheus's whole `<http_config>`, on any async runtime.
//!
//! [`HttpClients`] implements [`headcount_discoverer::env::Http`] over a [`Platform`]: a clock, files,
//! connections and tasks, which a runtime gives.
//!
//! A request goes down through these layers, each a file:
//!
//! * `client`: the time limit, redirects, headers, decompression.
//! * `authentication` and `oauth2`: who we are.
//! * `transport` and `pool`: a connection that is there already, or a new one.
//! * `dial`, `proxy`, `tunnel`, `socks5`, `tls`: a new one.
//!
//! The one rule: **no secret leaves but on its way to the server that it is for**. Errors name hosts,
//! never URLs with credentials; `Authorization` does not follow a redirect to another host.

mod assertion;
mod authentication;
mod body;
mod client;
mod connection;
mod dial;
mod io;
mod limits;
mod no_proxy;
mod oauth2;
mod platform;
mod pool;
mod proxy;
mod redirect;
mod request;
mod roots;
mod secrets;
mod socks5;
mod timer;
mod tls;
mod transport;
mod tunnel;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use headcount_discoverer::env::{Http, HttpClient, HttpError};
use headcount_reader::HttpClientSettings;

use crate::client::Client;
use crate::pool::Idle;

pub use platform::{Platform, Spawn, Stream};

/// Connections that wait, unless it is said otherwise.
const MOST_IDLE: usize = 4_096;

/// Makes HTTP clients that use real sockets. Equal settings have one client, as long as somebody holds it.
pub struct HttpClients {
    platform: Platform,
    idle: Arc<Idle>,
    clients: Mutex<HashMap<HttpClientSettings, Weak<Client>>>,
}

impl HttpClients {
    /// Clients on a platform.
    pub fn new(platform: Platform) -> Self {
        Self {
            platform,
            idle: Idle::at_most(MOST_IDLE),
            clients: Mutex::default(),
        }
    }

    /// Keeps at most so many connections that wait for their next request, of all clients; those beyond are closed when
    /// they have been used. Each takes a file descriptor.
    #[must_use]
    pub fn keep_idle(mut self, most: usize) -> Self {
        self.idle = Idle::at_most(most);
        self
    }
}

impl Http for HttpClients {
    fn client(&self, settings: &HttpClientSettings) -> Result<Arc<dyn HttpClient>, HttpError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(settings).and_then(Weak::upgrade) {
            return Ok(client);
        }
        clients.retain(|_, client| client.strong_count() > 0);
        let client = Arc::new(Client::new(&self.platform, &self.idle, settings)?);
        clients.insert(settings.clone(), Arc::downgrade(&client));
        Ok(client)
    }
}
