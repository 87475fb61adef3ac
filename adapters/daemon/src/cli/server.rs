//! Which daemon is asked, and how it is connected to.

use std::path::PathBuf;

use clap::Args;

/// The daemon that is asked or told.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// Asks the daemon at this URL. Without it, the one at http://127.0.0.1:9099.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,

    /// Connects to the daemon as this file says: `basic_auth`, `authorization`, `tls_config` and the other fields of an HTTP
    /// client, as a prometheus.yml and promtool have them.
    #[arg(long = "http.config.file", value_name = "FILE", hide_short_help = true)]
    pub(crate) http_config: Option<PathBuf>,
}
