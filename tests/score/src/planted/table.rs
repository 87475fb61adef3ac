//! The table of what finds which bug, as it is kept in a file.

use core::fmt::Write as _;
use std::collections::BTreeMap;
use std::path::Path;

use headcount_core::planted::bugs::{Bug, Part};

use super::small::{SMALL, Sizes, Small};
use super::suite::{ADAPTERS, DRAWN, Found, SHIPPED};

/// By bug of a part, what each suite made of it.
#[derive(Debug)]
pub(crate) struct Table {
    part: Part,
    rows: BTreeMap<Bug, Row>,
}

/// What suites made of a bug.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) bug: Bug,
    /// By suite, where it was run.
    by_suite: BTreeMap<String, Result<Found, Missed>>,
}

/// That a suite did not find a bug, and how far it was run, if not to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missed(pub(crate) String);

/// The suites of a table, and what their columns are called.
fn columns(part: Part) -> &'static [(&'static str, &'static str)] {
    match part {
        Part::Core => &[
            (DRAWN, "drawn worlds"),
            (SMALL, "made small"),
            (SHIPPED, "shipped scenarios"),
            ("rules", "rules' tests"),
            ("core", "core's tests"),
            ("museum", "museum"),
        ],
        Part::Adapters => &[(ADAPTERS, "found by")],
    }
}

const HEAD_OF_ADAPTERS: &str = "# The score of the adapters

Bugs that `tests/score/run` plants in the crates of this folder (they are listed in `core/src/planted`), and what finds
them. It writes this file.

Of each it is named which test failed first, behind the crate that it is of: the tests of the module that the bug is in are run
first, then all of its crate, then all others, and no more once one has failed. – is found by none of them. What is empty was
not run. A program with tests is ended after 3 min: \"no end\" is a find.
";

/// What the first column is called, by which the head of a table is known.
const FIRST_COLUMN: &str = "bug";

const HEAD: &str = "# The score

Bugs that `tests/score/run` plants in the core (`core/src/planted`), and what finds them. It writes this file.

A number says after how many seeds it was found, and by which rule; of shipped scenarios, after how many runs, and in
which one. What a drawn world shows is then made small, as by `headcount sim shrink`: so many lines has the scenario
in which the same goes wrong, and so many runs did it take. Of tests it is named which one failed first. – is not
found, by as many seeds as it says or within as many seconds; where it says nothing of that, by all of it. What is
empty was not run. A process is ended after 15 min, and one of the simulator's after a minute in which it gets to no
other seed: \"no end\" is a find.
";

impl Table {
    /// Nothing is known of any bug.
    pub(crate) fn new(part: Part) -> Self {
        let rows = BTreeMap::new();
        Self { part, rows }
    }

    /// What was written; nothing, if nothing was.
    pub(crate) fn read(part: Part, path: &Path) -> Result<Self, String> {
        let mut table = Self::new(part);
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(table),
            Err(error) => return Err(format!("reading {}: {error}", path.display())),
        };
        // A table that was written before has the columns that its head names.
        let mut suites: Vec<Option<&str>> = Vec::new();
        for line in text.lines() {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let name = cells.next().unwrap_or_default().trim_matches('`');
            if name == FIRST_COLUMN {
                let of_name = |cell| columns(part).iter().find(|(_, name)| *name == cell);
                suites = cells
                    .skip(1)
                    .map(|cell| of_name(cell).map(|(suite, _)| *suite))
                    .collect();
                continue;
            }
            // A bug that is no longer there has no row.
            let of_part = Bug::named(name).filter(|bug| bug.part() == part);
            let Some(mut row) = of_part.map(|bug| table.row(bug)) else {
                continue;
            };
            for (suite, cell) in suites.iter().zip(cells.skip(1)) {
                if let Some(suite) = suite.filter(|_| !cell.is_empty()) {
                    row.set(suite, read_cell(cell));
                }
            }
            table.put(row);
        }
        Ok(table)
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        std::fs::write(path, self.text()).map_err(|error| format!("writing {}: {error}", path.display()))
    }

    /// What is known of a bug.
    pub(crate) fn row(&self, bug: Bug) -> Row {
        let by_suite = BTreeMap::new();
        self.rows.get(&bug).cloned().unwrap_or(Row { bug, by_suite })
    }

    pub(crate) fn put(&mut self, row: Row) {
        self.rows.insert(row.bug, row);
    }

    fn text(&self) -> String {
        let head = match self.part {
            Part::Core => HEAD,
            Part::Adapters => HEAD_OF_ADAPTERS,
        };
        let mut text = format!("{head}\n{}", self.summary());
        let mut kind = "";
        for row in self.rows.values() {
            if row.bug.kind() != kind {
                kind = row.bug.kind();
                let columns = columns(self.part);
                let names: Vec<_> = columns.iter().map(|(_, name)| *name).collect();
                let (names, rule) = (names.join(" | "), vec!["---"; columns.len() + 2].join("|"));
                // Writing to a text can't fail.
                write!(
                    text,
                    "\n## {kind}\n\n| {FIRST_COLUMN} | what goes wrong | {names} |\n|{rule}|\n"
                )
                .ok();
            }
            writeln!(text, "{}", row.line()).ok();
        }
        text
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        for (suite, name) in columns(self.part) {
            if *suite == SMALL {
                let small = Sizes(self.rows.values().filter_map(Row::small).collect());
                writeln!(text, "- {name}: {small}").ok();
                continue;
            }
            let run: Vec<&Row> = self
                .rows
                .values()
                .filter(|row| row.by_suite.contains_key(*suite))
                .collect();
            let found = run.iter().filter(|row| row.found(suite).is_some()).count();
            writeln!(text, "- {name}: {found} of {} that were run", run.len()).ok();
        }
        let survivors: Vec<&str> = self
            .rows
            .values()
            .filter(|row| !row.is_found())
            .map(|row| row.bug.name())
            .collect();
        let survivors = match survivors.is_empty() {
            true => "none".to_owned(),
            false => survivors.join(", "),
        };
        writeln!(
            text,
            "- all together: {}; what survives: {survivors}",
            self.rows.values().filter(|row| row.is_found()).count()
        )
        .ok();
        text
    }
}

impl Row {
    /// What a suite that was run made of it.
    pub(crate) fn set(&mut self, suite: &str, found: Result<Found, Missed>) {
        self.by_suite.insert(suite.to_owned(), found);
    }

    pub(crate) fn found(&self, suite: &str) -> Option<&Found> {
        self.by_suite.get(suite)?.as_ref().ok()
    }

    pub(crate) fn is_found(&self) -> bool {
        let mut suites = self.by_suite.iter().filter(|(suite, _)| *suite != SMALL);
        suites.any(|(_, found)| found.is_ok())
    }

    /// Forgets what something made of it.
    pub(crate) fn forget(&mut self, suite: &str) {
        self.by_suite.remove(suite);
    }

    /// The drawn world that shows it.
    pub(crate) fn seed(&self) -> Option<u64> {
        self.found(DRAWN)?.seeds?.checked_sub(1)
    }

    /// What it ended in, if it was made small.
    pub(crate) fn small(&self) -> Option<Small> {
        Small::read(&self.found(SMALL)?.how)
    }

    /// It as a line of the table.
    pub(crate) fn line(&self) -> String {
        let cell = |(suite, _): &(&str, &str)| match self.by_suite.get(*suite) {
            None => String::new(),
            Some(Err(Missed(limit))) => format!("– {limit}").trim_end().to_owned(),
            Some(Ok(Found { how, seeds })) => match seeds {
                Some(seeds) => format!("{seeds}: {}", how.trim()),
                None => how.trim().to_owned(),
            },
        };
        let cells: Vec<String> = columns(self.bug.part()).iter().map(cell).collect();
        format!(
            "| `{}` | {} | {} |",
            self.bug.name(),
            self.bug.breaks(),
            cells.join(" | ")
        )
    }
}

fn read_cell(cell: &str) -> Result<Found, Missed> {
    if let Some(limit) = cell.strip_prefix('–') {
        return Err(Missed(limit.trim().to_owned()));
    }
    let numbered = cell
        .split_once(": ")
        .and_then(|(seeds, how)| Some((seeds.parse().ok()?, how)));
    Ok(match numbered {
        Some((seeds, how)) => Found::new(how, Some(seeds)),
        None => Found::new(cell, None),
    })
}
