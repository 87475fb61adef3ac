//! How targets are printed as they are after relabelling, and what became of the others.

use std::borrow::Cow;

use anyhow::Context;
use headcount_core::{Fate, Snapshot, TargetPools, TargetView};
use serde::Serialize;
use serde_json::Value;

use crate::ListFormat;
use crate::table::table;
use headcount_service::{Plan, described, relabelled_list, sorted_groups};

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
            ListFormat::Json => serde_json::to_string_pretty(&self.jobs()).context("writing JSON")?,
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

    /// A line for each job of which something is not scraped and not printed, either.
    pub fn hints(&self) -> Vec<String> {
        let jobs = self.pools.pools().filter(|_| !self.with_others);
        let hint = |(job, counts): (&str, headcount_core::FateCounts)| {
            let all = [
                (counts.dropped, "dropped"),
                (counts.duplicate, "duplicate"),
                (counts.invalid, "invalid"),
            ];
            let there = all.into_iter().filter(|(count, _)| *count > 0);
            let there: Vec<_> = there.map(|(count, what)| format!("{count} {what}")).collect();
            (!there.is_empty()).then(|| format!("job {job:?}: not scraped: {}; --dropped shows them", there.join(", ")))
        };
        jobs.filter_map(|(job, pool)| hint((job, pool.counts()))).collect()
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
