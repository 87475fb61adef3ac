//! What a backend shows of the fleet, as virtual servers and files are given it.

use headcount_core::Instant;

use crate::world::render::address;
use crate::world::view::Rows;
use crate::{HostId, Looks, Span};

/// A host as a backend shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownHost {
    /// Which one.
    pub host: HostId,
    /// Where it is scraped, `host:port`: what a discoverer should give as `__address__`.
    pub address: String,
    /// How it looks.
    pub looks: Looks,
    /// Which host this is as of which change, as text. A server that hands it on in a label makes it
    /// possible to check that changes of labels arrive, too: see
    /// [`Rehearsal::stamped_by`](crate::Rehearsal::stamped_by).
    pub stamp: String,
}

/// What a backend shows to a discoverer that asks it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// When, since the run's start.
    pub at: Span,
    /// The hosts, by number.
    pub hosts: Vec<ShownHost>,
    /// Moves up whenever the hosts change.
    pub version: u64,
    /// Which of the backend's replicas answers.
    pub replica: u32,
    /// For how long the request has waited for something new.
    pub waited: Span,
    /// Up to what the request was told, by the last part of its answer; nothing, if it has none yet.
    pub told: Option<u64>,
    /// How many requests of the discoverer are open, this one among them.
    pub open: usize,
}

pub(super) fn hosts(rows: &Rows) -> Vec<ShownHost> {
    let shown = |(host, row): (&HostId, &crate::world::truth::Row)| ShownHost {
        host: *host,
        address: address(&row.looks),
        looks: row.looks,
        stamp: format!("{}.{}", host.0, row.version),
    };
    rows.iter().map(shown).collect()
}

pub(super) fn since(now: Instant, then: Instant) -> Span {
    Span::from_nanos(now.as_nanos().saturating_sub(then.as_nanos()))
}
