//! `headcount man`: manual pages, made of what the command line says of itself.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;

use crate::cli::Cli;

/// Writes a page for headcount and one for each of its commands.
pub(super) fn man(folder: &Path) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("writing manual pages into {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
