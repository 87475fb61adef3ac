//! What is wrong with a configuration, and where.
//!
//! The rule here: a message never repeats a value that could be a secret. It names the place, the
//! field, what was expected, and what kind of thing was found instead.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use headcount_core::relabel::RelabelError;
use headcount_core::{DurationError, PercentError, ThrottleError, format_duration};

use crate::value::{RegexError, SeriesError, SizeError, UnsetVariable, UrlError};

/// A place in a file. Both numbers count from 1; columns are counted in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// One thing that is wrong. Shown as `file:line:column: field: message`, on one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The file.
    pub file: Arc<Path>,
    /// Where in the file; `None` when it is about the file as a whole.
    pub position: Option<Position>,
    /// The field, as in `scrape_configs[2].http_sd_configs[0].url`; empty for the file as a whole.
    pub field: String,
    /// What is wrong.
    pub kind: ProblemKind,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(position) = self.position {
            write!(f, ":{}:{}", position.line, position.column)?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field.escape_debug())?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl std::error::Error for Problem {}

/// What can be wrong with a configuration.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file can't be read.
    #[error("can't be read: {reason}")]
    Unreadable {
        /// What the system says.
        reason: String,
    },
    /// The file is too large.
    #[error("larger than the limit of {limit} bytes; split it with scrape_config_files")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The file is not text.
    #[error("not valid {encoding} at byte {offset}; save the file as UTF-8")]
    NotText {
        /// What the file seemed to be.
        encoding: &'static str,
        /// The first byte that is wrong, counted from 0.
        offset: usize,
    },
    /// The file is not YAML.
    #[error("not valid YAML: {reason}")]
    Syntax {
        /// What the parser says.
        reason: String,
    },
    /// Lists and mappings stand in each other too deep.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Aliases make the document much larger than it is written.
    #[error("aliases expand to more than {limit} values; write out less with anchors")]
    TooManyAliases {
        /// How many values the document may have with aliases expanded.
        limit: u64,
    },
    /// An anchor that is used inside itself.
    #[error("this alias stands inside the value that it names")]
    AliasOfItself,
    /// A key that is written twice in one mapping.
    #[error("`{}` is already set in line {first}; keep one of the two", key.escape_debug())]
    RepeatedKey {
        /// The key.
        key: String,
        /// The line in which it stands first.
        first: usize,
    },
    /// A mapping key that is not a single value.
    #[error("a key must be a single value, not a list or a mapping")]
    ComplexKey,
    /// `<<` with something else than a mapping.
    #[error("`<<` merges a mapping or a list of mappings, nothing else")]
    Merge,
    /// A field that does not exist here.
    #[error("unknown field `{}`{}", name.escape_debug(), hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default())]
    UnknownField {
        /// The field.
        name: String,
        /// What may have been meant.
        hint: Option<String>,
    },
    /// A text that is longer than can be stored.
    #[error("the text has {length} bytes; at most {limit} are possible")]
    TooLong {
        /// Its length, in bytes.
        length: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A value of the wrong type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What belongs there.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A field that has to be there and is not, or is empty.
    #[error("{field} is missing or empty; it is required")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// An entry of a list that says nothing.
    #[error("empty or null entry; remove it or fill it in")]
    EmptyEntry,
    /// A duration that can't be understood.
    #[error("{text:?} is not a duration: {error}")]
    Duration {
        /// What is written.
        text: String,
        /// What is wrong with it.
        error: DurationError,
    },
    /// A number of bytes that can't be understood.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// A URL that can't be understood.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A regular expression that can't be understood.
    #[error(transparent)]
    Regex(#[from] RegexError),
    /// A selector of Kubernetes objects that can't be understood.
    #[error("{text:?} is not a selector: {reason}")]
    Selector {
        /// What is written.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An interval of nothing.
    #[error("must be longer than 0")]
    ZeroInterval,
    /// The timeout is longer than the interval.
    #[error("the scrape timeout ({}) is longer than the scrape interval ({})", format_duration(*timeout), format_duration(*interval))]
    TimeoutAboveInterval {
        /// The timeout.
        timeout: Duration,
        /// The interval, perhaps the global one.
        interval: Duration,
    },
    /// A word that is not one of those that are known.
    #[error("{found:?} is not known; known: {allowed}")]
    NotOneOf {
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A word that stands twice in a list.
    #[error("{found:?} is listed twice")]
    ListedTwice {
        /// What stands there.
        found: String,
    },
    /// A list that must not be empty.
    #[error("must list at least one {what}")]
    EmptyList {
        /// What it lists.
        what: &'static str,
    },
    /// Fields that exclude each other.
    #[error("set at most one of {fields}")]
    Conflict {
        /// The fields.
        fields: &'static str,
    },
    /// A field that makes no sense without another.
    #[error("needs {other} as well")]
    Needs {
        /// The other field.
        other: &'static str,
    },
    /// A field that can't stand beside another.
    #[error("can't be set together with {other}")]
    Excludes {
        /// The other field.
        other: &'static str,
    },
    /// Two jobs of one name.
    #[error("job {job:?} is already defined in {first}; give one of the two another name")]
    RepeatedJob {
        /// The job.
        job: String,
        /// Where it was defined first: `file:line`.
        first: String,
    },
    /// A job that is named and does not exist.
    #[error("there is no job {job:?}{}", likely(near))]
    NoSuchJob {
        /// The job.
        job: String,
        /// Jobs with names like it, the nearest first.
        near: Vec<String>,
    },
    /// Two things of one kind with one name.
    #[error("the name {name:?} is already used in line {first}; give one of the two another name")]
    RepeatedName {
        /// The name.
        name: String,
        /// The line in which it stands first.
        first: usize,
    },
    /// A label name that is not allowed.
    #[error("{name:?} is not a valid label name{}", if *legacy { " under `legacy` validation: use letters, digits and underscores, and don't begin with a digit" } else { ": it must not be empty" })]
    LabelName {
        /// The name.
        name: String,
        /// Whether the stricter rules of Prometheus 2 are in force.
        legacy: bool,
    },
    /// A target that is not a host.
    #[error("{target:?} is not a host or host:port; leave out the scheme and the path (see scheme and metrics_path)")]
    TargetAddress {
        /// The target.
        target: String,
    },
    /// A header that Prometheus sets itself.
    #[error("the header {header} can't be set here: it is set by Prometheus or by another field")]
    ReservedHeader {
        /// The header, in its usual spelling.
        header: String,
    },
    /// A path pattern of a form that Prometheus does not take.
    #[error("{pattern:?} is not a valid pattern: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that is named and can't be read.
    #[error("{} can't be read: {reason}", path.display())]
    NamedFile {
        /// The file.
        path: PathBuf,
        /// What the system says, or what is wrong with its content.
        reason: String,
    },
    /// The folder of a pattern is not there.
    #[error("the folder {} is not there; create it, or correct the path", folder.display())]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// A list of targets that can't be understood.
    #[error("not a list of targets: {reason}")]
    TargetList {
        /// What is wrong with it.
        reason: String,
    },
    /// Settings of an HTTP client that can't work, although each of them can.
    #[error("{reason}")]
    Client {
        /// What is wrong with them.
        reason: String,
    },
    /// A target that is written here and will not be scraped.
    #[error("{target:?} will not be scraped: {reason}")]
    InvalidTarget {
        /// The target, as it is written.
        target: String,
        /// What is wrong with it after relabelling.
        reason: String,
    },
    /// More of the same.
    #[error("{count} more like this")]
    More {
        /// How many.
        count: usize,
    },
    /// A mechanism that Prometheus has and this build lacks, where that is an error.
    #[error(
        "this build has no {mechanism}_sd, and can't find these targets; remove it, take a build that has it (`headcount mechanisms` lists what this one has), or run the other jobs with --allow-unsupported"
    )]
    UnsupportedMechanism {
        /// The mechanism, as in `<mechanism>_sd_configs`.
        mechanism: String,
    },
    /// The same where it is accepted.
    #[error(
        "this build has no {mechanism}_sd; the targets of this job are never complete, and not served unless headcount.yml says `serve_incomplete: true` of it"
    )]
    MechanismLeftOut {
        /// The mechanism, as in `<mechanism>_sd_configs`.
        mechanism: String,
    },
    /// A mechanism that Prometheus does not have.
    #[error("this mechanism is headcount's own, and Prometheus refuses a file with it; put the job into headcount.yml")]
    NotPrometheus,
    /// There was something in it when it was read before, and now there is nothing.
    #[error(
        "it is empty, and was not before: it may be about to be written; where nothing is to be in it, write `{{}}`"
    )]
    Emptied,
    /// The same of a folder of files that are included.
    #[error(
        "nothing is in this folder any more, and something was: what is mounted there may be gone; where no file is to be in it, write one with `{{}}`"
    )]
    EmptiedFolder,
    /// It was another each time that it was looked at, and has less in it than before.
    #[error("it is still being written, and has less in it than before; reload it when it is whole")]
    Unfinished,
    /// A setting that Prometheus does not have.
    #[error("this setting is headcount's own, and Prometheus refuses a file with it; put the job into headcount.yml")]
    SettingNotPrometheus,
    /// A rule of all jobs that one of them can't have, because it takes fewer names of labels.
    #[error("global.{field} does not fit this job and its metric_name_validation_scheme: {error}")]
    GlobalRule {
        /// The field with the rules.
        field: &'static str,
        /// What is wrong, with the rule.
        #[source]
        error: RelabelError,
    },
    /// An environment variable that is named and not set.
    #[error(transparent)]
    UnsetVariable(#[from] UnsetVariable),
    /// Something that only vmagent reads, where Prometheus does.
    #[error("{what} is vmagent's, and Prometheus refuses it; if vmagent reads this file, add --dialect vmagent")]
    OfVmagent {
        /// What it is.
        what: String,
    },
    /// A setting of vmagent's that has no meaning here.
    #[error("this is for vmagent alone: headcount takes it and does nothing with it")]
    ForVmagent,
    /// A rule about the names of metrics among those of targets.
    #[error("the action {action} is about the names of metrics, and a target has none: {instead}")]
    MetricsAction {
        /// The action.
        action: String,
        /// What would come of it, and what to do.
        instead: &'static str,
    },
    /// A selector of series that can't be understood.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// A section that is kept for a later version.
    #[error("`{section}` is reserved for a later version, and does nothing yet; remove it")]
    Reserved {
        /// The section.
        section: &'static str,
    },
    /// A percentage that can't be understood.
    #[error(transparent)]
    Percent(#[from] PercentError),
    /// A throttle that can't be understood.
    #[error("{text:?} is not a throttle: {error}")]
    Throttle {
        /// What is written.
        text: String,
        /// What is wrong with it.
        error: ThrottleError,
    },
    /// An address that nothing can listen at.
    #[error("{text:?} is not an address to listen on; write host:port, or :port for every interface")]
    ListenAddress {
        /// What is written.
        text: String,
    },
    /// A name by which no client can know a server.
    #[error(
        "{text:?} is not a host's name; write it without scheme, port and path, such as sd.example.org, or *.example.org \
         for every name below it"
    )]
    AllowedHost {
        /// What is written.
        text: String,
    },
    /// A field that names a secret in a secret manager, which nobody provides.
    #[error("there is no secret manager, as in Prometheus, so nothing can be asked with this; use {instead}")]
    SecretReference {
        /// The field that can be used.
        instead: &'static str,
    },
    /// A rule that holds between several fields and is broken.
    #[error("{0}")]
    Rule(&'static str),
    /// Relabelling rules that can't be carried out.
    #[error(transparent)]
    Relabel(#[from] RelabelError),
    /// The file holds more documents than the one that is read. Prometheus reads the first only.
    #[error("only the first YAML document is read; what follows this line is ignored, as in Prometheus")]
    FurtherDocument,
    /// A rule that looks at a label which is another one in a Prometheus that reads the job's list.
    #[error(
        "this rule looks at `{label}`, which a Prometheus overwrites when it reads the job's list; have headcount relabel the job: read /sd/<job>?relabelled=true without relabel_configs, as `headcount adopt` writes it"
    )]
    Overwritten {
        /// The label.
        label: &'static str,
    },
    /// An environment variable that is used and empty.
    #[error("the environment variable {name:?} is empty or not set")]
    EmptyVariable {
        /// The variable.
        name: String,
    },
}

impl ProblemKind {
    /// What may be done about it, where that is known; it stands in the message as well.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownField { hint, .. } => hint.clone(),
            Self::NotOneOf { allowed, .. } => Some(format!("use one of {allowed}")),
            Self::SecretReference { instead } => Some(format!("use {instead}")),
            Self::UnsupportedMechanism { .. } => {
                Some("remove it, take a build that has it, or add --allow-unsupported".to_owned())
            }
            Self::OfVmagent { .. } => Some("add --dialect vmagent, if vmagent reads the file".to_owned()),
            Self::NoFolder { .. } => Some("create it, or correct the path".to_owned()),
            _ => None,
        }
    }
}

/// What may have been meant.
fn likely(near: &[String]) -> String {
    let quoted: Vec<_> = near.iter().map(|name| format!("{name:?}")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}

/// Everything that is wrong with a configuration. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadErrors {
    /// The problems, by file and position.
    pub problems: Vec<Problem>,
    /// How many more there are that were not kept.
    pub omitted: usize,
}

impl LoadErrors {
    /// The one problem of a configuration file that can't be read.
    pub fn unreadable(file: &Path, error: &io::Error) -> Self {
        let kind = ProblemKind::Unreadable {
            reason: error.to_string(),
        };
        let problem = Problem {
            file: file.into(),
            position: None,
            field: String::new(),
            kind,
        };
        Self {
            problems: vec![problem],
            omitted: 0,
        }
    }
}

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        if self.omitted > 0 {
            write!(f, "\n… and {} more", self.omitted)?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadErrors {}
