//! Options of `headcount diff`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::parse_interval;
use super::questions::ReportFormat;
use super::{Server, Taken};

#[derive(Debug, Args)]
#[command(after_help = "\
How to read it:
  +  comes: a job, a target that is started, a provider
  -  goes: a job, a target that is stopped, a provider
  ~  differs: a job; targets that are scraped where they were, with other labels
  >  targets that are stopped, and started at another URL
  !  targets that are not scraped before or after, and why that differs
  ?  as it seems; but a provider could not be asked, so it is not certain
  Settings are those of headcount.yml; flags of `headcount run` are not known here.

Exit codes:
  0  a reload would change nothing
  1  it would change something
  2  a configuration is wrong, or a provider could not be asked, so the answer is not certain

Examples:
  headcount diff /etc/prometheus/prometheus.yml new.yml
  git show HEAD:./prometheus.yml | headcount diff - prometheus.yml
  headcount diff --url http://127.0.0.1:9099 new.yml
  headcount diff prometheus.yml prometheus.yml --settings new-headcount.yml")]
pub(crate) struct DiffOptions {
    /// The prometheus.yml that runs, and the one that is to run; with --url only the latter. `-` is standard input.
    ///
    /// Both configurations are discovered at once, and a provider that stands in both is asked once;
    /// so a backend that changes meanwhile makes no difference. Relative paths are those beside the
    /// configuration that names them.
    #[arg(value_names = ["OLD", "NEW"], num_args = 1..=2, required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Compares with what the daemon at this URL runs.
    ///
    /// It does not show its secrets: what is the same but for them counts as the same, and what can't be asked without them is
    /// uncertain. Relative paths of its configuration are taken for those beside NEW.
    #[command(flatten)]
    pub(crate) server: Server,

    /// Reads the settings of NEW from this file; without it, from the headcount.yml beside NEW, if there is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,

    /// Reads the settings of OLD from this file; without it, from the headcount.yml beside OLD, if there is one.
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub(crate) old_settings: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) taken: Taken,

    /// Tells of as many targets of each kind in a job at most; the others are counted. JSON has all.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) limit: usize,

    /// How it is told.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) output: ReportFormat,

    /// Gives up on backends that have not answered by then.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_interval)]
    pub(crate) timeout: Duration,
}
