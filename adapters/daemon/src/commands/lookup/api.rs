//! Asks the API, of a daemon or of this process.

use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use headcount_discoverer::env::{HttpClient, HttpRequest};
use headcount_reader::HttpClientSettings;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use smol::Executor;
use url::form_urlencoded;

use super::answers::{Envelope, Overview, Page, Pools, Providers, Step, Steps, Target};
use crate::app::App;
use crate::server;

/// Where `headcount run` listens unless it is told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:9099";
/// Targets in one answer. Each takes about a kilobyte.
const PAGE: &str = "2000";

/// Who is asked.
pub(in crate::commands) enum Api {
    Daemon { client: Arc<dyn HttpClient>, base: String },
    InProcess(Arc<App>),
}

impl Api {
    /// The daemon at a URL, or where it is by default.
    pub(super) async fn connect(executor: &Arc<Executor<'static>>, url: Option<&str>) -> anyhow::Result<Self> {
        let base = url.unwrap_or(DEFAULT_URL);
        let parsed = url::Url::parse(base).with_context(|| format!("--url {base:?}: write it as {DEFAULT_URL}"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            bail!("--url {base:?}: write it as {DEFAULT_URL}");
        }
        let api = Self::Daemon {
            client: super::env(executor).http.client(&HttpClientSettings::default())?,
            base: base.trim_end_matches('/').to_owned(),
        };
        match api.get("/-/healthy").await {
            Ok(_) => Ok(api),
            Err(error) if url.is_none() => Err(error.context(format!(
                "no daemon answers at {base}; name one with --url, or a configuration with --config"
            ))),
            Err(error) => Err(error.context(format!("no headcount daemon answers at {base}"))),
        }
    }

    /// What there is: jobs, providers, configs that can't be run.
    pub(in crate::commands) async fn overview(&self) -> anyhow::Result<Overview> {
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

    /// Visits all targets that the parameters of `/api/v1/targets` choose, page by page.
    pub(in crate::commands) async fn visit(
        &self,
        parameters: &[(&str, &str)],
        mut visit: impl FnMut(Target),
    ) -> anyhow::Result<()> {
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
    pub(in crate::commands) async fn steps(&self, target: &Target) -> anyhow::Result<Vec<Step>> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("scrapePool", &target.scrape_pool)
            .append_pair("labels", &serde_json::to_string(&target.discovered_labels)?);
        let path = format!("/api/v1/targets/relabel_steps?{}", query.finish());
        let steps: Steps = self.read(&path).await?;
        Ok(steps.until_dropped())
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let body = self.get(path).await?;
        let envelope: Envelope<T> = serde_json::from_slice(&body)
            .with_context(|| format!("{} is not answered as headcount does", self.shown(path)))?;
        Ok(envelope.data)
    }

    async fn get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let (status, body) = match self {
            Self::InProcess(app) => server::ask(app, path).await?,
            Self::Daemon { client, base } => {
                let answer = client.send(HttpRequest::get(format!("{base}{path}"))).await?;
                (answer.status, answer.body)
            }
        };
        if status == 200 {
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

    /// Without the query, which may be long.
    fn shown(&self, path: &str) -> String {
        let path = path.split('?').next().unwrap_or_default();
        match self {
            Self::Daemon { base, .. } => format!("{base}{path}"),
            Self::InProcess(_) => path.to_owned(),
        }
    }
}
