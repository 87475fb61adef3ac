//! The command line of `headcount sim`, as clap reads it.

use clap::{Args, Subcommand, ValueEnum};
use headcount_sim::Span;

/// How runs end, for the help of the whole.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  no rule was broken
  1  something could not be read or written
  2  the command line or the scenario makes no sense
  3  a rule was broken: something wrong was said
  4  a rule was broken: something right was not said, or not in time
  5  the rules hold, but the scenario expects more
  6  two runs of the same scenario and seed differ";

#[derive(Debug, Subcommand)]
pub(crate) enum SimCommand {
    /// Runs a scenario and prints what it came to.
    Run(RunOptions),
    /// Lists the scenarios that come with headcount.
    List,
    /// Prints a scenario as YAML, to start one of your own from.
    Show {
        /// Its name, or a file.
        scenario: String,
    },
}

/// Which scenario, and what is different about it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Choice {
    /// One that comes with headcount (see `headcount sim list`), or a YAML file.
    #[arg(long, value_name = "NAME|FILE", default_value = headcount_sim::DEFAULT)]
    pub(crate) scenario: String,

    /// How many hosts there are; services and zones that would have none are left out.
    #[arg(long, value_name = "N")]
    pub(crate) hosts: Option<u32>,

    /// How long the run lasts in virtual time, for example 24h.
    #[arg(long, value_name = "DURATION")]
    pub(crate) until: Option<Span>,
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    pub(crate) choice: Choice,

    /// Where the dice start; without it, where the scenario says.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Runs twice and compares: the same seed must give the same run.
    #[arg(long)]
    pub(crate) twice: bool,

    /// How the result is printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// The outcome as one JSON object.
    Json,
}
