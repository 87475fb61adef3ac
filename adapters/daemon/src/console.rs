//! Standard output and standard error, for commands that end.
//!
//! The one rule: **a reader that went away is no error.** `headcount sd … | head` ends quietly. Whatever is written
//! is [printable]: no text from elsewhere commands the terminal.

mod notes;
pub(crate) mod paint;
pub(crate) mod progress;

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use anyhow::Context;
use headcount_core::printable;
use headcount_reader::Problem;

use crate::cli::Manners;
use paint::Judge;

/// How this process speaks, once the command line is read.
static MANNERS: OnceLock<Manners> = OnceLock::new();

/// Takes note of how to speak.
pub(crate) fn behave(manners: Manners) {
    MANNERS.set(manners).ok();
}

/// Writes what people read, a line in the colour of what it says.
pub(crate) fn print_painted(text: &str, judge: Judge) -> anyhow::Result<()> {
    print_painted_to_reader(text, judge).map(drop)
}

/// The same, for who goes on printing: whether somebody still reads it.
pub(crate) fn print_painted_to_reader(text: &str, judge: Judge) -> anyhow::Result<bool> {
    let choice = MANNERS.get().map(|manners| manners.color);
    let variable = |name: &str| std::env::var(name).ok();
    if choice.is_none_or(|choice| !paint::wanted(choice, io::stdout().is_terminal(), variable)) {
        return print_to_reader(text);
    }
    write(&paint::painted(&printable(text), judge))
}

/// What is said of what is remarkable about a configuration, a line each.
pub(crate) fn notes<'a>(warnings: impl IntoIterator<Item = &'a Problem>) -> Vec<String> {
    if MANNERS.get().is_some_and(|manners| manners.quiet) {
        return Vec::new();
    }
    notes::lines(warnings, wants_more())
}

/// Whether all is told where a summary would do.
pub(crate) fn wants_more() -> bool {
    MANNERS.get().is_some_and(|manners| manners.verbose > 0)
}

/// Writes to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    print_to_reader(text).map(drop)
}

/// The same, for who goes on printing: whether somebody still reads it.
pub(crate) fn print_to_reader(text: &str) -> anyhow::Result<bool> {
    write(&printable(text))
}

fn write(text: &str) -> anyhow::Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).context("writing to standard output"),
    }
}

/// Tells the terminal on standard output to do something.
pub(crate) fn command(sequence: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(sequence.as_bytes())
        .and_then(|()| out.flush())
        .context("writing to standard output")
}

/// Writes a line to standard error. There is nobody left to tell when that fails.
pub(crate) fn complain(line: &str) {
    writeln!(io::stderr().lock(), "{}", printable(line)).ok();
}
