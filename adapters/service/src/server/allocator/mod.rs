//! OpenTelemetry's target allocator, as its collectors ask it (`target_allocator` of their `prometheus` receiver): what
//! `opentelemetry-operator` serves, from `cmd/otel-allocator`, field by field. A collector is a member of those who share the
//! targets, by its `collector_id`.
//!
//! * `/scrape_configs`: the jobs ([`scrape_configs`]). `/jobs`: those that have targets, with where those are.
//! * `/jobs/<job>/targets?collector_id=NAME`: the collector's part of a job, labels as before relabelling; it is
//!   `/sd/<job>?member=NAME` with an entry for each target. Without `collector_id`, what each has.
//! * `/livez`, `/readyz`: `/-/healthy` and `/-/ready` by the names that its probes have.
//!
//! The one rule: **nothing is answered that a collector would lose targets by.** It looks at neither status nor content type of
//! `/scrape_configs`, reads whatever it gets as YAML, and drops all jobs where that is empty or `{}`; so there is no such
//! answer, and refusals are lines of text, which are no jobs in any YAML. An empty list of targets is one that is empty: of a
//! job or a collector that is not known, or of a share that is not known yet, the answer is an error, and the collector keeps
//! what it has.

mod scrape_configs;
mod targets;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::respond::{self, Body};
use crate::app::App;
pub(crate) use scrape_configs::WrittenJobs;
pub(super) use scrape_configs::scrape_configs;
pub(super) use targets::{job_of, targets};

/// The jobs that have targets to scrape, each with the path of those.
pub(super) fn jobs(app: &App) -> Response<Body> {
    #[derive(Serialize)]
    struct Link {
        #[serde(rename = "_link")]
        link: String,
    }
    if !app.targets.is_known() {
        return starting();
    }
    let jobs: BTreeMap<Arc<str>, Link> = app.targets.read(|state| {
        let pools = state.pools.pools().filter(|(_, pool)| pool.counts().active > 0);
        let link = |job: &Arc<str>| Link { link: path_of(job) };
        pools.map(|(job, _)| (job.clone(), link(job))).collect()
    });
    respond::json(StatusCode::OK, &jobs)
}

/// A refusal as a line of text, which no reader takes for anything else.
pub(super) async fn in_plain_text(response: Response<Body>) -> Response<Body> {
    #[derive(Deserialize)]
    struct Said {
        error: String,
    }
    let is_json = response.headers().get(CONTENT_TYPE) == Some(&respond::JSON);
    if !response.status().is_client_error() && !response.status().is_server_error() || !is_json {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = body.collect().await;
    let said = serde_json::from_slice::<Said>(&body.to_bytes());
    let said = said.map_or_else(|_| "this can't be answered".to_owned(), |said| said.error);
    let mut text = respond::text(parts.status, said);
    for (name, value) in &parts.headers {
        if name != CONTENT_TYPE {
            text.headers_mut().append(name, value.clone());
        }
    }
    text
}

/// The path of a job's targets.
fn path_of(job: &str) -> String {
    format!("/jobs/{}/targets", escaped(job))
}

/// As Go's `url.QueryEscape` has it, by which collectors write a job's name.
fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn starting() -> Response<Body> {
    let message = "headcount is starting; keep what you have";
    respond::not_yet(respond::error(StatusCode::SERVICE_UNAVAILABLE, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jobs_name_is_escaped_as_in_a_query() {
        assert_eq!(
            path_of("serviceMonitor/a b/0"),
            "/jobs/serviceMonitor%2Fa+b%2F0/targets"
        );
        assert_eq!(path_of("ü+~.-_*"), "/jobs/%C3%BC%2B%7E.-_*/targets");
    }

    #[test]
    fn refusals_are_lines_of_text_and_nothing_else_is_touched() {
        smol::block_on(async {
            let refused = respond::wrong_method("GET");
            let text = in_plain_text(refused).await;
            assert_eq!(text.status(), StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(text.headers()["allow"], "GET");
            assert_eq!(text.headers().get_all(CONTENT_TYPE).iter().count(), 1);
            let body = text.into_body().collect().await.expect("whole").to_bytes();
            assert_eq!(body, "use one of GET here\n");
            let list = in_plain_text(respond::json(StatusCode::OK, &["a"])).await;
            assert_eq!(list.headers()[CONTENT_TYPE], respond::JSON);
        });
    }
}
