//! A question that is not about one service, and is asked again and again.

use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::env::Random;

use crate::consul::pace::Pace;

/// The list, all checks, or all nodes.
#[derive(Debug)]
pub(super) struct Signal {
    index: Option<u64>,
    pace: Pace,
    not_before: Instant,
    pub(super) is_open: bool,
    /// When something changed of which the services were not asked since.
    pub(super) moved_at: Option<Instant>,
    /// Whether its first answer, or failure, has come.
    pub(super) is_known: bool,
}

impl Signal {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            index: None,
            pace: Pace::new(interval),
            not_before: Instant::ZERO,
            is_open: false,
            moved_at: None,
            is_known: false,
        }
    }

    /// When it may be asked next.
    pub(super) fn due_at(&self) -> Instant {
        self.pace.earliest().max(self.not_before)
    }

    /// It is asked now, with this index to wait for a change of.
    pub(super) fn ask(&mut self, now: Instant, random: &dyn Random) -> Option<u64> {
        self.is_open = true;
        self.pace.take(now, random);
        self.index
    }

    pub(super) fn answered(&mut self, now: Instant, index: Option<u64>) {
        // The first answer is what later ones are compared with.
        if self.is_known && self.index.is_none_or(|known| Some(known) != index) {
            self.moved_at.get_or_insert(now);
        }
        self.index = next_index(self.index, index);
        self.is_known = true;
    }

    pub(super) fn failed(&mut self, now: Instant, retry_at: Instant) {
        self.index = None;
        self.not_before = retry_at;
        // Nobody says that nothing changed.
        self.moved_at.get_or_insert(now);
        self.is_known = true;
    }
}

/// The index to wait for a change of, as Consul's documentation has it: one that went back starts anew, and one that
/// is missing or zero is taken for 1, which blocks where 0 would be answered at once, again and again.
pub(super) fn next_index(known: Option<u64>, answered: Option<u64>) -> Option<u64> {
    let answered = answered.unwrap_or_default().max(1);
    (known.is_none_or(|known| known <= answered)).then_some(answered)
}
