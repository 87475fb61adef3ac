//! Draws one after the other, from a seed of their own.

use super::weights::Part;
use crate::rng::{Entity, Purpose};
use crate::{KeyedRng, Ratio, Span, SpanRange};

/// What is drawn for a world. Each draw has the next number, so the order of the draws is part of what a seed means.
#[derive(Debug)]
pub(super) struct Dice {
    rng: KeyedRng,
    count: u64,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self::numbered(seed, u64::MAX)
    }

    /// Others, which leave what those draw as it is.
    pub(super) fn further(seed: u64) -> Self {
        Self::numbered(seed, u64::MAX - 1)
    }

    /// Others again, for members.
    pub(super) fn of_members(seed: u64) -> Self {
        Self::numbered(seed, u64::MAX - 2)
    }

    fn numbered(seed: u64, number: u64) -> Self {
        // Another seed than that of the run, so that the world says nothing about its noise.
        let seed = KeyedRng::new(seed).draw(Entity::Run, Purpose::Seed, number);
        Self {
            rng: KeyedRng::new(seed),
            count: 0,
        }
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        self.count += 1;
        self.rng.between(Entity::Run, Purpose::Choice, self.count, low, high)
    }

    /// The same for small numbers.
    pub(super) fn few(&mut self, low: u32, high: u32) -> u32 {
        u32::try_from(self.between(low.into(), high.into())).unwrap_or(high)
    }

    /// Whether a world has this part.
    pub(super) fn has(&mut self, part: Part) -> bool {
        self.chance(part.percent())
    }

    /// Whether something happens that happens in so many of a hundred cases.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.between(1, 100) <= percent.into()
    }

    /// One of several, each as likely. Of none, the default.
    pub(super) fn one<T: Copy + Default>(&mut self, several: &[T]) -> T {
        let last = several.len().saturating_sub(1) as u64;
        let place = self.between(0, last);
        usize::try_from(place)
            .ok()
            .and_then(|place| several.get(place))
            .copied()
            .unwrap_or_default()
    }

    /// One of several, as likely as its weight says.
    pub(super) fn weighted<T: Copy>(&mut self, several: &[(T, u32)], otherwise: T) -> T {
        let all: u32 = several.iter().map(|(_, weight)| weight).sum();
        let mut left = self.few(1, all.max(1));
        for (what, weight) in several {
            if left <= *weight {
                return *what;
            }
            left -= weight;
        }
        otherwise
    }

    /// One of several, each as likely; nothing, if there are none.
    pub(super) fn pick<T: Copy>(&mut self, several: &[T]) -> Option<T> {
        let last = several.len().checked_sub(1)? as u64;
        let place = usize::try_from(self.between(0, last)).ok()?;
        several.get(place).copied()
    }

    /// Which of several there are; at least one.
    pub(super) fn some<T: Clone>(&mut self, several: &[T]) -> Vec<T> {
        let chosen: Vec<T> = several.iter().filter(|_| self.chance(50)).cloned().collect();
        if !chosen.is_empty() {
            return chosen;
        }
        let last = several.len().saturating_sub(1) as u64;
        let place = usize::try_from(self.between(0, last)).unwrap_or(0);
        several.get(place).cloned().into_iter().collect()
    }

    /// A moment before `end`, in whole tenths of a second.
    pub(super) fn moment(&mut self, end: Span) -> Span {
        let tenths = end.as_nanos() / 100_000_000;
        Span::millis(100 * self.between(0, tenths.saturating_sub(1)))
    }

    /// So many milliseconds.
    pub(super) fn millis(&mut self, several: &[u64]) -> Span {
        Span::millis(self.one(several))
    }

    /// From one of these milliseconds to another of them.
    pub(super) fn range(&mut self, several: &[u64]) -> SpanRange {
        let (one, other) = (self.millis(several), self.millis(several));
        SpanRange::between(one.min(other), one.max(other))
    }

    /// One of these percentages.
    pub(super) fn percent(&mut self, several: &[u32]) -> Ratio {
        Ratio::percent(self.one(several))
    }
}
