//! `headcount sim run --vary`: one table of several settings, or a page, and which is the cheapest that does.

use std::process::ExitCode;

use anyhow::Context;
use headcount_sim::{
    Scenario, Simulation, VariationError, Varied, combinations, comparison, comparison_page, judged, verdict,
};

use super::chosen::Chosen;
use super::cli::{Format, RunOptions};
use super::{ending, output, progress};
use crate::console;

pub(super) fn compare(options: &RunOptions, chosen: &Chosen, seed: u64) -> anyhow::Result<ExitCode> {
    let started = match started(options, chosen, seed) {
        Ok(started) => started,
        Err(VariationError::Senseless(problems)) => return ending::senseless(&chosen.asked.scenario, problems),
        Err(wrong) => {
            console::complain(&format!("headcount: {wrong}"));
            return Ok(ExitCode::from(ending::WRONG_USE));
        }
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
            Varied::new(settings, progress::watched(simulation, &what, |_| {}))
        })
        .collect();
    let runs = judged(runs);
    match options.output {
        Format::Table => {
            let opening = chosen.scenario.opening(seed);
            console::print(&format!("{opening}\n{}\n{}\n", comparison(&runs), verdict(&runs)))?;
        }
        Format::Json => {
            super::print_json(&runs)?;
        }
    }
    if let Some(file) = &options.html {
        let each = options
            .vary
            .iter()
            .map(|variation| format!(" --vary {}", ending::quoted(&variation.to_string())));
        let again = ending::again(chosen, seed, &each.collect::<String>());
        let page = comparison_page(&chosen.scenario, seed, &runs, &again);
        output::write(file, &page).with_context(|| format!("writing {}", file.display()))?;
    }
    let Some(Varied { settings, outcome, .. }) = runs.iter().find(|run| !run.outcome.is_clean()) else {
        return Ok(ExitCode::SUCCESS);
    };
    for violation in &outcome.violations {
        console::complain(&violation.to_string());
    }
    let settings = settings
        .iter()
        .map(|(word, value)| format!(" --vary {}", ending::quoted(&format!("{word}={value}"))));
    let again = ending::again(chosen, seed, &settings.collect::<String>());
    console::complain(&format!("again: {again}"));
    Ok(ending::code(outcome))
}

type Started = (Vec<(String, String)>, Simulation);

/// The runs of all combinations, at their start.
fn started(options: &RunOptions, chosen: &Chosen, seed: u64) -> Result<Vec<Started>, VariationError> {
    let combined = combinations(&chosen.scenario, &options.vary)?;
    let start =
        |(settings, scenario): (_, Scenario)| Ok((settings, Simulation::new(&scenario, seed)?.past_expectations()));
    combined.into_iter().map(start).collect()
}
