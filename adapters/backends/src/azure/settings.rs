//! What an entry of `azure_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, HttpClientSettings, ProblemKind, Secret};

use super::cloud::Cloud;
use super::{Azure, CACHE_HITS, FAILURES, SKIPPED};

/// How often a subscription is listed where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(300);
/// The port of targets; Prometheus's.
const DEFAULT_PORT: u16 = 80;

/// One entry of `azure_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AzureSd {
    /// As it is written, where it is none that is known.
    pub(super) cloud: Result<&'static Cloud, String>,
    pub(super) subscription: String,
    /// Empty for all.
    pub(super) resource_group: String,
    pub(super) method: Method,
    /// Empty where it is not said, as the next two.
    pub(super) tenant: String,
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
    pub(super) port: u16,
    pub(super) refresh_interval: Duration,
    pub(super) client: HttpClientSettings,
}

/// How it is said who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Method {
    OAuth,
    ManagedIdentity,
    Sdk,
    WorkloadIdentity,
}

impl Mechanism for AzureSd {
    const NAME: &'static str = "azure";
    const SUMMARY: &'static str = "the virtual machines of an Azure subscription, also those of scale sets";
    const METRICS: &'static [Definition] = &[FAILURES, CACHE_HITS, SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let cloud = read_cloud(fields);
        let subscription = fields.some_text("subscription_id");
        if subscription.is_none() {
            let field = "subscription_id";
            fields.at().report(ProblemKind::Missing { field });
        }
        let method = read_method(fields);
        let mut text = |field: &'static str| {
            let text = fields.text(field).unwrap_or_default();
            if text.is_empty() && method == Some(Method::OAuth) {
                fields.at().report(ProblemKind::Missing { field });
            }
            text
        };
        let (tenant, client_id, client_secret) = (text("tenant_id"), text("client_id"), text("client_secret"));
        let resource_group = fields.text("resource_group").unwrap_or_default();
        let port = fields.port("port").unwrap_or(DEFAULT_PORT);
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        let client = HttpClientSettings::read(fields, place.folder);
        Some(Self {
            cloud,
            subscription: subscription?,
            resource_group,
            method: method?,
            tenant,
            client_id,
            client_secret: Secret::new(client_secret),
            port,
            refresh_interval,
            // The token says who asks, as in Prometheus; nobody else is to hear what else is written.
            client: HttpClientSettings {
                basic_auth: None,
                authorization: None,
                oauth2: None,
                ..client
            },
        })
    }

    fn describe(&self) -> String {
        let subscription = &self.subscription;
        match self.resource_group.as_str() {
            "" => format!("virtual machines of the subscription {subscription}"),
            group => format!("virtual machines of {group} of the subscription {subscription}"),
        }
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            env.metrics.add(CACHE_HITS, &[], 0.0);
            rest::run(self.refresh_interval, Arc::new(Azure::new(self)), env, updates).await;
        })
    }
}

/// Prometheus takes any and fails at each refresh, so one that is not known is warned of.
fn read_cloud(fields: &mut Fields<'_>) -> Result<&'static Cloud, String> {
    let Some(at) = fields.take_some("environment") else {
        return Ok(&super::cloud::PUBLIC);
    };
    let name = at.text().unwrap_or_default();
    Cloud::named(&name).ok_or_else(|| {
        at.warn(ProblemKind::NotOneOf {
            found: name.clone(),
            allowed: "AzurePublicCloud, AzureCloud, AzureChinaCloud, AzureGermanCloud, AzureUSGovernment, AzureUSGovernmentCloud",
        });
        name
    })
}

fn read_method(fields: &mut Fields<'_>) -> Option<Method> {
    let Some(at) = fields.take_some("authentication_method") else {
        return Some(Method::OAuth);
    };
    match at.text()?.as_str() {
        "OAuth" => Some(Method::OAuth),
        "ManagedIdentity" => Some(Method::ManagedIdentity),
        "SDK" => Some(Method::Sdk),
        "WorkloadIdentity" => Some(Method::WorkloadIdentity),
        found => {
            at.report(ProblemKind::NotOneOf {
                found: found.to_owned(),
                allowed: "OAuth, ManagedIdentity, SDK, WorkloadIdentity",
            });
            None
        }
    }
}
