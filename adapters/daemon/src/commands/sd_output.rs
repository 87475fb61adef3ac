//! How discovered targets are printed.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Context;
use headcount_core::Snapshot;
use serde::Serialize;

use crate::cli::SdFormat;
use crate::discovery::{ADDRESS, entries_with_own_labels, merged, sorted_groups, target_list};

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
pub(super) fn write(snapshot: &Snapshot, format: SdFormat) -> anyhow::Result<String> {
    let mut text = match format {
        SdFormat::Table => table(&jobs(snapshot)),
        SdFormat::Json => serde_json::to_string_pretty(&jobs(snapshot)).context("writing JSON")?,
        SdFormat::Yaml => serde_yaml::to_string(&jobs(snapshot)).context("writing YAML")?,
        SdFormat::FileSd => {
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

/// A line for each target; the columns are as wide as what stands in them.
fn table(jobs: &[Job<'_>]) -> String {
    let rows = || {
        jobs.iter().flat_map(|job| {
            job.targets
                .iter()
                .map(|target| (job.job, target.labels.get(ADDRESS).copied().unwrap_or_default(), target))
        })
    };
    let width = |text: &str| text.chars().count();
    let job_width = rows().map(|(job, ..)| width(job)).max().unwrap_or(0).max("JOB".len());
    let address_width = rows()
        .map(|(_, address, _)| width(address))
        .max()
        .unwrap_or(0)
        .max("ADDRESS".len());
    let mut text = String::new();
    // Writing into memory does not fail.
    writeln!(text, "{:job_width$}  {:address_width$}  LABELS", "JOB", "ADDRESS").ok();
    for (job, address, target) in rows() {
        let labels = target.labels.iter().filter(|(name, _)| **name != ADDRESS);
        let labels: Vec<_> = labels.map(|(name, value)| format!("{name}={value:?}")).collect();
        let line = format!("{job:job_width$}  {address:address_width$}  {}", labels.join(" "));
        writeln!(text, "{}", line.trim_end()).ok();
    }
    text
}
