//! `headcount sim explore`: many ways to go on from a moment of a run.

use std::fs;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;

use anyhow::Context;
use headcount_sim::{Explored, Futures};

use super::cli::Format;
use super::progress::Bar;
use super::tool_options::ExploreOptions;
use super::{ending, logs, print_json};
use crate::console;

pub(super) fn explore(options: &ExploreOptions) -> anyhow::Result<ExitCode> {
    let log = logs::read(&options.from)?;
    let futures = match Futures::of(&log, options.at) {
        Ok(futures) => futures,
        Err(wrong) => {
            console::complain(&format!("headcount: {}: {wrong}", options.from.display()));
            return Ok(ExitCode::from(ending::WRONG_USE));
        }
    };
    let jobs = options
        .jobs
        .or(available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN);
    let all = options.futures;
    let futures = futures
        .seeds(options.first..options.first.saturating_add(all))
        .jobs(jobs);
    let bar = Mutex::new(Bar::new());
    let explored = futures.run_watched(|done| {
        let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
        bar.at(done, all, || format!("{done} of {all} futures"));
    });
    drop(bar);
    match options.output {
        Format::Table => console::print(&explored.to_string())?,
        Format::Json => print_json(&explored)?,
    }
    write_harm(options, &futures, &explored)?;
    let first = explored.failures.first();
    Ok(first.map_or(ExitCode::SUCCESS, |failure| {
        ending::code_of(failure.violation.rule.class())
    }))
}

/// Writes for each cause the first future that comes to harm by it, and says how to look at it.
fn write_harm(options: &ExploreOptions, futures: &Futures, explored: &Explored) -> anyhow::Result<()> {
    for (_, failure) in explored.causes().into_iter().take(options.keep) {
        let (log, _) = futures.record(failure.seed)?;
        let folder = &options.save;
        fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
        let path = folder.join(format!("future-{}.jsonl", failure.seed));
        logs::write(&path, &log)?;
        let path = ending::quoted_path(&path);
        console::complain(&format!("again: headcount sim replay {path}"));
        console::complain(&format!("small: headcount sim shrink {path}"));
    }
    Ok(())
}
