//! What is known of members and targets.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::rendezvous::Seed;
use super::{MAX_REPLICAS, NOBODY};

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: Arc<str>,
    pub(super) seed: Seed,
    /// How many targets it may have.
    pub(super) capacity: usize,
    /// By fit.
    pub(super) held: BTreeSet<(u64, u64)>,
    /// Those that would rather be here and were turned away.
    pub(super) waiting: BTreeSet<(u64, u64)>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    pub(super) seed: Seed,
    pub(super) slot: u16,
}

/// Some of a target's owners, in no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owners(pub(super) [u16; MAX_REPLICAS]);

#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) owners: Owners,
    /// With how many members it waits.
    pub(super) waits: u16,
}

impl Owners {
    pub(super) const NONE: Self = Self([NOBODY; MAX_REPLICAS]);

    pub(super) fn iter(self) -> impl Iterator<Item = u16> {
        self.0.into_iter().filter(|slot| *slot != NOBODY)
    }

    pub(super) fn len(self) -> usize {
        self.iter().count()
    }

    pub(super) fn has(self, slot: u16) -> bool {
        self.0.contains(&slot)
    }

    pub(super) fn put(&mut self, slot: u16) {
        if let Some(free) = self.0.iter_mut().find(|slot| **slot == NOBODY) {
            *free = slot;
        }
    }

    pub(super) fn take(&mut self, slot: u16) {
        for own in self.0.iter_mut().filter(|own| **own == slot) {
            *own = NOBODY;
        }
    }
}
