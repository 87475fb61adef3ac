//! What is asked for.

use std::path::PathBuf;

use headcount_core::planted::bugs::Bug;

use super::suite::{self, Suite};

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Says which bugs there are.
    List,
    /// Runs drawn worlds until something is found.
    Drawn,
    /// The same for shipped scenarios.
    Shipped,
    /// Runs every suite with each bug.
    Score,
}

/// The command line.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
    /// How many drawn worlds are tried.
    pub(crate) seeds: u64,
    pub(crate) table: Option<PathBuf>,
    names: Vec<String>,
    /// A sample: so many of the bugs, from one that this number names.
    sample: Option<(usize, u64)>,
    /// Programs with tests, by what they are called in the table.
    tests: Vec<(String, PathBuf)>,
}

const USAGE: &str = "usage: score list | drawn [--seeds N] | shipped
       score all [--seeds N] [--bugs NAME,...] [--sample COUNT:NUMBER] [--table FILE] [--tests NAME=PROGRAM]...";

impl Arguments {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let command = match words.next().as_deref() {
            Some("list") => Command::List,
            Some("drawn") => Command::Drawn,
            Some("shipped") => Command::Shipped,
            Some("all") => Command::Score,
            _ => return Err(USAGE.to_owned()),
        };
        let mut arguments = Self {
            command,
            seeds: 2_000,
            table: None,
            names: Vec::new(),
            sample: None,
            tests: Vec::new(),
        };
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"))?;
            let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{word} {value}: {error}"));
            match word.as_str() {
                "--seeds" => arguments.seeds = number(&value)?,
                "--table" => arguments.table = Some(value.into()),
                "--bugs" => arguments.names.extend(value.split(',').map(str::to_owned)),
                "--sample" => {
                    let (count, from) = value.split_once(':').ok_or("--sample needs COUNT:NUMBER")?;
                    let count = usize::try_from(number(count)?).unwrap_or(usize::MAX);
                    arguments.sample = Some((count, number(from)?));
                }
                "--tests" => {
                    let (name, program) = value.split_once('=').ok_or("--tests needs NAME=PROGRAM")?;
                    arguments.tests.push((name.to_owned(), program.into()));
                }
                _ => return Err(format!("{word} is not known\n{USAGE}")),
            }
        }
        Ok(arguments)
    }

    /// The suites that are to be run.
    pub(crate) fn suites(&self) -> Vec<Suite> {
        let tests = self.tests.iter().cloned();
        let tests = tests.map(|(name, program)| Suite::Tests { name, program });
        [Suite::Simulated(suite::DRAWN), Suite::Simulated(suite::SHIPPED)]
            .into_iter()
            .chain(tests)
            .collect()
    }

    /// The bugs that are to be planted.
    pub(crate) fn bugs(&self) -> Result<Vec<Bug>, String> {
        if let Some((count, from)) = self.sample {
            // Far from each other, so that they are of several kinds.
            let all = Bug::ALL.len();
            let first = usize::try_from(from % all as u64).unwrap_or(0);
            let step = (all / count.max(1)).max(1);
            let places = (0..count.min(all)).map(|number| (first + number * step) % all);
            return Ok(places.filter_map(|place| Bug::ALL.get(place).copied()).collect());
        }
        if self.names.is_empty() {
            return Ok(Bug::ALL.to_vec());
        }
        let named =
            |name: &String| Bug::named(name).ok_or_else(|| format!("no bug is called {name}; see `score list`"));
        self.names.iter().map(named).collect()
    }
}
