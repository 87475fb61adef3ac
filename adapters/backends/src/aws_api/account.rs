//! What an entry says of how AWS is asked, which is the same for all of them.

use std::fmt;
use std::time::Duration;

use headcount_discoverer::mechanism::Place;
use headcount_reader::{Fields, HttpClientSettings, ProblemKind, Secret, Url, without_credentials};

use crate::sigv4::Keys;

/// How often is asked where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// The port of targets where the entry says nothing; Prometheus's.
const DEFAULT_PORT: u16 = 80;

/// How AWS is asked, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Account {
    /// Empty for that of the surroundings.
    pub(crate) region: String,
    pub(crate) endpoint: Option<GivenEndpoint>,
    /// There if both are written.
    pub(super) keys: Option<Keys>,
    /// Empty for that of the environment, or the default one.
    pub(super) profile: String,
    /// Empty for none.
    pub(super) role_arn: String,
    pub(super) external_id: String,
    pub(crate) port: u16,
    pub(crate) refresh_interval: Duration,
    pub(crate) client: HttpClientSettings,
}

/// A URL of the entry's own.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct GivenEndpoint {
    /// Without a slash at its end.
    pub(super) url: Secret,
    shown: String,
}

/// Shows no password.
impl fmt::Debug for GivenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In a list of its own, `ec2_sd_configs`.
    Own,
    /// In `aws_sd_configs`, where 0 means that nothing is said.
    Role,
}

/// What has to be so of what is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Filter {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
}

impl Account {
    pub(crate) fn read(fields: &mut Fields<'_>, place: &Place<'_>, kind: Kind) -> Option<Self> {
        let region = read_region(fields);
        let endpoint = read_endpoint(fields);
        let keys = read_keys(fields);
        let profile = fields.text("profile").unwrap_or_default();
        let role_arn = fields.text("role_arn").unwrap_or_default();
        let external_at = fields.take("external_id");
        let external_id = external_at.as_ref().and_then(|at| at.text()).unwrap_or_default();
        if let Some(at) = external_at.filter(|_| role_arn.is_empty() && !external_id.is_empty()) {
            at.warn(ProblemKind::Needs { other: "role_arn" });
        }
        let port = match (fields.take("port").and_then(|at| at.port()), kind) {
            (Some(0), Kind::Role) | (None, _) => DEFAULT_PORT,
            (Some(port), _) => port,
        };
        let refresh_interval = match kind {
            Kind::Own => fields.interval("refresh_interval", DEFAULT_INTERVAL),
            Kind::Role => {
                let interval = fields.duration("refresh_interval").unwrap_or_default();
                if interval.is_zero() { DEFAULT_INTERVAL } else { interval }
            }
        };
        let client = HttpClientSettings::read(fields, place.folder);
        Some(Self {
            region,
            endpoint: endpoint?,
            keys,
            profile,
            role_arn,
            external_id,
            port,
            refresh_interval,
            client,
        })
    }

    /// Where is asked, in a few words.
    pub(crate) fn describe(&self) -> String {
        let region = match self.region.as_str() {
            "" => "the region of the surroundings",
            region => region,
        };
        match &self.endpoint {
            Some(endpoint) => format!("{region} at {}", endpoint.shown),
            None => region.to_owned(),
        }
    }

    /// The same with the clusters that are asked for.
    pub(crate) fn describe_with(&self, clusters: &[String]) -> String {
        match clusters {
            [] => self.describe(),
            [only] => format!("{only} in {}", self.describe()),
            [first, rest @ ..] => format!("{first} and {} more in {}", rest.len(), self.describe()),
        }
    }
}

/// The region, which becomes a part of hosts' names.
fn read_region(fields: &mut Fields<'_>) -> String {
    let Some(at) = fields.take("region") else {
        return String::new();
    };
    let region = at.text().unwrap_or_default();
    if !is_region(&region) {
        at.report(ProblemKind::Rule(
            "a region has small letters, digits and - only, such as eu-west-1",
        ));
    }
    region
}

/// Whether a text can be a region's name, or is none.
pub(super) fn is_region(text: &str) -> bool {
    text.chars()
        .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
}

/// Nothing if it makes no sense.
fn read_endpoint(fields: &mut Fields<'_>) -> Option<Option<GivenEndpoint>> {
    let Some(at) = fields.take("endpoint") else {
        return Some(None);
    };
    let text = at.text().unwrap_or_default();
    if text.is_empty() {
        return Some(None);
    }
    // As older ones of AWS's libraries have it.
    let url = match text.contains("://") {
        true => text,
        false => format!("https://{text}"),
    };
    if let Err(error) = Url::parse(&url).and_then(|url| url.for_http()) {
        at.report(error);
        return None;
    }
    if url.contains(['?', '#']) {
        at.report(ProblemKind::Rule("an endpoint has no query and no fragment"));
        return None;
    }
    let url = url.trim_end_matches('/');
    Some(Some(GivenEndpoint {
        shown: without_credentials(url).into_owned(),
        url: Secret::new(url),
    }))
}

/// The two keys, of which one alone counts for nothing, as in Prometheus.
fn read_keys(fields: &mut Fields<'_>) -> Option<Keys> {
    let mut some = |name| {
        let at = fields.take(name)?;
        let text = at.text().filter(|text| !text.is_empty())?;
        Some((at, text))
    };
    match (some("access_key"), some("secret_key")) {
        (Some((_, access_key)), Some((_, secret_key))) => Some(Keys {
            access_key,
            secret_key: Secret::new(secret_key),
            session_token: None,
        }),
        (Some((at, _)), None) => {
            at.warn(ProblemKind::Needs { other: "secret_key" });
            None
        }
        (None, Some((at, _))) => {
            at.warn(ProblemKind::Needs { other: "access_key" });
            None
        }
        (None, None) => None,
    }
}

/// The field `filters`.
pub(crate) fn read_filters(fields: &mut Fields<'_>) -> Vec<Filter> {
    let entries = fields.take("filters").and_then(|at| at.list()).unwrap_or_default();
    let mut filters = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(mut inside) = entry.fields() else {
            entry.report(ProblemKind::EmptyEntry);
            continue;
        };
        let name = inside.some_text("name");
        let values: Vec<String> = inside
            .texts("values")
            .unwrap_or_default()
            .into_iter()
            .map(|(value, _)| value)
            .collect();
        inside.finish();
        if name.is_none() {
            entry.report(ProblemKind::Missing { field: "name" });
        } else if values.is_empty() {
            entry.report(ProblemKind::Missing { field: "values" });
        }
        filters.extend(name.map(|name| Filter { name, values }));
    }
    filters
}

/// The field `clusters`, sorted and each once. Empty for all there are.
pub(crate) fn read_clusters(fields: &mut Fields<'_>) -> Vec<String> {
    let texts = fields.texts("clusters").unwrap_or_default();
    let mut clusters: Vec<String> = texts
        .into_iter()
        .map(|(text, _)| text)
        .filter(|text| !text.is_empty())
        .collect();
    clusters.sort();
    clusters.dedup();
    clusters
}

/// The field `request_concurrency`: how many requests are under way at a time. Prometheus takes 0 for a deadlock, and
/// less for no limit.
pub(crate) fn read_concurrency(fields: &mut Fields<'_>, kind: Kind, default: usize) -> usize {
    if kind == Kind::Role {
        return default;
    }
    let Some(at) = fields.take("request_concurrency") else {
        return default;
    };
    match at.count() {
        Some(0) => {
            at.report(ProblemKind::Rule("at least one request has to be under way at a time"));
            default
        }
        Some(count) => usize::try_from(count).unwrap_or(usize::MAX),
        None => default,
    }
}
