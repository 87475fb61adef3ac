//! Options of `headcount check`.

use std::path::PathBuf;

use clap::Args;

use super::{Reading, ReportFormat};

#[derive(Debug, Args)]
#[command(after_help = "\
What is checked:
  All that Prometheus checks when it starts, in every section, and what headcount itself would find out
  later: files that are named (certificates, secrets, lists of targets, rules) are read, HTTP clients are
  made, and what static targets become after relabelling is said. Nobody is asked over the network.
  What passes starts, and every config in it can be run. PromQL and templates in rules are not parsed;
  `promtool check rules` does that.

JSON is one document:
  ok              whether nothing is wrong
  errors          each with file, line, column, field, message and hint; null for what there is not
  omitted         how many more errors there are
  warnings        the same, of what is remarkable and not wrong
  configurations  of each FILE: file, ok, files, jobs and alertmanagers with the number of entries by mechanism

Exit codes:
  0  nothing is wrong
  1  something is

Examples:
  headcount check /etc/prometheus/prometheus.yml
  git show HEAD:prometheus.yml | headcount check -
  headcount check --web-config web.yml prometheus.yml
  headcount check --output json prometheus.yml | jq '.errors[].message'")]
pub(crate) struct CheckOptions {
    /// A prometheus.yml; what it includes and the headcount.yml beside it are checked too. `-` is standard input, whose
    /// relative paths start in the working directory, and which has no settings beside it.
    #[arg(value_name = "FILE", required_unless_present = "web_config")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) reading: Reading,

    /// A web-config.yml, as `run --web.config.file` takes it; certificates and keys that it names are read.
    #[arg(long, value_name = "FILE")]
    pub(crate) web_config: Option<PathBuf>,

    /// How it is told.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) output: ReportFormat,
}
