//! Why there is no list: who asks keeps the one that he has.

use headcount_core::ProviderSnapshot;
use http::{Response, StatusCode};
use serde::Serialize;

use super::super::respond::{self, Body};
use crate::app::App;
use crate::discovery::View;

pub(super) fn unknown(view: &View, name: &str) -> Response<Body> {
    const MOST: usize = 20;
    #[derive(Serialize)]
    struct Unknown<'a> {
        status: &'static str,
        error: String,
        jobs: Vec<&'a str>,
    }
    let error = format!("there is no job {name:?}; /sd lists all {}", view.jobs.len());
    let jobs = view.jobs.keys().take(MOST).map(|job| &**job).collect();
    respond::json(
        StatusCode::NOT_FOUND,
        &Unknown {
            status: "error",
            error,
            jobs,
        },
    )
}

pub(super) async fn incomplete(app: &App, view: &View, name: &str) -> Response<Body> {
    #[derive(Serialize)]
    struct Incomplete<'a> {
        status: &'static str,
        error: String,
        waiting_for: Vec<Waiting<'a>>,
    }
    #[derive(Serialize)]
    struct Waiting<'a> {
        provider: &'a str,
        description: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        last_error: Option<&'a str>,
        /// What its last read could not get.
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<String>,
    }
    // How they fare now: a snapshot has of that what came first.
    let unread = view.unread(name).map(ProviderSnapshot::id).collect();
    let Ok(unread) = app.scrape.observe_some(unread).await else {
        return respond::gone();
    };
    let providers = unread.iter().map(|provider| Waiting {
        provider: &provider.name,
        description: &provider.description,
        last_error: provider.health.reports.failure().map(|failed| &*failed.message),
        missing: provider.health.reports.missing().map(ToString::to_string),
    });
    let set = view.snapshot.set(name);
    let failed = set.iter().flat_map(|set| set.failed_configs());
    let failed = failed.map(|failed| Waiting {
        provider: &failed.name,
        description: &failed.description,
        last_error: Some(&failed.reason),
        missing: None,
    });
    let error = format!("the list of {name:?} is not complete yet; keep the one that you have");
    let body = Incomplete {
        status: "error",
        error,
        waiting_for: providers.chain(failed).collect(),
    };
    respond::not_yet(respond::json(StatusCode::SERVICE_UNAVAILABLE, &body))
}
