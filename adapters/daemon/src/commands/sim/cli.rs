//! The command line of `headcount sim`, as clap reads it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use headcount_sim::{Span, Variation};

use super::tool_options::{DiffOptions, ExplainOptions, ExploreOptions, ReplayOptions, ShrinkOptions, SwarmOptions};

/// How runs end, for the help of the whole.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  no rule was broken
  1  something could not be read or written
  2  the command line or the scenario makes no sense
  3  a rule was broken: something wrong was said
  4  a rule was broken: something right was not said, or not in time
  5  the rules hold, but the scenario expects more
  6  two runs of the same scenario and seed differ
  7  a run panicked";

#[derive(Debug, Subcommand)]
pub(crate) enum SimCommand {
    /// Runs a scenario and prints what it came to.
    Run(RunOptions),
    /// Runs many seeds, each with some of the troubles left out or with a world of its own, and sums up what was seen.
    Swarm(SwarmOptions),
    /// Runs an input log again and compares with the run that wrote it.
    Replay(ReplayOptions),
    /// Goes on from a moment of an input log in many ways, and tells how many of them come to harm, and by what.
    Explore(ExploreOptions),
    /// Makes the failure that an input log shows small: prints a short scenario, or a test.
    Shrink(ShrinkOptions),
    /// Tells hop by hop how the receiver came to know a host, or why it does not: of a scenario, an input log, or a recording
    /// of a daemon (`headcount sim explain incident.jsonl db7`).
    Explain(ExplainOptions),
    /// Says where two runs part, and how their figures differ.
    Diff(DiffOptions),
    /// Measures the simulator: a fixed run without faults, with its work counted (comparisons,
    /// allocations, bytes), so that a busy machine does not show.
    Bench(BenchOptions),
    /// Compares ways to share targets out among members: how even they are, and what moves.
    CompareAllocators {
        /// How many targets there are.
        #[arg(long, value_name = "N", default_value_t = 100_000)]
        targets: usize,

        /// How many members there are.
        #[arg(long, value_name = "N", default_value_t = 100)]
        members: usize,

        /// The seed of the random numbers.
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,

        /// How the result is printed.
        #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
        output: Format,
    },
    /// Lists the scenarios that come with headcount, or the words that scenarios can use.
    List {
        /// What is listed.
        #[arg(value_enum, default_value_t = Listed::Scenarios)]
        what: Listed,
    },
    /// Prints the JSON Schema of scenario files, for editors.
    ///
    /// Write it beside your scenarios as scenario.schema.json, and begin each with
    /// `# yaml-language-server: $schema=scenario.schema.json`.
    Schema,
    /// Prints a scenario as YAML, to start one of your own from.
    Show {
        /// Its name, or a file.
        scenario: String,
    },
}

/// Which scenario, and what is different about it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Choice {
    /// One that comes with headcount (see `headcount sim list`), one that a seed draws (`drawn-7`), or a YAML file.
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

    /// The seed of the random numbers; without it, the scenario's.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Runs twice and compares: the same seed must give the same run.
    #[arg(long, conflicts_with = "vary")]
    pub(crate) twice: bool,

    /// Writes the input log, for `replay`, `shrink`, `explain` and `diff`.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,

    /// Writes what happens, a line for each change of state in fixed columns, with a legend.
    ///
    /// A file that ends in .jsonl gets every event in full, a JSON object each. `-` is the standard
    /// output.
    #[arg(long, value_name = "FILE", conflicts_with = "vary")]
    pub(crate) trace: Option<PathBuf>,

    /// Compares settings: one run for each value, and for each combination if given again.
    ///
    /// `throttle=ticker:5s,backoff:100ms..5s` or by name `throttle=prometheus-2,prometheus-3`;
    /// `per_set=false,true`; `guard=none,30%:10m`; `incomplete_after=none,2m`; `sources=place,sticky`;
    /// `refresh=15s,60s`; `receiver=0s,2s`; `cache=0s,30s`; `hosts=100,1000`. Any other field of the scenario is named by its path:
    /// `discoverers.cmdb.refresh=15s,30s,60s`, `manager.guard={max_drop: 30%, hold: 10m},none`, `churn.0.steady.rate=1%,5%`. The last
    /// line says which setting is the cheapest of those that meet what the scenario expects.
    #[arg(long, value_name = "SETTING=VALUE,…")]
    pub(crate) vary: Vec<Variation>,

    /// How the result is printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,

    /// Also writes the result as a page with a timeline, or with --vary of the comparison; it needs nothing but a browser.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BenchOptions {
    /// How long the run lasts in virtual time.
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    pub(crate) until: Span,

    /// How many hosts there are.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(crate) hosts: u32,

    /// How many discoverers there are, each with a service of its own.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(crate) discoverers: u32,

    /// Leaves the rules unchecked, to see what checking costs.
    #[arg(long)]
    pub(crate) unchecked: bool,

    /// How the result is printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    /// The scenarios that come with headcount.
    Scenarios,
    /// Kinds of backends.
    Backends,
    /// What happens to hosts.
    Churn,
    /// What happens to processes and their configuration.
    Events,
    /// What goes wrong.
    Faults,
    /// What is worth seeing in a run.
    Marks,
    /// What every run is checked by, and which faults each rule endures.
    Rules,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// The outcome as one JSON object; with --vary, a list of them with their settings; of a bench, with
    /// its work.
    Json,
}
