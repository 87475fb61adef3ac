//! The table of what finds which bug, as it is kept in a file.

use core::fmt::Write as _;
use std::collections::BTreeMap;
use std::path::Path;

use headcount_core::planted::bugs::Bug;

use super::suite::{DRAWN, Found, SHIPPED};

/// By bug, what each suite made of it.
#[derive(Debug, Default)]
pub(crate) struct Table(BTreeMap<Bug, Row>);

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

/// The suites of the table, and what their columns are called.
const COLUMNS: [(&str, &str); 5] = [
    (DRAWN, "drawn worlds"),
    (SHIPPED, "shipped scenarios"),
    ("rules", "rules' tests"),
    ("core", "core's tests"),
    ("museum", "museum"),
];

const HEAD: &str = "# The score

Bugs that `tests/score/run` plants in the core (`core/src/planted`), and what finds them. It writes this file.

A number says after how many seeds it was found, and by which rule; of shipped scenarios, after how many runs, and in which
one. Of tests it is named which one failed first. – is not found, by as many seeds as it says or within as many seconds; where
it says nothing of that, by all of it. What is empty was not run. A process is ended after 15 min, and one of the simulator's
after a minute in which it gets to no other seed: \"no end\" is a find.
";

impl Table {
    /// What was written; nothing, if nothing was.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("reading {}: {error}", path.display())),
        };
        let mut table = Self::default();
        for line in text.lines() {
            let mut cells = line.split('|').map(str::trim).skip(1);
            // A bug that is no longer there has no row.
            let name = cells.next().unwrap_or_default().trim_matches('`');
            let Some(mut row) = Bug::named(name).map(|bug| table.row(bug)) else {
                continue;
            };
            for ((suite, _), cell) in COLUMNS.iter().zip(cells.skip(1)) {
                if !cell.is_empty() {
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
        self.0.get(&bug).cloned().unwrap_or(Row { bug, by_suite })
    }

    pub(crate) fn put(&mut self, row: Row) {
        self.0.insert(row.bug, row);
    }

    fn text(&self) -> String {
        let mut text = format!("{HEAD}\n{}", self.summary());
        let mut kind = "";
        for row in self.0.values() {
            if row.bug.kind() != kind {
                kind = row.bug.kind();
                let names = COLUMNS.map(|(_, name)| name).join(" | ");
                let rule = ["---"; COLUMNS.len() + 2].join("|");
                // Writing to a text can't fail.
                write!(text, "\n## {kind}\n\n| bug | what goes wrong | {names} |\n|{rule}|\n").ok();
            }
            writeln!(text, "{}", row.line()).ok();
        }
        text
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        for (suite, name) in COLUMNS {
            let run: Vec<&Row> = self.0.values().filter(|row| row.by_suite.contains_key(suite)).collect();
            let found = run.iter().filter(|row| row.found(suite).is_some()).count();
            writeln!(text, "- {name}: {found} of {} that were run", run.len()).ok();
        }
        let survivors: Vec<&str> = self
            .0
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
            self.0.values().filter(|row| row.is_found()).count()
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
        self.by_suite.values().any(Result::is_ok)
    }

    /// It as a line of the table.
    pub(crate) fn line(&self) -> String {
        let cells = COLUMNS.map(|(suite, _)| match self.by_suite.get(suite) {
            None => String::new(),
            Some(Err(Missed(limit))) => format!("– {limit}").trim_end().to_owned(),
            Some(Ok(Found { how, seeds })) => match seeds {
                Some(seeds) => format!("{seeds}: {}", how.trim()),
                None => how.trim().to_owned(),
            },
        });
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
