//! What is taken in a configuration, for every command that reads one.

use std::path::Path;

use clap::{Args, ValueEnum};
use headcount_config::{Dialect, Loader};

/// Whose configuration it is, and what becomes of mechanisms that Prometheus has and this build lacks.
#[derive(Debug, Clone, Args)]
pub(crate) struct Taken {
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

    /// Whose file it is. vmagent's may have its relabelling (`if`, `replace_all`, `graphite` and so on), rules of Prometheus
    /// mean what vmagent makes of them, and settings of jobs that only vmagent has are taken.
    #[arg(long = "dialect", value_name = "DIALECT", value_enum, default_value_t = Whose::Prometheus)]
    pub(crate) whose: Whose,
}

/// Who else reads a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Whose {
    Prometheus,
    Vmagent,
}

impl From<Whose> for Dialect {
    fn from(whose: Whose) -> Self {
        match whose {
            Whose::Prometheus => Self::Prometheus,
            Whose::Vmagent => Self::Vmagent,
        }
    }
}

impl Taken {
    /// The same for files of Prometheus.
    pub(crate) fn for_prometheus(&self) -> Loader {
        self.loader_with(None).dialect(Dialect::Prometheus)
    }

    /// What reads configurations accordingly, with settings from this file.
    pub(crate) fn loader_with(&self, settings: Option<&Path>) -> Loader {
        let all = headcount_service::loader()
            .allow_unsupported(self.allow_unsupported)
            .dialect(self.whose.into());
        let names = self.without_mechanism.iter();
        let loader = names.fold(all, |loader, name| loader.without(name));
        match settings {
            Some(file) => loader.settings(file),
            None => loader,
        }
    }
}
