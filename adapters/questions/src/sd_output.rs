//! How discovered targets are printed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use anyhow::Context;
use headcount_core::Snapshot;
use serde::Serialize;

use crate::ListFormat;
use headcount_service::{ADDRESS, entries_with_own_labels, merged, sorted_groups, target_list};

#[derive(Debug, Serialize)]
struct Job<'a> {
    job: &'a str,
    targets: Vec<Target<'a>>,
}

#[derive(Debug, Serialize)]
struct Target<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    provider: &'a str,
    source: &'a str,
}

/// All sets of a snapshot as text.
pub fn write(snapshot: &Snapshot, format: ListFormat) -> anyhow::Result<String> {
    let mut text = match format {
        ListFormat::Table => table(&jobs(snapshot)),
        ListFormat::Json => crate::yaml::json_text(&jobs(snapshot))?,
        ListFormat::Yaml => crate::yaml::yaml(&jobs(snapshot))?,
        ListFormat::FileSd => {
            let lists = snapshot.sets().filter_map(|name| snapshot.set(name)).map(target_list);
            let lists: Result<Vec<_>, _> = lists.map(String::from_utf8).collect();
            lists.context("writing JSON")?.join("\n")
        }
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn jobs(snapshot: &Snapshot) -> Vec<Job<'_>> {
    let sets = snapshot.sets().filter_map(|name| snapshot.set(name));
    sets.map(|set| {
        let mut targets = Vec::new();
        for (pool, stored) in sorted_groups(set) {
            entries_with_own_labels(stored.group(), |addresses, own| {
                for address in addresses {
                    let mut labels: BTreeMap<_, _> = merged(own.iter().copied(), stored.group().labels()).collect();
                    labels.insert(ADDRESS, address);
                    targets.push(Target {
                        labels,
                        provider: pool.name(),
                        source: stored.group().source(),
                    });
                }
            });
        }
        Job {
            job: set.name(),
            targets,
        }
    })
    .collect()
}

/// A line for each target.
fn table(jobs: &[Job<'_>]) -> String {
    let rows = jobs.iter().flat_map(|job| {
        job.targets.iter().map(|target| {
            let address = target.labels.get(ADDRESS).copied().unwrap_or_default();
            let labels = target.labels.iter().filter(|(name, _)| **name != ADDRESS);
            let labels: Vec<_> = labels.map(|(name, value)| format!("{name}={value:?}")).collect();
            [Cow::from(job.job), Cow::from(address), Cow::from(labels.join(" "))]
        })
    });
    crate::table::table(["JOB", "ADDRESS", "LABELS"], &rows.collect::<Vec<_>>())
}
