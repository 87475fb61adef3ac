//! Standard output and standard error, for commands that end.
//!
//! The one rule: **a reader that went away is no error.** `headcount sd … | head` ends quietly. Whatever is written
//! is [printable]: no text from elsewhere commands the terminal.

use std::io::{self, Write};

use anyhow::Context;
use headcount_core::printable;

/// Writes to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    print_to_reader(text).map(drop)
}

/// The same, for who goes on printing: whether somebody still reads it.
pub(crate) fn print_to_reader(text: &str) -> anyhow::Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(printable(text).as_bytes()).and_then(|()| out.flush()) {
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
