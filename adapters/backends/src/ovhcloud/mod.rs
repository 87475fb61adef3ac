//! `ovhcloud_sd_configs`: the VPS and the dedicated servers of OVHcloud (<https://api.ovh.com/>).
//!
//! Each `refresh_interval` the names of all servers are listed, and each server is asked for itself and for its
//! addresses. Labels are Prometheus's, with `instance` set to the server's name. **A server that can't be read keeps its
//! target, and is named**; Prometheus drops it with a line in the log. So each has a group of its own, `ovhcloud_vps/NAME`.
//!
//! What relabelling rules depend on stays as it is, however odd:
//! * `__address__` has no port; with rules, or with the setting `port`, which is headcount's own, it gets one.
//! * It is the last IPv4 address that is listed, or else the last IPv6 address.
//! * `__meta_ovhcloud_vps_datacenter` is a list as Go prints it, `[]` or `[a b]`.
//! * `keymap` and `monitoring_ip_blocks` of a VPS stand in Prometheus's documentation and are never set.
//!
//! Otherwise than in Prometheus:
//! * A block of addresses that holds a single one is an address in IPv6, too, where that is `/128`; an IPv6 block of `/32`
//!   is none. An address that can't be understood costs itself, not the server.
//! * A server without an address is counted.
//! * OVHcloud's clock is asked once an hour, not at each refresh, and by one for all.
//! * **Two requests a server add up.** Which numbers are allowed is not published, so [`AT_ONCE`](Rest::AT_ONCE) are under
//!   way at a time, and once a request is refused because there were too many, the rest of the refresh is left out.

mod account;
mod addresses;
mod dedicated_server;
mod settings;
mod vps;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headcount_core::Batch;
use headcount_discoverer::Env;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest};
use headcount_reader::HttpClientSettings;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use account::Signer;
use addresses::Addresses;
use settings::Service;

use crate::answers::{Object, PartCount, Text};

pub use settings::OvhCloudSd;

const SKIPPED: Definition = Definition {
    name: "headcount_sd_ovhcloud_skipped_servers_total",
    help: "Servers that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};

/// What stands in a path as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A running discoverer.
struct OvhCloud {
    settings: Arc<OvhCloudSd>,
    signer: Signer,
    listed: PartCount,
    /// Whether a request of this refresh was one too many.
    is_busy: AtomicBool,
}

/// A server's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Server(Arc<str>);

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

enum Details {
    Vps(vps::Vps),
    Dedicated(dedicated_server::Dedicated),
}

/// A server, where it can be reached.
struct Found {
    details: Details,
    addresses: Addresses,
}

impl Rest for OvhCloud {
    type Part = Server;
    type Found = Found;
    const READING: &'static str = "asking OVHcloud";
    const AT_ONCE: usize = 4;

    fn client(&self) -> &HttpClientSettings {
        &self.settings.client
    }

    async fn parts(&self, ask: &Ask<'_>) -> Result<Vec<Server>, ReadError> {
        self.is_busy.store(false, Ordering::Relaxed);
        self.signer.begin(ask).await?;
        let names: Vec<Text> = self.get(ask, self.path()).await?;
        let count = names.len();
        let names = names.into_iter().map(|name| name.0).filter(|name| !name.is_empty());
        let servers: Vec<Server> = names.map(|name| Server(name.into())).collect();
        // Who has no name can't be asked for.
        let skipped = count.saturating_sub(servers.len());
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        self.listed.believe(self.path(), servers.len())?;
        Ok(servers)
    }

    async fn read(&self, server: &Server, ask: &Ask<'_>) -> Result<Option<Found>, ReadError> {
        let path = format!("{}/{}", self.path(), utf8_percent_encode(&server.0, PLAIN));
        let details = match self.settings.service {
            Service::Vps => Details::Vps(self.object(ask, &path).await?),
            Service::DedicatedServer => Details::Dedicated(self.object(ask, &path).await?),
        };
        let listed: Vec<Text> = self.get(ask, &format!("{path}/ips")).await?;
        let addresses = Addresses::of(listed.iter().map(Text::as_str));
        if addresses.best().is_empty() {
            ask.env().metrics.add(SKIPPED, &[], 1.0);
        }
        Ok(Some(Found { details, addresses }))
    }

    fn encode(&self, server: &Server, found: Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(&self.source(server))?;
        if !found.addresses.best().is_empty() {
            batch.begin_target()?;
            let address = found.addresses.with_port(self.settings.port);
            batch.label("__address__", &address)?;
            match found.details {
                Details::Vps(vps) => vps.encode(&found.addresses, batch)?,
                Details::Dedicated(dedicated) => dedicated.encode(&found.addresses, batch)?,
            }
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, server: &Server, source: &str) -> bool {
        source == self.source(server)
    }
}

impl OvhCloud {
    fn new(env: &Env, settings: Arc<OvhCloudSd>) -> Self {
        Self {
            signer: Signer::new(env, settings.account.clone()),
            settings,
            listed: PartCount::default(),
            is_busy: AtomicBool::new(false),
        }
    }

    fn path(&self) -> &'static str {
        match self.settings.service {
            Service::Vps => "/vps",
            Service::DedicatedServer => "/dedicated/server",
        }
    }

    fn source(&self, server: &Server) -> String {
        format!("ovhcloud_{}/{server}", self.settings.service.word())
    }

    /// The object that a path says.
    async fn object<T: DeserializeOwned>(&self, ask: &Ask<'_>, path: &str) -> Result<T, ReadError> {
        let found: Object<T> = self.get(ask, path).await?;
        found
            .0
            .ok_or_else(|| ReadError::answer(path, "the answer is no object"))
    }

    /// What a path says, unless too much was asked already.
    async fn get<T: DeserializeOwned>(&self, ask: &Ask<'_>, path: &str) -> Result<T, ReadError> {
        if self.is_busy.load(Ordering::Relaxed) {
            let said = "not asked, because there were too many requests already (status 429)";
            return Err(ReadError::refused(path, said, None));
        }
        let request = self.signer.get(ask, path);
        let url = request.url.clone();
        let answer = ask.get(request).await.inspect_err(|error| {
            self.signer.heed(error);
            if matches!(error, ReadError::Status { status: 429, .. }) {
                self.is_busy.store(true, Ordering::Relaxed);
            }
        })?;
        crate::json::from_slice(&answer.body).map_err(|error| ReadError::answer(&url, error))
    }
}

#[cfg(test)]
mod tests;
