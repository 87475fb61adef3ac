//! The options of the commands that run many seeds, replay, shrink, explain and compare.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use headcount_sim::{Span, Variation};

use super::cli::{Choice, Format};

#[derive(Debug, Args)]
pub(crate) struct SwarmOptions {
    #[command(flatten)]
    pub(super) choice: Choice,

    /// Has each seed draw a whole world: topology, jobs, settings, troubles, events. What fails is shrunk to a scenario.
    #[arg(long, conflicts_with_all = ["scenario", "hosts", "until", "as_written"])]
    pub(super) all: bool,

    /// Runs 10,000 seeds that follow from the clock: one half draws whole worlds, the other is shared among the scenarios
    /// that come with headcount.
    #[arg(long, conflicts_with_all = ["scenario", "until", "as_written", "all", "minutes"])]
    pub(super) nightly: bool,

    /// How many seeds are run; 100, unless there are minutes.
    #[arg(long, value_name = "N")]
    pub(super) seeds: Option<u64>,

    /// For how many minutes seeds are begun.
    #[arg(long, value_name = "M")]
    pub(super) minutes: Option<u64>,

    /// The first seed: 0, or with --nightly the clock's.
    #[arg(long, value_name = "N")]
    pub(super) first: Option<u64>,

    /// How many runs go on at once; without it, as many as there are processors.
    #[arg(long, value_name = "J")]
    pub(super) jobs: Option<NonZeroUsize>,

    /// Leaves nothing of the scenario out; else each seed draws which of its troubles it has.
    #[arg(long)]
    pub(super) as_written: bool,

    /// How the report is printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub(super) output: Format,

    /// The folder into which the input logs of failed runs are written.
    #[arg(long, value_name = "FOLDER", default_value = "swarm")]
    pub(super) save: PathBuf,

    /// How many of them at most.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(super) keep: usize,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayOptions {
    /// The input log, as `sim run --log` and `swarm` write it; or a recording, as `headcount run --record` does.
    pub(super) file: PathBuf,

    /// Takes what can be read of a log that is damaged or cut off.
    #[arg(long)]
    pub(super) damaged: bool,

    /// Of a recording: what the same reports would have come to under other throttles, for example
    /// `throttle=prometheus-2,backoff:1s..10s`.
    #[arg(long, value_name = "throttle=VALUE,…")]
    pub(super) vary: Vec<Variation>,

    /// Follows a host through the replay, and tells at its end how the receiver came to know it: of a recording by its
    /// address, with or without a port; of an input log by its number, too.
    #[arg(long, value_name = "HOST")]
    pub(super) host: Option<String>,

    /// Of a recording: has the reference model hear the same, and checks it by the contract's rules. Costs what
    /// there is at every input.
    #[arg(long)]
    pub(super) model: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExploreOptions {
    /// The input log of the run that is gone on from, as `sim run --log` writes it.
    #[arg(long, value_name = "LOG")]
    pub(super) from: PathBuf,

    /// The moment from which on all is drawn anew, as a time since the run's start.
    #[arg(long, value_name = "TIME")]
    pub(super) at: Span,

    /// In how many ways it goes on.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(super) futures: u64,

    /// The first seed; each is a way to go on.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) first: u64,

    /// How many go on at once; without it, as many as there are processors.
    #[arg(long, value_name = "J")]
    pub(super) jobs: Option<NonZeroUsize>,

    /// How the report is printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub(super) output: Format,

    /// The folder into which the input logs of those are written that come to harm.
    #[arg(long, value_name = "FOLDER", default_value = "futures")]
    pub(super) save: PathBuf,

    /// How many of them at most, one for each cause.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(super) keep: usize,
}

#[derive(Debug, Args)]
pub(crate) struct ShrinkOptions {
    /// The input log of a run that failed.
    pub(super) file: PathBuf,

    /// How many runs are tried at most.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(super) runs: u64,

    /// After how many seconds no other is tried. What a shrink ends in then depends on the machine.
    #[arg(long, value_name = "S", default_value_t = 120)]
    pub(super) seconds: u64,

    /// Takes what can be read of a log that is damaged or cut off.
    #[arg(long)]
    pub(super) damaged: bool,

    /// Prints a test in Rust in the place of a scenario.
    #[arg(long)]
    pub(super) test: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainOptions {
    /// A host of a scenario, by number (`12` or `h12`) or by the address that it has at that time; or a file: a recording, as
    /// `headcount run --record` writes it, or an input log.
    #[arg(value_name = "HOST|FILE")]
    pub(super) first: String,

    /// The time since the start, for example 5m30s; after a file, the host: of a recording by its address, with or without a
    /// port.
    #[arg(value_name = "TIME|HOST")]
    pub(super) second: String,

    /// After a file and a host, the time; without it, the end of the recording.
    #[arg(value_name = "TIME")]
    pub(super) third: Option<String>,

    #[command(flatten)]
    pub(super) choice: Choice,

    /// The seed of the random numbers; without it, the scenario's.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,

    /// An input log in the place of a scenario.
    #[arg(long, value_name = "FILE")]
    pub(super) log: Option<PathBuf>,

    /// How the answer is printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub(super) output: Format,
}

#[derive(Debug, Args)]
pub(crate) struct DiffOptions {
    /// A scenario (a name or a YAML file), or an input log (`*.jsonl`).
    pub(super) first: String,

    /// Another one.
    pub(super) second: String,

    /// The seed of the scenarios' random numbers; without it, each one's own.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,

    /// How the answer is printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub(super) output: Format,
}
