//! What an operator says to a running daemon: options of `headcount guard` and `headcount refresh`.

use std::time::Duration;

use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;

use super::{ReportFormat, Server, parse_interval};
use crate::commands::completing;

/// The daemon that is spoken to, and how its answer is told.
#[derive(Debug, Args)]
pub(crate) struct Daemon {
    #[command(flatten)]
    pub(crate) server: Server,

    /// How it is told.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) output: ReportFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GuardCommand {
    /// Lists the drops that are held, the next to count first.
    #[command(after_help = "\
Exit codes:
  0  no drop is held
  1  some are
  2  there was nobody to ask")]
    List {
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Says that a drop is true: its targets go now.
    #[command(after_help = "\
Exit codes:
  0  what was meant is held no more, or was not held
  2  it is not clear what is meant, there is no such provider, or there was nobody to ask

Examples:
  headcount guard confirm
  headcount guard confirm file/0
  headcount guard confirm --all")]
    Confirm {
        /// The provider whose drop it is, for example file/0. Without it, the one that is held.
        #[arg(value_name = "PROVIDER", add = ArgValueCandidates::new(completing::providers))]
        provider: Option<String>,

        /// Confirms all that are held.
        #[arg(long, conflicts_with = "provider")]
        all: bool,

        #[command(flatten)]
        daemon: Daemon,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  it was asked, and all is well; or there is nothing to ask
  1  it was asked, and not all is well, or it has not answered in time
  2  there is no such provider, or there was nobody to ask

Examples:
  headcount refresh http/1
  headcount refresh --manager notify dns/0
  curl -X POST http://127.0.0.1:9099/api/v1/providers/http/1/refresh")]
pub(crate) struct RefreshOptions {
    /// The provider, for example http/1.
    #[arg(value_name = "PROVIDER", add = ArgValueCandidates::new(completing::providers))]
    pub(crate) provider: String,

    /// Whose provider it is: `scrape` for jobs, `notify` for Alertmanagers. Without it, jobs come first.
    #[arg(long, value_name = "MANAGER")]
    pub(crate) manager: Option<String>,

    /// Waits so long for an answer, at most 10m.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_interval)]
    pub(crate) timeout: Duration,

    #[command(flatten)]
    pub(crate) daemon: Daemon,
}
