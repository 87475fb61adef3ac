//! Places in a pool, for readers that take its targets bit by bit.

use super::slots::PoolGroup;
use super::{TargetPool, TargetView};

/// A place in the order of a pool's targets. The default is the beginning.
///
/// It stays good while groups come and go: a reader that goes on from it sees each target of
/// every group that stayed and did not change exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TargetCursor {
    slot: u32,
    index: u32,
}

impl TargetCursor {
    /// As a number, for tokens.
    pub const fn number(self) -> u64 {
        ((self.slot as u64) << 32) | self.index as u64
    }

    /// From a number that was given by [`number`](Self::number); any other is a place, too.
    pub const fn from_number(number: u64) -> Self {
        Self {
            slot: (number >> 32) as u32,
            index: number as u32,
        }
    }

    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::from_number(self.number().saturating_add(1))
    }
}

impl TargetPool {
    /// The targets from a place on, each with its place. The order is that of
    /// [`targets`](Self::targets).
    pub fn targets_from(&self, from: TargetCursor) -> impl Iterator<Item = (TargetCursor, TargetView<'_>)> {
        self.slots.iter_from(from.slot).flat_map(move |(slot, held)| {
            let index = if slot == from.slot { from.index } else { 0 };
            self.views_from(slot, held, index)
        })
    }

    fn views_from<'a>(
        &'a self,
        slot: u32,
        held: &'a PoolGroup,
        from: u32,
    ) -> impl Iterator<Item = (TargetCursor, TargetView<'a>)> {
        let skipped = from as usize;
        let mut targets = held.group.targets();
        if let Some(last) = skipped.checked_sub(1) {
            targets.nth(last);
        }
        let entries = held.entries.as_slice().get(skipped..).unwrap_or_default();
        let targets = (from..).zip(targets.zip(entries));
        targets.map(move |(index, (labels, entry))| {
            let place = TargetCursor { slot, index };
            (place, self.view(slot, held, index, labels, *entry))
        })
    }
}
