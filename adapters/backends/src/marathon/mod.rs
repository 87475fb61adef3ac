//! `marathon_sd_configs`: the tasks of applications that Marathon runs.
//!
//! Each `refresh_interval` all applications are asked for with their tasks (`GET /v2/apps/?embed=apps.tasks` of
//! <https://mesosphere.github.io/marathon/api-console/index.html>), at one of the servers, drawn at random. Each application
//! is a group whose source is its id; labels are Prometheus's. Tasks in every state are targets, and each of their ports
//! is one. **An answer that can't be read as a whole changes nothing.**
//!
//! Otherwise than in Prometheus:
//! * When one server does not answer, the others are asked.
//! * Where an application declares no ports, each task has its own; there all have those of the first.
//! * A port that nobody knows, which is `:0` there, makes no target, and is counted; so does a task without a host.
//! * An answer without its list is a failure. A refresh has a deadline.
//! * A token's file is read for each request, as there, and need not be there at the start.

mod app;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headcount_core::Batch;
use headcount_discoverer::Env;
use headcount_discoverer::env::HttpLimits;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;
use serde::Deserialize;

use crate::answers::{Object, ServerUrl, get_json, reveal};
use app::App;

pub use settings::MarathonSd;

/// How long one of several servers has for the beginning of its answer.
const PATIENCE: Duration = Duration::from_secs(5);

const SKIPPED: Definition = Definition {
    name: "headcount_sd_marathon_skipped_ports_total",
    help: "Ports of tasks that were found without a number or a host, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct Marathon(Arc<MarathonSd>);

#[derive(Deserialize)]
struct Answer {
    apps: Vec<Object<App>>,
}

impl Rest for Marathon {
    type Part = Whole;
    /// By their ids.
    type Found = BTreeMap<String, App>;
    const READING: &'static str = "asking Marathon";

    fn client(&self) -> &HttpClientSettings {
        &self.0.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Self::Found>, ReadError> {
        let mut failed = None;
        for server in in_turn(&self.0.servers, ask.env()) {
            match self.apps(ask, server).await {
                Ok((apps, without_id)) => {
                    let skipped: usize = apps.values().map(App::skipped).sum();
                    ask.env().metrics.add(SKIPPED, &[], (skipped + without_id) as f64);
                    return Ok(Some(apps));
                }
                // What the first of them said is told.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or_else(|| Ok(Some(BTreeMap::new())), Err)
    }

    fn encode(&self, _part: &Whole, apps: Self::Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        for (id, app) in &apps {
            batch.begin(id)?;
            app.encode(id, batch)?;
            batch.end()?;
        }
        Ok(())
    }

    /// Any text can be an application's id.
    fn is_source(&self, _part: &Whole, _source: &str) -> bool {
        true
    }
}

impl Marathon {
    /// The applications by their ids, and how many have none: they could not be told from others.
    async fn apps(&self, ask: &Ask<'_>, server: &ServerUrl) -> Result<(BTreeMap<String, App>, usize), ReadError> {
        let url = server.join("/v2/apps/?embed=apps.tasks");
        let mut request = get_json(ask, url.as_str());
        if self.0.servers.len() > 1 {
            request.limits = HttpLimits {
                connect: Some(PATIENCE),
                head: Some(PATIENCE),
                ..request.limits
            };
        }
        if let Some(token) = &self.0.token {
            let token = reveal(ask.env(), token, server.shown()).await?;
            // DC/OS wants it in this form.
            request = request.header("Authorization", format!("token={}", token.reveal()));
        }
        let answer = ask.get(request).await?;
        let found: Answer = crate::json::from_slice(&answer.body).map_err(|error| ReadError::answer(&url, error))?;
        let count = found.apps.len();
        let apps = found.apps.into_iter().filter_map(|app| app.0);
        let apps: Vec<App> = apps.filter(|app| !app.id().is_empty()).collect();
        let without_id = count.saturating_sub(apps.len());
        Ok((
            apps.into_iter().map(|app| (app.id().to_owned(), app)).collect(),
            without_id,
        ))
    }
}

/// The servers, from one that is drawn at random.
fn in_turn<'s>(servers: &'s [ServerUrl], env: &Env) -> impl Iterator<Item = &'s ServerUrl> {
    let count = u64::try_from(servers.len()).unwrap_or(u64::MAX).max(1);
    let first = usize::try_from(env.random.next_u64() % count).unwrap_or_default();
    servers.iter().cycle().skip(first).take(servers.len())
}

#[cfg(test)]
mod tests;
