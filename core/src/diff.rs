//! The difference between two snapshots, at the cost of what changed (B02).

use std::sync::Arc;

use imbl::ordmap::DiffItem;

use crate::snapshot::ProviderSnapshot;
use crate::{GroupDiff, ProviderId, Snapshot};

/// What differs between two snapshots of one manager.
///
/// Sets say which providers they read; providers say which groups changed, and reports what else is
/// known of them. A provider's changes stand there once, however many sets subscribe to it.
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
pub enum ProviderChange<'a> {
    /// The provider is new, with all its groups.
    Added(&'a ProviderSnapshot),
    /// The provider's groups changed.
    Changed {
        /// As it was.
        old: &'a ProviderSnapshot,
        /// As it is.
        new: &'a ProviderSnapshot,
    },
    /// The provider is gone, with all its groups.
    Removed(&'a ProviderSnapshot),
}

/// A provider of which something else is known than before, or which is new.
#[derive(Debug, Clone, Copy)]
pub struct ReportsChange<'a> {
    /// As it was, unless it is new.
    pub old: Option<&'a ProviderSnapshot>,
    /// As it is.
    pub new: &'a ProviderSnapshot,
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
    pub fn providers(&self) -> impl Iterator<Item = ProviderChange<'a>> + use<'a> {
        let changes = self.older.providers.diff(&self.newer.providers).map(|item| match item {
            DiffItem::Add(_, new) => ProviderChange::Added(new),
            DiffItem::Remove(_, old) => ProviderChange::Removed(old),
            DiffItem::Update {
                old: (_, old),
                new: (_, new),
            } => ProviderChange::Changed { old, new },
        });
        // What changed and changed back in between is another version, and no difference.
        changes.filter(|change| !matches!(change, ProviderChange::Changed { old, new } if new.groups.diff(&old.groups).next().is_none()))
    }

    /// The providers that have reported something else than groups, in the order of their ids: those
    /// that reported for the first time, were first read whole, or fare otherwise than before.
    pub fn reports(&self) -> impl Iterator<Item = ReportsChange<'a>> + use<'a> {
        let changes = self.older.providers.diff(&self.newer.providers);
        changes.filter_map(|item| match item {
            DiffItem::Add(_, new) => Some(ReportsChange { old: None, new }),
            DiffItem::Update {
                old: (_, old),
                new: (_, new),
            } => (old.reports != new.reports).then_some(ReportsChange { old: Some(old), new }),
            DiffItem::Remove(..) => None,
        })
    }

    /// Whether other configs can't be built than before (S11).
    pub fn has_other_failed_configs(&self) -> bool {
        self.older.failed != self.newer.failed
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.sets().next().is_none()
            && self.providers().next().is_none()
            && self.reports().next().is_none()
            && !self.has_other_failed_configs()
    }
}

impl<'a> ProviderChange<'a> {
    /// The provider.
    pub fn id(&self) -> ProviderId {
        match self {
            Self::Added(provider) | Self::Removed(provider) | Self::Changed { new: provider, .. } => provider.id(),
        }
    }

    /// The groups that differ.
    pub fn groups(&self) -> GroupDiff<'a> {
        match self {
            Self::Added(provider) => GroupDiff::between(None, Some(&provider.groups)),
            Self::Removed(provider) => GroupDiff::between(Some(&provider.groups), None),
            Self::Changed { old, new } => new.groups.diff(&old.groups),
        }
    }
}

impl PartialEq for ProviderSnapshot {
    /// Whether both are the same version of the same provider: it is made anew only when its groups
    /// or reports change, so this is an address at most.
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}
