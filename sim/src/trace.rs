//! What happens in a run, for whoever listens.
//!
//! A run is silent unless [`Simulation::listen`](crate::Simulation::listen) was called; then
//! every step leaves [`Traced`] events, to be taken after it. **Events only observe**: nothing in a
//! run depends on whether somebody listens. Each event carries the numbers that link it to its
//! causes: a host's version from the truth to the backend, a discoverer's call from the question
//! to the report, a provider's update from the report to the snapshot.

use headcount_core::{ProviderId, UpdateOutcome};
use serde::Serialize;

use crate::{DiscovererId, FaultKind, HostId, Input, Mark, Span, ViewId, Violation};

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Traced {
    /// When, since the run's start.
    pub at: Span,
    /// What.
    #[serde(flatten)]
    pub event: TraceEvent,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
#[non_exhaustive]
pub enum TraceEvent {
    /// A decision took effect; a hit, when it met something. All of these, in order, are the run's
    /// input log.
    Input {
        /// Which one.
        input: Input,
    },
    /// The truth about a host changed: this is its version from now on.
    Truth {
        /// Which host.
        host: HostId,
        /// Counts the host's changes.
        version: u32,
        /// Whether it is up.
        up: bool,
    },
    /// A backend shows a host as of this version.
    Shown {
        /// Which view.
        view: ViewId,
        /// Which host.
        host: HostId,
        /// The host's version that it shows.
        version: u32,
        /// The view's own version from now on.
        view_version: u64,
    },
    /// A fault's window shut.
    WindowShut {
        /// What went wrong.
        kind: FaultKind,
        /// The place of the fault in the scenario's list.
        fault: u16,
    },
    /// The manager started a provider.
    Started {
        /// As whom it reports.
        #[serde(serialize_with = "number")]
        provider: ProviderId,
        /// Who reports.
        discoverer: DiscovererId,
    },
    /// The manager stopped a provider.
    Stopped {
        /// As whom it reported.
        #[serde(serialize_with = "number")]
        provider: ProviderId,
        /// Who reported.
        discoverer: DiscovererId,
    },
    /// A manager took the place of another, and has what that one saved.
    Restored {
        /// How many bytes that were.
        bytes: usize,
    },
    /// It could not read that, and starts from nothing.
    Refused {
        /// Why.
        reason: String,
    },
    /// A discoverer asks its backend.
    Call {
        /// Who.
        discoverer: DiscovererId,
        /// Its how-manieth call this is.
        call: u64,
        /// The view that answers.
        view: ViewId,
    },
    /// A discoverer has its answer, or an event from its watch.
    Answer {
        /// Who.
        discoverer: DiscovererId,
        /// The call that it belongs to.
        call: u64,
        /// The version of the view that it shows; none, if the call failed.
        view_version: Option<u64>,
        /// Why the call failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<String>,
    },
    /// The manager took an update in.
    Update {
        /// From whom.
        #[serde(serialize_with = "number")]
        provider: ProviderId,
        /// Who it is.
        discoverer: DiscovererId,
        /// The number of the provider's update.
        update: u64,
        /// How many sources it added, changed and removed.
        added: usize,
        /// See `added`.
        changed: usize,
        /// See `added`.
        removed: usize,
    },
    /// The guard holds so many of a provider's targets from now on; none, if it let them go.
    Held {
        /// Of which provider.
        #[serde(serialize_with = "number")]
        provider: ProviderId,
        /// Who it is.
        discoverer: DiscovererId,
        /// How many.
        held: usize,
    },
    /// The manager took a failure in.
    Failure {
        /// From whom.
        #[serde(serialize_with = "number")]
        provider: ProviderId,
        /// Who it is.
        discoverer: DiscovererId,
    },
    /// The manager ignored a report, because its provider was stopped (S06).
    Ignored {
        /// As whom it was reported.
        #[serde(serialize_with = "number")]
        provider: ProviderId,
    },
    /// The manager emitted a snapshot.
    Emission {
        /// The snapshot's version.
        version: u64,
        /// How many targets it has, each counted once for its provider.
        targets: u64,
        /// How many groups differ from the snapshot before.
        groups: u64,
        /// About how many bytes a receiver that reads only differences has to read.
        bytes: u64,
    },
    /// The receiver learned of a host's version.
    Learned {
        /// Through whom.
        discoverer: DiscovererId,
        /// Which host.
        host: HostId,
        /// The version; none, if it learned that the host is gone.
        version: Option<u32>,
        /// How long after the truth changed; none, if this is not the truth.
        staleness: Option<Span>,
    },
    /// The receiver is ready for the next snapshot.
    Taken,
    /// Something worth seeing was seen for the first time.
    Mark {
        /// What.
        mark: Mark,
    },
    /// A rule was broken.
    Violation {
        /// Which, and how.
        violation: Violation,
    },
}

impl TraceEvent {
    pub(crate) fn update(provider: ProviderId, discoverer: DiscovererId, update: u64, outcome: UpdateOutcome) -> Self {
        Self::Update {
            provider,
            discoverer,
            update,
            added: outcome.added,
            changed: outcome.changed,
            removed: outcome.removed,
        }
    }
}

fn number<S: serde::Serializer>(provider: &ProviderId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(provider.number())
}

/// Where events go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    listened: bool,
    events: Vec<Traced>,
}

impl Trace {
    pub(crate) fn listen(&mut self, listened: bool) {
        self.listened = listened;
    }

    pub(crate) fn take(&mut self) -> Vec<Traced> {
        core::mem::take(&mut self.events)
    }

    /// Notes an event, which is made only if somebody listens.
    #[inline]
    pub(crate) fn push(&mut self, at: Span, event: impl FnOnce() -> TraceEvent) {
        if self.listened {
            self.events.push(Traced { at, event: event() });
        }
    }
}
