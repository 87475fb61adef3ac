//! Which target stands for an identity: the first of those that have it.
//!
//! "First" is by provider, then by the group's place, then by the place in the group: an order
//! that does not depend on what came when. So the pool's state is that of a full rebuild.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashTable;

use super::fate::TargetId;

/// A target's place, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) provider: u64,
    pub(super) key: u64,
    pub(super) index: u32,
    /// The group's slot in the pool. Where everything before is equal, which takes two sources
    /// with the same hash, the older group comes first.
    pub(super) slot: u32,
}

#[derive(Debug, Default)]
pub(super) struct Owners {
    first: HashTable<Owner>,
    /// The others, where there are any.
    others: BTreeMap<TargetId, BTreeSet<Place>>,
}

#[derive(Debug, Clone, Copy)]
struct Owner {
    id: TargetId,
    slot: u32,
    index: u32,
}

impl Owners {
    /// How many identities there are.
    pub(super) fn len(&self) -> usize {
        self.first.len()
    }

    /// The slot and the index of the target that stands for an identity.
    pub(super) fn get(&self, id: TargetId) -> Option<(u32, u32)> {
        let owner = self.first.find(id.number(), |owner| owner.id == id)?;
        Some((owner.slot, owner.index))
    }

    /// Adds a target. `place_of` says the place of the target at a slot and an index. Says
    /// whether the identity is new.
    pub(super) fn add(&mut self, id: TargetId, place: Place, place_of: impl Fn(u32, u32) -> Place) -> bool {
        let new = Owner {
            id,
            slot: place.slot,
            index: place.index,
        };
        let Some(owner) = self.first.find_mut(id.number(), |owner| owner.id == id) else {
            self.first.insert_unique(id.number(), new, |owner| owner.id.number());
            return true;
        };
        let old = place_of(owner.slot, owner.index);
        let other = if place < old {
            *owner = new;
            old
        } else {
            place
        };
        self.others.entry(id).or_default().insert(other);
        false
    }

    /// Removes a target. Says whether the identity is gone.
    pub(super) fn remove(&mut self, id: TargetId, place: Place) -> bool {
        let Ok(mut entry) = self.first.find_entry(id.number(), |owner| owner.id == id) else {
            return false;
        };
        let owner = entry.get_mut();
        let is_first = (owner.slot, owner.index) == (place.slot, place.index);
        let Some(others) = self.others.get_mut(&id) else {
            if is_first {
                entry.remove();
            }
            return is_first;
        };
        if is_first {
            if let Some(next) = others.pop_first() {
                (owner.slot, owner.index) = (next.slot, next.index);
            }
        } else {
            others.remove(&place);
        }
        if others.is_empty() {
            self.others.remove(&id);
        }
        false
    }
}
