//! Which target stands for an identity: the last of those that have it, as in Prometheus, which shows the discovered
//! labels of that one.
//!
//! "Last" is by provider, then by the group's place, then by the place in the group: an order
//! that does not depend on what came when. So the pool's state is that of a full rebuild. Prometheus has the groups of a
//! provider in no order (version 2 all groups of a job), and the targets of a group as they came, where here they are
//! sorted.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashTable;

use super::fate::TargetId;

/// A target's place; the last of several has precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) provider: u64,
    pub(super) key: u64,
    pub(super) index: u32,
    /// The group's slot in the pool. Where everything before is equal, which takes two sources
    /// with the same hash, the older group mostly comes first.
    pub(super) slot: u32,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Owners {
    /// One after the other, and by identity their places: of a million, what is looked up by chance is a fifth as large as
    /// if they stood there, and what is new is written behind what was new before.
    last: Vec<Owner>,
    /// Places of those that are gone, which the next ones take.
    free: Vec<u32>,
    places: HashTable<u32>,
    /// The others, where there are any.
    others: BTreeMap<TargetId, BTreeSet<Place>>,
}

#[derive(Debug, Clone, Copy)]
struct Owner {
    id: TargetId,
    slot: u32,
    index: u32,
}

/// What it was to add a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// Nobody had its identity.
    New,
    /// It stands for its identity in the place of one in this slot.
    Behind(u32),
    /// Another one stands for it.
    Before,
}

/// What it was to remove a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removed {
    /// Its identity is gone.
    Only,
    /// It stood for its identity, and one in this slot does now.
    Last(u32),
    /// Another one stands for it.
    Another,
}

impl Owners {
    /// How many identities there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Bytes that it takes. Of trees, what stands in them is counted, and not their nodes.
    pub(super) fn size_bytes(&self) -> usize {
        let places = self
            .others
            .values()
            .map(|places| size_of::<Place>().saturating_mul(places.len()));
        let others = size_of::<(TargetId, BTreeSet<Place>)>().saturating_mul(self.others.len());
        places
            .fold(others, usize::saturating_add)
            .saturating_add(size_of::<Owner>().saturating_mul(self.last.capacity()))
            .saturating_add(size_of::<u32>().saturating_mul(self.free.capacity()))
            .saturating_add(self.places.allocation_size())
    }

    /// Makes room for so many more identities.
    pub(super) fn reserve(&mut self, identities: usize) {
        let Self { last, free, places, .. } = self;
        last.reserve(identities.saturating_sub(free.len()));
        places.reserve(identities, |place| number_at(last, *place));
    }

    /// Fetches the memory in which these identities stand, or would stand: to look for one after the other would wait for
    /// each.
    pub(super) fn touch(&self, ids: impl Iterator<Item = TargetId>) {
        core::hint::black_box(ids.filter_map(|id| self.place(id)).count());
    }

    /// The slot and the index of the target that stands for an identity.
    pub(super) fn get(&self, id: TargetId) -> Option<(u32, u32)> {
        let owner = self.last.get(self.place(id)? as usize)?;
        Some((owner.slot, owner.index))
    }

    /// Adds a target. `place_of` says the place of the target at a slot and an index.
    pub(super) fn add(&mut self, id: TargetId, place: Place, place_of: impl Fn(u32, u32) -> Place) -> Added {
        let new = Owner {
            id,
            slot: place.slot,
            index: place.index,
        };
        let known = self.place(id);
        let Some(owner) = known.and_then(|place| self.last.get_mut(place as usize)) else {
            let Self { last, free, places, .. } = self;
            let place = match free.pop() {
                Some(place) => {
                    if let Some(owner) = last.get_mut(place as usize) {
                        *owner = new;
                    }
                    place
                }
                None => {
                    last.push(new);
                    // Targets take more memory than their numbers.
                    u32::try_from(last.len().saturating_sub(1)).unwrap_or(u32::MAX)
                }
            };
            places.insert_unique(id.number(), place, |place| number_at(last, *place));
            return Added::New;
        };
        let old = place_of(owner.slot, owner.index);
        let (other, added) = if planted!(place > old, FirstOwnerStands, place < old) {
            *owner = new;
            (old, Added::Behind(old.slot))
        } else {
            (place, Added::Before)
        };
        self.others.entry(id).or_default().insert(other);
        added
    }

    /// Removes a target.
    pub(super) fn remove(&mut self, id: TargetId, place: Place) -> Removed {
        let Some(at) = self.place(id) else {
            return Removed::Another;
        };
        let Some(owner) = self.last.get_mut(at as usize) else {
            return Removed::Another;
        };
        let is_last = (owner.slot, owner.index) == (place.slot, place.index);
        let Some(others) = self.others.get_mut(&id) else {
            if is_last {
                self.forget(id, at);
                return Removed::Only;
            }
            return Removed::Another;
        };
        let mut removed = Removed::Another;
        if is_last {
            if let Some(next) = planted!(others.pop_last(), FirstHeirInherits, others.pop_first()) {
                (owner.slot, owner.index) = (next.slot, next.index);
                removed = Removed::Last(next.slot);
            }
        } else {
            planted!(others.remove(&place), GoneDuplicateInherits, false);
        }
        if others.is_empty() {
            self.others.remove(&id);
        }
        removed
    }

    #[inline]
    fn place(&self, id: TargetId) -> Option<u32> {
        let is_it = |place: &u32| self.last.get(*place as usize).is_some_and(|owner| owner.id == id);
        self.places.find(id.number(), is_it).copied()
    }

    /// Takes out who stands for an identity, at its place.
    fn forget(&mut self, id: TargetId, at: u32) {
        if let Ok(entry) = self.places.find_entry(id.number(), |place| *place == at) {
            entry.remove();
            self.free.push(at);
        }
    }
}

/// What an identity is found by.
fn number_at(last: &[Owner], place: u32) -> u64 {
    last.get(place as usize).map_or(0, |owner| owner.id.number())
}
