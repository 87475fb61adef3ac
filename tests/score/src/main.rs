//! Plants bugs in headcount's core and in its adapters, one after the other, and says which suites find them.
//!
//! **What nothing finds shows where nobody looks.** With each bug of the core every suite is run: the simulator's drawn worlds
//! and its shipped scenarios here, tests as the programs that `tests/score/run` has built. With each of the adapters it is
//! their tests, until one fails. A suite has found a bug when it says that something is wrong, or comes to no end.
//!
//! It has bugs to plant in a build with `--cfg planted` only, which `tests/score/run` makes in a folder of its own.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

#[cfg(planted)]
mod planted;

use std::process::ExitCode;

#[cfg(planted)]
fn main() -> ExitCode {
    match planted::run(std::env::args().skip(1)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("score: {error}");
            ExitCode::from(2)
        }
    }
}

#[cfg(not(planted))]
fn main() -> ExitCode {
    eprintln!("score: this build has no bugs to plant; run tests/score/run, which makes one that has");
    ExitCode::from(2)
}
