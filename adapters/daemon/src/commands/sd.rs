//! `headcount sd`: discovers once, prints, and says what failed.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use headcount_core::ManagerOptions;
use headcount_discoverer::settings::SdConfig;
use smol::{Executor, Timer};

use super::targets_output::Found;
use super::{TROUBLE, sd_output};
use crate::cli::{SdFormat, SdOptions};
use crate::discovery::Observation;
use crate::plan::{Plan, Source};
use crate::{console, executor};

/// Time between looks at whether every provider has spoken.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) fn sd(options: &SdOptions) -> anyhow::Result<ExitCode> {
    let (_, plan) = Source::File(options.file.clone()).load();
    let plan = match plan {
        Ok(plan) => plan,
        Err(errors) => {
            console::complain(&errors.to_string());
            return Ok(ExitCode::FAILURE);
        }
    };
    for warning in &plan.warnings {
        console::complain(&format!("{warning} (warning)"));
    }
    let sets = match chosen(&plan, options) {
        Ok(sets) => sets,
        Err(wrong) => {
            console::complain(&format!("headcount: {wrong}"));
            return Ok(ExitCode::from(TROUBLE));
        }
    };
    let executor = executor::start()?;
    let observation = smol::block_on(executor.clone().run(discover(executor, sets, options.timeout)))?;
    if options.targets {
        let found = Found::of(&plan, observation.newest.clone(), options.dropped);
        console::print(&found.write(options.output)?)?;
        for hint in found.hints() {
            console::complain(&format!("headcount: {hint}"));
        }
    } else {
        console::print(&sd_output::write(&observation.newest, options.output)?)?;
    }
    let failures = failures(&observation, options.timeout);
    for failure in &failures {
        console::complain(&format!("headcount: {failure}"));
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

/// Runs until every provider has spoken or failed, or the time is over.
async fn discover(
    executor: Arc<Executor<'static>>,
    sets: Vec<(String, Vec<SdConfig>)>,
    timeout: Duration,
) -> anyhow::Result<Observation> {
    let runtime = headcount_runtime::smol::on(executor);
    let env = headcount_runtime::env(&runtime);
    let options = ManagerOptions {
        seed: env.random.next_u64(),
        ..ManagerOptions::default()
    };
    let (handle, _snapshots) = headcount_runtime::start(&runtime, options, env.clone(), headcount_backends::build);
    handle.apply(sets).await.context("starting discovery")?;
    let deadline = Instant::now() + timeout;
    while !handle.with(|manager| manager.is_ready()).await.context("discovering")? && Instant::now() < deadline {
        Timer::after(PAUSE).await;
    }
    let clock = env.clock.clone();
    let observation = handle.with(move |manager| Observation::of(manager, clock.now())).await;
    handle.stop().await;
    observation.context("reading what was discovered")
}

/// A line for each provider that failed or said nothing, and each config that could not be run.
fn failures(observation: &Observation, timeout: Duration) -> Vec<String> {
    let mut lines = Vec::new();
    for provider in &observation.providers {
        let (jobs, name, description) = (jobs(&provider.subscribers), &provider.name, &provider.description);
        if let Some(error) = provider.health.current_failure() {
            lines.push(format!("{jobs}: {name} ({description}): {error}"));
        } else if !provider.health.has_spoken() {
            let timeout = headcount_config::format_duration(timeout);
            lines.push(format!(
                "{jobs}: {name} ({description}): no answer within {timeout}; see --timeout"
            ));
        }
    }
    for failed in &observation.failed_configs {
        let (jobs, name, reason) = (jobs(&failed.sets), &failed.name, &failed.reason);
        lines.push(format!("{jobs}: {name}: {reason}"));
    }
    lines
}

fn jobs(sets: &[Arc<str>]) -> String {
    let names: Vec<_> = sets.iter().map(|set| format!("{set:?}")).collect();
    format!("{} {}", if sets.len() == 1 { "job" } else { "jobs" }, names.join(", "))
}
