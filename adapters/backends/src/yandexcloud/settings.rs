//! What an entry of `yandexcloud_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{
    Fields, HttpClientSettings, Mentioned, ProblemKind, Secret, TlsSettings, Url, without_credentials,
};

use super::{SKIPPED, YandexCloud};

/// How often instances are listed where the entry says nothing; vmagent's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
/// Where it is said which services there are.
const DEFAULT_ENDPOINT: &str = "https://api.cloud.yandex.net";

/// One entry of `yandexcloud_sd_configs`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct YandexCloudSd {
    /// Without a slash at its end.
    pub(super) endpoint: String,
    /// Where the machine's own service account does not ask.
    pub(super) passport: Option<Secret>,
    /// Sorted, each once. Empty for all that can be seen.
    pub(super) folders: Vec<String>,
    pub(super) refresh_interval: Duration,
    pub(super) client: HttpClientSettings,
}

/// Shows no password.
impl std::fmt::Debug for YandexCloudSd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("YandexCloudSd")
            .field("endpoint", &without_credentials(&self.endpoint))
            .field("folders", &self.folders)
            .finish_non_exhaustive()
    }
}

impl Mechanism for YandexCloudSd {
    const NAME: &'static str = "yandexcloud";
    const SUMMARY: &'static str = "the instances of Yandex Cloud (vmagent's)";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        read_service(fields);
        let endpoint = read_endpoint(fields);
        let passport = fields.some_text("yandex_passport_oauth_token").map(Secret::new);
        let folders = fields.texts("folder_ids").unwrap_or_default().into_iter();
        let mut folders: Vec<String> = folders.map(|(id, _)| id).filter(|id| !id.is_empty()).collect();
        folders.sort();
        folders.dedup();
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        // All that vmagent takes of an HTTP client's settings here.
        let client = HttpClientSettings {
            tls: TlsSettings::read(fields, place.folder),
            ..HttpClientSettings::default()
        };
        if client != HttpClientSettings::default() {
            fields.at().mention(Mentioned::Client(Box::new(client.clone())));
        }
        Some(Self {
            endpoint: endpoint?,
            passport,
            folders,
            refresh_interval,
            client,
        })
    }

    fn describe(&self) -> String {
        let endpoint = without_credentials(&self.endpoint);
        match self.folders.as_slice() {
            [] => format!("instances of all folders at {endpoint}"),
            [only] => format!("instances of the folder {only} at {endpoint}"),
            [first, rest @ ..] => format!("instances of the folder {first} and {} more at {endpoint}", rest.len()),
        }
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(self.refresh_interval, Arc::new(YandexCloud::new(self)), env, updates).await;
        })
    }
}

/// Without a slash at its end.
fn read_endpoint(fields: &mut Fields<'_>) -> Option<String> {
    let Some(at) = fields.take_some("api_endpoint") else {
        return Some(DEFAULT_ENDPOINT.to_owned());
    };
    let url = at.text()?;
    if let Err(error) = Url::parse(&url).and_then(|url| url.for_http()) {
        at.report(error);
        return None;
    }
    if url.contains(['?', '#']) {
        at.report(ProblemKind::Rule("an endpoint has no query and no fragment"));
        return None;
    }
    Some(url.trim_end_matches('/').to_owned())
}

/// There is only one, so that nothing is kept of it.
fn read_service(fields: &mut Fields<'_>) {
    let Some(at) = fields.take_some("service") else {
        fields.at().report(ProblemKind::Missing { field: "service" });
        return;
    };
    if let Some(found) = at.text().filter(|found| found != "compute") {
        at.report(ProblemKind::NotOneOf {
            found,
            allowed: "compute",
        });
    }
}
