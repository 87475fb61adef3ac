//! `headcount sim swarm`: many seeds of one scenario, of worlds that are drawn, or of all that there is.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use headcount_core::Manager;
use headcount_sim::{FailureClass, Spec, Swarm, SwarmReport, Weights, shipped};
use serde::Serialize;

use super::chosen::{Chosen, choose};
use super::cli::{Choice, Format};
use super::progress::Bar;
use super::tool_options::SwarmOptions;
use super::{ending, logs, print_json};
use crate::console;

/// How many seeds a night has.
const NIGHTLY_SEEDS: u64 = 10_000;

/// Scenarios of more hosts than this are run with so many at night: what matters is what meets what.
const NIGHTLY_HOSTS: u32 = 200;

pub(super) fn swarm(options: &SwarmOptions) -> anyhow::Result<ExitCode> {
    if options.nightly {
        return nightly(options);
    }
    let first = options.first.unwrap_or(0);
    let count = match (options.seeds, options.minutes) {
        (Some(seeds), _) => seeds,
        (None, Some(_)) => u64::MAX - first,
        (None, None) => 100,
    };
    if options.all {
        return ended(options, &drawn_worlds(options, first, count)?);
    }
    let chosen = match choose(&options.choice) {
        Ok(chosen) => chosen,
        Err(wrong) => return ending::refused(&wrong),
    };
    ended(options, &one_scenario(options, &chosen, first, count)?)
}

/// Prints the one report that there is as a document, if that is asked for.
fn ended(options: &SwarmOptions, report: &SwarmReport) -> anyhow::Result<ExitCode> {
    if options.output == Format::Json {
        print_json(report)?;
    }
    Ok(code_of(class_of(report)))
}

/// Drawn worlds and what comes with headcount, with seeds that nobody has chosen.
fn nightly(options: &SwarmOptions) -> anyhow::Result<ExitCode> {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let first = options.first.unwrap_or(clock.as_secs());
    let count = options.seeds.unwrap_or(NIGHTLY_SEEDS);
    if options.output == Format::Table {
        console::print(&format!("{count} seeds from {first} on\n"))?;
    }
    let drawn = drawn_worlds(options, first, count.div_ceil(2))?;
    let mut worst = class_of(&drawn);
    let each = (count / 2 / shipped().len() as u64).max(1);
    let mut night = Night {
        first,
        seeds: count,
        drawn,
        scenarios: BTreeMap::new(),
    };
    for scenario in shipped() {
        let mut choice = Choice {
            scenario: scenario.name.to_owned(),
            ..options.choice.clone()
        };
        let is_large = scenario
            .scenario()
            .is_ok_and(|scenario| scenario.hosts.count > NIGHTLY_HOSTS);
        if choice.hosts.is_none() && is_large {
            choice.hosts = Some(NIGHTLY_HOSTS);
        }
        match choose(&choice) {
            Ok(chosen) => {
                let report = one_scenario(options, &chosen, first, each)?;
                worst = worst.or(class_of(&report));
                night.scenarios.insert(scenario.name, report);
            }
            Err(wrong) => return ending::refused(&wrong),
        }
    }
    if options.output == Format::Json {
        print_json(&night)?;
    }
    Ok(code_of(worst))
}

/// What a night came to, as one document.
#[derive(Debug, Serialize)]
struct Night {
    first: u64,
    seeds: u64,
    /// Of the worlds that seeds drew.
    drawn: SwarmReport,
    /// Of each scenario that comes with headcount.
    scenarios: BTreeMap<&'static str, SwarmReport>,
}

/// Worlds that seeds draw. What fails is shrunk to a scenario.
fn drawn_worlds(options: &SwarmOptions, first: u64, count: u64) -> anyhow::Result<SwarmReport> {
    if options.output == Format::Table {
        console::print(&format!("{Weights}\n"))?;
    }
    let swarm = Swarm::of_drawn_worlds();
    let (swarm, report) = run(options, swarm, first, count)?;
    for failure in report.failures.iter().take(options.keep) {
        let seed = failure.seed;
        let log = ending::quoted_path(&logs::write_swarm(&options.save, &swarm, seed)?);
        console::complain(&format!("again: headcount sim run --scenario drawn-{seed}"));
        console::complain(&format!("log: headcount sim replay {log}"));
        // A shrink that comes to nothing takes nothing away from what is known.
        match logs::write_shrunk(&options.save, &swarm, seed) {
            Ok(path) => console::complain(&format!(
                "small: headcount sim run --scenario {}",
                ending::quoted_path(&path)
            )),
            Err(error) => console::complain(&format!("not shrunk: {error:#}")),
        }
    }
    Ok(report)
}

/// One scenario, with some of its troubles left out by each seed.
fn one_scenario(options: &SwarmOptions, chosen: &Chosen, first: u64, count: u64) -> anyhow::Result<SwarmReport> {
    let mut swarm = Swarm::new(chosen.scenario.clone());
    if options.as_written {
        swarm = swarm.as_written();
    }
    let (swarm, report) = run(options, swarm, first, count)?;
    for failure in report.failures.iter().take(options.keep) {
        let path = logs::write_swarm(&options.save, &swarm, failure.seed)?;
        let path = ending::quoted_path(&path);
        console::complain(&format!("small: headcount sim shrink {path}"));
        console::complain(&format!("again: headcount sim replay {path}"));
    }
    if report.failures.is_empty() && !report.missed.is_empty() {
        let (runs, as_written) = (report.runs, if options.as_written { " --as-written" } else { "" });
        let choice = ending::choice(chosen);
        console::complain(&format!(
            "again: headcount sim swarm {choice} --first {first} --seeds {runs}{as_written}"
        ));
    }
    Ok(report)
}

/// Runs the seeds, and prints for people what they came to.
fn run(options: &SwarmOptions, swarm: Swarm, first: u64, count: u64) -> anyhow::Result<(Swarm, SwarmReport)> {
    let ends = options
        .minutes
        .map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let jobs = options
        .jobs
        .or(available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN);
    let swarm = swarm.seeds(first..first.saturating_add(count)).jobs(jobs);
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
    if options.output == Format::Table {
        console::print(&report.to_string())?;
    }
    let seconds = start.elapsed().as_secs_f64().max(1e-9);
    console::complain(&format!("{:.0} runs per s", report.runs as f64 / seconds));
    Ok((swarm, report))
}

/// What sort of failure a swarm has, if it has one.
fn class_of(report: &SwarmReport) -> Option<FailureClass> {
    match report.failures.first() {
        Some(failure) => Some(failure.violation.rule.class()),
        None if report.missed.is_empty() => None,
        None => Some(FailureClass::Expectation),
    }
}

fn code_of(class: Option<FailureClass>) -> ExitCode {
    class.map_or(ExitCode::SUCCESS, ending::code_of)
}
