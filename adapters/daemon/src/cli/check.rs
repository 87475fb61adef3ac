//! Options of `headcount check`.

use std::path::PathBuf;

use clap::Args;

use super::Unsupported;

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    /// A prometheus.yml; what it includes is checked too.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) unsupported: Unsupported,
}
