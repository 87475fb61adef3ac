//! What drawn worlds show, made small: how many lines the scenario has in which the same goes wrong, and how many runs
//! it took.

use core::fmt;
use core::time::Duration;
use std::process::Command;

use headcount_core::planted::bugs::{Bug, VARIABLE};

use super::process::{self, Ended};
use super::suite::Found;
use super::table::Missed;

/// What it is called: on the command line, and in a table.
pub(crate) const SMALL: &str = "small";

/// Of a hundred failures so many are to end in few lines…
const MOSTLY: usize = 90;
/// …which are so many…
const FEW_LINES: u64 = 20;
/// …and all of them in this many…
const MOST_LINES: u64 = 40;
/// …within so many runs.
const MOST_RUNS: u64 = 2_000;

/// It takes no longer, or a bug keeps it from ever ending.
const LONGEST: Duration = Duration::from_secs(900);

/// What a failure ended in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Small {
    pub(crate) lines: u64,
    pub(crate) runs: u64,
}

/// What the failures of many bugs ended in.
#[derive(Debug, Default)]
pub(crate) struct Sizes(pub(crate) Vec<Small>);

/// Makes small what the world that a seed draws shows with this bug, in a process of its own.
pub(crate) fn made_small(bug: Bug, seed: u64) -> Result<Result<Found, Missed>, String> {
    let own = std::env::current_exe().map_err(|error| format!("looking for this program: {error}"))?;
    let mut command = Command::new(own);
    command
        .args([SMALL, "--seed", &seed.to_string()])
        .env(VARIABLE, bug.name());
    let said = |line: &str| {
        let small: Small = line.strip_prefix("small: ").and_then(Small::read)?;
        Some(Found::new(small.to_string(), None))
    };
    Ok(match process::run(command, LONGEST, LONGEST, said)? {
        Ended::Said(found) => Ok(found),
        Ended::Well | Ended::Badly(_) => Err(Missed("not shown again".to_owned())),
        Ended::Never(_) => Err(Missed(format!("in {} s", LONGEST.as_secs()))),
    })
}

impl Small {
    /// It as it stands in a table.
    pub(crate) fn read(words: &str) -> Option<Self> {
        let (lines, runs) = words.split_once(" lines, ")?;
        Some(Self {
            lines: lines.parse().ok()?,
            runs: runs.strip_suffix(" runs")?.parse().ok()?,
        })
    }
}

impl fmt::Display for Small {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines, {} runs", self.lines, self.runs)
    }
}

impl Sizes {
    fn within(&self, lines: u64) -> usize {
        self.0.iter().filter(|small| small.lines <= lines).count()
    }

    fn most_runs(&self) -> u64 {
        self.0.iter().map(|small| small.runs).max().unwrap_or(0)
    }

    /// Whether they are as small as they are to be.
    pub(crate) fn are_enough(&self) -> bool {
        let all = self.0.len();
        self.within(FEW_LINES) * 100 >= all * MOSTLY && self.within(MOST_LINES) == all && self.most_runs() <= MOST_RUNS
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} end in at most {FEW_LINES} lines, {} in at most {MOST_LINES}, after {} runs at most",
            self.within(FEW_LINES),
            self.0.len(),
            self.within(MOST_LINES),
            self.most_runs()
        )
    }
}
