//! What a run came to.

use core::fmt;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Mark, Rule, Span};

/// What a run came to: whether a rule was broken, and its figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The scenario's name.
    pub scenario: String,
    /// The seed of its random numbers.
    pub seed: u64,
    /// How far the run got.
    pub time: Span,
    /// The rules that were broken, the first one first; the run ends with the instant at which
    /// one is, unless it was told to go on ([`Simulation::past_failures`](crate::Simulation::past_failures)). Empty is good.
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

impl Violation {
    /// What went wrong, without what differs from run to run: the words of the reason before its first number, name or
    /// value.
    pub fn cause(&self) -> &str {
        let is_value = |letter: char| match self.rule {
            // What was said is all that there is to tell two panics apart.
            Rule::NoPanic => letter.is_ascii_digit(),
            _ => letter.is_ascii_digit() || ":;,`\"{[(\n".contains(letter),
        };
        let words = self.reason.split(is_value).next().unwrap_or_default();
        words.trim_end()
    }

    /// Whether the same went wrong: the same rule, for the same cause, by a provider of the same kind.
    pub fn is_like(&self, other: &Self) -> bool {
        let kind = |violation: &Self| -> Option<String> {
            let name = violation.provider.as_deref()?;
            name.split('/').next().map(str::to_owned)
        };
        self.rule == other.rule && kind(self) == kind(other) && self.cause() == other.cause()
    }
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
    /// The most bytes that the labels of a snapshot's targets took.
    pub peak_bytes: u64,
    /// The most reports that waited in the queue.
    pub peak_queue: u64,
    /// Targets that a snapshot took away although they were there: each time counts.
    pub vanished: u64,
    /// How often the guard began to hold a drop.
    pub drops_held: u64,
    /// The most targets that the guard held at a time.
    pub peak_held: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(rule: Rule, provider: Option<&str>, reason: &str) -> Violation {
        Violation {
            rule,
            at: Span::ZERO,
            provider: provider.map(str::to_owned),
            target: None,
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn another_cause_or_kind_is_another_failure() {
        let late = violation(
            Rule::NoHole,
            Some("dns/3"),
            "the receiver has version 1, the truth is version 2",
        );
        assert_eq!(late.cause(), "the receiver has version");
        let like = violation(
            Rule::NoHole,
            Some("dns/0"),
            "the receiver has version 7, the truth is version 9",
        );
        assert!(late.is_like(&like));
        for other in [
            violation(
                Rule::NoHole,
                Some("dns/0"),
                "the receiver has nothing of it, the truth is version 9",
            ),
            violation(Rule::NoHole, Some("http/0"), "the receiver has version 7"),
            violation(Rule::NoHole, None, "the receiver has version 7"),
            violation(Rule::Converges, Some("dns/3"), "the receiver has version 1"),
        ] {
            assert!(!late.is_like(&other), "{other}");
        }
        let panics = ["overflow", "index out of bounds: the len is 3"];
        let [one, other] = panics.map(|said| violation(Rule::NoPanic, None, &format!("the run panicked: {said}")));
        assert!(!one.is_like(&other));
    }
}
