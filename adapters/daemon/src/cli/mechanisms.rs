//! Mechanisms that a build lacks, for every command that reads a configuration.

use clap::Args;
use headcount_config::Loader;

/// What becomes of mechanisms that Prometheus has and this build lacks.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Unsupported {
    /// Takes mechanisms that this build lacks, with a warning, instead of refusing the configuration.
    ///
    /// The targets that they would find are missing then, so the list of such a job is never complete, and not
    /// served: its readers keep the list that they have. `headcount mechanisms` lists what this build has.
    #[arg(long)]
    pub(crate) allow_unsupported: bool,
}

impl Unsupported {
    /// What reads configurations accordingly.
    pub(crate) fn loader(self) -> Loader {
        headcount_service::loader().allow_unsupported(self.allow_unsupported)
    }
}
