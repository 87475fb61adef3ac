//! `headcount sd`: discovers once, prints, and says what failed.

use std::process::ExitCode;
use std::sync::Arc;

use headcount_discoverer::mechanism::SdConfig;
use headcount_questions::sd_output;
use headcount_questions::targets_output::Found;
use headcount_service::{Plan, discover, failures};

use super::{TROUBLE, origin};
use crate::cli::{SdFormat, SdOptions};
use crate::console;

pub(super) fn sd(options: &SdOptions) -> anyhow::Result<ExitCode> {
    let plan = match Plan::load(&options.reading.loader(), &options.file) {
        Ok(plan) => plan,
        Err(errors) => {
            console::complain(&errors.to_string());
            return Ok(ExitCode::FAILURE);
        }
    };
    origin::warn(&plan);
    let sets = match chosen(&plan, options) {
        Ok(sets) => sets,
        Err(wrong) => {
            console::complain(&format!("headcount: {wrong}"));
            return Ok(ExitCode::from(TROUBLE));
        }
    };
    let workers = origin::workers()?;
    let observation = workers.block_on(discover(&workers, sets, options.timeout))?;
    if options.targets {
        let found = Found::of(&plan, observation.newest.clone(), options.dropped);
        console::print(&found.write(options.output.into())?)?;
        for hint in found.hints() {
            console::complain(&format!("headcount: {hint}"));
        }
    } else {
        console::print(&sd_output::write(&observation.newest, options.output.into())?)?;
    }
    let failures = failures(&observation, options.timeout);
    for failure in &failures {
        console::complain(&format!("headcount: {}: {}", jobs(&failure.sets), failure.reason));
    }
    Ok(if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The sets of the jobs that were asked for, or what is wrong with what was asked.
fn chosen(plan: &Plan, options: &SdOptions) -> Result<Vec<(String, Vec<SdConfig>)>, String> {
    let mut sets = plan.scrape_sets();
    if let Some(job) = &options.job {
        sets.retain(|(name, _)| name == job);
        if sets.is_empty() {
            return Err(format!(
                "{} has no job {job:?}; it has {}",
                options.file.display(),
                names(plan)
            ));
        }
    }
    if options.output == SdFormat::FileSd && sets.len() != 1 {
        return Err(format!(
            "a file_sd list is that of one job; name one of {}",
            names(plan)
        ));
    }
    Ok(sets)
}

fn names(plan: &Plan) -> String {
    const MOST: usize = 20;
    let mut names: Vec<_> = plan
        .jobs
        .iter()
        .take(MOST)
        .map(|job| format!("{:?}", job.job_name))
        .collect();
    if plan.jobs.len() > MOST {
        names.push("…".to_owned());
    }
    if names.is_empty() {
        "no jobs at all".to_owned()
    } else {
        names.join(", ")
    }
}

fn jobs(sets: &[Arc<str>]) -> String {
    let names: Vec<_> = sets.iter().map(|set| format!("{set:?}")).collect();
    format!("{} {}", if sets.len() == 1 { "job" } else { "jobs" }, names.join(", "))
}
