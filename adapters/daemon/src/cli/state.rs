//! What is said on the command line of what is kept over a restart.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use headcount_service::{ServiceBuilder, state_folder};

use super::ReportFormat;

#[derive(Debug, Args)]
pub(crate) struct StateOptions {
    /// Keeps what is found in a folder below this one, and serves it after a restart until it is known better.
    ///
    /// Each configuration file has a folder of its own. What is in it is readable for its owner only, and has no
    /// passwords in it. Without this it is `state.dir` of the settings, or what systemd says (STATE_DIRECTORY), or else
    /// $XDG_STATE_HOME/headcount or ~/.local/state/headcount; without any of them nothing is kept, nor without --config.
    #[arg(long, value_name = "DIR", requires = "config")]
    state_dir: Option<PathBuf>,

    /// Keeps nothing over a restart, whatever the settings say.
    #[arg(long, conflicts_with = "state_dir")]
    no_state: bool,
}

impl StateOptions {
    /// Has what is found for this configuration kept, if it is to be.
    pub(crate) fn keep(&self, builder: ServiceBuilder, config: &Path) -> ServiceBuilder {
        match &self.state_dir {
            _ if self.no_state => builder,
            Some(root) => builder.state(state_folder(root, config)),
            None => builder.state_as_settings(config),
        }
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
