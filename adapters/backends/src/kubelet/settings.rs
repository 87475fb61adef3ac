//! What an entry of `kubelet_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, HttpClientSettings, ProblemKind, Secret, Url, without_credentials};

use super::{Kubelet, SKIPPED};

/// How often the kubelet is asked where the entry says nothing; Alloy's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
/// The kubelet of this machine; Alloy's.
const DEFAULT_URL: &str = "https://localhost:10250";

/// One entry of `kubelet_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KubeletSd {
    /// Without a slash at its end.
    pub(super) url: Secret,
    /// Sorted, each once. Empty for all.
    pub(super) namespaces: Vec<String>,
    pub(super) refresh_interval: Duration,
    pub(super) client: HttpClientSettings,
}

impl Mechanism for KubeletSd {
    const NAME: &'static str = "kubelet";
    const SUMMARY: &'static str = "the pods of one Kubernetes node, as its kubelet knows them (Alloy's)";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let url = read_url(fields);
        let namespaces = fields.texts("namespaces").unwrap_or_default().into_iter();
        let mut namespaces: Vec<String> = namespaces
            .map(|(name, _)| name)
            .filter(|name| !name.is_empty())
            .collect();
        namespaces.sort();
        namespaces.dedup();
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        let client = HttpClientSettings::read(fields, place.folder);
        Some(Self {
            url: url?,
            namespaces,
            refresh_interval,
            client,
        })
    }

    fn describe(&self) -> String {
        let url = without_credentials(self.url.reveal());
        match self.namespaces.as_slice() {
            [] => format!("pods at {url}"),
            [only] => format!("pods of {only} at {url}"),
            [first, rest @ ..] => format!("pods of {first} and {} other namespaces at {url}", rest.len()),
        }
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            rest::run(self.refresh_interval, Arc::new(Kubelet(self)), env, updates).await;
        })
    }
}

fn read_url(fields: &mut Fields<'_>) -> Option<Secret> {
    let Some(at) = fields.take_some("url") else {
        return Some(Secret::new(DEFAULT_URL));
    };
    let url = at.text()?;
    if let Err(error) = Url::parse(&url).and_then(|url| url.for_http()) {
        at.report(error);
        return None;
    }
    if url.contains(['?', '#']) {
        at.report(ProblemKind::Rule(
            "a kubelet's URL has no query and no fragment: /pods is added to it",
        ));
        return None;
    }
    Some(Secret::new(url.trim_end_matches('/')))
}
