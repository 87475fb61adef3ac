//! `headcount sd`: discovers once, prints, and says what failed.

use std::process::ExitCode;
use std::sync::Arc;

use headcount_discoverer::mechanism::SdConfig;
use headcount_questions::sd_output;
use headcount_questions::targets_output::Found;
use headcount_reader::pattern;
use headcount_service::{Awaited, Plan, discover, failures};

use super::{TROUBLE, input, origin};
use crate::cli::{SdFormat, SdOptions};
use crate::console;
use crate::console::progress::Progress;

pub(super) fn sd(options: &SdOptions) -> anyhow::Result<ExitCode> {
    let plan = match input::load(&options.reading.loader(), &options.file) {
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
    let awaited = Awaited::default();
    let progress = Progress::of(&awaited);
    let observation = workers.block_on(discover(&workers, sets, options.timeout, &awaited))?;
    drop(progress);
    // What is dropped is dropped after relabelling.
    if options.targets || options.dropped {
        let found = Found::of(&plan, observation.newest.clone(), options.dropped);
        console::print(&found.write(options.output.into())?)?;
        for hint in found.hints(console::wants_more()) {
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
        let is_meant = wanted(plan, job)?;
        sets.retain(|(name, _)| is_meant(name));
        if sets.is_empty() {
            return Err(format!(
                "{} has no job {job:?}; it has {}",
                input::origin(&options.file).display(),
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

/// Tells which jobs are meant: the one of that name, or else all that match it as a pattern.
fn wanted<'a>(plan: &Plan, job: &'a str) -> Result<impl Fn(&str) -> bool + 'a, String> {
    // In a path a `/` stands between names, and here it is a letter as any other.
    let plain = |text: &str| text.replace('/', "\u{1}");
    let is_name = plan.jobs.iter().any(|known| known.job_name == job);
    let pattern = plain(job);
    if !is_name {
        pattern::check(&pattern).map_err(|error| format!("job {job:?}: {error}"))?;
    }
    Ok(move |name: &str| match is_name {
        true => name == job,
        false => pattern::matches(&pattern, &plain(name)) == Ok(true),
    })
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
