//! What may find a bug.

use core::fmt;
use core::time::Duration;
use std::process::Command;

use headcount_core::planted::bugs::{Bug, VARIABLE};

use super::arguments::Arguments;
use super::process::{self, Ended};

/// The simulator's drawn worlds.
pub(crate) const DRAWN: &str = "drawn";
/// Its shipped scenarios.
pub(crate) const SHIPPED: &str = "shipped";

/// A suite. Each run of one is a process: a bug may keep it from ever ending.
#[derive(Debug, Clone)]
pub(crate) enum Suite {
    /// One of the simulator's, in this very program.
    Simulated(&'static str),
    /// A program with tests.
    Tests {
        name: String,
        folder: String,
        program: String,
    },
}

/// That a suite found a bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// What it said.
    pub(crate) how: String,
    /// How many seeds that took.
    pub(crate) seeds: Option<u64>,
}

/// What takes longer comes to no end.
const LONGEST: Duration = Duration::from_secs(900);
/// The same for what has nothing new to say: a world that is small is run in much less.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

impl Suite {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Simulated(name) => name,
            Self::Tests { name, .. } => name,
        }
    }

    /// Runs it with a bug, or with none. Says whether it found something.
    pub(crate) fn run(&self, bug: Option<Bug>, arguments: &Arguments) -> Result<Option<Found>, String> {
        let mut command = match self {
            Self::Simulated(name) => {
                let own = std::env::current_exe().map_err(|error| format!("looking for this program: {error}"))?;
                let mut command = Command::new(own);
                command.arg(name);
                if *name == DRAWN {
                    // Without a bug it is enough to see that the worlds can be run.
                    let seeds = bug.map_or(arguments.seeds.min(20), |_| arguments.seeds);
                    command.args(["--seeds", &seeds.to_string()]);
                }
                command
            }
            Self::Tests { program, folder, .. } => {
                let mut command = Command::new(program);
                // That something fails is enough: nobody needs to know the smallest case, and nothing is to be kept of it.
                command.current_dir(folder).envs([
                    ("PROPTEST_MAX_SHRINK_ITERS", "0"),
                    ("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1"),
                    ("PROPTEST_RNG_SEED", "1"),
                    ("INSTA_UPDATE", "no"),
                ]);
                command
            }
        };
        if let Some(bug) = bug {
            command.env(VARIABLE, bug.name());
        }
        let ended = process::run(command, LONGEST, self.silence(), |line| self.says(line))?;
        match ended {
            Ended::Said(found) => Ok(Some(found)),
            Ended::Well => Ok(None),
            Ended::Badly(how) if bug.is_some() => Ok(Some(Found::new(how, None))),
            Ended::Never(last) if bug.is_some() => Ok(Some(Found::new(format!("no end after {last}"), None))),
            other => Err(format!("{self} without any bug: {other:?}")),
        }
    }

    /// How far it is run, if not to its end.
    pub(crate) fn limit(&self, arguments: &Arguments) -> String {
        match self.name() {
            DRAWN => format!("of {} seeds", arguments.seeds),
            _ => String::new(),
        }
    }

    fn silence(&self) -> Duration {
        match self {
            Self::Simulated(_) => LONGEST_SILENCE,
            Self::Tests { .. } => LONGEST,
        }
    }

    /// Whether a line says that something was found.
    fn says(&self, line: &str) -> Option<Found> {
        match self {
            Self::Simulated(_) => {
                let (seeds, how) = line.strip_prefix("found after ")?.split_once(": ")?;
                Some(Found::new(how, seeds.parse().ok()))
            }
            Self::Tests { .. } => {
                let test = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
                Some(Found::new(test, None))
            }
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulated(name) => f.write_str(name),
            Self::Tests { name, program, .. } => write!(f, "{name} ({program})"),
        }
    }
}
