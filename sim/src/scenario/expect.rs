//! What must hold beyond the rules, which are always checked.

use serde::{Deserialize, Serialize};

use crate::{Ratio, Size, Span};

/// Something that a run must show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Expectation {
    /// All through the run.
    Always(Condition),
    /// At least once in the run; over many seeds, at least once in one of them.
    Sometimes(Mark),
    /// Once the calm has started, within this time and for the rest of the run.
    Eventually {
        /// What.
        that: Condition,
        /// Within how long.
        within: Span,
    },
    /// In so much of the run's time; it is looked at every ten seconds, from the first time that it held.
    Mostly {
        /// What.
        that: Condition,
        /// In which share of the time, at least.
        share: Ratio,
    },
}

impl Expectation {
    /// The word for it, up to its condition, and that condition, if it has one.
    pub(crate) const fn condition(&self) -> Option<(&'static str, &Condition)> {
        match self {
            Self::Always(condition) => Some(("always", condition)),
            Self::Eventually { that, .. } => Some(("eventually.that", that)),
            Self::Mostly { that, .. } => Some(("mostly.that", that)),
            Self::Sometimes(_) => None,
        }
    }
}

/// Something that holds or does not hold at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// The receiver has the truth, as far as each backend still shows it.
    Converged,
    /// No change of the truth waits longer than this for the receiver to learn of it.
    StaleAtMost(Span),
    /// The same for what one job wants (B06).
    JobStaleAtMost {
        /// Which job; one of several is `name/0`, `name/1`, ….
        job: String,
        /// How long.
        at_most: Span,
    },
    /// No snapshot has fewer than this share of the targets that there truly are.
    ShowsAtLeast(Ratio),
    /// Those who read the jobs' lists have no fewer than this share of the hosts that there truly are. They keep what
    /// they have while a list is withheld, also while the manager is restarted (B09, B10).
    ListsShowAtLeast(Ratio),
    /// Of the targets that the receiver has no more than this share are dead: their hosts are gone, and they are listed still.
    DeadAtMost(Ratio),
    /// The labels of all targets that the receiver has take no more than this.
    MemoryAtMost(Size),
}

/// Something worth seeing in a run. Hit marks are counted; a scenario can ask for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// A snapshot was due while the receiver was busy (S09).
    UpdateDelayed,
    /// A stopped provider still reported (S06).
    GhostReported,
    /// An update changed nothing (B01).
    UnchangedUpdate,
    /// A set became empty, and that was said (S03).
    EmptySaid,
    /// A provider was shared by several jobs (S01).
    ProviderShared,
    /// A provider went on over a reload (S02).
    ProviderKept,
    /// A config could not be built (S11).
    ConfigFailed,
    /// A call failed, and the groups stayed (B04).
    FailureKept,
    /// A discoverer found the queue full and waited.
    QueueFull,
    /// A watch was too old, and everything was listed again.
    Relisted,
    /// A session or stream ended, and was made anew.
    Reconnected,
    /// A blocking query came back with nothing new.
    WaitedInVain,
    /// A discoverer received something older than what it knew.
    WentBackInTime,
    /// A list was put together of pages from different moments.
    TornPages,
    /// A call took longer than its caller waits.
    TimedOut,
    /// A manager started with what the one before it had saved.
    Restored,
    /// A manager could not read what another version had saved.
    StateRefused,
    /// The guard began to hold a drop (B05).
    DropHeld,
    /// An operator confirmed a drop that the guard held (B05).
    DropConfirmed,
    /// A snapshot left out what was new for jobs for which it was not due (B06).
    ChangePutOff,
    /// A list was withheld from those who had one from before, and they kept that (B09).
    ListKept,
    /// A list was served without what was never read and was waited for long enough (B10).
    ListIncomplete,
    /// A list had less, and was looked at again before that counted (B11).
    LookedAgain,
}

impl Mark {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::UpdateDelayed,
        Self::GhostReported,
        Self::UnchangedUpdate,
        Self::EmptySaid,
        Self::ProviderShared,
        Self::ProviderKept,
        Self::ConfigFailed,
        Self::FailureKept,
        Self::QueueFull,
        Self::Relisted,
        Self::Reconnected,
        Self::WaitedInVain,
        Self::WentBackInTime,
        Self::TornPages,
        Self::TimedOut,
        Self::Restored,
        Self::StateRefused,
        Self::DropHeld,
        Self::DropConfirmed,
        Self::ChangePutOff,
        Self::ListKept,
        Self::ListIncomplete,
        Self::LookedAgain,
    ];
}

impl Mark {
    /// The word for it, as scenarios write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::UpdateDelayed => "update_delayed",
            Self::GhostReported => "ghost_reported",
            Self::UnchangedUpdate => "unchanged_update",
            Self::EmptySaid => "empty_said",
            Self::ProviderShared => "provider_shared",
            Self::ProviderKept => "provider_kept",
            Self::ConfigFailed => "config_failed",
            Self::FailureKept => "failure_kept",
            Self::QueueFull => "queue_full",
            Self::Relisted => "relisted",
            Self::Reconnected => "reconnected",
            Self::WaitedInVain => "waited_in_vain",
            Self::WentBackInTime => "went_back_in_time",
            Self::TornPages => "torn_pages",
            Self::TimedOut => "timed_out",
            Self::Restored => "restored",
            Self::StateRefused => "state_refused",
            Self::DropHeld => "drop_held",
            Self::DropConfirmed => "drop_confirmed",
            Self::ChangePutOff => "change_put_off",
            Self::ListKept => "list_kept",
            Self::ListIncomplete => "list_incomplete",
            Self::LookedAgain => "looked_again",
        }
    }
}
