//! The command line, as clap reads it.

mod adopt;
mod check;
mod coverage;
mod diff;
mod events;
mod limits;
mod manners;
mod mechanisms;
mod operator;
mod questions;
mod reading;
mod server;
mod state;
mod status;
mod web;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::{ArgValueCandidates, Shell};
use headcount_core::{Percent, Throttle, parse_duration};
use headcount_questions::ListFormat;

use crate::commands::completing;
#[cfg(feature = "sim")]
use crate::commands::sim::{EXIT_CODES, SimCommand};

pub(crate) use adopt::AdoptOptions;
pub(crate) use check::CheckOptions;
pub(crate) use coverage::CoverageOptions;
pub(crate) use diff::DiffOptions;
pub(crate) use events::EventsOptions;
pub(crate) use limits::LimitOptions;
pub(crate) use manners::{ColorChoice, Manners};
pub(crate) use mechanisms::{Taken, Whose};
pub(crate) use operator::{GuardCommand, RefreshOptions};
pub(crate) use questions::{ExplainOptions, Origin, ReportFormat};
pub(crate) use reading::{Reading, SettingsCommand};
pub(crate) use server::Server;
pub(crate) use state::{StateCommand, StateOptions};
pub(crate) use status::StatusOptions;
pub(crate) use web::WebOptions;

/// Runs Prometheus's service discovery on its own and serves what it finds.
///
/// headcount reads a prometheus.yml, runs its service discovery, and serves each job's targets as
/// a list that Prometheus takes with http_sd_configs or file_sd_configs.
#[derive(Debug, Parser)]
#[command(
    name = "headcount",
    version,
    arg_required_else_help = true,
    after_help = "Start with `headcount run`, which shows what listens on this machine, and open http://127.0.0.1:9099/."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) manners: Manners,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Discovers targets and serves them until it is stopped.
    Run(Box<RunOptions>),
    /// Checks configuration files: one line for each problem, exit code 1 if there is any.
    Check(CheckOptions),
    /// Lists the mechanisms that this build discovers with.
    Mechanisms {
        /// How to print them.
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        output: ReportFormat,
    },
    /// Discovers targets once and prints them; exit code 1 if a backend failed.
    Sd(SdOptions),
    /// Says how a daemon fares: its jobs, its providers, and what is wrong.
    Status(StatusOptions),
    /// Says what became of a host or target, and why, also when it is nowhere.
    Explain(ExplainOptions),
    /// Says what a reload would start, stop and relabel, before it is done.
    Diff(DiffOptions),
    /// Prints the prometheus.yml with which Prometheus reads headcount's lists in place of discovering by itself.
    Adopt(AdoptOptions),
    /// Says which hosts of an inventory are scraped, and why the others are not.
    Coverage(CoverageOptions),
    /// Says what happened to targets and providers, also to those that are gone.
    Events(EventsOptions),
    /// Lists the drops of targets that a daemon holds, and confirms them.
    Guard {
        /// What to do.
        #[command(subcommand)]
        command: GuardCommand,
    },
    /// Has a provider of a daemon ask its backend now.
    Refresh(RefreshOptions),
    /// Looks at what `run` keeps over a restart.
    State {
        /// What to do.
        #[command(subcommand)]
        command: StateCommand,
    },
    /// Tells about headcount.yml, the file with headcount's own settings.
    Settings {
        /// What to do.
        #[command(subcommand)]
        command: SettingsCommand,
    },
    /// Runs the core under virtual time: what settings and faults do to a fleet, in seconds.
    #[cfg(feature = "sim")]
    #[command(after_help = EXIT_CODES)]
    Sim {
        /// What to do.
        #[command(subcommand)]
        command: SimCommand,
    },
    /// Writes manual pages: one of headcount, and one of each of its commands.
    Man {
        /// The folder, which is made if need be.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// The prometheus.yml; without it, headcount shows what listens on this machine.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) reading: Reading,

    /// The address to serve on; port 0 takes any that is free. Without it, `web.listen` of the settings, or else
    /// 127.0.0.1:9099.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,

    #[command(flatten)]
    pub(crate) web: WebOptions,

    /// Keeps a file for file_sd_configs in this folder for each job, `<job>.json`.
    ///
    /// A file is replaced as a whole, and only when its content changes. Characters of a job's
    /// name other than letters, digits, `-`, `_` and inner dots are written as %XX. Files of jobs
    /// that are gone are removed if headcount wrote them.
    #[arg(long, value_name = "DIR")]
    pub(crate) file_sd_dir: Option<PathBuf>,

    /// Writes the targets as they are after relabelling, for readers without rules of their own.
    #[arg(long, requires = "file_sd_dir")]
    pub(crate) file_sd_relabelled: bool,

    /// Scrapes the targets, as Prometheus would, to show whether they are really there; samples are
    /// not kept.
    ///
    /// Health, duration, samples and the last error of each target stand in /api/v1/targets.
    #[arg(long)]
    pub(crate) scrape: bool,

    /// How many scrapes may run at once; the others wait.
    #[arg(long, value_name = "NUMBER", default_value = "2000", requires = "scrape")]
    pub(crate) max_scrapes: NonZeroUsize,

    /// Reloads when the configuration or a file that it includes has changed; looks every
    /// INTERVAL (30s if only the flag is given).
    #[arg(
        long,
        value_name = "INTERVAL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "30s",
        value_parser = parse_interval
    )]
    pub(crate) auto_reload: Option<Duration>,

    /// How soon changes become visible: `ticker:5s` at most every 5 s, as Prometheus 2 did, or
    /// `backoff:100ms..5s` soon after a first change and less often while changes keep coming. Without it,
    /// `throttle.policy` of the settings, or else backoff:100ms..5s.
    #[arg(long, value_name = "POLICY")]
    pub(crate) throttle: Option<Throttle>,

    /// Holds what would remove more than this share of a job's targets, at once or bit by bit within the
    /// hold time, until it has stayed so for that long or is confirmed; for example 30%.
    ///
    /// Targets that are added are there at once. One that moves to another group or source of the job is not lost, and
    /// what comes within the hold time counts against what goes: a rolling deployment passes, and so does an answer of
    /// the wrong datacenter with as many other targets. `headcount guard list` shows what is held, and
    /// `headcount guard confirm` lets it go.
    ///
    /// Counts over `defaults` of the settings, as do --hold and --max-stale; what the settings say of one job stays.
    #[arg(long, value_name = "PERCENT")]
    pub(crate) max_drop: Option<Percent>,

    /// How long a drop is held. Without it, `hold` of the settings, or else 10m.
    #[arg(long, value_name = "DURATION", requires = "max_drop", value_parser = parse_interval)]
    pub(crate) hold: Option<Duration>,

    /// Drops what a provider has found when it has failed for this long; for example 1d.
    ///
    /// Without it, what was found is kept for as long as a source can't be asked, as Prometheus does. When it can be
    /// asked again, all of it is there again.
    #[arg(long, value_name = "DURATION", value_parser = parse_interval)]
    pub(crate) max_stale: Option<Duration>,

    /// Writes all that the jobs' discovery is given and says to a file, for `headcount sim replay`.
    ///
    /// It grows with what changes, and holds all labels, but no secrets of the configuration. A file that is there already is
    /// kept as FILE.old. It begins with nothing: what was saved of jobs is not used then, and stays as it is.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) limits: LimitOptions,

    #[command(flatten)]
    pub(crate) state: StateOptions,

    /// What is logged: messages of this level and those above it. Without it, -q or -v say that, and without these it is info.
    #[arg(long, value_name = "LEVEL", value_enum)]
    pub(crate) log_level: Option<LogLevel>,

    /// How it is logged, on standard error.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Args)]
pub(crate) struct SdOptions {
    /// The prometheus.yml; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The job, or a pattern of jobs, for example 'node-*'; all of them without it.
    #[arg(value_name = "JOB", add = ArgValueCandidates::new(completing::jobs))]
    pub(crate) job: Option<String>,

    #[command(flatten)]
    pub(crate) reading: Reading,

    /// Prints what is scraped in the end: after relabelling, checks and limits.
    #[arg(long)]
    pub(crate) targets: bool,

    /// Prints what is scraped in the end, and also what is not, and why.
    #[arg(long)]
    pub(crate) dropped: bool,

    /// How targets are printed. `file-sd` is the list of one job, as file_sd_configs reads it.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = SdFormat::Table)]
    pub(crate) output: SdFormat,

    /// Gives up on backends that have not answered by then.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_interval)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SdFormat {
    /// A line for each target.
    Table,
    /// Every target with its labels, provider and source.
    Json,
    /// The same as YAML.
    Yaml,
    /// What file_sd_configs reads.
    FileSd,
}

impl From<SdFormat> for ListFormat {
    fn from(format: SdFormat) -> Self {
        match format {
            SdFormat::Table => Self::Table,
            SdFormat::Json => Self::Json,
            SdFormat::Yaml => Self::Yaml,
            SdFormat::FileSd => Self::FileSd,
        }
    }
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("must be longer than 0".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_guard_is_asked_for_by_its_share() {
        let parse = |args: &[&str]| Cli::try_parse_from([&["headcount", "run"], args].concat());
        let guard = |args: &[&str]| match parse(args).expect("valid").command {
            Command::Run(options) => (
                options.max_drop.map(|max_drop| max_drop.number()),
                options.hold.map(|hold| hold.as_secs()),
            ),
            _ => panic!("not run"),
        };
        assert_eq!(guard(&[]), (None, None));
        assert_eq!(guard(&["--max-drop", "30%"]), (Some(30), None));
        assert_eq!(guard(&["--max-drop=5%", "--hold", "1h"]), (Some(5), Some(3_600)));
        let message = |args: &[&str]| parse(args).expect_err("wrong").to_string();
        assert!(message(&["--max-drop", "30"]).contains("write a whole number from 0 to 100 and a percent sign"));
        assert!(message(&["--max-drop", "130%"]).contains("at most 100% is possible"));
        assert!(message(&["--hold", "10m"]).contains("--max-drop"));
        assert!(parse(&["--max-drop", "30%", "--hold", "0"]).is_err());
        assert!(message(&["--throttle", "backoff:5s"]).contains("write the shortest and the longest wait"));
    }

    #[test]
    fn auto_reload_has_a_default_interval() {
        let interval = |args: &[&str]| {
            let cli = Cli::try_parse_from([&["headcount", "run"], args].concat()).expect("valid");
            let Command::Run(options) = cli.command else {
                panic!("not run")
            };
            options.auto_reload
        };
        assert_eq!(interval(&[]), None);
        assert_eq!(interval(&["--auto-reload"]), Some(Duration::from_secs(30)));
        assert_eq!(interval(&["--auto-reload=2s"]), Some(Duration::from_secs(2)));
        assert!(Cli::try_parse_from(["headcount", "run", "--auto-reload=0"]).is_err());
    }
}
