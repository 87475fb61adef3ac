//! What the command line's subcommands do, a module each.

mod adopt;
mod check;
pub(crate) mod completing;
mod completions;
mod coverage;
mod diff;
mod events;
mod explain;
mod guard;
mod input;
mod man;
mod mechanisms;
mod origin;
mod refresh;
mod run;
mod sd;
mod settings;
#[cfg(feature = "sim")]
pub(crate) mod sim;
mod state;
mod status;

use std::process::ExitCode;

use headcount_questions::json_text;
use serde::Serialize;

use crate::cli::{Cli, Command};
use crate::console;

/// The exit code for questions that make no sense or can't be answered, as clap has it.
const TROUBLE: u8 = 2;

/// Carries out a command.
pub(crate) fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    console::behave(cli.manners);
    match cli.command {
        Command::Run(options) => run::run(&options, cli.manners),
        Command::Adopt(options) => adopt::adopt(&options),
        Command::Check(options) => check::check(&options),
        Command::Mechanisms { output } => mechanisms::mechanisms(output),
        Command::Sd(options) => sd::sd(&options),
        Command::Diff(options) => Ok(or_trouble(diff::run(&options))),
        Command::Explain(options) => Ok(or_trouble(explain::run(&options))),
        Command::Status(options) => Ok(or_trouble(status::run(&options))),
        Command::Events(options) => Ok(or_trouble(events::run(&options))),
        Command::Guard { command } => Ok(or_trouble(guard::run(&command))),
        Command::Refresh(options) => Ok(or_trouble(refresh::run(&options))),
        Command::Coverage(options) => Ok(or_trouble(coverage::run(&options))),
        Command::State { command } => Ok(or_trouble(state::run(&command))),
        Command::Settings { command } => settings::run(&command),
        #[cfg(feature = "sim")]
        Command::Sim { command } => sim::sim(command),
        Command::Man { folder } => man::man(&folder),
        Command::Completions { shell } => completions::completions(shell),
    }
}

/// Where exit code 1 is an answer, what went wrong has another.
fn or_trouble(answered: anyhow::Result<ExitCode>) -> ExitCode {
    answered.unwrap_or_else(|error| {
        console::complain(&format!("headcount: {error:#}"));
        ExitCode::from(TROUBLE)
    })
}

/// Writes a report for programs.
fn print_json(report: &(impl Serialize + ?Sized)) -> anyhow::Result<()> {
    console::print(&json_text(report)?)
}
