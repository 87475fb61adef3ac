//! `headcount sim swarm`.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::Context;
use headcount_core::Manager;
use headcount_sim::{Spec, Swarm, SwarmReport};

use super::cli::Format;
use super::progress::Bar;
use super::tool_options::SwarmOptions;
use super::{chosen, ending, logs};
use crate::console;

pub(super) fn swarm(options: &SwarmOptions) -> anyhow::Result<ExitCode> {
    let chosen = match chosen::choose(&options.choice) {
        Ok(chosen) => chosen,
        Err(wrong) => return ending::refused(&wrong),
    };
    let first = options.first;
    let ends = options
        .minutes
        .map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let count = match (options.seeds, ends) {
        (Some(seeds), _) => seeds,
        (None, Some(_)) => u64::MAX - first,
        (None, None) => 100,
    };
    let jobs = options
        .jobs
        .or(available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN);
    let mut swarm = Swarm::new(chosen.scenario.clone())
        .seeds(first..first.saturating_add(count))
        .jobs(jobs);
    if options.as_written {
        swarm = swarm.as_written();
    }
    let start = Instant::now();
    let (bar, done) = (Mutex::new(Bar::new()), AtomicU64::new(0));
    let report = swarm.run_of::<Manager<Spec>>(|_, _| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
        match options.minutes {
            Some(minutes) if options.seeds.is_none() => {
                let passed = start.elapsed().as_secs();
                bar.at(passed, 60 * minutes, || format!("{done} runs"));
            }
            _ => bar.at(done, count, || format!("{done} of {count} runs")),
        }
        ends.is_none_or(|ends| Instant::now() < ends)
    })?;
    drop(bar);
    match options.output {
        Format::Table => console::print(&report.to_string())?,
        Format::Json => {
            let json = serde_json::to_string_pretty(&report).context("writing JSON")?;
            console::print(&format!("{json}\n"))?;
        }
    }
    let seconds = start.elapsed().as_secs_f64().max(1e-9);
    console::complain(&format!("{:.0} runs per s", report.runs as f64 / seconds));
    for failure in report.failures.iter().take(options.keep) {
        let path = logs::write_swarm(&options.save, &swarm, failure.seed)?;
        let path = ending::quoted_path(&path);
        console::complain(&format!("small: headcount sim shrink {path}"));
        console::complain(&format!("again: headcount sim replay {path}"));
    }
    if report.failures.is_empty() && !report.missed.is_empty() {
        let (runs, as_written) = (report.runs, if options.as_written { " --as-written" } else { "" });
        let choice = ending::choice(&chosen);
        console::complain(&format!(
            "again: headcount sim swarm {choice} --first {first} --seeds {runs}{as_written}"
        ));
    }
    Ok(code(&report))
}

fn code(report: &SwarmReport) -> ExitCode {
    match report.failures.first() {
        Some(failure) => ending::code_of(failure.violation.rule.class()),
        None if report.missed.is_empty() => ExitCode::SUCCESS,
        None => ending::code_of(headcount_sim::FailureClass::Expectation),
    }
}
