//! HTTP clients over hyper, with Prometheus's whole `<http_config>`.
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
mod no_proxy;
mod oauth2;
mod pool;
mod proxy;
mod redirect;
mod request;
mod roots;
mod secrets;
mod socks5;
mod tls;
mod transport;
mod tunnel;

use std::collections::BTreeMap;
use std::sync::Arc;

use headcount_discoverer::env::{Http, HttpClient, HttpError};
use headcount_reader::HttpClientSettings;

use crate::runtime::SharedRuntime;

/// Makes HTTP clients that use real sockets.
pub struct HttpClients {
    runtime: SharedRuntime,
    environment: BTreeMap<String, String>,
}

impl HttpClients {
    /// Clients on `runtime`, with the proxies of this process's environment for those that ask
    /// for them (`proxy_from_environment`).
    pub fn new(runtime: SharedRuntime) -> Self {
        // A variable that is not Unicode can't be a proxy.
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self {
            runtime,
            environment: variables.collect(),
        }
    }

    /// The same with other environment variables in place of the process's.
    pub fn with_environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment = variables.into_iter().collect();
        self
    }
}

impl Http for HttpClients {
    fn client(&self, settings: &HttpClientSettings) -> Result<Arc<dyn HttpClient>, HttpError> {
        Ok(Arc::new(client::Client::new(
            &self.runtime,
            &self.environment,
            settings,
        )?))
    }
}
