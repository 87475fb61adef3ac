//! What a read of a backend could not get (B09).

use core::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Parts that are named; more of them are counted. A backend that loses all of its ten thousand
/// parts at once must not make every health, event and snapshot carry ten thousand reasons.
const MOST_PARTS: usize = 100;

/// The parts of a backend that a read could not get: at least one.
///
/// ```
/// use headcount_core::{Missing, MissingPart, Update};
///
/// let groups = Vec::new();
/// let failed = vec![MissingPart::new("zone eu-1b", "HTTP 503")];
/// let update = match Missing::of(failed) {
///     Some(missing) => Update::partial(groups, missing),
///     None => Update::full(groups),
/// };
/// assert_eq!(update.missing().map(ToString::to_string).as_deref(), Some("zone eu-1b (HTTP 503)"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Missing {
    parts: Arc<[MissingPart]>,
    omitted: usize,
}

/// A part of a backend that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingPart {
    /// What it is, in the mechanism's words: a zone, a compartment, a file.
    pub part: String,
    /// Why it could not be read.
    pub reason: String,
}

impl MissingPart {
    /// A part, and why it could not be read.
    pub fn new(part: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            part: part.into(),
            reason: reason.into(),
        }
    }
}

impl Missing {
    /// These parts, in their order; `None` if there are none, and so nothing is missing. The first
    /// hundred are named, further ones counted.
    pub fn of(parts: impl IntoIterator<Item = MissingPart>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let named: Arc<[MissingPart]> = parts.by_ref().take(MOST_PARTS).collect();
        let omitted = parts.count();
        (!named.is_empty()).then_some(Self { parts: named, omitted })
    }

    /// The parts that are named.
    pub fn parts(&self) -> &[MissingPart] {
        &self.parts
    }

    /// How many parts are missing besides.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// How many parts are missing in all.
    pub fn count(&self) -> usize {
        self.parts.len().saturating_add(self.omitted)
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, MissingPart { part, reason }) in self.parts.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{part} ({reason})")?;
        }
        if self.omitted > 0 {
            write!(f, " and {} more", self.omitted)?;
        }
        Ok(())
    }
}

/// As it is written down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    parts: Vec<MissingPart>,
    #[serde(default, skip_serializing_if = "is_zero")]
    omitted: usize,
}

/// Nothing is missing, which is not something that can be missing.
#[derive(Debug, thiserror::Error)]
#[error("`parts` is empty: what is missing has to be named")]
struct NothingMissing;

impl TryFrom<Parts> for Missing {
    type Error = NothingMissing;

    fn try_from(written: Parts) -> Result<Self, NothingMissing> {
        let mut missing = Self::of(written.parts).ok_or(NothingMissing)?;
        missing.omitted = missing.omitted.saturating_add(written.omitted);
        Ok(missing)
    }
}

impl From<Missing> for Parts {
    fn from(missing: Missing) -> Self {
        Self {
            parts: missing.parts.to_vec(),
            omitted: missing.omitted,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(count: usize) -> impl Iterator<Item = MissingPart> {
        (0..count).map(|number| MissingPart::new(format!("zone {number}"), "503"))
    }

    #[test]
    fn what_is_missing_is_named_up_to_a_bound_and_counted_beyond_it() {
        assert_eq!(Missing::of(parts(0)), None);
        let two = Missing::of(parts(2)).expect("two");
        assert_eq!((two.parts().len(), two.omitted(), two.count()), (2, 0, 2));
        assert_eq!(two.to_string(), "zone 0 (503), zone 1 (503)");
        let many = Missing::of(parts(10_000)).expect("many");
        assert_eq!((many.parts().len(), many.count()), (100, 10_000));
        assert!(many.to_string().ends_with("zone 99 (503) and 9900 more"));
    }

    #[test]
    fn what_is_missing_reads_as_it_was_written() {
        for count in [1, 2, 100, 101] {
            let missing = Missing::of(parts(count)).expect("some");
            let written = serde_json::to_string(&missing).expect("it can be written");
            assert_eq!(serde_json::from_str::<Missing>(&written).expect(&written), missing);
        }
        let error = serde_json::from_str::<Missing>(r#"{"parts": []}"#).unwrap_err();
        assert!(error.to_string().contains("has to be named"), "{error}");
    }
}
