//! What an entry of `docker_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::rest;
use headcount_reader::Fields;

use super::SKIPPED;
use crate::docker_api::{Engine, Filters};

/// How often the Engine is asked where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// The port of containers that say none; Prometheus's.
const DEFAULT_PORT: u16 = 80;
/// The address of containers that have the host's network; Prometheus's.
const DEFAULT_HOST: &str = "localhost";

/// One entry of `docker_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DockerSd {
    pub(super) engine: Engine,
    pub(super) port: u16,
    pub(super) filters: Filters,
    pub(super) host_networking_host: String,
    pub(super) match_first_network: bool,
    pub(super) refresh_interval: Duration,
}

impl Mechanism for DockerSd {
    const NAME: &'static str = "docker";
    const SUMMARY: &'static str = "the containers of a Docker Engine";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let engine = Engine::read(fields, place);
        let port = fields.port("port").unwrap_or(DEFAULT_PORT);
        let filters = Filters::read(fields);
        let host_networking_host = fields.text("host_networking_host");
        let match_first_network = fields.flag("match_first_network").unwrap_or(true);
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        Some(Self {
            engine: engine?,
            port,
            filters,
            host_networking_host: host_networking_host.unwrap_or_else(|| DEFAULT_HOST.to_owned()),
            match_first_network,
            refresh_interval,
        })
    }

    fn describe(&self) -> String {
        format!("containers of {}{}", self.engine.describe(), self.filters.describe())
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        let interval = self.refresh_interval;
        Box::new(move |env: headcount_discoverer::Env, updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(interval, self, env, updates)
        })
    }
}
