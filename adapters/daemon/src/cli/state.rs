//! What is said on the command line of what is kept over a restart.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use headcount_service::{state_folder, state_root};

use super::ReportFormat;

#[derive(Debug, Args)]
pub(crate) struct StateOptions {
    /// Keeps what is found in a folder below this one, and serves it after a restart until it is known better.
    ///
    /// Each configuration file has a folder of its own. What is in it is readable for its owner only, and has no
    /// passwords in it. Without this it is what systemd says (STATE_DIRECTORY), or else $XDG_STATE_HOME/headcount or
    /// ~/.local/state/headcount; without any of them nothing is kept, nor without --config.
    #[arg(long, value_name = "DIR", requires = "config")]
    state_dir: Option<PathBuf>,

    /// Keeps nothing over a restart.
    #[arg(long, conflicts_with = "state_dir")]
    no_state: bool,
}

impl StateOptions {
    /// The folder for this configuration, if there is to be one.
    pub(crate) fn folder(&self, config: &Path) -> Option<PathBuf> {
        if self.no_state {
            return None;
        }
        let root = self.state_dir.clone().or_else(state_root)?;
        Some(state_folder(&root, config))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// Prints what is in saved states: which sources, how many targets, and how old.
    Show {
        /// A folder with states, one with such folders, or a file that ends in .base.
        #[arg(value_name = "FILE-OR-DIR")]
        path: PathBuf,

        /// How to print it.
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        output: ReportFormat,
    },
}
