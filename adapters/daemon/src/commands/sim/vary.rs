//! `headcount sim run --vary`: one table of several settings.

use std::process::ExitCode;

use headcount_sim::{Problems, Simulation, Varied, combinations, comparison};

use super::chosen::Chosen;
use super::cli::{Format, RunOptions};
use super::{ending, progress};
use crate::console;

pub(super) fn compare(options: &RunOptions, chosen: &Chosen, seed: u64) -> anyhow::Result<ExitCode> {
    let combined = combinations(&chosen.scenario, &options.vary);
    let started: Result<Vec<_>, Problems> = combined
        .into_iter()
        .map(|(settings, scenario)| Ok((settings, Simulation::new(&scenario, seed)?.past_expectations())))
        .collect();
    let started = match started {
        Ok(started) => started,
        Err(problems) => return ending::senseless(&chosen.asked.scenario, problems),
    };
    for idle in options
        .vary
        .iter()
        .filter_map(|variation| variation.idle(&chosen.scenario))
    {
        console::complain(&idle);
    }
    let all = started.len();
    let runs: Vec<Varied> = (1..)
        .zip(started)
        .map(|(number, (settings, simulation))| {
            let what = format!("run {number} of {all}, ");
            let outcome = progress::watched(simulation, &what, |_| {});
            Varied { settings, outcome }
        })
        .collect();
    match options.output {
        Format::Table => console::print(&format!("{}\n{}", chosen.scenario.opening(seed), comparison(&runs)))?,
        Format::Json => {
            super::print_json(&runs)?;
        }
    }
    let Some(Varied { settings, outcome }) = runs.iter().find(|run| !run.outcome.is_clean()) else {
        return Ok(ExitCode::SUCCESS);
    };
    for violation in &outcome.violations {
        console::complain(&violation.to_string());
    }
    let settings = settings.iter().map(|(word, value)| format!(" --vary {word}={value}"));
    let again = ending::again(chosen, seed, &settings.collect::<String>());
    console::complain(&format!("again: {again}"));
    Ok(ending::code(outcome))
}
