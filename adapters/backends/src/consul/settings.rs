//! What an entry of `consul_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_reader::Fields;

use super::ConsulDiscoverer;
use super::calls::METRICS;
use crate::consul_api::{SERVER, Server, names, texts};

/// How often answers are asked for where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// One entry of `consul_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConsulSd {
    pub(super) server: Server,
    /// Empty for the agent's own.
    pub(super) datacenter: String,
    /// Empty for that of the environment, or the token's.
    pub(super) namespace: String,
    /// Empty for that of the environment, or the agent's.
    pub(super) partition: String,
    pub(super) tag_separator: String,
    pub(super) allow_stale: bool,
    pub(super) refresh_interval: Duration,
    /// Sorted, each once. Empty for all services.
    pub(super) services: Vec<String>,
    pub(super) tags: Vec<String>,
    /// Sorted by name.
    pub(super) node_meta: Vec<(String, String)>,
    /// For the list of services.
    pub(super) filter: String,
    /// For the instances of a service.
    pub(super) health_filter: String,
}

impl ConsulSd {
    /// Whether the list of services has to be asked for: if it is what says which services there are, or which of
    /// them have the tags, or which pass the filter.
    pub(super) fn needs_list(&self) -> bool {
        self.services.is_empty() || !self.tags.is_empty() || !self.filter.is_empty()
    }

    /// Whether a service that the list has with these tags is one to discover.
    pub(super) fn wants(&self, name: &str, tags: &[String]) -> bool {
        let is_named = self.services.is_empty() || self.services.iter().any(|service| service == name);
        is_named && self.tags.iter().all(|tag| tags.contains(tag))
    }
}

impl Mechanism for ConsulSd {
    const NAME: &'static str = "consul";
    const SUMMARY: &'static str = "the services of a Consul catalog";
    const METRICS: &'static [Definition] = METRICS;

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let server = Server::read(fields, place, SERVER);
        let services = names(fields, "services");
        let node_meta = fields.take("node_meta").and_then(|at| at.entries()).unwrap_or_default();
        let node_meta = node_meta
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.text()?)));
        Some(Self {
            datacenter: fields.text("datacenter").unwrap_or_default(),
            namespace: fields.text("namespace").unwrap_or_default(),
            partition: fields.text("partition").unwrap_or_default(),
            tag_separator: fields.text("tag_separator").unwrap_or_else(|| ",".to_owned()),
            allow_stale: fields.flag("allow_stale").unwrap_or(true),
            refresh_interval: fields.interval("refresh_interval", DEFAULT_INTERVAL),
            services,
            tags: texts(fields, "tags"),
            node_meta: node_meta.collect(),
            filter: fields.text("filter").unwrap_or_default(),
            health_filter: fields.text("health_filter").unwrap_or_default(),
            server: server?,
        })
    }

    fn describe(&self) -> String {
        self.server.describe(&self.datacenter, &self.services, &self.tags)
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(ConsulDiscoverer { settings: self })
    }
}
