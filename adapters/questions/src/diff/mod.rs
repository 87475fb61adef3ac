//! What a reload from one configuration to another would do, before it is done.
//!
//! * `sides`: both configurations as one discovery. `providers`: which discoverers start and stop.
//! * `job`: what becomes of a job; `settings`: what else it says; `own_settings`: what headcount's own file says. `reload`: what a reload does to its pool;
//!   `pairs`: which target is which; `writer`, `formatter`: what is written of them.
//! * `running`: what a daemon runs, as the old side.
//! * `report`: the answer; `output`, `shapes`: how it is written.
//!
//! The one rule: **nothing is claimed that was not seen.** Where a provider could not be asked, what it
//! may know better is said to be uncertain, and so is the answer.

mod formatter;
mod job;
mod output;
mod own_settings;
mod pairs;
mod providers;
mod reload;
mod report;
mod running;
mod settings;
mod shapes;
mod sides;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use headcount_config::{AlertmanagerConfig, ScrapeConfig};
use headcount_core::Snapshot;
use headcount_service::{Awaited, Failure, Plan, Workers, alertmanagers, discover, failures};

use job::Compared;
use providers::{Providers, reader};
pub use report::Report;
use report::{AlertmanagersDiff, Trouble};
pub use running::running;
use sides::{Side, Use, of_set_name, set_name};

/// A configuration, and what it is called in the answer.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// What it is called: its file, say.
    pub name: &'a str,
    /// What it asks for.
    pub plan: &'a Plan,
}

/// Discovers what both configurations ask for, and compares. Providers that have not answered by `timeout`
/// could not be asked; `awaited` names them meanwhile.
///
/// # Errors
/// When there is no discovery at all.
pub async fn diff(
    workers: &Workers,
    old: Named<'_>,
    new: Named<'_>,
    timeout: Duration,
    awaited: &Awaited,
) -> anyhow::Result<Report> {
    let sets = sides::sets(old.plan, new.plan);
    let observation = discover(workers, sets, timeout, awaited).await?;
    let failures = failures(&observation, timeout);
    let unasked = Unasked::of(&failures);
    let snapshot = &observation.newest;
    Ok(Report {
        old: old.name.to_owned(),
        new: new.name.to_owned(),
        jobs: jobs(old.plan, new.plan, &unasked, snapshot),
        providers: Providers::of(&observation),
        settings: own_settings::own_settings(&old.plan.settings, &new.plan.settings),
        alertmanagers: compare_alertmanagers(old.plan, new.plan, &unasked, snapshot),
        troubles: failures.iter().map(trouble).collect(),
    })
}

/// On which sides of what a provider could not be asked.
struct Unasked(BTreeMap<(Use, String), BTreeSet<Side>>);

impl Unasked {
    fn of(failures: &[Failure]) -> Self {
        let mut unasked: BTreeMap<_, BTreeSet<Side>> = BTreeMap::new();
        let sets = failures.iter().flat_map(|failure| &failure.sets);
        for (side, what, name) in sets.filter_map(|set| of_set_name(set)) {
            unasked.entry((what, name.to_owned())).or_default().insert(side);
        }
        Self(unasked)
    }

    fn of_job(&self, name: &str) -> BTreeSet<Side> {
        let sides = self.0.get(&(Use::Job, name.to_owned()));
        sides.cloned().unwrap_or_default()
    }

    fn of_alertmanagers(&self, wanted: Side) -> bool {
        let mut alertmanagers = self.0.iter().filter(|((what, _), _)| *what == Use::Alertmanagers);
        alertmanagers.any(|(_, sides)| sides.contains(&wanted))
    }
}

fn trouble(failure: &Failure) -> Trouble {
    let sets = failure.sets.iter().filter_map(|set| of_set_name(set));
    let (mut sides, mut readers) = (BTreeSet::new(), BTreeSet::new());
    for (side, what, name) in sets {
        sides.insert(side);
        readers.insert(reader(what, name));
    }
    Trouble {
        sides: sides.into_iter().collect(),
        readers: readers.into_iter().collect(),
        reason: failure.reason.clone(),
    }
}

fn jobs(old: &Plan, new: &Plan, unasked: &Unasked, snapshot: &Snapshot) -> Vec<report::JobDiff> {
    let mut jobs: BTreeMap<&str, [Option<&ScrapeConfig>; 2]> = BTreeMap::new();
    for (side, plan) in [old, new].into_iter().enumerate() {
        for job in &plan.jobs {
            let sides = jobs.entry(&job.job_name).or_default();
            if let Some(place) = sides.get_mut(side) {
                *place = Some(job);
            }
        }
    }
    let compared = jobs.into_iter().filter_map(|(name, [old, new])| {
        let unasked = &unasked.of_job(name);
        job::compare(
            &Compared {
                name,
                old,
                new,
                unasked,
            },
            snapshot,
        )
    });
    compared.collect()
}

fn compare_alertmanagers(old: &Plan, new: &Plan, unasked: &Unasked, snapshot: &Snapshot) -> AlertmanagersDiff {
    let urls = |side, plan: &Plan| -> BTreeSet<String> {
        let configs = plan.alertmanagers.iter();
        let configs = configs.map(|(name, config)| (set_name(side, Use::Alertmanagers, name), config.clone()));
        let configs: Vec<(String, AlertmanagerConfig)> = configs.collect();
        alertmanagers(&configs, snapshot).active.into_iter().collect()
    };
    let (old, new) = (urls(Side::Old, old), urls(Side::New, new));
    AlertmanagersDiff {
        started: new.difference(&old).cloned().collect(),
        stopped: old.difference(&new).cloned().collect(),
        uncertain_started: unasked.of_alertmanagers(Side::Old),
        uncertain_stopped: unasked.of_alertmanagers(Side::New),
    }
}
