//! Snapshots in full, and what two of them differ in by definition.

use std::collections::{BTreeMap, BTreeSet};

use super::handover::PlainMembers;
use super::plain::PlainStored;
use super::{Disagreement, agree};
use crate::{
    FailedConfig, GroupChange, Instant, ProviderChange, ProviderConfig, ProviderId, ProviderSnapshot, Reports,
    SetChange, Snapshot, SnapshotDiff,
};

/// A [`Snapshot`] in full.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlainSnapshot {
    /// The name of the manager that made it.
    pub manager: String,
    /// Counts up with each snapshot.
    pub version: u64,
    /// When it was made.
    pub at: Instant,
    /// Each set's providers, in the order of its configs.
    pub sets: BTreeMap<String, PlainMembers>,
    /// The providers.
    pub providers: BTreeMap<ProviderId, PlainProviderSnapshot>,
    /// The configs that could not be built.
    pub failed: Vec<FailedConfig>,
}

/// A [`ProviderSnapshot`] in full.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlainProviderSnapshot {
    /// `kind/N`.
    pub name: String,
    /// The mechanism.
    pub kind: String,
    /// What it discovers.
    pub description: String,
    /// What it had reported.
    pub reports: Reports,
    /// Its groups by source.
    pub groups: BTreeMap<String, PlainStored>,
}

impl PlainSnapshot {
    /// Reads a snapshot in every way in which it can be read.
    ///
    /// # Errors
    /// Two ways of reading the same thing differ.
    pub fn read(snapshot: &Snapshot) -> Result<Self, Disagreement> {
        let mut plain = Self {
            manager: snapshot.manager().to_owned(),
            version: snapshot.version(),
            at: snapshot.at(),
            sets: BTreeMap::new(),
            providers: BTreeMap::new(),
            failed: snapshot.failed_configs().to_vec(),
        };
        for provider in snapshot.providers() {
            let same = snapshot.provider(provider.id()).is_some_and(|found| found == provider);
            agree("Snapshot::provider finds each of Snapshot::providers", &true, &same)?;
            plain
                .providers
                .insert(provider.id(), PlainProviderSnapshot::read(provider)?);
        }
        for name in snapshot.sets() {
            let Some(set) = snapshot.set(name) else {
                return Err(Disagreement::new("Snapshot::set", name, "no such set"));
            };
            agree("SetView::name", name, set.name())?;
            let ids: Vec<ProviderId> = set.providers().map(ProviderSnapshot::id).collect();
            let providers = || ids.iter().filter_map(|id| plain.providers.get(id));
            let groups: usize = providers().map(|provider| provider.groups.len()).sum();
            agree("SetView::group_count", &groups, &set.group_count())?;
            let targets: usize = providers().map(PlainProviderSnapshot::target_count).sum();
            agree("SetView::target_count", &targets, &set.target_count())?;
            let by_provider: BTreeSet<(ProviderId, &str)> = ids
                .iter()
                .filter_map(|id| Some((id, plain.providers.get(id)?)))
                .flat_map(|(id, provider)| provider.groups.keys().map(|source| (*id, source.as_str())))
                .collect();
            let by_group: Vec<_> = set.groups().collect();
            agree("how many SetView::groups", &groups, &by_group.len())?;
            let by_group = by_group
                .iter()
                .map(|(provider, stored)| (provider.id(), stored.group().source()));
            agree("SetView::groups", &by_provider, &by_group.collect())?;
            // S11, B09
            let of_set = |failed: &&FailedConfig| failed.sets.iter().any(|set| set == name);
            let failed: Vec<&FailedConfig> = plain.failed.iter().filter(of_set).collect();
            agree("SetView::failed_configs", &failed, &set.failed_configs().collect())?;
            // B03: predecessors count in the place of their successors.
            let predecessors: Vec<ProviderId> = set.predecessors().map(ProviderSnapshot::id).collect();
            let successors: Vec<ProviderId> = set.successors().map(ProviderSnapshot::id).collect();
            let count = ids.iter().filter(|id| !successors.contains(id));
            let mut reports = count
                .filter_map(|id| plain.providers.get(id))
                .map(|provider| &provider.reports);
            let is_whole = failed.is_empty() && reports.all(Reports::is_whole);
            agree("SetView::is_whole", &is_whole, &set.is_whole())?;
            let wanted = ids.iter().filter(|id| !predecessors.contains(id)).copied().collect();
            let members = PlainMembers {
                wanted,
                predecessors,
                successors,
            };
            agree("that predecessors come last", &members.all(), &ids)?;
            plain.sets.insert(name.to_string(), members);
        }
        agree("the number of sets", &plain.sets.len(), &snapshot.sets().len())?;
        Ok(plain)
    }

    /// The sources that differ between `older` and this: they are here or there only, or they
    /// have another group, or the same group from another update (B07).
    pub fn changed_sources(&self, older: &Self) -> BTreeSet<(ProviderId, String)> {
        let mut changed = BTreeSet::new();
        for (snapshot, other) in [(self, older), (older, self)] {
            for (id, provider) in &snapshot.providers {
                for (source, stored) in &provider.groups {
                    if other.stored(*id, source) != Some(stored) {
                        changed.insert((*id, source.clone()));
                    }
                }
            }
        }
        changed
    }

    /// Checks what a difference from `older` to this has, and that it leads from one to the other
    /// (B02).
    ///
    /// # Errors
    /// It has too much, too little, or something that is not so.
    pub fn check_diff(&self, older: &Self, diff: &SnapshotDiff) -> Result<(), Disagreement> {
        self.check_sets(older, diff)?;
        let mut providers = older.providers.clone();
        self.check_groups(older, diff, &mut providers)?;
        check_reports(older, diff, &mut providers)?;
        agree("the older providers with the changes", &self.providers, &providers)?;
        let others_failed = self.failed != older.failed;
        agree(
            "whether other configs failed",
            &others_failed,
            &diff.has_other_failed_configs(),
        )?;
        let members = |snapshot: &Self| -> Vec<(String, Vec<ProviderId>)> {
            let sets = snapshot.sets.iter();
            sets.map(|(set, members)| (set.clone(), members.all())).collect()
        };
        let nothing =
            members(self) == members(older) && self.providers == older.providers && self.failed == older.failed;
        agree("SnapshotDiff::is_empty", &nothing, &diff.is_empty())
    }

    fn check_sets(&self, older: &Self, diff: &SnapshotDiff) -> Result<(), Disagreement> {
        let all = |snapshot: &Self| -> BTreeMap<String, Vec<ProviderId>> {
            let sets = snapshot.sets.iter();
            sets.map(|(set, members)| (set.clone(), members.all())).collect()
        };
        let (older, newer) = (all(older), all(self));
        let mut sets = older.clone();
        let mut named = Vec::new();
        for change in diff.sets() {
            let (name, before, after) = match change {
                SetChange::Added(name, new) => (name, None, Some(new.to_vec())),
                SetChange::Removed(name, old) => (name, Some(old.to_vec()), None),
                SetChange::Changed { set, old, new } => (set, Some(old.to_vec()), Some(new.to_vec())),
            };
            agree(
                "what a set was before its change",
                &older.get(&**name),
                &before.as_ref(),
            )?;
            agree("that a changed set differs", &true, &(before != after))?;
            named.push(name.to_string());
            match after {
                Some(new) => sets.insert(name.to_string(), new),
                None => sets.remove(&**name),
            };
        }
        agree("the order of changed sets", &true, &named.is_sorted())?;
        agree("the older sets with the changes", &newer, &sets)
    }

    /// Makes of the older providers what the difference says of their groups.
    fn check_groups(
        &self,
        older: &Self,
        diff: &SnapshotDiff,
        providers: &mut BTreeMap<ProviderId, PlainProviderSnapshot>,
    ) -> Result<(), Disagreement> {
        let mut changed = BTreeSet::new();
        let mut ids = Vec::new();
        for change in diff.providers() {
            let id = change.id();
            ids.push(id);
            self.check_lengths(older, &change)?;
            if let ProviderChange::Added(provider) = change {
                let added = PlainProviderSnapshot {
                    reports: Reports::default(),
                    groups: BTreeMap::new(),
                    ..PlainProviderSnapshot::read(provider)?
                };
                let before = providers.insert(id, added);
                agree("that an added provider is new", &None, &before)?;
            }
            let mut changes = 0_usize;
            for group in change.groups() {
                changes += 1;
                let Some(provider) = providers.get_mut(&id) else {
                    return Err(Disagreement::new("a change of a group", "a known provider", id));
                };
                let source = group.source().to_owned();
                provider.check_group(&source, group)?;
                let once = changed.insert((id, source));
                agree("that a changed source stands there once", &true, &once)?;
            }
            match change {
                ProviderChange::Removed(_) => {
                    let left = providers.remove(&id).map(|provider| provider.groups.len());
                    agree("the groups that a provider leaves behind", &Some(0), &left)?;
                }
                ProviderChange::Changed { .. } => {
                    agree("that a changed provider has a change", &true, &(changes > 0))?;
                }
                ProviderChange::Added(_) => {}
            }
        }
        agree("the order of changed providers", &true, &ids.is_sorted())?;
        agree("the changed sources", &self.changed_sources(older), &changed)
    }

    /// How many groups a provider has before and after its change.
    fn check_lengths(&self, older: &Self, change: &ProviderChange<'_>) -> Result<(), Disagreement> {
        let id = change.id();
        let len = |snapshot: &Self| snapshot.providers.get(&id).map(|provider| provider.groups.len());
        let (old, new) = match change {
            ProviderChange::Added(new) => (None, Some(new.groups().len())),
            ProviderChange::Changed { old, new } => (Some(old.groups().len()), Some(new.groups().len())),
            ProviderChange::Removed(old) => (Some(old.groups().len()), None),
        };
        agree("a provider before its change", &len(older), &old)?;
        agree("a provider after its change", &len(self), &new)
    }

    fn stored(&self, id: ProviderId, source: &str) -> Option<&PlainStored> {
        self.providers.get(&id)?.groups.get(source)
    }
}

/// Makes of the older providers what the difference says of their reports.
fn check_reports(
    older: &PlainSnapshot,
    diff: &SnapshotDiff,
    providers: &mut BTreeMap<ProviderId, PlainProviderSnapshot>,
) -> Result<(), Disagreement> {
    let mut ids = Vec::new();
    for change in diff.reports() {
        let id = change.new.id();
        ids.push(id);
        let before = older.providers.get(&id).map(|provider| &provider.reports);
        let old = change.old.map(ProviderSnapshot::reports);
        agree("what was known of reports", &before, &old)?;
        let differs = before != Some(change.new.reports());
        agree("that what is known differs", &true, &differs)?;
        match providers.get_mut(&id) {
            Some(provider) => provider.reports = change.new.reports().clone(),
            None => return Err(Disagreement::new("a change of reports", "a known provider", id)),
        }
    }
    agree("the order of changed reports", &true, &ids.is_sorted())
}

impl PlainProviderSnapshot {
    /// Makes one change of a group.
    fn check_group(&mut self, source: &str, change: GroupChange<'_>) -> Result<(), Disagreement> {
        let (before, after) = match change {
            GroupChange::Added(new) => (None, Some(PlainStored::from(new))),
            GroupChange::Removed(old) => (Some(PlainStored::from(old)), None),
            GroupChange::Changed { old, new } => (Some(PlainStored::from(old)), Some(PlainStored::from(new))),
        };
        agree("a group before its change", &self.groups.get(source), &before.as_ref())?;
        match after {
            Some(new) => self.groups.insert(source.to_owned(), new),
            None => self.groups.remove(source),
        };
        Ok(())
    }

    /// How many targets its groups have.
    pub fn target_count(&self) -> usize {
        self.groups.values().map(|stored| stored.group.targets.len()).sum()
    }

    /// One of this config that has reported nothing.
    pub(super) fn of(id: ProviderId, config: &impl ProviderConfig) -> Self {
        Self {
            name: format!("{}/{}", config.kind(), id.number()),
            kind: config.kind().to_owned(),
            description: config.describe(),
            reports: Reports::default(),
            groups: BTreeMap::new(),
        }
    }

    fn read(provider: &ProviderSnapshot) -> Result<Self, Disagreement> {
        let mut plain = Self {
            name: provider.name().to_string(),
            kind: provider.kind().to_string(),
            description: provider.description().to_string(),
            reports: provider.reports().clone(),
            groups: BTreeMap::new(),
        };
        for group in provider.groups().iter() {
            let source = group.group().source();
            let same = provider
                .groups()
                .get(source)
                .is_some_and(|found| core::ptr::eq(found, group));
            agree("Groups::get finds each of Groups::iter", &true, &same)?;
            let twice = plain
                .groups
                .insert(source.to_owned(), PlainStored::from(group))
                .is_some();
            agree("that a source is stored once", &false, &twice)?;
        }
        agree("Groups::len", &plain.groups.len(), &provider.groups().len())?;
        agree(
            "Groups::is_empty",
            &plain.groups.is_empty(),
            &provider.groups().is_empty(),
        )?;
        agree(
            "Groups::target_count",
            &plain.target_count(),
            &provider.groups().target_count(),
        )?;
        Ok(plain)
    }
}
