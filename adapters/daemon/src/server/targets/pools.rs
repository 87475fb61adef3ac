//! `/api/v1/scrape_pools`: the jobs, and how many of their targets have which fate.

use http::Response;
use serde::Serialize;

use super::super::respond::{self, Body};
use crate::app::App;

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
    active: usize,
    dropped: usize,
    duplicate: usize,
    invalid: usize,
    over_label_limits: usize,
    target_limit: Option<u64>,
    exceeds_target_limit: bool,
}

/// The jobs.
pub(in crate::server) fn scrape_pools(app: &App) -> Response<Body> {
    app.targets.read(|state| {
        let pools = state.pools.pools().map(|(name, pool)| {
            let counts = pool.counts();
            Entry {
                name,
                complete: state.view.jobs.get(name).is_some_and(|job| job.is_complete()),
                active: counts.active,
                dropped: counts.dropped,
                duplicate: counts.duplicate,
                invalid: counts.invalid,
                over_label_limits: counts.over_label_limits,
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
