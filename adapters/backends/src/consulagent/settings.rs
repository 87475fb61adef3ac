//! What an entry of `consulagent_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_reader::Fields;

use super::{AgentDiscoverer, METRICS};
use crate::consul_api::{AGENT, Server, names, texts};

/// How often the agent is asked where the entry says nothing; vmagent's and Alloy's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// One entry of `consulagent_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConsulAgentSd {
    pub(super) server: Server,
    /// Empty for the agent's own.
    pub(super) datacenter: String,
    /// Empty for that of the environment, or the token's.
    pub(super) namespace: String,
    pub(super) tag_separator: String,
    pub(super) refresh_interval: Duration,
    /// Sorted, each once. Empty for all services.
    pub(super) services: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) filter: String,
}

impl ConsulAgentSd {
    /// Whether a service of this name is one to discover. As in vmagent, and in Consul, case does not matter.
    pub(super) fn wants(&self, name: &str) -> bool {
        let is_name = |service: &String| service.to_lowercase() == name.to_lowercase();
        self.services.is_empty() || self.services.iter().any(is_name)
    }
}

impl Mechanism for ConsulAgentSd {
    const NAME: &'static str = "consulagent";
    const SUMMARY: &'static str = "the services that are registered with one Consul agent (vmagent's and Alloy's)";
    const METRICS: &'static [Definition] = METRICS;

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let server = Server::read(fields, place, AGENT);
        let datacenter = fields.text("datacenter").unwrap_or_default();
        let namespace = fields.text("namespace").unwrap_or_default();
        let tag_separator = fields.text("tag_separator").unwrap_or_else(|| ",".to_owned());
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        let services = names(fields, "services");
        let tags = texts(fields, "tags");
        let filter = fields.text("filter").unwrap_or_default();
        Some(Self {
            server: server?,
            datacenter,
            namespace,
            tag_separator,
            refresh_interval,
            services,
            tags,
            filter,
        })
    }

    fn describe(&self) -> String {
        self.server.describe(&self.datacenter, &self.services, &self.tags)
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(AgentDiscoverer { settings: self })
    }
}
