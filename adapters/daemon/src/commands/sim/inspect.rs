//! `headcount sim explain` and `headcount sim diff`: one run in detail, and two side by side.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use headcount_core::Manager;
use headcount_sim::{Comparison, Explanation, HostId, Metrics, Simulation, Span, Spec, compare, explain, table};

use super::chosen::{self, Refused};
use super::cli::Format;
use super::tool_options::{DiffOptions, ExplainOptions};
use super::{ending, incident, logs, print_json};
use crate::console;

pub(super) fn explain_host(options: &ExplainOptions) -> anyhow::Result<ExitCode> {
    let Asked {
        log,
        host: target,
        time,
    } = match asked(options) {
        Ok(asked) => asked,
        Err(wrong) => {
            console::complain(&format!("headcount: {wrong}"));
            return Ok(ExitCode::from(ending::WRONG_USE));
        }
    };
    if let Some(path) = &log
        && let Some(text) = incident::text(path)?
    {
        return incident::explain(path, &text, &target, time, options.output);
    }
    let Some(time) = time else {
        console::complain("headcount: name the time, too, for example 5m30s: only a recording is told to its end");
        return Ok(ExitCode::from(ending::WRONG_USE));
    };
    let simulation = match &log {
        Some(path) => logs::read(path)?.simulation()?,
        None => match chosen::choose(&options.choice) {
            Ok(chosen) => Simulation::new(&chosen.scenario, options.seed.unwrap_or(chosen.scenario.seed))?,
            Err(wrong) => return ending::refused(&wrong),
        },
    };
    let Some(explanation) = explained(simulation, &target, time)? else {
        return Ok(ExitCode::FAILURE);
    };
    match options.output {
        Format::Table => console::print(&explanation.to_string())?,
        Format::Json => print_json(&explanation)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells of a host at the end of a run; whether there is such a host.
pub(super) fn follow(simulation: Simulation<Manager<Spec>>, target: &str) -> anyhow::Result<bool> {
    let end = simulation.scenario().until;
    let Some(explanation) = explained(simulation, target, end)? else {
        return Ok(false);
    };
    console::print(&format!("\n{explanation}"))?;
    Ok(true)
}

/// How the receiver came to know a host; that there is none is said.
fn explained(simulation: Simulation<Manager<Spec>>, target: &str, time: Span) -> anyhow::Result<Option<Explanation>> {
    let Some(host) = host(&simulation, target, time) else {
        console::complain(&format!(
            "headcount: there is no `{target}` at {time}; write a host's number (`12` or `h12`) or its address"
        ));
        return Ok(None);
    };
    let explanation = explain(simulation, host, time)?;
    if explanation.is_none() {
        console::complain(&format!("headcount: there never was a host {host} until {time}"));
    }
    Ok(explanation)
}

/// What is asked for.
struct Asked {
    log: Option<PathBuf>,
    host: String,
    time: Option<Span>,
}

/// `HOST TIME`, or `FILE HOST` and perhaps a time.
fn asked(options: &ExplainOptions) -> Result<Asked, String> {
    let (first, second) = (&options.first, &options.second);
    let is_file = logs::is_log(first) || Path::new(first).is_file();
    let span = |text: &String| {
        text.parse::<Span>()
            .map_err(|error| match is_file || options.log.is_some() {
                true => format!("the time {text:?}: {error}"),
                // Then a file may have been meant.
                false => format!(
                    "there is no file {first:?} of which {text:?} would be a host, and {text:?} is no time: {error}"
                ),
            })
    };
    match (&options.log, &options.third) {
        (None, time) if is_file => Ok(Asked {
            log: Some(first.into()),
            host: second.clone(),
            time: time.as_ref().map(span).transpose()?,
        }),
        (log, None) => Ok(Asked {
            log: log.clone(),
            host: first.clone(),
            time: Some(span(second)?),
        }),
        (_, Some(_)) => Err(format!(
            "{first} is no file; name a file, a host and a time, or a host and a time"
        )),
    }
}

/// The host that is meant: by number, or by the address that it has then.
fn host(simulation: &Simulation, target: &str, time: Span) -> Option<HostId> {
    let number = target.strip_prefix('h').unwrap_or(target);
    if let Ok(number) = number.parse() {
        return Some(HostId(number));
    }
    let address: std::net::Ipv4Addr = target.split(':').next()?.parse().ok()?;
    let mut then = simulation.clone();
    then.run_until(time);
    let truth = then.truth();
    let mut hosts = (0..truth.len() as u32).map(HostId);
    hosts.find(|host| {
        truth
            .looks(*host)
            .is_some_and(|looks| looks.address == address.to_bits())
    })
}

pub(super) fn diff(options: &DiffOptions) -> anyhow::Result<ExitCode> {
    let (first, second) = match (run(&options.first, options.seed)?, run(&options.second, options.seed)?) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(wrong), _) | (_, Err(wrong)) => return ending::refused(&wrong),
    };
    let comparison = compare(first, second, 0);
    if options.output == Format::Json {
        print_json(&comparison)?;
        return Ok(ExitCode::SUCCESS);
    }
    match &comparison.divergence {
        Some(divergence) => console::print(&format!("{divergence}\n\n"))?,
        None => console::print("the runs have the same events\n\n")?,
    }
    console::print(&deltas(&comparison)?)?;
    Ok(ExitCode::SUCCESS)
}

/// The run of a log, or of a scenario.
fn run(name: &str, seed: Option<u64>) -> anyhow::Result<Result<Simulation<Manager<Spec>>, Refused>> {
    if logs::is_log(name) {
        return Ok(Ok(logs::read(Path::new(name))?.simulation()?));
    }
    match chosen::find(name) {
        Ok(found) => Ok(Ok(Simulation::new(
            &found.scenario,
            seed.unwrap_or(found.scenario.seed),
        )?)),
        Err(wrong) => Ok(Err(wrong)),
    }
}

/// The figures that differ, side by side.
fn deltas(comparison: &Comparison) -> anyhow::Result<String> {
    let fields = |metrics: &Metrics| serde_json::to_value(metrics);
    let (first, second) = (fields(&comparison.first.metrics)?, fields(&comparison.second.metrics)?);
    let text = |value: Option<&serde_json::Value>| match value {
        None => "none".to_owned(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let mut rows = vec![["figure", "first", "second"].map(str::to_owned).to_vec()];
    for (name, _) in first.as_object().into_iter().flatten() {
        if first.get(name) != second.get(name) {
            rows.push(vec![name.clone(), text(first.get(name)), text(second.get(name))]);
        }
    }
    if rows.len() == 1 {
        return Ok("all figures are the same\n".to_owned());
    }
    Ok(table(&rows))
}
