//! headcount's core: Prometheus's discovery manager as a deterministic state machine.
//!
//! Nothing here does input or output, reads a clock, spawns or draws random numbers from
//! outside. A [`Manager`] takes inputs that carry the time and gives outputs that a driver
//! carries out; `headcount-runtime` has drivers for async runtimes, `headcount-sim` one for
//! simulated time.
//!
//! * [`Group`], [`LabelSet`], [`Encoder`]: what discoverers find, compactly.
//! * [`Update`], [`Failure`]: what discoverers report.
//! * [`Manager`]: merges, throttles, remembers.
//! * [`Snapshot`], [`SnapshotDiff`]: what the receiver gets.
//! * [`ManagerEvent`]: what happens between snapshots.
//! * [`History`]: what happened, for who asks later.
//! * [`RecordingManager`], [`Recorded`]: what a manager was given and gave, for a replay.
//! * [`SavedState`]: what a manager has, for the one that starts after it.
//! * [`relabel`]: rules that drop targets and rewrite their labels.
//! * [`TargetPool`], [`TargetPools`], [`Fate`]: a job's targets, and what became of each.
//! * [`allocation`]: which of many members scrapes which target.
//! * [`one_line`], [`printable`]: text from elsewhere, as people may see it.
//! * [`Schedule`]: when each target is scraped, and what came of it.
//!
//! # Panics and errors
//! A backend's trouble is data. No input makes this crate panic: there is no indexing, no
//! unchecked arithmetic and no `unwrap` outside of tests.

// Tests may panic: that is how they report.
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice
    )
)]

#[macro_use]
#[cfg(not(planted))]
mod planted;
#[macro_use]
#[cfg(planted)]
pub mod planted;

mod address;
pub mod allocation;
mod diff;
mod duration;
mod group;
mod hash;
mod health;
mod history;
mod manager;
mod members;
mod missing;
mod newest;
mod pool;
mod printable;
mod provider;
mod random;
mod readers;
mod recording;
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a model that is compared with: plain before all else, and never in production"
)]
#[cfg(any(test, feature = "reference"))]
pub mod reference;
pub mod relabel;
mod saved;
mod scrape;
mod snapshot;
mod store;
mod time;
mod update;
mod work;

pub use address::Address;
pub use diff::{ProviderChange, ReportsChange, SetChange, SnapshotDiff};
pub use duration::{DurationError, format_duration, parse_duration};
pub use group::{
    Batch, Encoder, Group, GroupError, LabelSet, Labels, MAX_NAME_BYTES, MAX_SOURCE_BYTES, MAX_VALUE_BYTES,
    NumberedBatch, Targets,
};
pub use health::{Condition, FailedRefresh, Health, Reports, Restored};
pub use history::{
    Addresses, Cause, ChangeKind, Found, Happening, History, HistoryEntry, HistoryLimits, HistoryProvider,
    HistoryQuery, MemberChange, Past, Removal, TargetsChange,
};
pub use manager::{
    Applied, Backoff, Count, Counters, DropGuard, EventKind, Held, LetGo, Manager, ManagerEvent, ManagerOptions,
    Output, Percent, PercentError, Release, Reload, SetOptions, StillThere, Throttle, ThrottleError, TimeoutReason,
};
pub use missing::{Missing, MissingPart};
pub use newest::Newest;
pub use pool::{
    Fate, FateCounts, InvalidTarget, JobOptions, PoolChanges, PoolOutput, TargetCursor, TargetExplanation, TargetId,
    TargetLabels, TargetLimit, TargetLimits, TargetPool, TargetPools, TargetReader, TargetView,
};
pub use printable::{is_printable, one_line, printable};
pub use provider::{ConfigFingerprint, FailedConfig, ProviderConfig, ProviderId, ProviderStatus, UnknownProvider};
pub use random::Random;
pub use readers::Readers;
pub use recording::{
    RECORDING_FORMAT, Recorded, RecordedEvent, RecordedGroup, RecordedOptions, RecordedProvider, RecordedRead,
    RecordingManager, Sink,
};
pub use saved::{STATE_FORMAT, SavedProvider, SavedState};
pub use scrape::{
    LastScrape, Schedule, ScheduleCounts, ScheduleOptions, Scrape, ScrapePace, ScrapeResult, ScrapeStatus,
};
pub use snapshot::{Delivery, ProviderSnapshot, SetView, Snapshot};
pub use store::{GroupChange, GroupDiff, Groups, Stored};
pub use time::Instant;
pub use update::{Failure, Update, UpdateKind, UpdateOutcome};
pub use work::StoreWork;
