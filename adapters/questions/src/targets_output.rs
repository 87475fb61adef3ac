//! How targets are printed as they are after relabelling, and what became of the others.

use std::borrow::Cow;

use anyhow::Context;
use headcount_core::{Fate, Snapshot, TargetPools, TargetView};
use serde::Serialize;
use serde_json::Value;

use crate::ListFormat;
use crate::table::table;
use headcount_service::{Plan, described, relabelled_list, sorted_groups};

/// So many jobs are still told of one by one.
const FEW: usize = 3;

/// What was found, worked out for the jobs that were asked for.
pub struct Found {
    pools: TargetPools,
    snapshot: Snapshot,
    /// Whether also those are printed that are not scraped.
    with_others: bool,
}

/// Targets are described as the API does.
#[derive(Debug, Serialize)]
struct Job<'a> {
    job: &'a str,
    targets: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<Vec<Value>>,
}

impl Found {
    /// Works out what becomes of what was discovered.
    #[must_use]
    pub fn of(plan: &Plan, snapshot: Snapshot, with_others: bool) -> Self {
        let mut pools = TargetPools::new();
        let jobs = plan.job_options().into_iter();
        pools.configure(jobs.filter(|job| snapshot.set(&job.name).is_some()));
        pools.handle_snapshot(&snapshot);
        Self {
            pools,
            snapshot,
            with_others,
        }
    }

    /// The targets as text.
    pub fn write(&self, format: ListFormat) -> anyhow::Result<String> {
        let mut text = match format {
            ListFormat::Table => self.table(),
            ListFormat::Json => crate::yaml::json_text(&self.jobs())?,
            ListFormat::Yaml => crate::yaml::yaml(&self.jobs())?,
            ListFormat::FileSd => {
                let jobs = self.pools.pools();
                let lists = jobs.map(|(job, _)| relabelled_list(&self.pools, &self.snapshot, job));
                let lists: Result<Vec<_>, _> = lists.map(String::from_utf8).collect();
                lists.context("writing JSON")?.join("\n")
            }
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    }

    /// What is not scraped and not printed, either: a line for each job of which that is so, or one line for all of them
    /// where they are many, unless `all` are wanted.
    pub fn hints(&self, all: bool) -> Vec<String> {
        let jobs = self.pools.pools().filter(|_| !self.with_others);
        let unscraped = jobs.filter_map(|(job, pool)| {
            let counts = pool.counts();
            let counts = [counts.dropped, counts.duplicate, counts.invalid];
            counts.iter().any(|count| *count > 0).then_some((job, counts))
        });
        let unscraped: Vec<_> = unscraped.collect();
        if all || unscraped.len() <= FEW {
            let line = |(job, counts)| {
                format!(
                    "job {job:?}: not scraped: {}; --dropped shows them",
                    unscraped_in_words(counts)
                )
            };
            return unscraped.into_iter().map(line).collect();
        }
        let jobs = unscraped.len();
        let mut sum = [0_usize; 3];
        for (_, counts) in unscraped {
            for (sum, count) in sum.iter_mut().zip(counts) {
                *sum = sum.saturating_add(count);
            }
        }
        let sum = unscraped_in_words(sum);
        vec![format!(
            "not scraped, in {jobs} jobs: {sum}; --dropped shows them, and -v counts them by job"
        )]
    }

    fn jobs(&self) -> Vec<Job<'_>> {
        let jobs = self.pools.pools().map(|(job, _)| Job {
            job,
            targets: self.described(job, is_scraped),
            others: self.with_others.then(|| self.described(job, |view| !is_scraped(view))),
        });
        jobs.collect()
    }

    fn described(&self, job: &str, is_wanted: impl Fn(&TargetView<'_>) -> bool) -> Vec<Value> {
        let (Some(pool), Some(set)) = (self.pools.pool(job), self.snapshot.set(job)) else {
            return Vec::new();
        };
        let mut reader = pool.reader();
        let groups = sorted_groups(set).into_iter();
        let views = groups.flat_map(|(provider, stored)| pool.group_targets(provider.id(), stored.group().source()));
        let values = views.filter(is_wanted).filter_map(|view| {
            let json = described(&self.snapshot, job, pool, &mut reader, &view);
            serde_json::from_slice(&json).ok()
        });
        values.collect()
    }

    fn table(&self) -> String {
        let jobs = self.jobs();
        let (mut scraped, mut others) = (Vec::new(), Vec::new());
        for job in &jobs {
            for target in &job.targets {
                scraped.push([
                    Cow::from(job.job),
                    text(&target["scrapeUrl"]),
                    labels(&target["labels"]),
                ]);
                if let Some(why) = target["fate"]["message"].as_str() {
                    let state = text(&target["fate"]["state"]);
                    others.push([Cow::from(job.job), address(target), state, Cow::from(why)]);
                }
            }
            for target in job.others.iter().flatten() {
                let fate = &target["fate"];
                others.push([
                    Cow::from(job.job),
                    address(target),
                    text(&fate["state"]),
                    text(&fate["message"]),
                ]);
            }
        }
        let mut text = table(["JOB", "URL", "LABELS"], &scraped);
        if !others.is_empty() {
            text.push('\n');
            text.push_str(&table(["JOB", "ADDRESS", "FATE", "WHY"], &others));
        }
        text
    }
}

/// How many are dropped, duplicates and invalid.
fn unscraped_in_words(counts: [usize; 3]) -> String {
    let there = counts.into_iter().zip(["dropped", "duplicate", "invalid"]);
    let there = there.filter(|(count, _)| *count > 0);
    let there: Vec<_> = there.map(|(count, what)| format!("{count} {what}")).collect();
    there.join(", ")
}

fn is_scraped(view: &TargetView<'_>) -> bool {
    matches!(view.fate, Fate::Active { .. } | Fate::OverLimit { .. })
}

fn text(value: &Value) -> Cow<'_, str> {
    value.as_str().unwrap_or_default().into()
}

fn address(target: &Value) -> Cow<'_, str> {
    text(&target["discoveredLabels"]["__address__"])
}

fn labels(labels: &Value) -> Cow<'_, str> {
    let labels = labels.as_object().into_iter().flatten();
    let labels: Vec<_> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    labels.join(" ").into()
}
