//! Targets that are written down: what they become after relabelling.
//!
//! Prometheus starts with targets that it can't scrape, and drops them; so **they are warnings**.

use std::path::Path;
use std::sync::Arc;

use headcount_backends::r#static::StaticSd;
use headcount_config::{Problem, ProblemKind, ScrapeConfig};
use headcount_core::{Encoder, Fate, Group, JobOptions, ProviderId, TargetLabels, TargetPool};
use headcount_reader::Url;

use crate::discovery::ADDRESS;
use crate::plan::Plan;

/// How many targets of a job are named.
const NAMED: usize = 10;

/// A warning for each static target that would not be scraped because something is wrong with it. Those that
/// rules drop are meant to be dropped.
pub(super) fn invalid(plan: &Plan) -> Vec<Problem> {
    plan.jobs.iter().flat_map(of_job).collect()
}

fn of_job(job: &ScrapeConfig) -> Vec<Problem> {
    let groups: Vec<Group> = job
        .sd
        .iter()
        .filter_map(|config| config.get::<StaticSd>())
        .flat_map(groups)
        .collect();
    if groups.is_empty() {
        return Vec::new();
    }
    let mut pool = TargetPool::new(JobOptions::from(job));
    let provider = ProviderId::from_number(0);
    for group in &groups {
        pool.put_group(provider, group);
    }
    let mut problems = Vec::new();
    let mut more: usize = 0;
    let mut reader = pool.reader();
    for view in groups
        .iter()
        .flat_map(|group| pool.group_targets(provider, group.source()))
    {
        let reason = match view.fate {
            Fate::Invalid { why } => Some(why.to_string()),
            Fate::Active { .. } => reader.read(&view, unreachable_because).flatten(),
            _ => None,
        };
        let Some(reason) = reason else { continue };
        if problems.len() >= NAMED {
            more = more.saturating_add(1);
            continue;
        }
        let target = view.labels.get(ADDRESS).unwrap_or_default().to_owned();
        problems.push(problem(job, ProblemKind::InvalidTarget { target, reason }));
    }
    if more > 0 {
        problems.push(problem(job, ProblemKind::More { count: more }));
    }
    problems
}

/// Why each scrape of a target would fail before anything is sent.
fn unreachable_because(labels: &TargetLabels<'_>) -> Option<String> {
    let (scheme, address) = (labels.get("__scheme__")?, labels.get(ADDRESS)?);
    // Go's URLs take what its dialler then refuses.
    if !address.starts_with('[') && address.matches(':').count() > 1 {
        return Some(format!(
            "its address after relabelling is {address:?}, which is not a host or host:port"
        ));
    }
    let url = Url::parse(&format!("{scheme}://{address}/")).and_then(|url| url.for_http());
    let error = url.err()?;
    Some(format!(
        "its address after relabelling is {address:?}, with the scheme {scheme:?}: {error}"
    ))
}

/// The groups as they are discovered. What can't be stored was refused when it was read.
fn groups(config: &StaticSd) -> Vec<Group> {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    for (index, entry) in config.groups().iter().enumerate() {
        let labels = entry.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let targets = entry.targets.iter().map(|target| [(ADDRESS, target.as_str())]);
        batch.group(&index.to_string(), labels, targets).ok();
    }
    batch.finish()
}

fn problem(job: &ScrapeConfig, kind: ProblemKind) -> Problem {
    let file: Arc<Path> = job.file.clone();
    Problem {
        file,
        position: Some(job.position),
        field: format!("job {}", job.job_name),
        kind,
    }
}
