//! The groups of a pool, each in a slot of its own with the fates of its targets.
//!
//! **A group keeps its slot for as long as its source has targets**, so targets can be named by slot
//! and place, in four bytes each, and stay where they are while other groups come and go.

use hashbrown::HashTable;

use super::entries::Entries;
use super::owners::Place;
use crate::{Group, ProviderId};

/// One group and its targets' fates.
#[derive(Debug, Clone)]
pub(super) struct PoolGroup {
    pub(super) provider: ProviderId,
    /// The source's hash.
    pub(super) key: u64,
    pub(super) group: Group,
    pub(super) entries: Entries,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Slots {
    groups: Vec<Option<PoolGroup>>,
    free: Vec<u32>,
    /// By provider and source.
    by_source: HashTable<u32>,
}

impl Slots {
    pub(super) fn get(&self, slot: u32) -> Option<&PoolGroup> {
        self.groups.get(slot as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut PoolGroup> {
        self.groups.get_mut(slot as usize)?.as_mut()
    }

    /// Whether no slot is in use.
    pub(super) fn is_empty(&self) -> bool {
        self.by_source.is_empty()
    }

    /// The groups and their slots, from a slot on.
    pub(super) fn iter_from(&self, first: u32) -> impl Iterator<Item = (u32, &PoolGroup)> {
        let groups = self.groups.get(first as usize..).unwrap_or_default();
        let numbered = (first..).zip(groups);
        numbered.filter_map(|(slot, group)| Some((slot, group.as_ref()?)))
    }

    /// How many slots there are, in use or not.
    pub(super) fn count(&self) -> u32 {
        number(self.groups.len())
    }

    /// The slot of a provider's group; `key` is the hash of its source.
    pub(super) fn find(&self, provider: ProviderId, key: u64, has_source: impl Fn(&Group) -> bool) -> Option<u32> {
        let is_it = |slot: &u32| {
            self.get(*slot)
                .is_some_and(|held| held.provider == provider && held.key == key && has_source(&held.group))
        };
        self.by_source.find(hash(provider, key), is_it).copied()
    }

    /// Makes room for so many more groups.
    pub(super) fn reserve(&mut self, groups: usize) {
        self.groups.reserve(groups.saturating_sub(self.free.len()));
        let Self {
            groups: held,
            by_source,
            ..
        } = self;
        by_source.reserve(groups, |slot| rehash(held, *slot));
    }

    /// Fetches the memory in which the slots of these groups stand, or would stand: to look for one after the other would
    /// wait for each.
    pub(super) fn touch(&self, provider: ProviderId, keys: impl Iterator<Item = u64>) {
        let is_known = |key: u64| self.by_source.find(hash(provider, key), |slot| *slot == u32::MAX);
        core::hint::black_box(keys.filter_map(is_known).count());
    }

    /// Gives a group a slot.
    pub(super) fn insert(&mut self, group: PoolGroup) -> u32 {
        let hash_of_it = hash(group.provider, group.key);
        let free = self.free.pop();
        let slot = free.unwrap_or_else(|| number(self.groups.len()));
        match free.and_then(|slot| self.groups.get_mut(slot as usize)) {
            Some(place) => *place = Some(group),
            None => self.groups.push(Some(group)),
        }
        let groups = &self.groups;
        self.by_source
            .insert_unique(hash_of_it, slot, |slot| rehash(groups, *slot));
        slot
    }

    /// Gives groups new slots, and says which.
    ///
    /// Each is made where it stands. One that is put together first is read as a whole when it is copied, and the processor
    /// waits with that for all that is still being written.
    pub(super) fn append(&mut self, all: impl Iterator<Item = PoolGroup>) -> core::ops::Range<u32> {
        let first = self.groups.len();
        self.groups.extend(all.map(Some));
        let groups = &self.groups;
        let new = groups.get(first..).unwrap_or_default();
        for (slot, group) in (number(first)..).zip(new.iter().flatten()) {
            self.by_source
                .insert_unique(hash(group.provider, group.key), slot, |slot| rehash(groups, *slot));
        }
        number(first)..number(groups.len())
    }

    /// Forgets slots that are not in use, if none is.
    pub(super) fn begin_anew(&mut self) {
        if self.is_empty() {
            self.groups.clear();
            self.free.clear();
        }
    }

    /// Empties a slot.
    pub(super) fn remove(&mut self, slot: u32) {
        let Some(group) = self.groups.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        let hash = hash(group.provider, group.key);
        if let Ok(entry) = self.by_source.find_entry(hash, |&other| other == slot) {
            entry.remove();
        }
        self.free.push(slot);
    }

    /// Bytes that it takes, without the groups themselves.
    pub(super) fn size_bytes(&self) -> usize {
        let groups = size_of::<Option<PoolGroup>>().saturating_mul(self.groups.capacity());
        let free = size_of::<u32>().saturating_mul(self.free.capacity());
        let entries = self.groups.iter().flatten().map(|group| group.entries.heap_bytes());
        entries
            .fold(groups, usize::saturating_add)
            .saturating_add(free)
            .saturating_add(self.by_source.allocation_size())
    }

    /// The place of a target, for who compares places.
    pub(super) fn place(&self, slot: u32, index: u32) -> Place {
        let group = self.get(slot);
        Place {
            provider: group.map_or(0, |group| group.provider.number()),
            key: group.map_or(0, |group| group.key),
            index,
            slot,
        }
    }
}

/// The hash of what is in a slot.
fn rehash(groups: &[Option<PoolGroup>], slot: u32) -> u64 {
    let group = groups.get(slot as usize).and_then(Option::as_ref);
    group.map_or(0, |group| hash(group.provider, group.key))
}

/// The key is a hash already.
fn hash(provider: ProviderId, key: u64) -> u64 {
    key ^ provider.number().wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Slots stay below: groups take more memory than their numbers.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
