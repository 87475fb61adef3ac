//! What an entry of `nomad_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, HttpClientSettings, ProblemKind};

use super::{FAILURES, Nomad, SKIPPED};
use crate::answers::ServerUrl;

/// How often Nomad is asked where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// Who is asked where the entry says nothing; Prometheus's.
const DEFAULT_SERVER: &str = "http://localhost:4646";

/// One entry of `nomad_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NomadSd {
    pub(super) server: ServerUrl,
    /// Empty for none.
    pub(super) namespace: String,
    /// Empty for none.
    pub(super) region: String,
    pub(super) allow_stale: bool,
    pub(super) tag_separator: String,
    pub(super) refresh_interval: Duration,
    pub(super) client: HttpClientSettings,
}

impl Mechanism for NomadSd {
    const NAME: &'static str = "nomad";
    const SUMMARY: &'static str = "the services that a Nomad cluster has registered";
    const METRICS: &'static [Definition] = &[FAILURES, SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let server = read_server(fields);
        let mut text = |name, default: &str| match fields.take(name) {
            Some(at) => at.text().unwrap_or_default(),
            None => default.to_owned(),
        };
        let namespace = text("namespace", "default");
        let region = text("region", "global");
        let tag_separator = text("tag_separator", ",");
        let allow_stale = fields.flag("allow_stale").unwrap_or(true);
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        let client = HttpClientSettings::read(fields, place.folder);
        Some(Self {
            server: server?,
            namespace,
            region,
            allow_stale,
            tag_separator,
            refresh_interval,
            client,
        })
    }

    fn describe(&self) -> String {
        match self.namespace.as_str() {
            "" => self.server.shown().to_owned(),
            namespace => format!("namespace {namespace} at {}", self.server.shown()),
        }
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            let interval = self.refresh_interval;
            rest::run(interval, Arc::new(Nomad::new(self)), env, updates).await;
        })
    }
}

fn read_server(fields: &mut Fields<'_>) -> Option<ServerUrl> {
    let Some(at) = fields.take("server") else {
        return Some(ServerUrl::new(DEFAULT_SERVER));
    };
    let text = at.text()?;
    if text.trim().is_empty() {
        at.report(ProblemKind::Missing { field: "server" });
        return None;
    }
    ServerUrl::read(&at, &text)
}
