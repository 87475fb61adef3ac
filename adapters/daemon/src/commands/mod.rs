//! What the command line's subcommands do, a module each.

mod check;
mod completions;
mod run;
mod sd;
mod sd_output;
pub(crate) mod sim;
mod table;
mod targets_output;

use std::process::ExitCode;

use crate::cli::{Cli, Command};

/// Carries out a command.
pub(crate) fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Run(options) => run::run(options),
        Command::Check { files } => check::check(&files),
        Command::Sd(options) => sd::sd(&options),
        Command::Sim { command } => sim::sim(command),
        Command::Completions { shell } => completions::completions(shell),
    }
}
