//! The program, where there are bugs to plant.

mod arguments;
mod place;
mod process;
mod simulated;
mod small;
mod suite;
mod table;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use headcount_core::planted::bugs::{Bug, Part};
use small::{SMALL, Sizes};
use suite::Found;
use table::{Missed, Row, Table};

/// Of the core's bugs so many of a hundred are to be found by drawn worlds alone.
const FROM_DRAWN_WORLDS: usize = 90;

/// Does what the command line says.
pub(crate) fn run(words: impl Iterator<Item = String>) -> Result<ExitCode, String> {
    let arguments = Arguments::read(words)?;
    match arguments.command {
        Command::List => {
            for bug in Bug::ALL {
                println!(
                    "{:?} {:<18} {:<30} {}",
                    bug.part(),
                    bug.kind(),
                    bug.name(),
                    bug.breaks()
                );
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Drawn => simulated::drawn(arguments.seeds),
        Command::Small => simulated::small(arguments.seed),
        Command::Shipped => simulated::shipped(),
        Command::Score => score(&arguments),
    }
}

/// Runs every suite with each bug, and writes the table.
fn score(arguments: &Arguments) -> Result<ExitCode, String> {
    let suites = arguments.suites();
    for suite in &suites {
        if let Some(found) = suite.run(None, arguments)? {
            return Err(format!("{suite} finds something without any bug: {}", found.how));
        }
    }
    let mut table = match &arguments.table {
        Some(path) => Table::read(arguments.part, path)?,
        None => Table::new(arguments.part),
    };
    let bugs = arguments.bugs(&table)?;
    for (number, bug) in bugs.iter().enumerate() {
        let mut row = table.row(*bug);
        for suite in &suites {
            let found = suite.run(Some(*bug), arguments)?;
            row.set(suite.name(), found.ok_or_else(|| Missed(suite.limit(arguments))));
        }
        if arguments.makes_small() {
            match row.seed() {
                Some(seed) => row.set(SMALL, small::made_small(*bug, seed)?),
                // What never ends can't be run again and again.
                None => row.forget(SMALL),
            }
        }
        println!("{:>3}/{} {}", number + 1, bugs.len(), row.line());
        table.put(row);
        if let Some(path) = arguments.table.as_ref().filter(|_| !arguments.is_sample()) {
            table.write(path)?;
        }
    }
    Ok(judge(arguments, &table, &bugs))
}

/// Says how many of the bugs are found, and by whom, and how small what shows them is.
fn judge(arguments: &Arguments, table: &Table, bugs: &[Bug]) -> ExitCode {
    let part = arguments.part;
    let rows: Vec<Row> = bugs.iter().map(|bug| table.row(*bug)).collect();
    let survivors = |is_found: &dyn Fn(&Row) -> bool| -> Vec<&str> {
        let left = rows.iter().filter(|row| !is_found(row));
        left.map(|row| row.bug.name()).collect()
    };
    let from_drawn = survivors(&|row| row.found(suite::DRAWN).is_some());
    let from_all = survivors(&|row| row.is_found());
    let found = bugs.len() - from_drawn.len();
    let not_small = survivors(&|row| row.seed().is_none() || row.small().is_some());
    let small = Sizes(rows.iter().filter_map(Row::small).collect());
    if part == Part::Core {
        println!(
            "drawn worlds find {found} of {}; not: {}",
            bugs.len(),
            from_drawn.join(", ")
        );
    }
    if arguments.makes_small() {
        println!("made small: {small}; not: {}", not_small.join(", "));
    }
    println!(
        "all suites together find {} of {}; not: {}",
        bugs.len() - from_all.len(),
        bugs.len(),
        from_all.join(", ")
    );
    let is_drawn = part == Part::Adapters || found * 100 >= bugs.len() * FROM_DRAWN_WORLDS;
    let is_small = !arguments.makes_small() || (not_small.is_empty() && small.are_enough());
    let is_enough = is_drawn && is_small && from_all.is_empty();
    ExitCode::from(u8::from(!is_enough))
}

impl Found {
    fn new(how: impl Into<String>, seeds: Option<u64>) -> Self {
        Self { how: how.into(), seeds }
    }
}
