//! `uyuni_sd_configs`: the monitored systems that a Uyuni server (or SUSE Manager) manages, by its XML-RPC API
//! (<https://www.uyuni-project.org/uyuni-docs-api/uyuni/index.html>).
//!
//! Each `refresh_interval` the systems with the entitlement are listed, then the endpoints of their exporters, and their
//! names. Each endpoint is a target. Labels are Prometheus's, and so is the one source, the URL of the API; `groups` is
//! joined and not wrapped, and `__scheme__` and `__metrics_path__` are left to relabelling. **One call that fails fails all
//! of it**: a system whose name could not be asked for has no address.
//!
//! Otherwise than in Prometheus:
//! * A token is used until its end is near, and shared by all who have the same account. One that is refused is asked for
//!   anew, and the refresh goes on with it.
//! * A password in the server's URL is no part of the source.
//! * An endpoint whose system has no name, or that has no port, which is `:PORT` or `NAME:0` there, is counted, and no
//!   target. Without systems nothing more is asked.
//! * Systems are asked for in the order of their numbers. A refresh has a deadline.

mod rpc;
mod session;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::Env;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::{HttpClientSettings, Secret};

use crate::answers::put;
use rpc::{Argument, Value};
use session::{CallError, Session};

pub use settings::UyuniSd;

const SKIPPED: Definition = Definition {
    name: "headcount_sd_uyuni_skipped_endpoints_total",
    help: "Endpoints that were found without an address, and systems without a number: they are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct Uyuni {
    settings: Arc<UyuniSd>,
    session: Session,
    /// What the targets' group is known by.
    source: String,
}

/// An exporter of a system.
struct Endpoint {
    system: i64,
    host: String,
    fqdn: String,
    groups: String,
    port: i64,
    described: Value,
}

impl Rest for Uyuni {
    type Part = Whole;
    type Found = Vec<Endpoint>;
    const READING: &'static str = "asking Uyuni";

    fn client(&self) -> &HttpClientSettings {
        &self.settings.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Vec<Endpoint>>, ReadError> {
        let token = self.session.token(ask).await?;
        let found = match self.endpoints(ask, &token).await {
            // The token may have been withdrawn.
            Err(CallError::Fault(_)) => {
                self.session.forget(&token);
                let token = self.session.token(ask).await?;
                self.endpoints(ask, &token).await?
            }
            found => found?,
        };
        Ok(Some(found))
    }

    fn encode(&self, _part: &Whole, endpoints: Vec<Endpoint>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(&self.source)?;
        endpoints.iter().try_for_each(|endpoint| endpoint.encode(batch))?;
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == self.source
    }
}

impl Uyuni {
    fn new(env: &Env, settings: Arc<UyuniSd>) -> Self {
        let session = Session::new(env, settings.account.clone(), settings.client.clone());
        Self {
            source: session.url(),
            settings,
            session,
        }
    }

    async fn endpoints(&self, ask: &Ask<'_>, token: &Secret) -> Result<Vec<Endpoint>, CallError> {
        let list = |method, argument| self.session.list(ask, token, method, argument);
        let entitlement = Argument::Text(&self.settings.entitlement);
        let systems = list("system.listSystemGroupsForSystemsWithEntitlement", entitlement).await?;
        let known = systems
            .iter()
            .filter_map(|system| Some((system.get("id").number()?, self.groups(system))));
        let groups: BTreeMap<i64, String> = known.collect();
        // One without a number can't be asked for.
        let nameless = systems
            .iter()
            .filter(|system| system.get("id").number().is_none())
            .count();
        ask.env().metrics.add(SKIPPED, &[], nameless as f64);
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<i64> = groups.keys().copied().collect();
        let listed = list("system.monitoring.listEndpoints", Argument::Numbers(&ids)).await?;
        let networks = list("system.getNetworkForSystems", Argument::Numbers(&ids)).await?;
        let networks = networks
            .iter()
            .filter_map(|network| Some((network.get("system_id").number()?, network)));
        let networks: BTreeMap<i64, &Value> = networks.collect();
        let count = listed.len();
        let found = listed.into_iter().filter_map(|described| {
            let system = described.get("system_id").number()?;
            let network = networks.get(&system)?;
            let host = Some(network.get("hostname").text()).filter(|host| !host.is_empty())?;
            Some(Endpoint {
                system,
                host: host.to_owned(),
                fqdn: network.get("primary_fqdn").text().to_owned(),
                groups: groups.get(&system).cloned().unwrap_or_default(),
                port: described.get("port").number().filter(|port| *port > 0)?,
                described,
            })
        });
        let found: Vec<Endpoint> = found.collect();
        let skipped = count.saturating_sub(found.len());
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(found)
    }

    /// The names of a system's groups in one.
    fn groups(&self, system: &Value) -> String {
        let groups = system.get("system_groups").list().unwrap_or_default();
        let names: Vec<&str> = groups.iter().map(|group| group.get("name").text()).collect();
        names.join(&self.settings.separator)
    }
}

impl Endpoint {
    /// Adds its target to the open group.
    fn encode(&self, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        batch.begin_target()?;
        put(batch, "__address__", &format!("{}:{}", self.host, self.port))?;
        let text = |name| self.described.get(name).text();
        let is_secure = self.described.get("tls_enabled").flag();
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_uyuni_{name}"), value);
        label("endpoint_name", text("endpoint_name"))?;
        label("exporter", text("exporter_name"))?;
        label("groups", &self.groups)?;
        label("metrics_path", text("path"))?;
        label("minion_hostname", &self.host)?;
        label("primary_fqdn", &self.fqdn)?;
        label("proxy_module", text("module"))?;
        label("scheme", if is_secure { "https" } else { "http" })?;
        label("system_id", &self.system.to_string())
    }
}

#[cfg(test)]
mod tests;
