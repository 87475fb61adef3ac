//! Options of `headcount coverage`.

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;
use headcount_questions::coverage;

use super::questions::{Origin, ReportFormat};
use crate::commands::completing;

#[derive(Debug, Args)]
#[command(after_help = "\
Which host a target is of:
  A target is of a host of the inventory if the host of its __address__, as discovered, or of its
  instance is the same; with --key, if that label is. Upper and lower case are the same, and a port,
  a dot at the end and the rest of a URL count for nothing.

What is reported:
  uncovered  hosts of which no target is scraped: one was found and dropped, invalid, a duplicate or
             over a limit, and why; or none was found at all
  repeated   hosts of which more than one target is scraped within one job. Several jobs may well
             scrape a host, each in its way; with --once, that is reported, too
  unknown    targets that are scraped, of hosts that the inventory does not have

Exit codes:
  0  nothing of what --fail-on names was found
  1  something of it was found
  2  the inventory can't be read, there was nobody to ask, or a provider fails or has not answered,
     so the answer is not certain

Inventories:
  text  a host a line; # begins a comment
  csv   with a header; fields are separated by commas, semicolons or tabs
  json  a list of names or of objects, alone or as the one list in an object; or a value a line
  yaml  a list of names or of objects
  In JSON and YAML, lists of target groups as file_sd and http_sd have them are inventories, too.

Examples:
  headcount coverage --inventory hosts.txt
  headcount coverage --inventory cmdb.csv --field fqdn --job node --fail-on uncovered
  headcount coverage --inventory https://cmdb.example.org/hosts.json --config prometheus.yml
  cmdb-export | headcount coverage --inventory - --key asset_id --field id --output json")]
pub(crate) struct CoverageOptions {
    /// The list of hosts that should be covered; `-` is standard input.
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) inventory: String,

    /// What the inventory is written in; without it, its name or content says.
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<InventoryFormat>,

    /// The column or field that has a host's name; `a.b` is the field b of a.
    ///
    /// Without it, the first that is there of host, hostname, name, fqdn, instance, address, ip and
    /// their like.
    #[arg(long, value_name = "NAME")]
    pub(crate) field: Option<String>,

    /// The targets' label that says which host they are of, after relabelling or as discovered.
    #[arg(long, value_name = "LABEL")]
    pub(crate) key: Option<String>,

    /// Compares names without their domains: db7 is db7.example.org.
    #[arg(long)]
    pub(crate) short_names: bool,

    /// Looks at this job only; can be given several times.
    #[arg(long, value_name = "JOB", add = ArgValueCandidates::new(completing::jobs))]
    pub(crate) job: Vec<String>,

    /// Reports also hosts that are scraped by more than one job.
    #[arg(long)]
    pub(crate) once: bool,

    /// What makes exit code 1, separated by commas.
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        value_delimiter = ',',
        default_values_t = [Finding::Uncovered, Finding::Repeated, Finding::Unknown]
    )]
    pub(crate) fail_on: Vec<Finding>,

    #[command(flatten)]
    pub(crate) origin: Origin,

    /// Tells of as many of each kind at most; the others are counted. JSON has all.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,

    /// How it is told.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) output: ReportFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InventoryFormat {
    Text,
    Csv,
    Json,
    Yaml,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Finding {
    /// A host of which nothing is scraped.
    Uncovered,
    /// A host that is scraped more than once.
    Repeated,
    /// A target of a host that the inventory does not have.
    Unknown,
    /// It is only reported.
    Nothing,
}

impl From<InventoryFormat> for coverage::InventoryFormat {
    fn from(format: InventoryFormat) -> Self {
        match format {
            InventoryFormat::Text => Self::Text,
            InventoryFormat::Csv => Self::Csv,
            InventoryFormat::Json => Self::Json,
            InventoryFormat::Yaml => Self::Yaml,
        }
    }
}

impl Finding {
    /// What is looked for, if anything.
    pub(crate) fn meant(self) -> Option<coverage::Finding> {
        match self {
            Self::Uncovered => Some(coverage::Finding::Uncovered),
            Self::Repeated => Some(coverage::Finding::Repeated),
            Self::Unknown => Some(coverage::Finding::Unknown),
            Self::Nothing => None,
        }
    }
}
