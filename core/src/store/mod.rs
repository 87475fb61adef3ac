//! One provider's groups, by source, in a persistent map.
//!
//! Cloning [`Groups`] is free, and the clone shares everything with the original but what
//! changes afterwards, so snapshots cost what changed (B02). **The order is that of a fixed hash
//! of the source**, which does not depend on when or in what order groups came.

mod addresses;
mod diff;
mod keep;
mod lost;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

use core::fmt;

use triomphe::Arc;

use crate::{Group, Instant, StoreWork, UpdateOutcome, hash};
pub(crate) use addresses::AddressIndex;
pub use diff::{GroupChange, GroupDiff};
pub(crate) use lost::{Lost, SourceNames};
use tree::{Edit, Tree, Value};

/// A group, and which update put it there, when (B07).
#[derive(Clone)]
pub struct Stored {
    group: Group,
    changed: Instant,
    /// The update's number, marked where the guard mixed an old group into the update's.
    update: u64,
}

impl Stored {
    /// The group.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// When it became what it is.
    pub fn changed(&self) -> Instant {
        self.changed
    }

    /// The number of the provider's update that made it so; the first is 1. Zero is what was there
    /// before: the manager was [restored](crate::Manager::restore) with it.
    pub fn update(&self) -> u64 {
        self.update_number()
    }

    /// One that no update of this life brought.
    pub(crate) fn saved(group: Group, changed: Instant) -> Self {
        Self {
            group,
            changed,
            update: 0,
        }
    }

    /// Whether no update of this life brought it.
    pub(crate) fn is_saved(&self) -> bool {
        self.update == 0
    }

    pub(crate) fn same_version(&self, other: &Self) -> bool {
        self.update == other.update && self.changed == other.changed
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Stored");
        out.field("group", &self.group).field("changed", &self.changed);
        out.field("update", &self.update()).finish()
    }
}

/// The groups of one provider. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    map: Tree<Slot>,
    len: usize,
    targets: usize,
}

/// The groups whose sources have the same hash: one, but for the rarest of chances.
#[derive(Debug, Clone)]
enum Slot {
    One(Stored),
    /// Sorted by source.
    Many(Arc<Vec<Stored>>),
}

/// Where the group of `source` stands: a fixed hash.
pub(crate) fn key(source: &str) -> u64 {
    hash::stable(source.as_bytes())
}

/// Where a group stands: a fixed hash of its source.
pub(crate) fn key_of(group: &Group) -> u64 {
    hash::stable(group.source_bytes())
}

impl Groups {
    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many targets the groups have.
    pub fn target_count(&self) -> usize {
        self.targets
    }

    /// Whether both are the very same, one a clone of the other and neither changed since. Costs nothing; equal groups that
    /// were made apart are not the same.
    pub fn is_same(&self, other: &Self) -> bool {
        self.map.is(&other.map)
    }

    /// The group of `source`.
    pub fn get(&self, source: &str) -> Option<&Stored> {
        self.map.get(key(source))?.of_source(source.as_bytes())
    }

    /// The groups whose sources have this [hash](Group::source_hash), sorted by source: one at most, but for the rarest
    /// of chances.
    pub fn of_hash(&self, hash: u64) -> &[Stored] {
        self.map.get(hash).map(Slot::all).unwrap_or_default()
    }

    /// All groups, in a fixed order that is not that of their sources.
    pub fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.map.walk().flat_map(|(_, slot)| slot.all())
    }

    /// The same, each with its key.
    pub(crate) fn keyed(&self) -> impl Iterator<Item = (u64, &Stored)> {
        self.map
            .walk()
            .flat_map(|(key, slot)| slot.all().iter().map(|stored| (*key, stored)))
    }

    /// What changed since `older`, at the cost of what changed.
    pub fn diff<'a>(&'a self, older: &'a Self) -> GroupDiff<'a> {
        GroupDiff::between(Some(older), Some(self))
    }

    /// Takes in groups in the order of their keys, no source twice: each in the place of its
    /// source, or, when it has no targets, to remove it. Says what that did.
    pub(crate) fn apply(
        &mut self,
        groups: Vec<(u64, Option<Group>)>,
        now: Instant,
        update: u64,
        work: &mut StoreWork,
    ) -> UpdateOutcome {
        let mut outcome = UpdateOutcome::default();
        let (mut targets, mut targets_before) = (0_usize, 0_usize);
        let nodes = self.map.edit(groups, |groups, slot| {
            // What the slot becomes, if that is not what it is.
            let mut next: Option<Option<Slot>> = None;
            for group in groups.iter_mut().filter_map(|(_, group)| group.take()) {
                let slot = next.as_ref().map_or(slot, Option::as_ref);
                let old = slot.and_then(|slot| slot.of_source(group.source_bytes()));
                targets_before = targets_before.saturating_add(old.map_or(0, |old| old.group.target_count()));
                targets = targets.saturating_add(group.target_count());
                planted!({}, ReplacedTargetsAreCounted, targets_before = 0);
                let (count, becomes) = match old {
                    None if group.target_count() == 0 => continue,
                    Some(old) if planted!(group.target_count() == 0, EmptyGroupIsKept, false) => {
                        (&mut outcome.removed, Some(slot.and_then(|slot| slot.without(old))))
                    }
                    Some(old) if old.group == group => {
                        // In another encoding it is taken all the same, so that the old dictionary can go.
                        let taken = (!old.group.same_lineage(&group)).then_some(planted!(
                            Stored { group, ..*old },
                            UnchangedIsStampedAnew,
                            Stored {
                                group,
                                changed: now,
                                ..*old
                            }
                        ));
                        (
                            &mut outcome.unchanged,
                            taken.map(|stored| Some(Slot::with(slot, stored))),
                        )
                    }
                    _ => {
                        let stored = Stored {
                            group,
                            changed: now,
                            update,
                        };
                        let count = match old {
                            Some(_) => &mut outcome.changed,
                            None => &mut outcome.added,
                        };
                        (count, Some(Some(Slot::with(slot, stored))))
                    }
                };
                *count = count.saturating_add(1);
                if becomes.is_some() {
                    next = becomes;
                }
            }
            match next {
                None => Edit::Keep,
                Some(None) => Edit::Remove,
                Some(Some(slot)) => Edit::Put(slot),
            }
        });
        let removed = planted!(outcome.removed, RemovedGroupsAreCounted, 0);
        self.len = self.len.saturating_add(outcome.added).saturating_sub(removed);
        self.targets = self.targets.saturating_add(targets).saturating_sub(targets_before);
        // Whatever met a group of its source was compared with it, and is one or the other.
        work.add(StoreWork {
            groups_compared: outcome.changed.saturating_add(outcome.unchanged) as u64,
            nodes_visited: nodes.visited,
            nodes_made: nodes.made,
        });
        outcome
    }

    /// Puts groups in the places of their sources, as they are; of several of one source the last one
    /// counts.
    pub(crate) fn put_all(&mut self, all: Vec<Stored>) {
        let mut all: Vec<_> = all.into_iter().map(|stored| (key_of(&stored.group), stored)).collect();
        all.sort_by_key(|(key, _)| *key);
        self.put(all);
    }

    /// Puts groups, in the order of their keys, in the places of their sources, as they are. Says how
    /// many are new and how many are another version.
    fn put(&mut self, all: Vec<(u64, Stored)>) -> UpdateOutcome {
        let mut outcome = UpdateOutcome::default();
        let (mut targets, mut targets_before) = (0_usize, 0_usize);
        let all = all.into_iter().map(|(key, stored)| (key, Some(stored))).collect();
        self.map.edit(all, |all, slot| {
            let mut next: Option<Slot> = None;
            for stored in all.iter_mut().filter_map(|(_, stored)| stored.take()) {
                let slot = next.as_ref().or(slot);
                let old = slot.and_then(|slot| slot.of_source(stored.group.source_bytes()));
                targets_before = targets_before.saturating_add(old.map_or(0, |old| old.group.target_count()));
                targets = targets.saturating_add(stored.group.target_count());
                match old {
                    None => outcome.added = outcome.added.saturating_add(1),
                    Some(old) if old.same_version(&stored) => {}
                    Some(_) => outcome.changed = outcome.changed.saturating_add(1),
                }
                next = Some(Slot::with(slot, stored));
            }
            next.map_or(Edit::Keep, Edit::Put)
        });
        self.len = self.len.saturating_add(outcome.added);
        self.targets = self.targets.saturating_add(targets).saturating_sub(targets_before);
        outcome
    }

    /// The keys and sources for which `named` says no. It is asked in the order of keys.
    pub(crate) fn sources_not<'a>(
        &'a self,
        mut named: impl FnMut(u64, &str) -> bool + 'a,
    ) -> impl Iterator<Item = (u64, &'a str)> {
        let all = self.keyed().map(|(key, stored)| (key, stored.group.source()));
        all.filter(move |(key, source)| !named(*key, source))
    }
}

impl Slot {
    fn all(&self) -> &[Stored] {
        match self {
            Self::One(stored) => core::slice::from_ref(stored),
            Self::Many(all) => all,
        }
    }

    fn of_source(&self, source: &[u8]) -> Option<&Stored> {
        self.all().iter().find(|stored| stored.group.source_bytes() == source)
    }

    /// The slot with this group in the place of its source.
    fn with(slot: Option<&Self>, stored: Stored) -> Self {
        let others = slot.map_or(&[][..], Self::all).iter();
        let mut all: Vec<Stored> = others
            .filter(|other| other.group.source_bytes() != stored.group.source_bytes())
            .cloned()
            .collect();
        planted!({}, CollidingSourceIsReplaced, all.clear());
        if all.is_empty() {
            return Self::One(stored);
        }
        all.push(stored);
        all.sort_by(|a, b| a.group.source_bytes().cmp(b.group.source_bytes()));
        Self::Many(Arc::new(all))
    }

    /// The slot without this group, unless that leaves nothing.
    fn without(&self, gone: &Stored) -> Option<Self> {
        let mut all: Vec<Stored> = self
            .all()
            .iter()
            .filter(|other| other.group.source_bytes() != gone.group.source_bytes())
            .cloned()
            .collect();
        match all.len() {
            0 => None,
            1 => planted!(all.pop().map(Self::One), CollidingSourceGoesToo, None),
            _ => Some(Self::Many(Arc::new(all))),
        }
    }
}

impl Value for Slot {
    fn touch(&self) -> usize {
        match self {
            Self::One(stored) => stored.group.target_count(),
            Self::Many(all) => all.len(),
        }
    }
}

impl PartialEq for Slot {
    /// Whether both hold the same versions. Within one provider's history that means the same
    /// groups, because a source that comes back comes with another update; so the groups need
    /// not be looked at.
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.all(), other.all());
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_version(b))
    }
}
