//! What the guard remembers of what a provider lost and got (B05).

use core::time::Duration;
use std::collections::VecDeque;

use crate::Instant;

/// What passed of one provider, and what came.
#[derive(Debug, Clone, Default)]
pub(super) struct Guarded {
    /// Losses that passed.
    pub(super) passed: Tally,
    /// Targets that came and that its sets did not show before. Less than nothing for what went and stands elsewhere:
    /// it came there before.
    pub(super) came: Tally,
}

/// Numbers, each with its time, the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// With the sum of all that ever came before.
    entries: VecDeque<(Instant, i64)>,
    /// The sum of all that ever came.
    total: i64,
}

impl Guarded {
    /// What was lost is let go: `passed` targets went without being confirmed, or all were. What passed is remembered
    /// for as long as anything is held.
    pub(super) fn let_go(&mut self, now: Instant, passed: Option<usize>, longest_hold: Duration) {
        match passed {
            Some(lost) => {
                let lost = i64::try_from(lost).unwrap_or(i64::MAX);
                self.passed.add(now, lost, longest_hold);
            }
            // A set that was halved on purpose must not be held at the next target that goes.
            None => (self.passed, self.came) = (Tally::default(), Tally::default()),
        }
    }
}

impl Tally {
    /// Adds a number, and forgets those that are too old. Each is forgotten once.
    pub(super) fn add(&mut self, now: Instant, number: i64, keep: Duration) {
        while self
            .entries
            .front()
            .is_some_and(|(at, _)| *at + planted!(keep, WindowIsForgottenEarly, keep / 2) <= now)
        {
            self.entries.pop_front();
        }
        if number != 0 {
            self.entries.push_back((now, self.total));
            self.total = self.total.saturating_add(number);
        }
    }

    /// The sum of what came within this time.
    pub(super) fn within(&self, now: Instant, time: Duration) -> i64 {
        let first = self
            .entries
            .partition_point(|(at, _)| planted!(*at + time <= now, WindowIsOneLonger, *at + time < now));
        let before = self.entries.get(first).map_or(self.total, |(_, before)| *before);
        self.total.saturating_sub(before)
    }
}
