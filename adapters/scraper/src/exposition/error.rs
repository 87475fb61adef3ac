//! What is wrong with a text, and where.

use std::fmt;

/// As much of an entry is shown in an error, in bytes.
const SHOWN: usize = 120;

/// A text that is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ExpositionError {
    /// The line in which it is, counted from 1.
    pub line: u64,
    /// What is wrong.
    pub problem: ExpositionProblem,
    /// The entry up to there; of a long one, the end.
    pub near: String,
}

/// What may be wrong with a text. In Prometheus's words, where it has some.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpositionProblem {
    /// Something else has to stand there.
    #[error("expected {expected}, got {got:?}")]
    Expected {
        /// What has to stand there.
        expected: &'static str,
        /// What does.
        got: String,
    },
    /// `# TYPE` with a type that does not exist.
    #[error("invalid metric type {found:?}")]
    Type {
        /// What it says.
        found: String,
    },
    /// `# UNIT` with a unit that the metric's name does not end in.
    #[error("unit {unit:?} not a suffix of metric {metric:?}")]
    Unit {
        /// The unit.
        unit: String,
        /// The metric.
        metric: String,
    },
    /// `# HELP` with a text that is not UTF-8.
    #[error("help text is not a valid utf8 string")]
    HelpNotUtf8,
    /// A label value that is not UTF-8.
    #[error("invalid UTF-8 label value")]
    ValueNotUtf8,
    /// A sample without a metric name.
    #[error("metric name not set")]
    NoName,
    /// A sample with two metric names.
    #[error("metric name already set")]
    TwoNames,
    /// A number that is none.
    #[error("strconv.{function}: parsing {text:?}: {reason}")]
    Number {
        /// What reads it in Prometheus: `ParseFloat` or `ParseInt`.
        function: &'static str,
        /// What stands there.
        text: String,
        /// Why it is none.
        reason: &'static str,
    },
    /// A number with a character that Prometheus does not take in numbers.
    #[error("unsupported character in float")]
    NumberCharacter,
    /// A timestamp that is not finite.
    #[error("invalid timestamp {text}")]
    Timestamp {
        /// What stands there.
        text: String,
    },
    /// An exemplar's timestamp that is not finite.
    #[error("invalid exemplar timestamp {text}")]
    ExemplarTimestamp {
        /// What stands there.
        text: String,
    },
    /// OpenMetrics without its last line: the body was cut off.
    #[error("data does not end with # EOF")]
    NoEof,
    /// OpenMetrics that goes on after its last line.
    #[error("unexpected data after # EOF")]
    AfterEof,
    /// An entry that is too long to be read.
    #[error("the entry is longer than {} bytes", super::LONGEST_ENTRY)]
    TooLong,
}

impl ExpositionError {
    pub(super) fn new(line: u64, problem: ExpositionProblem, read: &[u8]) -> Self {
        let start = read.len().saturating_sub(SHOWN);
        let near = String::from_utf8_lossy(read.get(start..).unwrap_or_default()).into_owned();
        Self { line, problem, near }
    }
}

impl fmt::Display for ExpositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)?;
        if !self.near.is_empty() {
            write!(f, " while parsing: {:?}", self.near)?;
        }
        Ok(())
    }
}
