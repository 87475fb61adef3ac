//! Options of `headcount adopt`.

use std::path::PathBuf;

use clap::Args;

use super::Unsupported;

#[derive(Debug, Args)]
#[command(after_help = "\
What discovers becomes an http_sd_configs on headcount in each job, and stays as a comment; nothing else is touched. Rules
stay in Prometheus, but for jobs of which a rule looks at __meta_url: headcount relabels these. headcount goes on reading
the file as it was.

What is printed was read again, and says of every job what the file said before, but for how its targets are found.

Exit codes:
  0  the configuration is on standard output
  1  it is wrong, or can't be rewritten so that it means the same

Example:
  headcount adopt prometheus.yml --url http://headcount:9099 > adopted.yml")]
pub(crate) struct AdoptOptions {
    /// The prometheus.yml that discovers; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Where Prometheus reaches headcount.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9099")]
    pub(crate) url: String,

    #[command(flatten)]
    pub(crate) unsupported: Unsupported,
}
