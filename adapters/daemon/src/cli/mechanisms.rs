//! Mechanisms that a build lacks, for every command that reads a configuration.

use std::path::Path;

use clap::Args;
use headcount_config::Loader;

/// What becomes of mechanisms that Prometheus has and this build lacks.
#[derive(Debug, Clone, Args)]
pub(crate) struct Unsupported {
    /// Takes mechanisms that this build lacks, with a warning, instead of refusing the configuration.
    ///
    /// The targets that they would find are missing then, so the list of such a job is never complete, and not
    /// served: its readers keep the list that they have. With `serve_incomplete: true` in headcount.yml it is served with
    /// what the other mechanisms find. `headcount mechanisms` lists what this build has.
    #[arg(long)]
    pub(crate) allow_unsupported: bool,

    /// Reads configurations as a build does that lacks this mechanism.
    ///
    /// It shows what becomes of a configuration in a smaller build; there may be builds that lack nothing.
    #[arg(long, value_name = "NAME", hide = true)]
    pub(crate) without_mechanism: Vec<String>,
}

impl Unsupported {
    /// What reads configurations accordingly, with settings from this file.
    pub(crate) fn loader_with(&self, settings: Option<&Path>) -> Loader {
        let all = headcount_service::loader().allow_unsupported(self.allow_unsupported);
        let names = self.without_mechanism.iter();
        let loader = names.fold(all, |loader, name| loader.without(name));
        match settings {
            Some(file) => loader.settings(file),
            None => loader,
        }
    }
}
