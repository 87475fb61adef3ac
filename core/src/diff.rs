//! The difference between two snapshots, at the cost of what changed (B02).

use std::sync::Arc;

use imbl::ordmap::DiffItem;

use crate::snapshot::Pool;
use crate::{GroupDiff, ProviderId, Snapshot};

/// What differs between two snapshots of one manager.
///
/// Sets say which providers they read; providers say which groups changed. A provider's changes
/// are told once, however many sets subscribe to it.
#[derive(Debug, Clone)]
pub struct SnapshotDiff<'a> {
    older: &'a Snapshot,
    newer: &'a Snapshot,
}

/// A set that differs in which providers it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetChange<'a> {
    /// The set is new, and reads these providers.
    Added(&'a Arc<str>, &'a [ProviderId]),
    /// The set reads other providers than before.
    Changed {
        /// The set.
        set: &'a Arc<str>,
        /// The providers it read.
        old: &'a [ProviderId],
        /// The providers it reads.
        new: &'a [ProviderId],
    },
    /// The set is gone; it read these providers.
    Removed(&'a Arc<str>, &'a [ProviderId]),
}

/// A provider that differs.
#[derive(Debug, Clone, Copy)]
pub enum PoolChange<'a> {
    /// The provider is new, with all its groups.
    Added(&'a Pool),
    /// The provider's groups changed.
    Changed {
        /// As it was.
        old: &'a Pool,
        /// As it is.
        new: &'a Pool,
    },
    /// The provider is gone, with all its groups.
    Removed(&'a Pool),
}

impl Snapshot {
    /// What changed from `older` to this snapshot. Both must be of one manager.
    pub fn diff<'a>(&'a self, older: &'a Self) -> SnapshotDiff<'a> {
        SnapshotDiff { older, newer: self }
    }
}

impl<'a> SnapshotDiff<'a> {
    /// The sets that differ, sorted by name.
    pub fn sets(&self) -> impl Iterator<Item = SetChange<'a>> + use<'a> {
        self.older.sets.diff(&self.newer.sets).map(|item| match item {
            DiffItem::Add(set, new) => SetChange::Added(set, new),
            DiffItem::Remove(set, old) => SetChange::Removed(set, old),
            DiffItem::Update {
                old: (_, old),
                new: (set, new),
            } => SetChange::Changed { set, old, new },
        })
    }

    /// The providers that differ, in the order of their ids.
    pub fn pools(&self) -> impl Iterator<Item = PoolChange<'a>> + use<'a> {
        let changes = self.older.providers.diff(&self.newer.providers).map(|item| match item {
            DiffItem::Add(_, new) => PoolChange::Added(new),
            DiffItem::Remove(_, old) => PoolChange::Removed(old),
            DiffItem::Update {
                old: (_, old),
                new: (_, new),
            } => PoolChange::Changed { old, new },
        });
        // What changed and changed back in between is another version, and no difference.
        changes.filter(|change| !matches!(change, PoolChange::Changed { old, new } if new.groups.diff(&old.groups).next().is_none()))
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.sets().next().is_none() && self.pools().next().is_none()
    }
}

impl<'a> PoolChange<'a> {
    /// The provider.
    pub fn id(&self) -> ProviderId {
        match self {
            Self::Added(pool) | Self::Removed(pool) | Self::Changed { new: pool, .. } => pool.id(),
        }
    }

    /// The groups that differ.
    pub fn groups(&self) -> GroupDiff<'a> {
        match self {
            Self::Added(pool) => GroupDiff::between(None, Some(&pool.groups)),
            Self::Removed(pool) => GroupDiff::between(Some(&pool.groups), None),
            Self::Changed { old, new } => new.groups.diff(&old.groups),
        }
    }
}

impl PartialEq for Pool {
    /// Whether both are the same version of the same provider: a pool is made anew only when its
    /// groups change, so this is an address at most.
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}
