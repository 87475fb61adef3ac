//! What became of a host or target, from its group to its fate.
//!
//! * `wanted`: which targets are asked for. `near`: those that were perhaps meant.
//! * `past`: what is known of what is gone. `report`: the answer; `output`: it as text.
//!
//! The one rule: **every question has an answer.** Where a target is nowhere, that is said, with
//! what was looked at, who could not be asked, and what comes near.

mod near;
mod output;
mod past;
mod report;
mod wanted;

use std::collections::BTreeMap;

use crate::lookup::{self, Api, Overview, Target};
use near::Nearest;
use past::Past;
use report::LookedAt;
pub use report::{Report, Verdict};
pub use wanted::Wanted;

/// Looks for what is wanted. Of what is found, `limit` targets at most are told of; the others are counted.
///
/// # Errors
/// When there is no such job, or when who is asked does not answer.
pub async fn explain(api: &Api, wanted: &Wanted, limit: usize) -> anyhow::Result<Report> {
    let overview = api.overview().await?;
    if let Some(job) = &wanted.job {
        overview.check_job(job)?;
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut chosen = Vec::new();
    let query = wanted.query();
    let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    api.visit(&query, |target| {
        if wanted.matches(&target) {
            *counts.entry(target.fate.state.clone()).or_default() += 1;
            if chosen.len() < limit {
                chosen.push(target);
            }
        }
    })
    .await?;
    let (mut near, mut past) = (Nearest::default(), None);
    if counts.is_empty() {
        past = Past::of(api, wanted).await?;
        api.visit(&[], |target| near.consider(wanted, &target)).await?;
    }
    let mut targets = Vec::new();
    for target in chosen {
        targets.push(found(api, &overview, target).await?);
    }
    Ok(Report {
        asked: wanted.to_string(),
        counts,
        targets,
        past,
        near: near.best(),
        looked_at: LookedAt::of(&overview),
        now: lookup::unix_now(),
        hint: wanted.hint(overview.jobs.iter().map(|job| job.name.as_str())),
    })
}

async fn found(api: &Api, overview: &Overview, target: Target) -> anyhow::Result<report::Found> {
    let steps = api.steps(&target).await?;
    let provider = overview.provider(&target.provider);
    let description = provider.map(|provider| provider.description.clone());
    Ok(report::Found::of(target, description.unwrap_or_default(), steps))
}
