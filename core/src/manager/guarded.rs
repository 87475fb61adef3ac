//! What the guard remembers of one provider (B05).

use std::collections::VecDeque;

use super::guard::{DropGuard, Held};
use crate::Instant;

/// What the guard remembers of one provider.
#[derive(Debug, Clone, Default)]
pub(super) struct Guarded {
    pub(super) held: Option<Held>,
    /// Targets that were lost since [`Held::since`], beyond those for which it is held.
    pub(super) further: usize,
    /// Losses that passed, with their times, the oldest first.
    passed: VecDeque<(Instant, usize)>,
    /// Their sum.
    passed_in_all: usize,
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

    /// How many targets passed within the hold time. Each loss is forgotten once.
    pub(super) fn passed_lately(&mut self, now: Instant, guard: DropGuard) -> usize {
        while let Some((_, lost)) = self.passed.front().filter(|(at, _)| *at + guard.hold <= now) {
            self.passed_in_all = self.passed_in_all.saturating_sub(*lost);
            self.passed.pop_front();
        }
        self.passed_in_all
    }

    /// Nothing is held any more; `passed` targets went without being confirmed, or all were.
    pub(super) fn let_go(&mut self, now: Instant, passed: Option<usize>) {
        self.held = None;
        self.further = 0;
        match passed {
            Some(0) => {}
            Some(lost) => {
                self.passed.push_back((now, lost));
                self.passed_in_all = self.passed_in_all.saturating_add(lost);
            }
            // A set that was halved on purpose must not be held at the next target that goes.
            None => {
                self.passed.clear();
                self.passed_in_all = 0;
            }
        }
    }
}
