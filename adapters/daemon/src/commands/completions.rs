//! `headcount completions`.

use std::process::ExitCode;

use anyhow::Context;
use clap_complete::Shell;

use super::completing;
use crate::console;

pub(super) fn completions(shell: Shell) -> anyhow::Result<ExitCode> {
    let script = completing::script(&shell.to_string()).context("writing the completion script")?;
    console::print(&String::from_utf8(script).context("writing the completion script")?)?;
    Ok(ExitCode::SUCCESS)
}
