//! What an entry of `ovhcloud_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, HttpClientSettings, ProblemKind, Proxy, ProxySettings, Secret};

use super::account::Account;
use super::{OvhCloud, SKIPPED};
use crate::answers::{ServerUrl, warn_of_own};

/// How often OVHcloud is asked where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// The endpoint where the entry says nothing; Prometheus's.
const DEFAULT_ENDPOINT: &str = "ovh-eu";
/// The names of endpoints: <https://github.com/ovh/go-ovh#supported-apis>.
const ENDPOINTS: [(&str, &str); 7] = [
    ("ovh-eu", "https://eu.api.ovh.com/1.0"),
    ("ovh-ca", "https://ca.api.ovh.com/1.0"),
    ("ovh-us", "https://api.us.ovhcloud.com/1.0"),
    ("kimsufi-eu", "https://eu.api.kimsufi.com/1.0"),
    ("kimsufi-ca", "https://ca.api.kimsufi.com/1.0"),
    ("soyoustart-eu", "https://eu.api.soyoustart.com/1.0"),
    ("soyoustart-ca", "https://ca.api.soyoustart.com/1.0"),
];

/// One entry of `ovhcloud_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OvhCloudSd {
    pub(super) account: Account,
    pub(super) service: Service,
    /// Headcount's own. Nothing for addresses without a port, as in Prometheus.
    pub(super) port: Option<u16>,
    pub(super) refresh_interval: Duration,
    pub(super) client: HttpClientSettings,
}

/// What is discovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Service {
    Vps,
    DedicatedServer,
}

impl Service {
    /// As it stands in the entry, in sources and in the names of labels.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Vps => "vps",
            Self::DedicatedServer => "dedicated_server",
        }
    }
}

impl Mechanism for OvhCloudSd {
    const NAME: &'static str = "ovhcloud";
    const SUMMARY: &'static str = "VPS and dedicated servers of OVHcloud";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let endpoint = read_endpoint(fields);
        let mut needed = |name| {
            let text = fields.some_text(name);
            if text.is_none() {
                fields.at().report(ProblemKind::Missing { field: name });
            }
            text
        };
        let application_key = needed("application_key");
        let application_secret = needed("application_secret");
        let consumer_key = needed("consumer_key");
        let service = read_service(fields);
        let port_at = fields.take("port");
        if let Some(at) = &port_at {
            warn_of_own(at, place);
        }
        let port = port_at.and_then(|at| at.port());
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        Some(Self {
            account: Account {
                endpoint: endpoint?,
                application_key: application_key?,
                application_secret: Secret::new(application_secret?),
                consumer_key: Secret::new(consumer_key?),
            },
            service: service?,
            port,
            refresh_interval,
            // There are no settings of a client, and Prometheus's goes by the environment.
            client: HttpClientSettings {
                proxy: ProxySettings {
                    proxy: Proxy::Environment,
                    ..ProxySettings::default()
                },
                ..HttpClientSettings::default()
            },
        })
    }

    fn describe(&self) -> String {
        let what = match self.service {
            Service::Vps => "VPS",
            Service::DedicatedServer => "dedicated servers",
        };
        format!("{what} at {}", self.account.endpoint.shown())
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            let interval = self.refresh_interval;
            rest::run(interval, Arc::new(OvhCloud::new(&env, self)), env, updates).await;
        })
    }
}

/// A name of an endpoint, or a URL.
fn read_endpoint(fields: &mut Fields<'_>) -> Option<ServerUrl> {
    let at = fields.take("endpoint");
    let text = match &at {
        Some(at) => at.text()?,
        None => DEFAULT_ENDPOINT.to_owned(),
    };
    if let Some((_, url)) = ENDPOINTS.iter().find(|(name, _)| *name == text) {
        return Some(ServerUrl::new(url));
    }
    let at = at?;
    if text.contains('/') {
        return ServerUrl::read(&at, &text);
    }
    at.report(ProblemKind::Rule(
        "the endpoint is one of ovh-eu, ovh-ca, ovh-us, kimsufi-eu, kimsufi-ca, soyoustart-eu, soyoustart-ca, or a URL",
    ));
    None
}

fn read_service(fields: &mut Fields<'_>) -> Option<Service> {
    let Some(at) = fields.take_some("service") else {
        fields.at().report(ProblemKind::Missing { field: "service" });
        return None;
    };
    match at.text()?.as_str() {
        "vps" => Some(Service::Vps),
        "dedicated_server" => Some(Service::DedicatedServer),
        found => {
            at.report(ProblemKind::NotOneOf {
                found: found.to_owned(),
                allowed: "vps, dedicated_server",
            });
            None
        }
    }
}
