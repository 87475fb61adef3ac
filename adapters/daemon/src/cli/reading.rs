//! How configurations are read, for every command that reads one.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use headcount_config::Loader;

use super::Taken;

/// How a configuration is read.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reading {
    /// Reads headcount's own settings from this file; without it, from the headcount.yml beside the prometheus.yml, if
    /// there is one.
    ///
    /// `headcount settings schema` prints the JSON Schema of such files.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) taken: Taken,
}

impl Reading {
    /// What reads configurations accordingly.
    pub(crate) fn loader(&self) -> Loader {
        self.taken.loader_with(self.settings.as_deref())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// Prints the JSON Schema of headcount.yml, for editors.
    Schema,
}
