//! `/api/v1/scrape_pools`: the jobs, and how many of their targets have which fate.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use http::header::{CACHE_CONTROL, ETAG, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;

use super::super::conditional::is_known;
use super::super::respond::{self, Body};
use crate::app::App;
use crate::discovery::Job;
use crate::overwritten::OverwrittenLabel;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    scrape_pools: Vec<&'a str>,
    pools: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    name: &'a str,
    complete: bool,
    /// Whether its list is served, complete or not.
    served: bool,
    /// The providers whose targets it has until what takes their places was read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replaced: Vec<&'a str>,
    /// Why its configs that can't be run can't be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed_configs: Vec<&'a str>,
    active: usize,
    dropped: usize,
    duplicate: usize,
    invalid: usize,
    over_label_limits: usize,
    shared_labels: usize,
    /// The rule that finds something else in whoever was given the job's list as it was discovered.
    #[serde(skip_serializing_if = "Option::is_none")]
    overwritten: Option<OverwrittenLabel>,
    target_limit: Option<u64>,
    exceeds_target_limit: bool,
}

/// Differs from that of other runs, which count their states from the beginning as well.
static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());

/// The jobs. The tag is that of the state of all targets, also of which are held, even where the numbers
/// are the same.
pub(in crate::server) fn scrape_pools(app: &App, headers: &HeaderMap) -> Response<Body> {
    // Before the state is read: an answer that is newer than its tag is only asked for again.
    let (syncs, holds) = (app.targets.published().counters.syncs, app.scrape.holds());
    let misread = app.overwritten.version();
    let tag = format!("\"{:x}-{syncs}-{holds}-{misread}\"", *RUN);
    let mut response = if is_known(headers, std::slice::from_ref(&tag)) {
        respond::whole(StatusCode::NOT_MODIFIED, respond::JSON, "")
    } else {
        list(app)
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn list(app: &App) -> Response<Body> {
    app.targets.read(|state| {
        let pools = state.pools.pools().map(|(name, pool)| {
            let counts = pool.counts();
            let set = state.view.snapshot.set(name);
            let job = state.view.jobs.get(name);
            let replaced = state.view.replaced(name).map(|provider| &**provider.name());
            let failed = set.into_iter().flat_map(|set| set.failed_configs());
            Entry {
                name,
                failed_configs: failed.map(|failed| &*failed.reason).collect(),
                complete: job.is_some_and(Job::is_complete),
                served: job.is_some_and(|job| job.delivery.is_delivered()),
                replaced: replaced.collect(),
                active: counts.active,
                dropped: counts.dropped,
                duplicate: counts.duplicate,
                invalid: counts.invalid,
                over_label_limits: counts.over_label_limits,
                shared_labels: counts.shared_labels,
                overwritten: app.overwritten.misread(name),
                target_limit: pool.options().limits.targets.map(std::num::NonZeroU64::get),
                exceeds_target_limit: pool.exceeded_target_limit().is_some(),
            }
        });
        respond::success(&Answer {
            scrape_pools: state.pools.pools().map(|(name, _)| &**name).collect(),
            pools: pools.collect(),
        })
    })
}
