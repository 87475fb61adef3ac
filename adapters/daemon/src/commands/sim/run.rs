//! `headcount sim run`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use headcount_sim::{InputLog, Outcome, Simulation, Timeline};

use super::chosen::{self, Chosen};
use super::cli::{Format, RunOptions};
use super::{ending, logs, progress, vary};
use crate::console;

pub(super) fn run(options: &RunOptions) -> anyhow::Result<ExitCode> {
    let chosen = match chosen::choose(&options.choice) {
        Ok(chosen) => chosen,
        Err(wrong) => return ending::refused(&wrong),
    };
    let seed = options.seed.unwrap_or(chosen.scenario.seed);
    if !options.vary.is_empty() {
        return vary::compare(options, &chosen, seed);
    }
    if options.output == Format::Table {
        let version = env!("CARGO_PKG_VERSION");
        console::print(&format!("headcount {version}\n{}\n", chosen.scenario.opening(seed)))?;
    }
    let start = Instant::now();
    let simulation = Simulation::new(&chosen.scenario, seed)?;
    let outcome = match &options.html {
        Some(file) => drawn(simulation, file, &ending::again(&chosen, seed, ""))?,
        None => progress::run(simulation),
    };
    let elapsed = start.elapsed();
    match options.output {
        Format::Table => console::print(&outcome.table())?,
        Format::Json => {
            let json = serde_json::to_string_pretty(&outcome).context("writing JSON")?;
            console::print(&format!("{json}\n"))?;
        }
    }
    console::complain(&speed(&outcome, elapsed));
    if let Some(path) = &options.log {
        let (log, _) = InputLog::record(&chosen.scenario, seed)?;
        logs::write(path, &log)?;
    }
    if options.twice {
        let second = progress::run(Simulation::new(&chosen.scenario, seed)?);
        if second != outcome {
            console::complain(&different(&chosen, &outcome, &second));
            if let Some(divergence) = headcount_sim::twice(&chosen.scenario, seed, 1_000)?.divergence {
                console::complain(&divergence.to_string());
            }
            return Ok(ExitCode::from(ending::DIFFERENT));
        }
        console::complain("the second run is the same, event by event");
    }
    if !outcome.is_clean() {
        console::complain(&format!("again: {}", ending::again(&chosen, seed, "")));
    }
    Ok(ending::code(&outcome))
}

/// Runs, and writes a page with the run's timeline.
fn drawn(mut simulation: Simulation, file: &Path, again: &str) -> anyhow::Result<Outcome> {
    simulation.listen(true);
    let mut timeline = Timeline::of(&simulation);
    let outcome = progress::watched(simulation, |simulation| timeline.add(simulation.take_events()));
    fs::write(file, timeline.page(&outcome, again)).with_context(|| format!("writing {}", file.display()))?;
    Ok(outcome)
}

/// How fast a run was.
pub(super) fn speed(outcome: &Outcome, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(1e-9);
    let virtual_seconds = outcome.time.as_nanos() as f64 / 1e9;
    format!(
        "{} of virtual time in {seconds:.2} s: {:.0} virtual s per s, {:.2} million events per s",
        outcome.time,
        virtual_seconds / seconds,
        outcome.events as f64 / 1e6 / seconds,
    )
}

fn different(chosen: &Chosen, one: &Outcome, other: &Outcome) -> String {
    format!(
        "two runs of the same seed differ: {:016x} and {:016x}; this is a bug of the simulator\nagain: {}",
        one.hash,
        other.hash,
        ending::again(chosen, one.seed, " --twice"),
    )
}
