//! What an entry of `openstack_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{
    Fields, HttpClientSettings, Mentioned, ProblemKind, Secret, TlsSettings, Url, without_credentials,
};

use super::account::Account;
use super::{OpenStack, SKIPPED};

/// How often the cloud is asked where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// The port of instances and hypervisors; Prometheus's.
const DEFAULT_PORT: u16 = 80;

/// One entry of `openstack_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OpenStackSd {
    pub(super) role: Role,
    pub(super) region: String,
    /// What the targets' group is known by.
    pub(super) source: String,
    /// Nothing where the environment says it.
    pub(super) account: Option<Account>,
    pub(super) availability: Availability,
    pub(super) all_tenants: bool,
    pub(super) port: u16,
    pub(super) refresh_interval: Duration,
    pub(super) client: HttpClientSettings,
}

/// What is discovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    Instance,
    Hypervisor,
    LoadBalancer,
}

/// For whom an endpoint is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Availability {
    Public,
    Internal,
    Admin,
}

impl Availability {
    /// As the catalogue calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Instance => "instances",
            Self::Hypervisor => "hypervisors",
            Self::LoadBalancer => "load balancers",
        }
    }
}

impl Mechanism for OpenStackSd {
    const NAME: &'static str = "openstack";
    const SUMMARY: &'static str = "instances, hypervisors and load balancers of an OpenStack cloud";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let role = read_role(fields);
        let region = fields.some_text("region");
        if region.is_none() {
            fields.at().report(ProblemKind::Missing { field: "region" });
        }
        let availability = read_availability(fields);
        let account = read_account(fields);
        let all_tenants = fields.flag("all_tenants").unwrap_or_default();
        let port = fields.port("port").unwrap_or(DEFAULT_PORT);
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        // All that Prometheus takes of an HTTP client's settings here.
        let client = HttpClientSettings {
            tls: TlsSettings::read(fields, place.folder),
            ..HttpClientSettings::default()
        };
        if client != HttpClientSettings::default() {
            fields.at().mention(Mentioned::Client(Box::new(client.clone())));
        }
        let region = region?;
        Some(Self {
            role: role?,
            source: format!("OS_{region}"),
            region,
            account: account?,
            availability: availability?,
            all_tenants,
            port,
            refresh_interval,
            client,
        })
    }

    fn describe(&self) -> String {
        let place = match &self.account {
            Some(account) => without_credentials(&account.endpoint).into_owned(),
            None => "the cloud of the environment".to_owned(),
        };
        format!("{} of {} at {place}", self.role.word(), self.region)
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            let interval = self.refresh_interval;
            rest::run(interval, Arc::new(OpenStack::new(self)), env, updates).await;
        })
    }
}

fn read_role(fields: &mut Fields<'_>) -> Option<Role> {
    let Some(at) = fields.take_some("role") else {
        fields.at().report(ProblemKind::Missing { field: "role" });
        return None;
    };
    match at.text()?.as_str() {
        "instance" => Some(Role::Instance),
        "hypervisor" => Some(Role::Hypervisor),
        "loadbalancer" => Some(Role::LoadBalancer),
        found => {
            at.report(ProblemKind::NotOneOf {
                found: found.to_owned(),
                allowed: "instance, hypervisor, loadbalancer",
            });
            None
        }
    }
}

fn read_availability(fields: &mut Fields<'_>) -> Option<Availability> {
    let Some(at) = fields.take_some("availability") else {
        return Some(Availability::Public);
    };
    match at.text()?.as_str() {
        "public" => Some(Availability::Public),
        "internal" => Some(Availability::Internal),
        "admin" => Some(Availability::Admin),
        found => {
            at.report(ProblemKind::NotOneOf {
                found: found.to_owned(),
                allowed: "public, internal, admin",
            });
            None
        }
    }
}

/// Nothing inside if no endpoint is written: then nothing of the account counts, as in Prometheus.
fn read_account(fields: &mut Fields<'_>) -> Option<Option<Account>> {
    let endpoint_at = fields.take("identity_endpoint");
    let mut text = |name| fields.text(name).unwrap_or_default();
    let account = Account {
        endpoint: endpoint_at.as_ref().and_then(|at| at.text()).unwrap_or_default(),
        username: text("username"),
        user_id: text("userid"),
        password: Secret::new(text("password")),
        project_name: text("project_name"),
        project_id: text("project_id"),
        domain_name: text("domain_name"),
        domain_id: text("domain_id"),
        credential_name: text("application_credential_name"),
        credential_id: text("application_credential_id"),
        credential_secret: Secret::new(text("application_credential_secret")),
        is_of_system: false,
    };
    let Some(at) = endpoint_at.filter(|_| !account.endpoint.is_empty()) else {
        return Some(None);
    };
    if let Err(error) = Url::parse(&account.endpoint).and_then(|url| url.for_http()) {
        at.report(error);
        return None;
    }
    Some(Some(account))
}
