//! What a run came to.

use core::fmt;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Mark, Span};

/// What a run came to: whether a rule was broken, and its figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The scenario's name.
    pub scenario: String,
    /// Where the dice started.
    pub seed: u64,
    /// How far the run got.
    pub time: Span,
    /// The rules that were broken, the first one first; the run ends with the instant at which
    /// one is. Empty is good.
    pub violations: Vec<Violation>,
    /// The figures.
    pub metrics: Metrics,
    /// How often each thing worth seeing was seen; never is left out.
    pub marks: BTreeMap<Mark, u64>,
    /// How many events the engine handled.
    pub events: u64,
    /// The hash of everything that was handled and emitted. Equal runs have equal hashes.
    pub hash: u64,
}

impl Outcome {
    /// Whether no rule was broken.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }
}

/// A rule that was broken: which, when, by whom, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// When, since the run's start.
    pub at: Span,
    /// The provider that it is about, `kind/N`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The target, group or set that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What was expected, what was found, and what is known of the cause.
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.rule, self.at)?;
        if let Some(provider) = &self.provider {
            write!(f, ", {provider}")?;
        }
        if let Some(target) = &self.target {
            write!(f, ", {target}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// The rules that a run is checked by. Those with a number are the contract's; the others follow
/// from it for the way from the truth to the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub enum Rule {
    /// Equal configs are one provider.
    S01,
    /// A reload keeps what is unchanged.
    S02,
    /// A set without targets stands there empty.
    S03,
    /// An update replaces the sources that it names.
    S04,
    /// A full update removes the sources that it does not name.
    S05,
    /// A stopped provider changes nothing.
    S06,
    /// No snapshot comes sooner than the throttle allows.
    S07,
    /// Every change is in a snapshot, at most one throttle interval later.
    S08,
    /// A slow receiver gets the newest state when it is ready.
    S09,
    /// Applying a config makes a snapshot due.
    S10,
    /// A config that can't be built is said, and harms no other.
    S11,
    /// The counters count.
    S12,
    /// An update that changes nothing makes no snapshot.
    B01,
    /// A difference is what changed, and shares the rest.
    B02,
    /// Each provider's health is known.
    B04,
    /// It is known where each group comes from, and when it came.
    B07,
    /// Snapshots are numbered without a gap.
    Versions,
    /// No target is shown long after it is gone.
    NoGhost,
    /// No target is missing long after it is there.
    NoHole,
    /// A look that failed takes no target away.
    FailureKeeps,
    /// What a removed provider had is given back.
    NoLeak,
    /// In the calm, everything comes right that can.
    Converges,
    /// The reference model says the same.
    Model,
    /// What the scenario expects.
    Expectation,
}

/// What sort of failure it is; each has an exit code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Something wrong was said.
    Correctness,
    /// Something right was not said, or not in time.
    Liveness,
    /// A rule holds, but the scenario wanted more.
    Expectation,
}

impl Rule {
    /// What sort of failure it is when it is broken.
    pub const fn class(self) -> FailureClass {
        match self {
            Self::S08 | Self::S10 | Self::Converges | Self::NoHole | Self::NoGhost => FailureClass::Liveness,
            Self::Expectation => FailureClass::Expectation,
            _ => FailureClass::Correctness,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Versions => "versions",
            Self::NoGhost => "no-ghost",
            Self::NoHole => "no-hole",
            Self::FailureKeeps => "failure-keeps",
            Self::NoLeak => "no-leak",
            Self::Converges => "converges",
            Self::Model => "model",
            Self::Expectation => "expectation",
            numbered => return fmt::Debug::fmt(numbered, f),
        };
        f.write_str(word)
    }
}

/// A run's figures. Whole numbers only, so that equal runs have equal figures everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Metrics {
    /// How long changes of the truth took until the receiver had them: the median…
    pub staleness_p50: Span,
    /// …the longest of the fastest 99 %…
    pub staleness_p99: Span,
    /// …and the longest.
    pub staleness_max: Span,
    /// How many changes reached the receiver.
    pub changes_learned: u64,
    /// How many changes of the truth the receiver does not have at the end.
    pub changes_open: u64,
    /// How long after the calm started the receiver had the truth for good; none without a calm,
    /// or if it never had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_to_converge: Option<Span>,
    /// Snapshots that were handed over.
    pub emissions: u64,
    /// Snapshots that were due while the receiver was busy.
    pub delayed_updates: u64,
    /// Updates that the manager took in.
    pub received_updates: u64,
    /// Those of them that changed nothing.
    pub unchanged_updates: u64,
    /// Looks at backends that failed.
    pub failures: u64,
    /// Bytes of groups that a receiver which reads only differences has read.
    pub bytes_changed: u64,
    /// Bytes of groups that a receiver which reads whole snapshots has read.
    pub bytes_whole: u64,
    /// Calls to backends.
    pub backend_calls: u64,
    /// Bytes of targets that backends sent.
    pub backend_bytes: u64,
    /// The most targets that a snapshot had, each counted once for its provider.
    pub peak_targets: u64,
    /// The most reports that waited in the queue.
    pub peak_queue: u64,
}
