//! What may find a bug.

use core::fmt;
use core::time::Duration;
use std::process::Command;

use headcount_core::planted::bugs::{Bug, VARIABLE};

use super::arguments::Arguments;
use super::place::Place;
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
    Tests(Program),
    /// All programs with tests of the adapters, until one of them finds it.
    Adapters(Vec<Program>),
}

/// A program with tests.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// What it is called in a table: of the adapters, the crate's name.
    name: String,
    /// Where it runs.
    folder: String,
    path: String,
}

impl From<[String; 3]> for Program {
    fn from([name, folder, path]: [String; 3]) -> Self {
        Self { name, folder, path }
    }
}

/// The adapters' tests together.
pub(crate) const ADAPTERS: &str = "adapters";

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
/// The same for the tests of one of the adapters, which end within a minute.
const LONGEST_OF_ADAPTERS: Duration = Duration::from_secs(180);

impl Suite {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Simulated(name) => name,
            Self::Tests(program) => &program.name,
            Self::Adapters(_) => ADAPTERS,
        }
    }

    /// Runs it with a bug, or with none. Says whether it found something.
    pub(crate) fn run(&self, bug: Option<Bug>, arguments: &Arguments) -> Result<Option<Found>, String> {
        let (mut command, longest) = match self {
            Self::Simulated(name) => {
                let own = std::env::current_exe().map_err(|error| format!("looking for this program: {error}"))?;
                let mut command = Command::new(own);
                command.arg(name);
                if *name == DRAWN {
                    // Without a bug it is enough to see that the worlds can be run.
                    let seeds = bug.map_or(arguments.seeds.min(20), |_| arguments.seeds);
                    command.args(["--seeds", &seeds.to_string()]);
                }
                (command, LONGEST)
            }
            Self::Tests(program) => (program.command(), LONGEST),
            Self::Adapters(programs) => return Self::first_of(programs, bug),
        };
        command.env(VARIABLE, bug.map_or("", Bug::name));
        let ended = process::run(command, longest, self.silence(), |line| self.says(line))?;
        self.judge(bug, ended)
    }

    /// What the first of the adapters' programs says that finds a bug. The tests of the module that it is in are run before
    /// all of its crate, and those before all others.
    fn first_of(programs: &[Program], bug: Option<Bug>) -> Result<Option<Found>, String> {
        let place = bug.map(Place::of).transpose()?;
        let is_own = |program: &&Program| place.as_ref().is_some_and(|place| place.krate == program.name);
        let steps = place.as_ref().map(Place::modules).unwrap_or_default();
        let beside = steps
            .iter()
            .flat_map(|module| programs.iter().filter(is_own).map(move |it| (it, Some(module))));
        let own = programs.iter().filter(is_own).map(|program| (program, None));
        let others = programs.iter().filter(|program| !is_own(program));
        let others = others.map(|program| (program, None));
        for (program, module) in beside.chain(own).chain(others) {
            let mut command = program.command();
            command.args(module).env(VARIABLE, bug.map_or("", Bug::name));
            let suite = Self::Tests(program.clone());
            let ended = process::run(command, LONGEST_OF_ADAPTERS, LONGEST_OF_ADAPTERS, |line| {
                suite.says(line)
            })?;
            if let Some(found) = suite.judge(bug, ended)? {
                let how = format!("{}: {}", program.name, found.how);
                return Ok(Some(Found { how, ..found }));
            }
        }
        Ok(None)
    }

    /// Whether how it ended says that something was found.
    fn judge(&self, bug: Option<Bug>, ended: Ended) -> Result<Option<Found>, String> {
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
            Self::Tests(_) | Self::Adapters(_) => LONGEST,
        }
    }

    /// Whether a line says that something was found.
    fn says(&self, line: &str) -> Option<Found> {
        match self {
            Self::Simulated(_) => {
                let (seeds, how) = line.strip_prefix("found after ")?.split_once(": ")?;
                Some(Found::new(how, seeds.parse().ok()))
            }
            Self::Tests(_) | Self::Adapters(_) => {
                let test = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
                Some(Found::new(test, None))
            }
        }
    }
}

impl Program {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        // That something fails is enough: nobody needs to know the smallest case, and nothing is to be kept of it.
        command.current_dir(&self.folder).envs([
            ("PROPTEST_MAX_SHRINK_ITERS", "0"),
            ("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1"),
            ("PROPTEST_RNG_SEED", "1"),
            ("INSTA_UPDATE", "no"),
        ]);
        command
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulated(name) => f.write_str(name),
            Self::Tests(Program { name, path, .. }) => write!(f, "{name} ({path})"),
            Self::Adapters(_) => f.write_str(ADAPTERS),
        }
    }
}
