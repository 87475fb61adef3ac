//! Options of `headcount status`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use headcount_questions::status::SortBy;

use super::operator::Daemon;
use super::parse_interval;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  all is well
  1  something is not: a provider fails, waits or is held, a job's list is not whole, a reload was refused
  2  there was nobody to ask

Examples:
  headcount status
  headcount status --sort age
  headcount status --watch
  headcount status --output json | jq '.providers[] | select(.condition != \"ok\")'")]
pub(crate) struct StatusOptions {
    #[command(flatten)]
    pub(crate) daemon: Daemon,

    /// What providers are sorted by; those that are not well come first in any case.
    #[arg(long, value_name = "BY", value_enum, default_value_t = Sort::Churn)]
    pub(crate) sort: Sort,

    /// Lines of each part; what is left out is counted.
    #[arg(long, value_name = "N", default_value_t = 12, conflicts_with = "all")]
    pub(crate) limit: usize,

    /// Shows all jobs and all providers.
    #[arg(long)]
    pub(crate) all: bool,

    /// Asks again every INTERVAL (5s if only the flag is given) until it is stopped.
    #[arg(
        long,
        value_name = "INTERVAL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "5s",
        value_parser = parse_interval
    )]
    pub(crate) watch: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// How much of what they find changes: the noisiest first.
    Churn,
    /// How long ago they were read: the stalest first.
    Age,
    /// How long a refresh takes.
    Time,
    /// The memory that their groups take.
    Memory,
    /// How often they failed.
    Failures,
    /// How many targets they have.
    Targets,
    /// Their names.
    Name,
}

impl From<Sort> for SortBy {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Churn => Self::Churn,
            Sort::Age => Self::Age,
            Sort::Time => Self::Time,
            Sort::Memory => Self::Memory,
            Sort::Failures => Self::Failures,
            Sort::Targets => Self::Targets,
            Sort::Name => Self::Name,
        }
    }
}
