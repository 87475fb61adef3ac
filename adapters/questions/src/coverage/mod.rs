//! Which hosts of an inventory are scraped, which are not, and why.
//!
//! * `inventory`: which hosts there should be. `naming`: when a target is of a host.
//! * `join`: brings both together. `report`: the answer; `output`: it as text.
//!
//! The one rule: **a host that is missing has a reason.** One that was found and dropped needs another
//! rule, one that was not found needs another provider; so they are not the same.

mod inventory;
mod join;
mod naming;
mod output;
mod report;

use crate::lookup::{Api, Overview};
pub use inventory::{Inventory, InventoryFormat};
use join::Join;
pub use naming::Naming;
use report::{Because, Hosts, Source};
pub use report::{Finding, Report};

/// What is asked about an inventory.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The jobs that are looked at; all of them if there are none.
    pub jobs: Vec<String>,
    /// Whether a host is to be scraped once in all, not once a job.
    pub once: bool,
}

/// Brings an inventory and all targets together.
///
/// # Errors
/// When there is no such job, or when who is asked does not answer.
pub async fn coverage(api: &Api, options: &Options, inventory: &Inventory, naming: &Naming) -> anyhow::Result<Report> {
    let wanted = &options.jobs;
    let overview = api.overview().await?;
    wanted.iter().try_for_each(|job| overview.check_job(job))?;
    let is_wanted = |job: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == job);
    let jobs = overview.jobs.iter().map(|job| job.name.clone());
    let mut join = Join::new(inventory, naming, jobs.filter(|job| is_wanted(job)));
    if wanted.is_empty() {
        api.visit(&[], |target| join.take(&target)).await?;
    }
    let mut once: Vec<&String> = wanted.iter().collect();
    once.sort();
    once.dedup();
    for job in once {
        api.visit(&[("scrapePool", job)], |target| join.take(&target)).await?;
    }
    let hosts = join.finish(options.once);
    // Who failed since it was looked at counts as well.
    let overview = api.overview().await?;
    Ok(Report {
        inventory: source(inventory),
        once: options.once,
        troubles: overview.troubles(is_wanted),
        notes: notes(inventory, &hosts, naming, &overview),
        hosts,
    })
}

fn source(inventory: &Inventory) -> Source {
    Source {
        from: inventory.from.clone(),
        format: match inventory.format {
            InventoryFormat::Text => "text",
            InventoryFormat::Csv => "csv",
            InventoryFormat::Json => "json",
            InventoryFormat::Yaml => "yaml",
        },
        field: inventory.field.clone(),
        hosts: inventory.hosts.len(),
    }
}

/// What may be behind a surprising answer.
fn notes(inventory: &Inventory, hosts: &Hosts, naming: &Naming, overview: &Overview) -> Vec<String> {
    let mut notes = Vec::new();
    let is_any_missing = hosts.uncovered.iter().any(|host| host.because == Because::NotFound);
    let entries = |count: usize| if count == 1 { "entry" } else { "entries" };
    let (repeated, nameless) = (inventory.repeated, inventory.nameless);
    if repeated > 0 {
        let entries = entries(repeated);
        notes.push(format!(
            "The inventory has {repeated} {entries} for hosts that it has already."
        ));
    }
    if nameless > 0 {
        let entries = entries(nameless);
        notes.push(format!(
            "The inventory has {nameless} {entries} without a host's name; they were passed over."
        ));
    }
    let near = hosts.uncovered.iter().filter(|host| host.near.is_some()).count();
    if near > 0 {
        notes.push(format!(
            "{near} of the hosts that were not found may be unknown targets with another domain or none; \
             --short-names takes them for the same."
        ));
    }
    if let Some(label) = &naming.label {
        let lacking = hosts.unknown.iter().filter(|target| target.host.is_none()).count();
        if lacking > 0 {
            notes.push(format!(
                "{lacking} of the unknown targets have no label {label:?}, or an empty one."
            ));
        }
        let lacking = hosts.unlabelled;
        if lacking > 0 && is_any_missing {
            notes.push(format!(
                "{lacking} of the targets that are not scraped have no label {label:?}, or an empty one; hosts that \
                 were not found may be among them."
            ));
        }
    }
    let hidden = overview.jobs.iter().filter_map(|job| {
        let hidden = job.dropped.saturating_sub(hosts.jobs.get(&job.name)?.dropped);
        (hidden > 0).then(|| {
            let name = &job.name;
            format!(
                "Job {name:?} has {hidden} more dropped targets than keep_dropped_targets lets it list; hosts that \
                 were not found may be among them."
            )
        })
    });
    notes.extend(hidden.filter(|_| is_any_missing));
    notes
}
