//! What the guard remembers of one provider (B05).

use core::time::Duration;
use std::collections::VecDeque;

use super::guard::Held;
use crate::Instant;

/// What the guard remembers of one provider.
#[derive(Debug, Clone, Default)]
pub(super) struct Guarded {
    pub(super) held: Option<Held>,
    /// Targets that were lost since [`Held::since`], beyond those for which it is held.
    pub(super) further: usize,
    /// Losses that passed.
    pub(super) passed: Tally,
}

/// Numbers, each with its time, the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// With the sum of all that ever came before.
    entries: VecDeque<(Instant, usize)>,
    /// The sum of all that ever came.
    total: usize,
}

impl Guarded {
    /// When what is held counts, if it stays so.
    pub(super) fn until(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.until)
    }

    /// How many targets are shown that are not there.
    pub(super) fn lost(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.targets)
    }

    /// Nothing is held any more; `passed` targets went without being confirmed, or all were. What passed is remembered
    /// for as long as anything is held.
    pub(super) fn let_go(&mut self, now: Instant, passed: Option<usize>, longest_hold: Duration) {
        self.held = None;
        self.further = 0;
        match passed {
            Some(lost) => self.passed.add(now, lost, longest_hold),
            // A set that was halved on purpose must not be held at the next target that goes.
            None => self.passed = Tally::default(),
        }
    }
}

impl Tally {
    /// Adds a number, and forgets those that are too old. Each is forgotten once.
    pub(super) fn add(&mut self, now: Instant, number: usize, keep: Duration) {
        while self.entries.front().is_some_and(|(at, _)| *at + keep <= now) {
            self.entries.pop_front();
        }
        if number > 0 {
            self.entries.push_back((now, self.total));
            self.total = self.total.saturating_add(number);
        }
    }

    /// The sum of what came within this time.
    pub(super) fn within(&self, now: Instant, time: Duration) -> usize {
        let first = self.entries.partition_point(|(at, _)| *at + time <= now);
        let before = self.entries.get(first).map_or(self.total, |(_, before)| *before);
        self.total.saturating_sub(before)
    }
}
