//! The `headcount` binary: the command line around the libraries that do the work.
//!
//! * `cli`: what can be said on the command line; `commands`: what it does.
//! * `signals`, `service_manager`, `logging`, `console`, `limits`: the process and what it prints.
//!
//! The one rule: **what is here is about this process**: words, signals, printing, exit codes. What
//! somebody else may want as well is in `headcount-service` and `headcount-questions`.

mod cli;
mod commands;
mod console;
mod limits;
mod logging;
mod service_manager;
mod signals;

use std::process::ExitCode;

use clap::Parser;

/// For `sim bench`, in builds for that: nobody else is to pay for it.
#[cfg(feature = "count-allocations")]
#[global_allocator]
static ALLOCATOR: headcount_allocations::Counting<false> = headcount_allocations::Counting;

fn main() -> ExitCode {
    if let Some(code) = commands::completing::answered() {
        return code;
    }
    let cli = cli::Cli::parse();
    commands::execute(cli).unwrap_or_else(|error| {
        console::complain(&format!("headcount: {error:#}"));
        ExitCode::FAILURE
    })
}
