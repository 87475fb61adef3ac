//! What became of a target: every one has a fate that can be asked for.

use core::fmt;

use super::alike::SeriesKey;
use crate::DurationError;
use crate::{Group, LabelSet, ProviderId};

/// Names a target that is scraped: a hash of its final labels and of its URL. The same on every
/// platform, and the same again when the target comes back.
///
/// It has 128 bits because it has to follow from the target alone, so that it is the same before
/// and after whatever else happens; a shorter one could be told apart only by comparing with
/// targets that may be gone by then. Among a million targets two have the same identity with a
/// probability of about 10⁻²⁷.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub(super) [u64; 2]);

impl TargetId {
    /// An identity with this number. No target has it: for tests of what goes by identities.
    pub const fn from_number(number: u64) -> Self {
        Self([number, 0])
    }

    /// As a number, for spreading targets over time or shards. Two targets may have the same.
    pub const fn number(self) -> u64 {
        let [first, _] = self.0;
        first
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.0;
        write!(f, "{first:016x}{second:016x}")
    }
}

/// A discovered target, where it came from, and what became of it.
#[derive(Debug, Clone, Copy)]
pub struct TargetView<'a> {
    /// The provider that found it.
    pub provider: ProviderId,
    /// Its group.
    pub group: &'a Group,
    /// Its place in the group.
    pub index: u32,
    /// Its own labels, as discovered.
    pub labels: LabelSet<'a>,
    /// What became of it.
    pub fate: Fate<'a>,
}

/// What became of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate<'a> {
    /// It is scraped.
    Active {
        /// Its identity.
        id: TargetId,
    },
    /// A rule dropped it.
    Dropped {
        /// The rule, counted from 0.
        rule: u32,
    },
    /// Another target has the same labels in the end, and is scraped for both.
    Duplicate {
        /// The identity that both have.
        id: TargetId,
        /// The provider of the other one.
        provider: ProviderId,
        /// The group of the other one.
        group: &'a Group,
        /// The other one's place in its group.
        index: u32,
    },
    /// It can't be scraped.
    Invalid {
        /// Why.
        why: InvalidTarget,
    },
    /// It stands among the active ones, but all of its scrapes fail: it is over a limit.
    OverLimit {
        /// Its identity.
        id: TargetId,
        /// Which limit.
        limit: TargetLimit,
    },
}

impl Fate<'_> {
    /// The target's identity, if it stands among those that are scraped: over a limit, its scrapes fail.
    pub fn scraped(&self) -> Option<TargetId> {
        match self {
            Self::Active { id } | Self::OverLimit { id, .. } => Some(*id),
            _ => None,
        }
    }
}

/// A limit that a target, or its job, exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetLimit {
    /// `target_limit`: the job has too many targets.
    Targets,
    /// `label_limit`.
    Labels,
    /// `label_name_length_limit`.
    LabelNameLength,
    /// `label_value_length_limit`.
    LabelValueLength,
}

/// Why a target can't be scraped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTarget {
    /// `__address__` is absent or empty.
    #[error("the target has no address; set __address__ to host:port")]
    NoAddress,
    /// `__address__` has a slash in it.
    #[error("the target's __address__ holds a `/`; a path belongs into __metrics_path__, a scheme into __scheme__")]
    AddressWithPath,
    /// `__scrape_interval__` is no duration.
    #[error("the target's __scrape_interval__ can't be read: {0}")]
    Interval(DurationError),
    /// `__scrape_interval__` is 0.
    #[error("the target's __scrape_interval__ is 0; it has to be longer")]
    ZeroInterval,
    /// `__scrape_timeout__` is no duration.
    #[error("the target's __scrape_timeout__ can't be read: {0}")]
    Timeout(DurationError),
    /// `__scrape_timeout__` is 0.
    #[error("the target's __scrape_timeout__ is 0; it has to be longer")]
    ZeroTimeout,
    /// `__scrape_timeout__` is longer than `__scrape_interval__`.
    #[error("the target's __scrape_timeout__ is longer than its __scrape_interval__")]
    TimeoutAboveInterval,
    /// A label that has to be true or false is something else.
    #[error("the target's {0} is neither true nor false")]
    Flag(&'static str),
    /// The names of its labels take more than anything can use.
    #[error("the names of the target's labels take more than {} MiB", crate::relabel::MAX_NAMES_BYTES >> 20)]
    NamesTooLong,
    /// A rule made a value, a name or all names together longer than anything can use.
    #[error("relabelling rule {rule} makes the target's labels too long")]
    TooLarge {
        /// The rule, counted from 0.
        rule: u32,
    },
}

/// A fate as it is kept; whether a target is a duplicate is the owners' to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Target {
        id: TargetId,
        /// A hash of where it is scraped.
        endpoint: u64,
        over: Option<TargetLimit>,
        series: SeriesKey,
    },
    Dropped {
        rule: u32,
    },
    Invalid {
        why: InvalidTarget,
    },
}

impl Entry {
    pub(super) fn target(self) -> Option<(TargetId, u64)> {
        match self {
            Self::Target { id, endpoint, .. } => Some((id, endpoint)),
            _ => None,
        }
    }

    pub(super) fn series(self) -> Option<SeriesKey> {
        match self {
            Self::Target { series, .. } => Some(series),
            _ => None,
        }
    }
}
