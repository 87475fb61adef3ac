//! `headcount sim run --vary`: one table of several settings.

use std::process::ExitCode;

use anyhow::Context;
use headcount_sim::{Varied, comparison, vary};

use super::chosen::Chosen;
use super::cli::{Format, RunOptions};
use super::ending;
use crate::console;

pub(super) fn compare(options: &RunOptions, chosen: &Chosen, seed: u64) -> anyhow::Result<ExitCode> {
    let runs = match vary(&chosen.scenario, seed, &options.vary) {
        Ok(runs) => runs,
        Err(problems) => return ending::senseless(&chosen.asked.scenario, problems),
    };
    match options.output {
        Format::Table => console::print(&format!("{}\n{}", chosen.scenario.opening(seed), comparison(&runs)))?,
        Format::Json => {
            let json = serde_json::to_string_pretty(&runs).context("writing JSON")?;
            console::print(&format!("{json}\n"))?;
        }
    }
    let broken = runs.iter().find(|run| !run.outcome.is_clean());
    Ok(broken.map_or(ExitCode::SUCCESS, |Varied { outcome, .. }| {
        for violation in &outcome.violations {
            console::complain(&violation.to_string());
        }
        ending::code(outcome)
    }))
}
