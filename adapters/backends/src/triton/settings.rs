//! What an entry of `triton_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Cursor, Fields, HttpClientSettings, Mentioned, ProblemKind, TlsSettings, Url};

use super::{SKIPPED, Triton};

/// How often is asked where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// Where is asked, and where targets are scraped, if the entry says nothing; Prometheus's.
const DEFAULT_PORT: u16 = 9163;
/// The version of the API if the entry says nothing; Prometheus's.
const DEFAULT_VERSION: u64 = 1;

/// One entry of `triton_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TritonSd {
    pub(super) role: Role,
    pub(super) dns_suffix: String,
    /// What is asked; also what the targets' group is known by.
    pub(super) url: String,
    pub(super) port: u16,
    pub(super) refresh_interval: Duration,
    pub(super) client: HttpClientSettings,
}

/// What is discovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    Container,
    ComputeNode,
}

impl Mechanism for TritonSd {
    const NAME: &'static str = "triton";
    const SUMMARY: &'static str = "containers and compute nodes of Triton";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let role = read_role(fields);
        // It has to be there, and is of no use: who asks is known by the certificate.
        let account = needed(fields, "account");
        let dns_suffix = needed(fields, "dns_suffix");
        let endpoint = needed(fields, "endpoint");
        let groups = fields.texts("groups").unwrap_or_default();
        let port = fields.port("port").unwrap_or(DEFAULT_PORT);
        let version = fields.count("version").unwrap_or(DEFAULT_VERSION);
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        // All that Prometheus takes of an HTTP client's settings here.
        let client = HttpClientSettings {
            tls: TlsSettings::read(fields, place.folder),
            ..HttpClientSettings::default()
        };
        if client != HttpClientSettings::default() {
            fields.at().mention(Mentioned::Client(Box::new(client.clone())));
        }
        account?;
        let (role, (endpoint_at, endpoint)) = (role?, endpoint?);
        let folder = match role {
            Role::Container => "",
            Role::ComputeNode => "gz/",
        };
        let mut url = format!("https://{endpoint}:{port}/v{version}/{folder}discover");
        let is_host = !endpoint.contains(['/', '@', '?', '#']);
        if !is_host || Url::parse(&url).and_then(|url| url.for_http()).is_err() {
            endpoint_at.report(ProblemKind::Rule(
                "an endpoint is a host's name, such as cmon.us-east-3b.triton.zone",
            ));
            return None;
        }
        if !groups.is_empty() {
            let groups: Vec<&str> = groups.iter().map(|(group, _)| group.as_str()).collect();
            url.push_str("?groups=");
            url.push_str(&query_escaped(&groups.join(",")));
        }
        Some(Self {
            role,
            dns_suffix: dns_suffix?.1,
            url,
            port,
            refresh_interval,
            client,
        })
    }

    fn describe(&self) -> String {
        self.url.clone()
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(self.refresh_interval, Arc::new(Triton(self)), env, updates).await;
        })
    }
}

fn read_role(fields: &mut Fields<'_>) -> Option<Role> {
    let Some(at) = fields.take("role") else {
        return Some(Role::Container);
    };
    match at.text()?.as_str() {
        "container" => Some(Role::Container),
        "cn" => Some(Role::ComputeNode),
        found => {
            at.report(ProblemKind::NotOneOf {
                found: found.to_owned(),
                allowed: "container, cn",
            });
            None
        }
    }
}

/// A text that has to be there.
fn needed<'a>(fields: &mut Fields<'a>, name: &'static str) -> Option<(Cursor<'a>, String)> {
    let at = fields.take(name);
    let text = at.as_ref().and_then(|at| at.text()).filter(|text| !text.is_empty());
    if text.is_none() {
        fields.at().report(ProblemKind::Missing { field: name });
    }
    Some((at?, text?))
}

/// As Go writes parameters, because it stands in the source of the targets' group.
fn query_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => escaped.push('+'),
            b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => escaped.push(byte.into()),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
