//! What a manager was given and what it gave, for a replay.
//!
//! A [`RecordingManager`] is a [`Manager`](crate::Manager) that hands each input, and each snapshot that it
//! emits, to a sink. **The same inputs give the same outputs (B08)**, so what happened in production happens
//! again wherever these events are replayed: under a debugger, against the reference model, or
//! with other settings. A recording begins when the manager does.
//!
//! An update is recorded as what it changed, so a list that is asked for each half a minute and stays
//! the same costs a short line. Labels are recorded in full; secrets of configs are not, because a config is recorded
//! as its [kind](crate::ProviderConfig::kind) and [description](crate::ProviderConfig::describe) only.

mod manager;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::saved::ReadGroup;
use crate::{
    DropGuard, Group, GroupError, Instant, ManagerOptions, Missing, Reload, SetOptions, Throttle, Update, UpdateKind,
};

pub use manager::{RecordingManager, Sink};

/// The number of the format in which this version writes recordings.
pub const RECORDING_FORMAT: u32 = 2;

/// How the recorded manager was set up: the first line of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedOptions {
    /// The format of the recording.
    #[serde(rename = "headcount_recording")]
    pub format: u32,
    /// When the manager was made, in nanoseconds since the driver's epoch.
    pub at: u64,
    /// See [`ManagerOptions::name`].
    pub name: String,
    /// See [`ManagerOptions::throttle`].
    pub throttle: Throttle,
    /// See [`ManagerOptions::per_set`].
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub per_set: bool,
    /// See [`ManagerOptions::reload`].
    pub reload: Reload,
    /// See [`ManagerOptions::guard`].
    pub guard: Option<DropGuard>,
    /// See [`ManagerOptions::max_stale`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_stale: Option<Duration>,
    /// See [`ManagerOptions::incomplete_after`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete_after: Option<Duration>,
    /// See [`ManagerOptions::seed`].
    pub seed: u64,
}

/// One input, or one snapshot, and when: each further line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// When, in nanoseconds since the driver's epoch.
    pub at: u64,
    /// What.
    pub what: RecordedEvent,
}

/// What was recorded. Providers are named by their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RecordedEvent {
    /// [`Manager::apply`](crate::Manager::apply).
    Apply {
        /// The sets, each with the providers that its configs became.
        sets: Vec<(String, Vec<u64>)>,
        /// Those of them that are new.
        started: Vec<RecordedProvider>,
    },
    /// [`Manager::set_options`](crate::Manager::set_options).
    Options {
        /// For the sets that have none of their own.
        defaults: SetOptions,
        /// For those that have.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        by_set: BTreeMap<String, SetOptions>,
    },
    /// [`Manager::set_throttle`](crate::Manager::set_throttle).
    Throttle {
        /// The throttle.
        throttle: Throttle,
        /// Whether it is kept for each set.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        per_set: bool,
    },
    /// [`Manager::handle_update`](crate::Manager::handle_update) of a running provider.
    Update {
        /// Whose.
        provider: u64,
        /// Groups that are new or others than before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        groups: Vec<RecordedGroup>,
        /// Sources that are gone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        gone: Vec<String>,
        /// What it is a report of.
        #[serde(default, skip_serializing_if = "RecordedRead::is_delta")]
        read: RecordedRead,
        /// How long the refresh took, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        took: Option<Duration>,
    },
    /// [`Manager::handle_failure`](crate::Manager::handle_failure).
    Failure {
        /// Whose.
        provider: u64,
        /// What went wrong.
        message: String,
        /// How long it took, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        took: Option<Duration>,
        /// After how long it will be tried again, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<Duration>,
    },
    /// [`Manager::handle_build_failure`](crate::Manager::handle_build_failure).
    BuildFailure {
        /// Whose.
        provider: u64,
        /// Why.
        reason: String,
    },
    /// [`Manager::confirm_drop`](crate::Manager::confirm_drop).
    Confirm {
        /// Whose.
        provider: u64,
    },
    /// [`Manager::handle_receiver_ready`](crate::Manager::handle_receiver_ready).
    ReceiverReady,
    /// [`Manager::handle_timeout`](crate::Manager::handle_timeout).
    Timeout,
    /// No input: a snapshot was emitted.
    Emitted {
        /// Its version.
        version: u64,
        /// How many targets it has, each counted once for its provider.
        targets: u64,
    },
}

/// What an update that was recorded is a report of. What it changed is recorded beside it, so a full
/// update and the last of several deltas are the same here: all there was has been reported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedRead {
    /// Of some changes.
    #[default]
    Delta,
    /// Of everything there is.
    Whole,
    /// Of what could be got.
    Partial(Missing),
}

/// A provider that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedProvider {
    /// Its number.
    pub provider: u64,
    /// The mechanism.
    pub kind: String,
    /// What it discovers, for people.
    pub description: String,
    /// How long it is waited for, in nanoseconds ([`ProviderConfig::incomplete_after`](crate::ProviderConfig)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete_after: Option<u64>,
}

/// A group in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordedGroup(ReadGroup);

impl RecordedGroup {
    /// What the group came from.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Adds it to a batch.
    ///
    /// # Errors
    /// Those of [`Batch::group`](crate::Batch::group).
    pub fn encode(&self, batch: &mut crate::Batch<'_>) -> Result<(), GroupError> {
        self.0.add_to(batch)
    }
}

impl RecordedRead {
    pub(super) fn of(update: &Update) -> Self {
        match (update.missing(), update.kind()) {
            (Some(missing), _) => Self::Partial(missing.clone()),
            (None, UpdateKind::Full | UpdateKind::Completing) => Self::Whole,
            (None, UpdateKind::Delta | UpdateKind::Partial) => Self::Delta,
        }
    }

    /// An update that reports the same, of these groups.
    pub fn update(&self, groups: Vec<Group>) -> Update {
        match self {
            Self::Delta => Update::delta(groups),
            Self::Whole => Update::completing(groups),
            Self::Partial(missing) => Update::partial(groups, missing.clone()),
        }
    }

    fn is_delta(&self) -> bool {
        *self == Self::Delta
    }
}

impl RecordedOptions {
    /// Those of a manager that is made at `now`.
    pub fn of(now: Instant, options: &ManagerOptions) -> Self {
        Self {
            format: RECORDING_FORMAT,
            at: now.as_nanos(),
            name: options.name.clone(),
            throttle: options.throttle,
            per_set: options.per_set,
            reload: options.reload,
            guard: options.guard,
            max_stale: options.max_stale,
            incomplete_after: options.incomplete_after,
            seed: options.seed,
        }
    }

    /// Options for the manager of a replay.
    pub fn options(&self) -> ManagerOptions {
        ManagerOptions {
            name: self.name.clone(),
            throttle: self.throttle,
            per_set: self.per_set,
            reload: self.reload,
            guard: self.guard,
            max_stale: self.max_stale,
            incomplete_after: self.incomplete_after,
            seed: self.seed,
        }
    }
}
