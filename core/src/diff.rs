//! The difference between two snapshots, at the cost of what changed (B02).

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::ordmap::DiffItem;

use crate::snapshot::ProviderSnapshot;
use crate::{GroupDiff, ProviderId, Snapshot};

/// What differs between two snapshots of one manager. To be made once, and handed to all who have to
/// know: it keeps what it found, and asking it again walks no snapshot.
///
/// Sets say which providers they read; providers say which groups changed, and reports what else is
/// known of them. A provider's changes stand there once, however many sets subscribe to it.
#[derive(Debug, Clone, Default)]
pub struct SnapshotDiff {
    older: Snapshot,
    newer: Snapshot,
    /// The sets that may differ. Those of two differences one after the other are those of both.
    sets: BTreeSet<Arc<str>>,
    /// The providers that may differ, likewise.
    providers: BTreeSet<ProviderId>,
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
    pub fn diff(&self, older: &Self) -> SnapshotDiff {
        let sets = older.sets.diff(&self.sets).map(|item| match item {
            DiffItem::Add(set, _) | DiffItem::Remove(set, _) | DiffItem::Update { new: (set, _), .. } => set.clone(),
        });
        let providers = older.providers.diff(&self.providers).map(|item| match item {
            DiffItem::Add(id, _) | DiffItem::Remove(id, _) | DiffItem::Update { new: (id, _), .. } => *id,
        });
        SnapshotDiff {
            sets: sets.collect(),
            providers: providers.collect(),
            older: older.clone(),
            newer: self.clone(),
        }
    }

    /// Whether both are one and the same: neither has anything that the other has not.
    fn is_same(&self, other: &Self) -> bool {
        self.version == other.version && self.sets.ptr_eq(&other.sets) && self.providers.ptr_eq(&other.providers)
    }
}

impl SnapshotDiff {
    /// The snapshot that it begins with.
    pub fn older(&self) -> &Snapshot {
        &self.older
    }

    /// The snapshot that it ends with.
    pub fn newer(&self) -> &Snapshot {
        &self.newer
    }

    /// Makes it the difference to the snapshot that `later` ends with, for who takes several at once. Costs
    /// what `later` has, unless that does not begin where this one ends; then both ends are compared anew.
    pub fn extend(&mut self, later: &Self) {
        if !later.begins_with(&self.newer) {
            *self = later.newer.diff(&self.older);
            return;
        }
        self.sets.extend(later.sets.iter().cloned());
        self.providers.extend(&later.providers);
        self.newer = later.newer.clone();
    }

    /// Whether it is a difference to this very snapshot.
    pub fn begins_with(&self, older: &Snapshot) -> bool {
        self.older.is_same(older)
    }

    /// The sets that differ, sorted by name.
    pub fn sets(&self) -> impl Iterator<Item = SetChange<'_>> {
        self.sets.iter().filter_map(|name| {
            let newer = self.newer.sets.get_key_value(name);
            match (self.older.sets.get_key_value(name), newer) {
                (None, Some((set, new))) => Some(SetChange::Added(set, new)),
                (Some((set, old)), None) => Some(SetChange::Removed(set, old)),
                (Some((_, old)), Some((set, new))) if old != new => Some(SetChange::Changed { set, old, new }),
                _ => None,
            }
        })
    }

    /// The providers that differ, in the order of their ids.
    pub fn providers(&self) -> impl Iterator<Item = ProviderChange<'_>> {
        self.provider_pairs().filter_map(|pair| match pair {
            (None, Some(new)) => Some(ProviderChange::Added(new)),
            (Some(old), None) => Some(ProviderChange::Removed(old)),
            // What changed and changed back in between is another version, and no difference.
            (Some(old), Some(new)) => {
                let is_other = new.groups.diff(&old.groups).next().is_some();
                is_other.then_some(ProviderChange::Changed { old, new })
            }
            (None, None) => None,
        })
    }

    /// The providers that have reported something else than groups, in the order of their ids: those
    /// that reported for the first time, were first read whole, or fare otherwise than before.
    pub fn reports(&self) -> impl Iterator<Item = ReportsChange<'_>> {
        self.provider_pairs().filter_map(|(old, new)| {
            let new = new?;
            let is_other = old.is_none_or(|old| old.reports != new.reports);
            is_other.then_some(ReportsChange { old, new })
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

    /// The providers that may differ, as they were and as they are.
    fn provider_pairs(&self) -> impl Iterator<Item = (Option<&ProviderSnapshot>, Option<&ProviderSnapshot>)> {
        let pairs = self
            .providers
            .iter()
            .map(|id| (self.older.provider(*id), self.newer.provider(*id)));
        pairs.filter(|(old, new)| old != new)
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
