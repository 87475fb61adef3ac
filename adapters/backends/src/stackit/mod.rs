//! `stackit_sd_configs`: the servers of a STACKIT project.
//!
//! Each `refresh_interval` all of them are listed with one request
//! (<https://docs.api.eu01.stackit.cloud/documentation/iaas/version/v1>). Labels and the one source, `stackit`, are
//! Prometheus's. **A list that can't be had changes nothing.** How many requests are allowed is not published: there is one
//! a refresh, and one for each token; who is told to wait waits.
//!
//! Who asks: with `service_account_key` or its path, the key flow (`account.rs`), whose token goes in front of what the
//! settings of the HTTP client say; else these settings.
//!
//! Where Prometheus does otherwise:
//! * `credentials_file_path` alone means no authentication there, so that nothing works. Here the key or the token of
//!   that file is used, unless the settings of the HTTP client authenticate.
//! * Paths of keys start in the folder of the configuration, as all others do, not in the process's.
//! * Keys are read when a token is needed, so that rotated ones are seen; tokens are shared by all who have the same key,
//!   and asked for with the entry's proxy and TLS settings. A new one is always asked for with the key: a refresh token,
//!   which would be one more secret to be kept, saves no request.
//! * An entry without a project is refused; there it asks for a URL that is not there. An answer without `items` is a
//!   failure. A server without an address is counted. `follow_redirects` counts.

mod account;
mod assertion;
mod settings;

use std::sync::{Arc, Mutex};

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::{HttpClientSettings, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use crate::answers::{List, Map, Object, Text, get_json, put};
use crate::label_name::label_name;
use account::{Access, Held};

pub use settings::StackitSd;

/// What the targets' group is known by.
const SOURCE: &str = "stackit";

const SKIPPED: Definition = Definition {
    name: "headcount_sd_stackit_skipped_servers_total",
    help: "Servers that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};

/// What stands in a path as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A running discoverer.
struct Stackit {
    settings: Arc<StackitSd>,
    /// The token's place, held so that it is kept between refreshes.
    held: Mutex<Option<Held>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Server {
    id: Text,
    name: Text,
    availability_zone: Text,
    machine_type: Text,
    status: Text,
    power_status: Text,
    labels: Map<Value>,
    nics: List<Object<Nic>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Nic {
    network_name: Text,
    ipv4: Text,
    public_ip: Text,
}

#[derive(Deserialize)]
struct Answer {
    items: Vec<Object<Server>>,
}

impl Rest for Stackit {
    type Part = Whole;
    type Found = Vec<Server>;
    const READING: &'static str = "listing the servers of STACKIT";

    fn client(&self) -> &HttpClientSettings {
        &self.settings.common.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Vec<Server>>, ReadError> {
        let access = self.settings.account.access(ask.env()).await?;
        let listed = match access {
            Access::Nobody => self.list(ask, None).await?,
            Access::Token(token) => self.list(ask, Some(&token)).await?,
            Access::Key(key) => {
                let held = Held::of(ask.env(), key, self.client(), &self.held);
                let token = held.token(ask).await?;
                match self.list(ask, Some(&token)).await {
                    // It may have been withdrawn.
                    Err(ReadError::Status { status: 401, .. }) => {
                        held.forget(&token);
                        let token = held.token(ask).await?;
                        self.list(ask, Some(&token)).await?
                    }
                    listed => listed?,
                }
            }
        };
        let count = listed.len();
        let servers = listed.into_iter().filter_map(|server| server.0);
        let servers: Vec<Server> = servers.filter(|server| !server.address().is_empty()).collect();
        let skipped = count.saturating_sub(servers.len());
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(servers))
    }

    fn encode(&self, _part: &Whole, servers: Vec<Server>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(SOURCE)?;
        for server in &servers {
            server.encode(&self.settings, batch)?;
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == SOURCE
    }
}

impl Stackit {
    fn new(settings: Arc<StackitSd>) -> Self {
        Self {
            settings,
            held: Mutex::new(None),
        }
    }

    async fn list(&self, ask: &Ask<'_>, token: Option<&Secret>) -> Result<Vec<Object<Server>>, ReadError> {
        let project = utf8_percent_encode(&self.settings.project, PLAIN);
        let path = format!("/v1/projects/{project}/servers?details=true");
        let url = self.settings.endpoint.join(&path);
        let mut request = get_json(ask, url.as_str());
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {}", token.reveal()));
        }
        let answer = ask.get(request).await?;
        let found: Answer = crate::json::from_slice(&answer.body).map_err(|error| ReadError::answer(&url, error))?;
        Ok(found.items)
    }
}

impl Server {
    fn nics(&self) -> impl Iterator<Item = &Nic> {
        self.nics.0.iter().filter_map(|nic| nic.0.as_ref())
    }

    /// The first public address; empty for none.
    fn public(&self) -> &str {
        let mut addresses = self.nics().map(|nic| nic.public_ip.as_str());
        addresses.find(|address| !address.is_empty()).unwrap_or_default()
    }

    /// The first public address, or else the first of a network.
    fn address(&self) -> &str {
        let private = self.nics().map(|nic| nic.ipv4.as_str());
        let mut addresses = std::iter::once(self.public()).chain(private);
        addresses.find(|address| !address.is_empty()).unwrap_or_default()
    }

    /// Adds its target to the open group.
    fn encode(&self, settings: &StackitSd, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        batch.begin_target()?;
        put(batch, "__address__", &host_port(self.address(), settings.common.port))?;
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_stackit_{name}"), value);
        label("availability_zone", self.availability_zone.as_str())?;
        label("id", self.id.as_str())?;
        label("name", self.name.as_str())?;
        label("power_status", self.power_status.as_str())?;
        label("project", &settings.project)?;
        label("public_ipv4", self.public())?;
        label("status", self.status.as_str())?;
        label("type", self.machine_type.as_str())?;
        for nic in self.nics() {
            label(
                &label_name("private_ipv4_", nic.network_name.as_str()),
                nic.ipv4.as_str(),
            )?;
        }
        for (key, value) in &self.labels.0 {
            // A label that is no text is none, as in Prometheus.
            if let Some(value) = value.as_str() {
                label(&label_name("label_", key), value)?;
                label(&label_name("labelpresent_", key), "true")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
