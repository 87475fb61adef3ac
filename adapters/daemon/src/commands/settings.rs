//! `headcount settings`: the file with headcount's own settings.

use std::process::ExitCode;

use headcount_config::SETTINGS_SCHEMA;

use crate::cli::SettingsCommand;
use crate::console;

pub(super) fn run(command: &SettingsCommand) -> anyhow::Result<ExitCode> {
    match command {
        SettingsCommand::Schema => console::print(SETTINGS_SCHEMA)?,
    }
    Ok(ExitCode::SUCCESS)
}
