//! What an entry of `eureka_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, HttpClientSettings};

use super::{Eureka, SKIPPED};
use crate::answers::ServerUrl;

/// How often the server is asked where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// One entry of `eureka_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EurekaSd {
    pub(super) server: ServerUrl,
    pub(super) refresh_interval: Duration,
    pub(super) client: HttpClientSettings,
}

impl Mechanism for EurekaSd {
    const NAME: &'static str = "eureka";
    const SUMMARY: &'static str = "the instances of applications that a Eureka server knows";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let server = ServerUrl::required(fields);
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        let client = HttpClientSettings::read(fields, place.folder);
        Some(Self {
            server: server?,
            refresh_interval,
            client,
        })
    }

    fn describe(&self) -> String {
        self.server.shown().to_owned()
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(self.refresh_interval, Arc::new(Eureka(self)), env, updates).await;
        })
    }
}
