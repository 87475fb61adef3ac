//! Lists that have less than before, in a way that who writes them could also have made: rule B11.
//!
//! **Less counts when it was looked at twice** ([`Less::Twice`]). A file with fewer targets counts when it has stayed so
//! for [`SETTLED`], and who began to write it anew is not finished because it has as many as before; a server's list
//! counts without any when the next answer says so, too. Meanwhile what was there stays.

use std::collections::VecDeque;

use headcount_core::Instant;

use super::discoverer::Discoverer;
use super::world::World;
use crate::plan::DiscovererPlan;
use crate::rng::mix;
use crate::scenario::{BackendKind, Less, Mark};
use crate::world::view::Rows;
use crate::{DiscovererId, HostId, Span};

/// How long a file has to stay as it is.
pub(crate) const SETTLED: Span = Span::secs(5);

/// What a server's list is told to be that has nothing for the first time.
const EMPTIED: &str = "the list has nothing any more, which counts when it is said twice";

/// Lists that are remembered for whoever checks this.
const MOST_SEEN: usize = 8;

/// What is known of a discoverer's looks at its list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looks {
    /// What was seen and does not count yet, and since when it is so.
    doubted: Option<(Rows, Instant)>,
    /// Targets that were found by another process.
    found_before: usize,
    /// The last lists, the newest at the end, counted or not.
    pub(crate) seen: VecDeque<Seen>,
}

/// A list that a backend gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    /// Of which hosts it was.
    pub(crate) hosts: u64,
}

impl Looks {
    /// As of a process that begins with so many targets.
    pub(crate) fn found_before(targets: usize) -> Self {
        Self {
            found_before: targets,
            ..Self::default()
        }
    }
}

/// Folds hosts, in their order, into a number.
pub(crate) fn fold_hosts(hosts: impl Iterator<Item = HostId>) -> u64 {
    hosts.fold(0, |folded, host| mix(folded ^ u64::from(host.0 + 1)))
}

impl World {
    /// Takes in what an answer lists. Whether that is to be looked at again before it counts; then the next turn is planned.
    pub(super) fn looks_again(&mut self, plan: &DiscovererPlan, id: DiscovererId, call: u64, rows: &Rows) -> bool {
        let discoverer = &mut self.discoverers[id.place()];
        if plan.less == Less::AtOnce || !discoverer.doubts(plan.kind, self.now, rows) {
            return false;
        }
        self.mark(Mark::LookedAgain);
        match plan.kind {
            BackendKind::File => {
                let again = self.now + SETTLED.into();
                self.faults.disturbed(again, id);
                self.ask_at(id, again);
            }
            _ => self.failed(id, call, EMPTIED, None),
        }
        true
    }
}

impl Discoverer {
    /// Whether what a list has does not count yet.
    fn doubts(&mut self, kind: BackendKind, now: Instant, rows: &Rows) -> bool {
        let looks = self.looks.get_or_insert_default();
        while looks.seen.len() >= MOST_SEEN {
            looks.seen.pop_front();
        }
        looks.seen.push_back(Seen {
            at: now,
            hosts: fold_hosts(rows.keys().copied()),
        });
        let before = self.held.len().max(looks.found_before);
        let (is_less, is_settled) = match (kind, &looks.doubted) {
            (BackendKind::File, Some((doubted, since))) => {
                let is_settled = doubted == rows && now.saturating_duration_since(*since) >= SETTLED.into();
                (true, is_settled)
            }
            (BackendKind::File, None) => (rows.len() < before, false),
            (_, doubted) => (rows.is_empty() && before > 0, doubted.is_some()),
        };
        if !is_less || is_settled {
            (looks.doubted, looks.found_before) = (None, 0);
            return false;
        }
        if looks.doubted.as_ref().is_none_or(|(doubted, _)| doubted != rows) {
            looks.doubted = Some((rows.clone(), now));
        }
        true
    }

    /// What was seen last is what was seen before, and counted.
    pub(super) fn nothing_new(&mut self) {
        if let Some(looks) = &mut self.looks {
            looks.doubted = None;
        }
    }
}
