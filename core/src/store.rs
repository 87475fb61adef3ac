//! One provider's groups, by source, in a persistent map.
//!
//! Cloning [`Groups`] is free, and the clone shares everything with the original but what
//! changes afterwards, so snapshots cost what changed (B02). **The order is that of a fixed hash
//! of the source**, which does not depend on when or in what order groups came.

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use triomphe::Arc;

use crate::{Group, Instant, hash};

/// A group, and which update put it there, when (B07).
#[derive(Debug, Clone)]
pub struct Stored {
    group: Group,
    changed: Instant,
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

    /// The number of the provider's update that made it so; the first is 1.
    pub fn update(&self) -> u64 {
        self.update
    }

    fn same_version(&self, other: &Self) -> bool {
        self.update == other.update && self.changed == other.changed
    }
}

/// The groups of one provider. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    map: OrdMap<u64, Slot>,
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

/// What [`Groups::put`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Added,
    Changed,
    Unchanged,
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

    /// The group of `source`.
    pub fn get(&self, source: &str) -> Option<&Stored> {
        self.map
            .get(&key(source))?
            .all()
            .iter()
            .find(|stored| stored.group.source() == source)
    }

    /// All groups, in a fixed order that is not that of their sources.
    pub fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.map.values().flat_map(|slot| slot.all())
    }

    /// What changed since `older`, at the cost of what changed.
    pub fn diff<'a>(&'a self, older: &'a Self) -> impl Iterator<Item = GroupChange<'a>> {
        older.map.diff(&self.map).flat_map(|item| match item {
            DiffItem::Add(_, new) => changes(&[], new.all()),
            DiffItem::Remove(_, old) => changes(old.all(), &[]),
            DiffItem::Update {
                old: (_, old),
                new: (_, new),
            } => changes(old.all(), new.all()),
        })
    }

    /// Puts a group that has targets in the place of its source, whose key is `key`.
    pub(crate) fn put(&mut self, key: u64, group: Group, now: Instant, update: u64) -> Put {
        let before = self.map.get(&key);
        let old = before.and_then(|slot| slot.all().iter().find(|old| old.group.source() == group.source()));
        let (put, stored) = match old {
            Some(old) if old.group == group => {
                if old.group.same_lineage(&group) {
                    return Put::Unchanged;
                }
                // The same group in another encoding: taking it lets the old dictionary go.
                (Put::Unchanged, Stored { group, ..*old })
            }
            Some(old) => {
                self.targets = self.targets.saturating_sub(old.group.target_count());
                self.targets = self.targets.saturating_add(group.target_count());
                (
                    Put::Changed,
                    Stored {
                        group,
                        changed: now,
                        update,
                    },
                )
            }
            None => {
                self.len = self.len.saturating_add(1);
                self.targets = self.targets.saturating_add(group.target_count());
                (
                    Put::Added,
                    Stored {
                        group,
                        changed: now,
                        update,
                    },
                )
            }
        };
        let slot = match before {
            Some(slot) if !slot.holds_only(stored.group.source()) => slot.with(stored),
            _ => Slot::One(stored),
        };
        self.map.insert(key, slot);
        put
    }

    /// Removes the group of `source`, whose key is `key`; says whether there was one.
    pub(crate) fn remove(&mut self, key: u64, source: &str) -> bool {
        let Some(slot) = self.map.get(&key) else { return false };
        let Some(old) = slot.all().iter().find(|old| old.group.source() == source) else {
            return false;
        };
        let targets = old.group.target_count();
        match slot.without(source) {
            Some(slot) => self.map.insert(key, slot),
            None => self.map.remove(&key),
        };
        self.len = self.len.saturating_sub(1);
        self.targets = self.targets.saturating_sub(targets);
        true
    }

    /// The keys and sources for which `named` says no. It is asked in the order of keys.
    pub(crate) fn sources_not<'a>(
        &'a self,
        mut named: impl FnMut(u64, &str) -> bool + 'a,
    ) -> impl Iterator<Item = (u64, &'a str)> {
        let all = self
            .map
            .iter()
            .flat_map(|(key, slot)| slot.all().iter().map(|stored| (*key, stored.group.source())));
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

    fn holds_only(&self, source: &str) -> bool {
        matches!(self, Self::One(stored) if stored.group.source() == source)
    }

    fn with(&self, stored: Stored) -> Self {
        let mut all: Vec<Stored> = self
            .all()
            .iter()
            .filter(|other| other.group.source() != stored.group.source())
            .cloned()
            .collect();
        all.push(stored);
        all.sort_by(|a, b| a.group.source().cmp(b.group.source()));
        Self::Many(Arc::new(all))
    }

    fn without(&self, source: &str) -> Option<Self> {
        let mut all: Vec<Stored> = self
            .all()
            .iter()
            .filter(|other| other.group.source() != source)
            .cloned()
            .collect();
        match all.len() {
            0 => None,
            1 => all.pop().map(Self::One),
            _ => Some(Self::Many(Arc::new(all))),
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

/// One source that differs between two states of a provider.
#[derive(Debug, Clone, Copy)]
pub enum GroupChange<'a> {
    /// The source is new.
    Added(&'a Stored),
    /// The source's group is another.
    Changed {
        /// What it was.
        old: &'a Stored,
        /// What it is.
        new: &'a Stored,
    },
    /// The source is gone.
    Removed(&'a Stored),
}

impl<'a> GroupChange<'a> {
    /// The source.
    pub fn source(&self) -> &'a str {
        match self {
            Self::Added(stored) | Self::Removed(stored) | Self::Changed { new: stored, .. } => stored.group.source(),
        }
    }
}

/// The differences between two short lists that are sorted by source.
fn changes<'a>(old: &'a [Stored], new: &'a [Stored]) -> impl Iterator<Item = GroupChange<'a>> {
    let find =
        |all: &'a [Stored], stored: &Stored| all.iter().find(|other| other.group.source() == stored.group.source());
    let gone = old
        .iter()
        .filter(move |stored| find(new, stored).is_none())
        .map(GroupChange::Removed);
    let here = new.iter().filter_map(move |stored| match find(old, stored) {
        None => Some(GroupChange::Added(stored)),
        Some(before) if before.same_version(stored) => None,
        Some(before) => Some(GroupChange::Changed {
            old: before,
            new: stored,
        }),
    });
    gone.chain(here)
}
