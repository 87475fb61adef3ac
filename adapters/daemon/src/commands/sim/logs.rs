//! Input logs as files.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use headcount_core::Manager;
use headcount_sim::{
    EVENTS_PER_LINK, Incident, InputLog, LogError, Outcome, Recorder, ShrinkLimits, Shrunk, Spec, Subject, Swarm,
    shrink_watched,
};

use super::progress::{self, Bar};
use super::tool_options::{ReplayOptions, ShrinkOptions};
use super::{ending, incident, inspect, output};
use crate::console;

/// Writes a log.
pub(super) fn write(path: &Path, log: &InputLog) -> anyhow::Result<()> {
    output::write(path, &log.to_string()).with_context(|| format!("writing {}", path.display()))
}

/// Reads a log. What is wrong with it is an error that says what could be read.
pub(super) fn read(path: &Path) -> anyhow::Result<InputLog> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    InputLog::read(&text).with_context(|| format!("reading {}", path.display()))
}

/// The same, but of a damaged log takes what could be read, and says so.
fn read_what_there_is(path: &Path) -> anyhow::Result<InputLog> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    InputLog::read(&text).or_else(|error: LogError| match error.readable() {
        Some(readable) => {
            console::complain(&format!("{}: {error}; going on with that", path.display()));
            Ok(readable.clone())
        }
        None => Err(error).with_context(|| format!("reading {}", path.display())),
    })
}

/// Whether a name on the command line is that of a log.
pub(super) fn is_log(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "jsonl")
}

/// `headcount sim replay`.
pub(super) fn replay(options: &ReplayOptions) -> anyhow::Result<ExitCode> {
    let text = fs::read_to_string(&options.file).with_context(|| format!("reading {}", options.file.display()))?;
    if Incident::is_one(&text) {
        return incident::replay(options, &text);
    }
    if options.model || !options.vary.is_empty() {
        console::complain("`--vary` and `--model` are for recordings; vary a scenario with `headcount sim run --vary`");
        return Ok(ExitCode::from(ending::WRONG_USE));
    }
    let log = if options.damaged {
        read_what_there_is(&options.file)?
    } else {
        read(&options.file)?
    };
    let (again, outcome) = recorded(Recorder::new(log.simulation::<Manager<Spec>>()?, EVENTS_PER_LINK));
    console::print(&outcome.table())?;
    let differs = log.differs(&again);
    match (differs, log.end) {
        (Some(differs), _) => console::complain(&differs.to_string()),
        (None, Some(_)) => console::complain("the replay is the run that wrote the log, event by event"),
        (None, None) => {}
    }
    let (file, damaged) = (
        ending::quoted_path(&options.file),
        if options.damaged { " --damaged" } else { "" },
    );
    if !outcome.is_clean() {
        console::complain(&format!("small: headcount sim shrink {file}{damaged}"));
    }
    if !outcome.is_clean() || differs.is_some() {
        console::complain(&format!("again: headcount sim replay {file}{damaged}"));
    }
    let is_known = match &options.host {
        Some(host) => inspect::follow(log.simulation()?, host)?,
        None => true,
    };
    Ok(match differs {
        Some(_) => ExitCode::from(ending::DIFFERENT),
        None if outcome.is_clean() && !is_known => ExitCode::FAILURE,
        None => ending::code(&outcome),
    })
}

/// `headcount sim shrink`.
pub(super) fn shrink_log(options: &ShrinkOptions) -> anyhow::Result<ExitCode> {
    let log = if options.damaged {
        read_what_there_is(&options.file)?
    } else {
        read(&options.file)?
    };
    let shrunk = shrunk(&log, options.runs, options.seconds)?;
    console::complain(&format!("{} (after {} runs)", shrunk.violation, shrunk.runs));
    console::print(&if options.test {
        shrunk.rust_test()
    } else {
        shrunk.yaml()
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Shrinks the failure that a log shows, in so many runs and seconds at most, and shows how far it is.
fn shrunk(log: &InputLog, runs: u64, seconds: u64) -> anyhow::Result<Shrunk> {
    let bar = RefCell::new(Bar::new());
    let ends = Instant::now() + Duration::from_secs(seconds);
    let limits = ShrinkLimits {
        runs,
        ..ShrinkLimits::default()
    };
    let shrunk = shrink_watched::<Manager<Spec>>(log, limits, |run| {
        bar.borrow_mut()
            .at(run, runs, || format!("run {run} of at most {runs}"));
        Instant::now() < ends
    });
    Ok(shrunk?)
}

/// Shrinks a swarm's failure and writes the scenario that it ends in; says where.
pub(super) fn write_shrunk(folder: &Path, swarm: &Swarm, seed: u64) -> anyhow::Result<PathBuf> {
    let (log, _) = InputLog::record(&swarm.drawn(seed), seed)?;
    let shrunk = shrunk(&log, ShrinkLimits::default().runs, SHRINK_SECONDS)?;
    console::complain(&format!("{} (after {} runs)", shrunk.violation, shrunk.runs));
    let path = folder.join(format!("seed-{seed}.yml"));
    output::write(&path, &shrunk.yaml()).with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}

/// For how long a swarm's failure is shrunk at most.
const SHRINK_SECONDS: u64 = 120;

/// Runs to the end and writes down what is decided, showing how far it is.
pub(super) fn recorded<M: Subject>(mut recorder: Recorder<M>) -> (InputLog, Outcome) {
    let mut bar = Bar::new();
    let end = recorder.simulation().scenario().until;
    while recorder.step() {
        let now = recorder.simulation().now();
        bar.at(now.as_nanos(), end.as_nanos(), || progress::time(now, end));
    }
    recorder.run()
}

/// Writes the log of a swarm's run, and says where.
pub(super) fn write_swarm(folder: &Path, swarm: &Swarm, seed: u64) -> anyhow::Result<PathBuf> {
    let (log, _) = InputLog::record(&swarm.drawn(seed), seed)?;
    fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
    let path = folder.join(format!("seed-{seed}.jsonl"));
    write(&path, &log)?;
    Ok(path)
}
