//! Options of `headcount events`.

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::{ReportFormat, Server};
use crate::commands::completing;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  it is told, be it nothing
  2  the question makes no sense, or there was nobody to ask

Times:
  2026-01-31T23:59:59Z, a Unix timestamp, or how long ago it was, for example 1h

Examples:
  headcount events --since 1h
  headcount events --job node --host db7.example.org
  headcount events --provider consul/0 --limit 100 --output json")]
pub(crate) struct EventsOptions {
    /// Tells what happened to this job, be it there or gone.
    #[arg(long, value_name = "JOB", add = ArgValueCandidates::new(completing::jobs))]
    pub(crate) job: Option<String>,

    /// Tells what happened to this provider, for example file/0, be it there or gone.
    #[arg(long, value_name = "PROVIDER", add = ArgValueCandidates::new(completing::providers))]
    pub(crate) provider: Option<String>,

    /// Tells what happened to targets at this host, with or without a port.
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,

    /// Tells what happened from then on.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// Tells of as many at most, the newest; up to 1000.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,

    #[command(flatten)]
    pub(crate) server: Server,

    /// How it is told.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) output: ReportFormat,
}
