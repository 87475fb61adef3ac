//! `headcount diff`: what a reload from one configuration to another would do, before it is done.
//!
//! * `sides`: both configurations as one discovery. `providers`: which discoverers start and stop.
//! * `job`: what becomes of a job; `settings`: what else it says. `pairs`: which target is which;
//!   `telling`, `teller`: what is said of them.
//! * `report`: the answer; `output`, `shapes`: how it is told.
//!
//! The one rule: **nothing is claimed that was not seen.** Where a provider could not be asked, what it
//! may know better is said to be uncertain, and the exit code is that of trouble.

mod job;
mod output;
mod pairs;
mod providers;
mod report;
mod settings;
mod shapes;
mod sides;
mod teller;
mod telling;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use headcount_config::{AlertmanagerConfig, ScrapeConfig};
use headcount_core::Snapshot;

use super::discover::{Failure, discover, failures};
use crate::cli::{DiffOptions, ReportFormat};
use crate::plan::{Plan, Source};
use crate::targets::alertmanagers;
use crate::{console, executor};
use job::Compared;
use providers::{Providers, reader};
use report::{AlertmanagersDiff, Report, Trouble};
use sides::{Side, Use, of_set_name, set_name};

pub(super) fn diff(options: &DiffOptions) -> anyhow::Result<ExitCode> {
    let (old, new) = load(&options.old, &options.new)?;
    let executor = executor::start()?;
    let sets = sides::sets(&old, &new);
    let observation = smol::block_on(executor.clone().run(discover(executor, sets, options.timeout)))?;
    let failures = failures(&observation, options.timeout);
    let unasked = Unasked::of(&failures);
    let snapshot = &observation.newest;
    let report = Report {
        old: options.old.display().to_string(),
        new: options.new.display().to_string(),
        jobs: jobs(&old, &new, &unasked, snapshot),
        providers: Providers::of(&observation),
        alertmanagers: compare_alertmanagers(&old, &new, &unasked, snapshot),
        troubles: failures.iter().map(trouble).collect(),
    };
    let text = match options.output {
        ReportFormat::Table => output::text(&report, options.limit),
        ReportFormat::Json => serde_json::to_string_pretty(&report).context("writing JSON")? + "\n",
    };
    console::print(&text)?;
    Ok(ExitCode::from(report.exit_code()))
}

/// Loads both, and says what is wrong with either, and then what is remarkable.
fn load(old: &Path, new: &Path) -> anyhow::Result<(Plan, Plan)> {
    let load = |path: &Path| Source::File(path.to_owned()).load().1;
    match (load(old), load(new)) {
        (Ok(old), Ok(new)) => {
            for warning in old.warnings.iter().chain(&new.warnings) {
                console::complain(&format!("{warning} (warning)"));
            }
            Ok((old, new))
        }
        (old, new) => {
            let errors = [old.err(), new.err()].into_iter().flatten();
            let errors: Vec<_> = errors.map(|errors| errors.to_string()).collect();
            bail!("there is nothing to compare:\n{}", errors.join("\n"))
        }
    }
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
