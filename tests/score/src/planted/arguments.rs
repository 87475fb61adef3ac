//! What is asked for.

use std::path::PathBuf;

use headcount_core::planted::bugs::{Bug, Part};

use super::small::SMALL;
use super::suite::{self, Program, Suite};
use super::table::Table;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Says which bugs there are.
    List,
    /// Runs drawn worlds until something is found.
    Drawn,
    /// Makes small what a drawn world shows.
    Small,
    /// Runs shipped scenarios until something is found.
    Shipped,
    /// Runs every suite with each bug.
    Score,
}

/// The command line.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
    /// What bugs are planted in.
    pub(crate) part: Part,
    /// How many drawn worlds are tried.
    pub(crate) seeds: u64,
    /// The drawn world that is made small.
    pub(crate) seed: u64,
    pub(crate) table: Option<PathBuf>,
    names: Vec<String>,
    /// A sample: so many of the bugs, from one that this number names.
    sample: Option<(usize, u64)>,
    /// Programs with tests.
    tests: Vec<Program>,
    /// The suites that are to be run, and whether failures are made small, if not all.
    only: Vec<String>,
}

const USAGE: &str = "usage: score list | drawn [--seeds N] | small [--seed N] | shipped
       score all [--part core|adapters] [--seeds N] [--bugs NAME,...] [--suites NAME,...] [--sample COUNT:NUMBER] [--table FILE] [--tests NAME=FOLDER=PROGRAM]...";

/// A bug that is found after so many worlds may be in a sample.
const FEW: u64 = 150;

impl Arguments {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let command = match words.next().as_deref() {
            Some("list") => Command::List,
            Some("drawn") => Command::Drawn,
            Some(SMALL) => Command::Small,
            Some("shipped") => Command::Shipped,
            Some("all") => Command::Score,
            _ => return Err(USAGE.to_owned()),
        };
        let mut arguments = Self {
            command,
            part: Part::Core,
            seeds: 2_000,
            seed: 0,
            table: None,
            names: Vec::new(),
            sample: None,
            tests: Vec::new(),
            only: Vec::new(),
        };
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"))?;
            let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{word} {value}: {error}"));
            match word.as_str() {
                "--part" => {
                    arguments.part = match value.as_str() {
                        "core" => Part::Core,
                        "adapters" => Part::Adapters,
                        _ => return Err(format!("--part is core or adapters, not {value}\n{USAGE}")),
                    };
                }
                "--seeds" => arguments.seeds = number(&value)?,
                "--seed" => arguments.seed = number(&value)?,
                "--table" => arguments.table = Some(value.into()),
                "--bugs" => arguments.names.extend(value.split(',').map(str::to_owned)),
                "--suites" => arguments.only.extend(value.split(',').map(str::to_owned)),
                "--sample" => {
                    let (count, from) = value.split_once(':').ok_or("--sample needs COUNT:NUMBER")?;
                    let count = usize::try_from(number(count)?).unwrap_or(usize::MAX);
                    arguments.sample = Some((count, number(from)?));
                }
                "--tests" => {
                    let parts: Vec<String> = value.splitn(3, '=').map(str::to_owned).collect();
                    let parts: [String; 3] = parts.try_into().map_err(|_| "--tests needs NAME=FOLDER=PROGRAM")?;
                    arguments.tests.push(Program::from(parts));
                }
                _ => return Err(format!("{word} is not known\n{USAGE}")),
            }
        }
        Ok(arguments)
    }

    /// Whether it is only to be seen that some of what was found before still is.
    pub(crate) fn is_sample(&self) -> bool {
        self.sample.is_some()
    }

    /// The suites that are to be run: for a sample the one that finds nearly everything.
    pub(crate) fn suites(&self) -> Vec<Suite> {
        if self.is_sample() {
            return vec![Suite::Simulated(suite::DRAWN)];
        }
        if self.part == Part::Adapters {
            return vec![Suite::Adapters(self.tests.clone())];
        }
        let tests = self.tests.iter().cloned().map(Suite::Tests);
        [Suite::Simulated(suite::DRAWN), Suite::Simulated(suite::SHIPPED)]
            .into_iter()
            .chain(tests)
            .filter(|suite| self.is_wanted(suite.name()))
            .collect()
    }

    /// Whether what drawn worlds show is made small, too.
    pub(crate) fn makes_small(&self) -> bool {
        self.part == Part::Core && !self.is_sample() && self.is_wanted(SMALL)
    }

    fn is_wanted(&self, suite: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == suite)
    }

    /// The bugs that are to be planted: for a sample those that few worlds find, so that some other worlds find them, too, after
    /// a change of how worlds are drawn.
    pub(crate) fn bugs(&self, table: &Table) -> Result<Vec<Bug>, String> {
        if let Some((count, from)) = self.sample {
            let takes = |bug: &Bug| table.row(*bug).found(suite::DRAWN)?.seeds;
            let is_found = |bug: &Bug| takes(bug).is_some_and(|seeds| seeds <= FEW);
            let all: Vec<Bug> = Bug::ALL.iter().copied().filter(is_found).collect();
            let first = from
                .checked_rem(all.len() as u64)
                .ok_or("the table has nothing that drawn worlds find")?;
            let first = usize::try_from(first).unwrap_or(0);
            // Far from each other, so that they are of several kinds.
            let step = (all.len() / count.max(1)).max(1);
            let rotated = all.iter().cycle().skip(first).step_by(step);
            return Ok(rotated.take(count.min(all.len())).copied().collect());
        }
        let of_part = |bug: &Bug| bug.part() == self.part;
        if self.names.is_empty() {
            return Ok(Bug::ALL.iter().copied().filter(of_part).collect());
        }
        let named = |name: &String| {
            let bug = Bug::named(name).filter(of_part);
            bug.ok_or_else(|| format!("no bug of this part is called {name}; see `score list`"))
        };
        self.names.iter().map(named).collect()
    }
}
