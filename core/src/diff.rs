//! The difference between two snapshots, at the cost of what changed (B02).

use std::sync::Arc;

use imbl::ordmap::DiffItem;

use crate::members::Members;
use crate::snapshot::ProviderSnapshot;
use crate::{GroupDiff, ProviderId, Snapshot};

/// What differs between two snapshots of one manager. To be made once, and handed to all who have to
/// know: it keeps which sets and providers differ, and only the groups of those are gone through when asked for.
///
/// Sets say which providers they read; providers say which groups changed, and reports what else is
/// known of them. A provider's changes stand there once, however many sets subscribe to it.
#[derive(Debug, Clone, Default)]
pub struct SnapshotDiff {
    older: Snapshot,
    newer: Snapshot,
    /// The sets that may differ, by name. Those of two differences one after the other are those of both.
    sets: Vec<Pair<Arc<str>, Arc<Members>>>,
    /// The providers that may differ, likewise.
    providers: Vec<Pair<ProviderId, Arc<ProviderSnapshot>>>,
}

/// What a key stood for, and what it stands for. Of what came and went again, neither is there.
#[derive(Debug, Clone)]
struct Pair<K, V> {
    key: K,
    old: Option<V>,
    new: Option<V>,
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

impl<'a> SetChange<'a> {
    /// The set, the providers it read, and those that it reads.
    pub fn sides(&self) -> (&'a Arc<str>, &'a [ProviderId], &'a [ProviderId]) {
        match *self {
            Self::Added(set, new) => (set, &[], new),
            Self::Changed { set, old, new } => (set, old, new),
            Self::Removed(set, old) => (set, old, &[]),
        }
    }
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
        SnapshotDiff {
            sets: older.sets.diff(&self.sets).map(Pair::of).collect(),
            providers: older.providers.diff(&self.providers).map(Pair::of).collect(),
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
    /// what both have, unless `later` does not begin where this one ends; then both ends are compared anew.
    pub fn extend(&mut self, later: &Self) {
        if !later.begins_with(&self.newer) {
            *self = later.newer.diff(&self.older);
            return;
        }
        join(&mut self.sets, &later.sets);
        join(&mut self.providers, &later.providers);
        self.newer = later.newer.clone();
    }

    /// Whether it is a difference to this very snapshot.
    pub fn begins_with(&self, older: &Snapshot) -> bool {
        self.older.is_same(older)
    }

    /// The sets that differ, sorted by name.
    pub fn sets(&self) -> impl Iterator<Item = SetChange<'_>> {
        let is_other =
            |old: &[ProviderId], new: &[ProviderId]| planted!(old != new, SetsDifferInNumber, old.len() != new.len());
        self.sets.iter().filter_map(move |pair| match (&pair.old, &pair.new) {
            (None, Some(new)) => Some(SetChange::Added(&pair.key, new.all())),
            (Some(old), None) => Some(SetChange::Removed(&pair.key, old.all())),
            // Who is waited for is no difference: it shows when it is over.
            (Some(old), Some(new)) if is_other(old.all(), new.all()) => Some(SetChange::Changed {
                set: &pair.key,
                old: old.all(),
                new: new.all(),
            }),
            _ => None,
        })
    }

    /// The providers that differ, in the order of their ids.
    pub fn providers(&self) -> impl Iterator<Item = ProviderChange<'_>> {
        self.provider_pairs().filter_map(|pair| match pair {
            (None, Some(new)) => Some(ProviderChange::Added(new)),
            (Some(old), None) => Some(ProviderChange::Removed(old)),
            // What changed and changed back in between is another version, and no difference.
            (Some(old), Some(new)) => {
                let is_other = planted!(
                    new.groups.diff(&old.groups).next().is_some(),
                    ProvidersDifferInNumber,
                    new.groups.len() != old.groups.len()
                );
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
            let is_other = planted!(
                old.is_none_or(|old| old.reports != new.reports),
                NewProviderHasNoReports,
                old.is_some_and(|old| old.reports != new.reports)
            );
            is_other.then_some(ReportsChange { old, new })
        })
    }

    /// Whether other configs can't be built than before (S11).
    pub fn has_other_failed_configs(&self) -> bool {
        planted!(
            self.older.failed != self.newer.failed,
            FailedDifferInNumber,
            self.older.failed.len() != self.newer.failed.len()
        )
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
            .map(|pair| (pair.old.as_deref(), pair.new.as_deref()));
        pairs.filter(|(old, new)| old != new)
    }
}

impl<K: Clone, V: Clone> Pair<K, V> {
    fn of(item: DiffItem<'_, '_, K, V>) -> Self {
        let (key, old, new) = match item {
            DiffItem::Add(key, new) => (key, None, Some(new)),
            DiffItem::Remove(key, old) => (key, Some(old), None),
            DiffItem::Update {
                old: (_, old),
                new: (key, new),
            } => (key, Some(old), Some(new)),
        };
        Self {
            key: key.clone(),
            old: old.cloned(),
            new: new.cloned(),
        }
    }
}

/// Adds what changed later, in the order of keys. What is in both was as it was first, and is as it is last.
fn join<K: Ord + Clone, V: Clone>(pairs: &mut Vec<Pair<K, V>>, later: &[Pair<K, V>]) {
    if later.is_empty() {
        return;
    }
    pairs.extend_from_slice(later);
    // Stable, and two sorted runs are merged in one pass.
    pairs.sort_by(|a, b| a.key.cmp(&b.key));
    pairs.dedup_by(|later, first| {
        let is_same = later.key == first.key;
        if is_same {
            planted!(first.new = later.new.take(), JoinedEndsWithTheFirst, ());
        }
        is_same
    });
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
