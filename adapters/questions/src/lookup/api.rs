//! Asks the API, of a daemon or of this process.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use headcount_core::{Backoff, Throttle, format_duration};
use headcount_discoverer::env::{HttpClient, HttpLimits, HttpRequest};
use headcount_reader::{HttpClientSettings, without_credentials};
use headcount_service::{Answer, Awaited, Plan, Service, Source, Workers};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::answers::{Envelope, Overview, Page, Pools, Providers, Step, Steps, Target};
use super::events::Events;
use super::operator::{Confirmed, Hold, Holds, Refreshed};
use super::status;

/// Where `headcount run` listens unless it is told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:9099";
/// Targets in one answer. Each takes about a kilobyte.
const PAGE: &str = "2000";

/// Nobody but the asker is there to be spared.
const THROTTLE: Duration = Duration::from_millis(50);

/// What an answer may take beyond what was to be waited for.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// Who is asked.
pub struct Api(Asked);

enum Asked {
    Daemon { client: Arc<dyn HttpClient>, base: String },
    Service(Box<Service>),
}

impl Api {
    /// The daemon at a URL, or where it is by default, connected to as a client with these settings does.
    ///
    /// # Errors
    /// When nobody answers there.
    pub async fn connect(workers: &Workers, url: Option<&str>, client: &HttpClientSettings) -> anyhow::Result<Self> {
        let base = url.unwrap_or(DEFAULT_URL);
        // It may have a user and a password.
        let shown = without_credentials(base);
        let parsed = url::Url::parse(base).with_context(|| format!("--url {shown:?}: write it as {DEFAULT_URL}"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            bail!("--url {shown:?}: write it as {DEFAULT_URL}");
        }
        let api = Self(Asked::Daemon {
            client: workers.env().http.client(client)?,
            base: base.trim_end_matches('/').to_owned(),
        });
        match api.get("/-/healthy").await {
            Ok(_) => Ok(api),
            Err(error) if url.is_none() => Err(error.context(format!(
                "no daemon answers at {shown}; name one with --url, or a configuration with --config"
            ))),
            Err(error) => Err(error.context(format!("no headcount daemon answers at {shown}"))),
        }
    }

    /// A service of its own, which runs the discovery of a plan's jobs until every provider has reported or
    /// failed, or the time is over; `awaited` names those that have not.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn discover(
        workers: &Workers,
        mut plan: Plan,
        timeout: Duration,
        awaited: &Awaited,
    ) -> anyhow::Result<Self> {
        // Nobody asks for them.
        plan.alertmanagers.clear();
        let throttle = Throttle::Backoff(Backoff {
            initial: Duration::ZERO,
            max: THROTTLE,
            quiet: THROTTLE,
            ..Backoff::default()
        });
        let service = Service::builder().workers(workers).throttle(throttle);
        let service = service.start(Source::Plan(Arc::new(plan))).await;
        let service = service.context("starting discovery")?;
        let settled = service.settled_watched(timeout, awaited).await;
        awaited.nobody();
        settled.context("discovering")?;
        Ok(Self(Asked::Service(Box::new(service))))
    }

    /// Ends what was started for it.
    pub async fn close(self) {
        match self.0 {
            Asked::Daemon { .. } => {}
            Asked::Service(service) => service.stop().await,
        }
    }

    /// What there is: jobs, providers, configs that can't be run.
    pub(crate) async fn overview(&self) -> anyhow::Result<Overview> {
        let pools: Pools = self.read("/api/v1/scrape_pools").await?;
        let Providers {
            mut providers,
            mut failed_configs,
        } = self.read("/api/v1/providers").await?;
        providers.retain(|provider| provider.manager == "scrape");
        failed_configs.retain(|failed| failed.manager == "scrape");
        Ok(Overview {
            jobs: pools.pools,
            providers,
            failed_configs,
        })
    }

    /// The names of all jobs.
    ///
    /// # Errors
    /// When who is asked does not answer.
    pub async fn job_names(&self) -> anyhow::Result<Vec<String>> {
        Ok(self.pools().await?.into_iter().map(|pool| pool.name).collect())
    }

    /// The names of all providers, and what each discovers.
    ///
    /// # Errors
    /// When who is asked does not answer.
    pub async fn provider_names(&self) -> anyhow::Result<Vec<(String, String)>> {
        let providers = self.providers().await?.into_iter();
        Ok(providers
            .map(|provider| (provider.name, provider.description))
            .collect())
    }

    /// The configuration that runs, without secrets.
    pub(crate) async fn configuration(&self) -> anyhow::Result<String> {
        let body = self.get("/config").await?;
        String::from_utf8(body).with_context(|| format!("{} is not answered as headcount does", self.shown("/config")))
    }

    /// The process that is asked.
    pub(crate) async fn runtime(&self) -> anyhow::Result<status::Runtime> {
        self.read("/api/v1/status/runtimeinfo").await
    }

    /// All jobs, with the fates of their targets.
    pub(crate) async fn pools(&self) -> anyhow::Result<Vec<status::Pool>> {
        let status::Pools { pools } = self.read("/api/v1/scrape_pools").await?;
        Ok(pools)
    }

    /// All providers, of Alertmanagers, too.
    pub(crate) async fn providers(&self) -> anyhow::Result<Vec<status::Provider>> {
        let status::Providers { providers } = self.read("/api/v1/providers").await?;
        Ok(providers)
    }

    /// Visits all targets that the parameters of `/api/v1/targets` choose, page by page.
    pub(crate) async fn visit(&self, parameters: &[(&str, &str)], mut visit: impl FnMut(Target)) -> anyhow::Result<()> {
        let mut token: Option<String> = None;
        loop {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(parameters).append_pair("limit", PAGE);
            if let Some(token) = &token {
                query.append_pair("next_token", token);
            }
            let page: Page = self.read(&format!("/api/v1/targets?{}", query.finish())).await?;
            token = page.next_token.clone();
            page.targets().for_each(&mut visit);
            if token.is_none() {
                return Ok(());
            }
        }
    }

    /// What each rule of a target's job does to it, until one drops it.
    pub(crate) async fn steps(&self, target: &Target) -> anyhow::Result<Vec<Step>> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("scrapePool", &target.scrape_pool)
            .append_pair("labels", &serde_json::to_string(&target.discovered_labels)?);
        let path = format!("/api/v1/targets/relabel_steps?{}", query.finish());
        let steps: Steps = self.read(&path).await?;
        Ok(steps.until_dropped())
    }

    /// What happened, as the parameters of `/api/v1/events` choose it.
    pub(crate) async fn events(&self, parameters: &[(&str, &str)]) -> anyhow::Result<Events> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        self.read(&format!("/api/v1/events?{}", query.finish())).await
    }

    /// Whether what happened before it was asked can be known.
    pub(crate) fn remembers(&self) -> bool {
        matches!(self.0, Asked::Daemon { .. })
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let body = self.get(path).await?;
        self.understood(path, &body)
    }

    fn understood<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> anyhow::Result<T> {
        let envelope: Envelope<T> = serde_json::from_slice(body)
            .with_context(|| format!("{} is not answered as headcount does", self.shown(path)))?;
        Ok(envelope.data)
    }

    /// The drops that are held.
    pub(crate) async fn holds(&self) -> anyhow::Result<Vec<Hold>> {
        let Holds { holds } = self.read("/api/v1/guard").await?;
        Ok(holds)
    }

    /// Says that what is held of a provider is true.
    pub(crate) async fn confirm(&self, provider: &str) -> anyhow::Result<Confirmed> {
        self.post(&format!("/api/v1/providers/{}/confirm", escaped(provider)), None)
            .await
    }

    /// Has a provider ask its backend, and waits for that.
    pub(crate) async fn refresh(
        &self,
        provider: &str,
        manager: Option<&str>,
        wait: Duration,
    ) -> anyhow::Result<Refreshed> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("wait", &format_duration(wait));
        if let Some(manager) = manager {
            query.append_pair("manager", manager);
        }
        let path = format!("/api/v1/providers/{}/refresh?{}", escaped(provider), query.finish());
        self.post(&path, Some(wait + ANSWERS_WITHIN)).await
    }

    /// What a daemon answers to a request that changes something.
    async fn post<T: DeserializeOwned>(&self, path: &str, within: Option<Duration>) -> anyhow::Result<T> {
        let Asked::Daemon { client, base } = &self.0 else {
            bail!("only a daemon can be told to do something");
        };
        let request = HttpRequest::post(format!("{base}{path}"), "application/json", "");
        let request = request.limits(within.map_or_else(HttpLimits::default, HttpLimits::whole));
        let answer = client.send(request).await?;
        let body = self.answered(path, answer.status, answer.body)?;
        self.understood(path, &body)
    }

    async fn get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let (status, body) = match &self.0 {
            Asked::Service(service) => {
                let Answer { status, body } = service.get(path).await;
                (status, body)
            }
            Asked::Daemon { client, base } => {
                let answer = client.send(HttpRequest::get(format!("{base}{path}"))).await?;
                (answer.status, answer.body)
            }
        };
        self.answered(path, status, body)
    }

    /// The body, if it is no refusal.
    fn answered(&self, path: &str, status: u16, body: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        if matches!(status, 200 | 202) {
            return Ok(body);
        }
        #[derive(Deserialize)]
        struct Refused {
            error: String,
        }
        let refused: Option<Refused> = serde_json::from_slice(&body).ok();
        let reason = refused.map_or_else(String::new, |refused| format!(": {}", refused.error));
        Err(anyhow!("{} answers with status {status}{reason}", self.shown(path)))
    }

    /// Without the query, which may be long, and without credentials.
    fn shown(&self, path: &str) -> String {
        let path = path.split('?').next().unwrap_or_default();
        match &self.0 {
            Asked::Daemon { base, .. } => format!("{}{path}", without_credentials(base)),
            Asked::Service(_) => path.to_owned(),
        }
    }
}

/// A name as a part of a path.
fn escaped(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect()
}
