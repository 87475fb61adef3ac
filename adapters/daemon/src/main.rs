//! The `headcount` binary: command line, HTTP API and outputs around the discovery manager.
//!
//! * `cli`: what can be said on the command line; `commands`: what it does.
//! * `plan`: what a configuration asks for; `reload`: from one plan to the next while running.
//! * `discovery`: a running manager, and the view of its state that everything else reads.
//! * `targets`: what relabelling, checks and limits make of what is discovered.
//! * `scraping`: whether targets are really there, for those who ask for it.
//! * `server`: the HTTP API. `output`: files that are kept up to date.
//!
//! The one rule: **nothing that reads the state can hold it up.** Whoever answers a request or
//! writes a file reads an immutable [view](discovery::View), and works on a thread where slow work is allowed.

mod app;
mod cli;
mod commands;
mod console;
mod default_config;
mod discovery;
mod executor;
mod limits;
mod logging;
mod mechanisms;
mod output;
mod plan;
mod reload;
mod scraping;
mod server;
mod signals;
mod targets;
mod wall_clock;

use std::process::ExitCode;

use clap::Parser;

/// For `sim bench`. Tests of memory bring an allocator of their own.
#[cfg(not(test))]
#[global_allocator]
static ALLOCATOR: headcount_allocations::Counting<false> = headcount_allocations::Counting;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    commands::execute(cli).unwrap_or_else(|error| {
        console::complain(&format!("headcount: {error:#}"));
        ExitCode::FAILURE
    })
}
