//! Options of the commands that answer questions.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;

use super::{Reading, Server, parse_interval};
use crate::commands::completing;

/// Where targets are looked up.
#[derive(Debug, Args)]
pub(crate) struct Origin {
    /// Runs the discovery of this prometheus.yml once, as `headcount sd` does; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "http_config"])]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) reading: Reading,

    #[command(flatten)]
    pub(crate) server: Server,

    /// Gives up on backends that have not answered by then; with --config only.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_interval)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  found, and at least one is scraped
  1  found, but none is scraped: dropped, duplicate, invalid, or over a limit
  2  the question makes no sense, or there was nobody to ask
  3  nowhere, and every provider has answered
  4  nowhere, but a provider fails or has not answered, so it may be there

Examples:
  headcount explain db7.example.org
  headcount explain node 10.0.0.7:9100
  headcount explain node rack=7 env=prod
  headcount explain --config prometheus.yml node instance=db7:9100")]
pub(crate) struct ExplainOptions {
    #[command(flatten)]
    pub(crate) origin: Origin,

    /// A job, and LABEL=VALUE as often as needed or an address; without a job, all are looked at.
    ///
    /// A target matches when each LABEL has its VALUE, as discovered or after relabelling. An
    /// address is a host with or without a port; a target matches when that is its __address__, as
    /// discovered or after relabelling, or its instance. Upper and lower case are the same in
    /// hosts, and a dot at the end counts for nothing.
    #[arg(value_name = "WHAT", required = true, add = ArgValueCandidates::new(completing::jobs))]
    pub(crate) what: Vec<String>,

    /// Tells of as many targets at most; the others are counted.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) limit: usize,

    /// How it is told.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) output: ReportFormat,
}
