//! What an entry of `kuma_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, HttpClientSettings};

use super::{DURATION, FAILURES, Kuma, SKIPPED, UNCHANGED};
use crate::answers::ServerUrl;

/// How long after the beginning of a request the next one is sent at the earliest, where the entry says nothing:
/// Prometheus's, whose documentation says 30 s.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(15);
/// How long the server may wait with an answer, where the entry says nothing; Prometheus's.
const DEFAULT_FETCH_TIMEOUT: Duration = Duration::from_secs(2 * 60);

/// One entry of `kuma_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KumaSd {
    pub(super) server: ServerUrl,
    /// Empty for this machine's name.
    pub(super) client_id: String,
    pub(super) fetch_timeout: Duration,
    pub(super) refresh_interval: Duration,
    pub(super) client: HttpClientSettings,
}

impl Mechanism for KumaSd {
    const NAME: &'static str = "kuma";
    const SUMMARY: &'static str = "the proxies of a Kuma mesh that are to be monitored";
    const METRICS: &'static [Definition] = &[FAILURES, UNCHANGED, DURATION, SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let server = ServerUrl::required(fields);
        let client_id = fields.text("client_id").unwrap_or_default();
        let fetch_timeout = fields.duration("fetch_timeout").unwrap_or(DEFAULT_FETCH_TIMEOUT);
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        let client = HttpClientSettings::read(fields, place.folder);
        Some(Self {
            server: server?,
            client_id,
            fetch_timeout,
            refresh_interval,
            client,
        })
    }

    fn describe(&self) -> String {
        match self.client_id.as_str() {
            "" => self.server.shown().to_owned(),
            client_id => format!("{} as {client_id}", self.server.shown()),
        }
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            for metric in Self::METRICS {
                env.metrics.add(*metric, &[], 0.0);
            }
            let interval = self.refresh_interval;
            rest::run(interval, Arc::new(Kuma::new(self)), env, updates).await;
        })
    }
}
