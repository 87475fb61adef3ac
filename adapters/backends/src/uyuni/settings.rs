//! What an entry of `uyuni_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, HttpClientSettings, ProblemKind, Secret};

use super::session::Account;
use super::{SKIPPED, Uyuni};
use crate::answers::ServerUrl;

/// How often the server is asked where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// One entry of `uyuni_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UyuniSd {
    pub(super) account: Account,
    pub(super) entitlement: String,
    pub(super) separator: String,
    pub(super) refresh_interval: Duration,
    pub(super) client: HttpClientSettings,
}

impl Mechanism for UyuniSd {
    const NAME: &'static str = "uyuni";
    const SUMMARY: &'static str = "the monitored systems that a Uyuni server manages";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let server = ServerUrl::required(fields);
        let mut needed = |name| {
            let text = fields.some_text(name);
            if text.is_none() {
                fields.at().report(ProblemKind::Missing { field: name });
            }
            text
        };
        let username = needed("username");
        let password = needed("password");
        let mut text = |name, default: &str| match fields.take(name) {
            Some(at) => at.text().unwrap_or_default(),
            None => default.to_owned(),
        };
        let entitlement = text("entitlement", "monitoring_entitled");
        let separator = text("separator", ",");
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        let client = HttpClientSettings::read(fields, place.folder);
        Some(Self {
            account: Account {
                server: server?,
                username: username?,
                password: Secret::new(password?),
            },
            entitlement,
            separator,
            refresh_interval,
            client,
        })
    }

    fn describe(&self) -> String {
        format!("systems with {} at {}", self.entitlement, self.account.server.shown())
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            let interval = self.refresh_interval;
            rest::run(interval, Arc::new(Uyuni::new(&env, self)), env, updates).await;
        })
    }
}
