//! `headcount completions`.

use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::console;

pub(super) fn completions(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "headcount", &mut script);
    console::print(&String::from_utf8(script).context("writing the completion script")?)?;
    Ok(ExitCode::SUCCESS)
}
