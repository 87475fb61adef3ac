//! What happened in production, again: a recording of a manager, replayed.
//!
//! `headcount run --record FILE`, or any driver with a
//! [`RecordingManager`](headcount_core::RecordingManager), writes what a manager was given and which snapshots
//! it emitted. **Replayed as it was, it has to give the same again, to the nanosecond**; under another
//! [throttle](Incident::under) it says what that would have made of the same day; and [of a host](Incident::story) how the
//! receiver came to know it. Beside the manager the
//! reference model can be given the same, so an incident is checked by the contract's rules.
//!
//! ```
//! use headcount_sim::{Incident, ThrottleSetting, Span};
//!
//! let recording = concat!(
//!     r#"{"headcount_recording":2,"at":0,"name":"scrape","throttle":{"ticker":{"interval":{"secs":5,"nanos":0}}},"#,
//!     r#""reload":"keep","guard":null,"seed":0}"#, "\n",
//!     r#"{"at":0,"what":{"apply":{"sets":[["node",[0]]],"started":[{"provider":0,"kind":"file","description":"f"}]}}}"#, "\n",
//!     r#"{"at":0,"what":{"update":{"provider":0,"groups":[{"source":"a","labels":{},"targets":[{"__address__":"h:1"}]}]}}}"#, "\n",
//!     r#"{"at":5000000000,"what":"timeout"}"#, "\n",
//!     r#"{"at":5000000000,"what":{"emitted":{"version":1,"targets":1}}}"#, "\n",
//! );
//! let incident = Incident::read(recording)?;
//! let as_it_was = incident.replay()?;
//! assert!(as_it_was.differs.is_none());
//! let at_once = incident.under(ThrottleSetting::Ticker(Span::ZERO))?;
//! assert!(at_once.delay_max < as_it_was.delay_max);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod read;
mod replay;
mod report;
mod story;
#[cfg(test)]
mod tests;

use core::fmt;

use headcount_core::{Recorded, RecordedOptions};

use crate::Span;

pub use read::IncidentError;
pub use replay::ReplayError;
pub use story::{HostHop, HostStory};

/// A recording that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// How the manager was set up.
    pub options: RecordedOptions,
    /// What it was given and gave, in order.
    pub events: Vec<Recorded>,
    /// Whether the last line was cut off, as when a process was killed while it wrote; it is left out.
    pub is_cut: bool,
}

/// What a replay came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct IncidentOutcome {
    /// How long the recording is.
    pub time: Span,
    /// Updates and failures that were reported.
    pub reports: u64,
    /// Updates that changed something.
    pub changes: u64,
    /// Snapshots that were emitted.
    pub emissions: u64,
    /// Snapshots that were due while the receiver was busy.
    pub delayed_updates: u64,
    /// Groups that differed from one snapshot to the next, in all.
    pub groups_changed: u64,
    /// The most targets that a snapshot had.
    pub peak_targets: u64,
    /// How long a change waited for its snapshot: half of them no longer than this.
    pub delay_p50: Span,
    /// And 99 of 100 no longer than this.
    pub delay_p99: Span,
    /// And none longer than this.
    pub delay_max: Span,
    /// Changes that were in no snapshot when the recording ended.
    pub changes_open: u64,
    /// Where the replay first emits something else than what was recorded, if it does; never checked under
    /// other settings.
    pub differs: Option<EmissionPair>,
}

/// A snapshot that was recorded, and the one in its place; none where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct EmissionPair {
    /// What was recorded.
    pub recorded: Option<Emission>,
    /// What the replay emitted.
    pub replayed: Option<Emission>,
}

/// A snapshot, as far as recordings know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Emission {
    /// When it was emitted, since the recording began.
    pub at: Span,
    /// Its version.
    pub version: u64,
    /// How many targets it has, each counted once for its provider.
    pub targets: u64,
}

impl fmt::Display for Emission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, version, targets } = self;
        write!(f, "snapshot {version} with {targets} targets at {at}")
    }
}

impl fmt::Display for EmissionPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |emission: Option<Emission>| emission.map_or("nothing more".to_owned(), |it| it.to_string());
        let (recorded, replayed) = (words(self.recorded), words(self.replayed));
        write!(f, "the replay differs\n  recorded: {recorded}\n  replayed: {replayed}")
    }
}
