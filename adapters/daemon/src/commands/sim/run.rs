//! `headcount sim run`.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use headcount_sim::{EVENTS_PER_LINK, InputLog, Outcome, Recorder, Simulation, Timeline};

use super::chosen::{self, Chosen};
use super::cli::{Format, RunOptions};
use super::trace::Trace;
use super::{ending, logs, output, print_json, progress, vary};
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
    let (outcome, log) = looked_at(options, &chosen, seed)?;
    let elapsed = start.elapsed();
    match options.output {
        Format::Table => console::print(&outcome.table())?,
        Format::Json => print_json(&outcome)?,
    }
    console::complain(&speed(&outcome, elapsed));
    if let (Some(path), Some(log)) = (&options.log, log) {
        logs::write(path, &log)?;
    }
    if options.twice {
        let second = progress::run(Simulation::new(&chosen.scenario, seed)?.past_failures());
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

/// Runs, and writes on the way what is asked for.
fn looked_at(options: &RunOptions, chosen: &Chosen, seed: u64) -> anyhow::Result<(Outcome, Option<InputLog>)> {
    let simulation = Simulation::new(&chosen.scenario, seed)?;
    if options.html.is_none() && options.trace.is_none() && options.log.is_none() {
        return Ok((progress::run(simulation.past_failures()), None));
    }
    let mut timeline = options.html.is_some().then(|| Timeline::of(&simulation));
    let mut trace = options.trace.as_deref().map(Trace::to).transpose()?;
    let mut recorder = options
        .log
        .is_some()
        .then(|| Recorder::new(simulation.clone(), EVENTS_PER_LINK));
    // The log ends where something is wrong first; the report has all that is.
    let (mut simulation, mut wrong) = (simulation.past_failures(), Ok(()));
    simulation.listen(true);
    let outcome = progress::watched(simulation, "", |simulation| {
        let events = simulation.take_events();
        if let Some(trace) = trace.as_mut().filter(|_| wrong.is_ok()) {
            wrong = trace.add(&events);
        }
        if let Some(timeline) = &mut timeline {
            timeline.add(simulation, events);
        }
    });
    wrong?;
    trace.map(Trace::end).transpose()?;
    if let (Some(file), Some(mut timeline)) = (&options.html, timeline) {
        let again = Simulation::new(&chosen.scenario, seed)?.past_failures();
        timeline.explain(again, outcome.time)?;
        let page = timeline.page(&outcome, &ending::again(chosen, seed, ""));
        output::write(file, &page).with_context(|| format!("writing {}", file.display()))?;
    }
    let log = recorder.take().map(|recorder| logs::recorded(recorder).0);
    Ok((outcome, log))
}

/// How fast a run was.
pub(super) fn speed(outcome: &Outcome, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(1e-9);
    let virtual_seconds = outcome.time.as_nanos() as f64 / 1e9;
    let memory = peak_memory().map_or_else(String::new, |peak| format!(", {peak} of memory at most"));
    format!(
        "{} of virtual time in {seconds:.2} s: {:.0} virtual s per s, {:.2} million events per s{memory}",
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

/// The most memory that this process had, where the system tells.
fn peak_memory() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(format!("{} MiB", kibibytes / 1024))
}
