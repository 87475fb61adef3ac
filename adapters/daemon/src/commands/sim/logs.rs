//! Input logs as files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use headcount_sim::{InputLog, LogError, ShrinkLimits, Swarm, shrink};

use super::ending;
use super::tool_options::{ReplayOptions, ShrinkOptions};
use crate::console;

/// Writes a log.
pub(super) fn write(path: &Path, log: &InputLog) -> anyhow::Result<()> {
    fs::write(path, log.to_string()).with_context(|| format!("writing {}", path.display()))
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
    let log = if options.damaged {
        read_what_there_is(&options.file)?
    } else {
        read(&options.file)?
    };
    let replayed = log.run()?;
    console::print(&replayed.outcome.table())?;
    match (replayed.differs, log.end) {
        (Some(differs), _) => {
            console::complain(&differs.to_string());
            return Ok(ExitCode::from(ending::DIFFERENT));
        }
        (None, Some(_)) => console::complain("the replay is the run that wrote the log, event by event"),
        (None, None) => {}
    }
    Ok(ending::code(&replayed.outcome))
}

/// `headcount sim shrink`.
pub(super) fn shrink_log(options: &ShrinkOptions) -> anyhow::Result<ExitCode> {
    let log = read(&options.file)?;
    let shrunk = shrink(&log, ShrinkLimits { runs: options.runs })?;
    console::complain(&format!("{} (after {} runs)", shrunk.violation, shrunk.runs));
    console::print(&if options.test {
        shrunk.rust_test()
    } else {
        shrunk.yaml()
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the log of a swarm's run, and says where.
pub(super) fn write_swarm(folder: &Path, swarm: &Swarm, seed: u64) -> anyhow::Result<PathBuf> {
    let (log, _) = InputLog::record(&swarm.drawn(seed), seed)?;
    fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
    let path = folder.join(format!("seed-{seed}.jsonl"));
    write(&path, &log)?;
    Ok(path)
}
