//! Options of `headcount adopt`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use headcount_questions::adopt::Reader;

use super::Taken;

#[derive(Debug, Args)]
#[command(after_help = "\
What discovers becomes an http_sd_configs on headcount in each job, and stays as a comment; nothing else is touched. Rules
stay in Prometheus, but for jobs of which a rule looks at __meta_url: headcount relabels these. headcount goes on reading
the file as it was.

With --for 2 lists have what a Prometheus 2 takes. It refuses a whole list for one label whose name has more than letters,
digits and underscores. So headcount also relabels the jobs that may find such a label (in lists of files and of HTTP
servers, or in their static_configs) or have a rule with such a name, and writes underscores in place of what 2 refuses
(?relabelled=true&names=underscores); a target of which two names become one is left out, and `headcount explain` says why.
A job with a rule that may remove `job` or another label which Prometheus fills in again is left to Prometheus, which then
refuses of its list what it refused before.
Rules that headcount carries out are those of 3: `.` matches a line break, too, and a name that a rule makes of a value may
be any. Ports of addresses that have none are left to Prometheus, which adds them in 2 only, and so is their `instance`.

With --dialect vmagent the file is one of vmagent's. By --for vmagent its rules stay with vmagent. A Prometheus gets no rule
that it lacks or carries out in another way: headcount relabels the jobs that have one. A file in which something else is
vmagent's alone is refused then.

What is printed was read again, and says of every job what the file said before, but for how its targets are found.

Exit codes:
  0  the configuration is on standard output
  1  it is wrong, or can't be rewritten so that it means the same

Example:
  headcount adopt prometheus.yml --url http://headcount:9099 > adopted.yml
  headcount adopt prometheus.yml --url http://headcount:9099 --for 2 > adopted.yml")]
pub(crate) struct AdoptOptions {
    /// The prometheus.yml that discovers; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Where Prometheus reaches headcount.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9099")]
    pub(crate) url: String,

    /// The version of the Prometheus that reads the lists, or vmagent.
    #[arg(long = "for", value_name = "VERSION", value_enum, default_value = "3")]
    pub(crate) reader: Version,

    #[command(flatten)]
    pub(crate) taken: Taken,
}

/// A version of Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Version {
    #[value(name = "2")]
    Two,
    #[value(name = "3")]
    Three,
    Vmagent,
}

impl From<Version> for Reader {
    fn from(version: Version) -> Self {
        match version {
            Version::Two => Self::Prometheus2,
            Version::Three => Self::Prometheus3,
            Version::Vmagent => Self::Vmagent,
        }
    }
}
