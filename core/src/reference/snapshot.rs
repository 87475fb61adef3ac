//! Snapshots in full, and what two of them differ in by definition.

use std::collections::{BTreeMap, BTreeSet};

use super::plain::PlainStored;
use super::{Disagreement, agree};
use crate::{GroupChange, Instant, Pool, PoolChange, ProviderId, SetChange, Snapshot, SnapshotDiff};

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
    pub sets: BTreeMap<String, Vec<ProviderId>>,
    /// The providers.
    pub pools: BTreeMap<ProviderId, PlainPool>,
}

/// A [`Pool`] in full.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlainPool {
    /// `kind/N`.
    pub name: String,
    /// The mechanism.
    pub kind: String,
    /// What it looks at.
    pub description: String,
    /// Its groups by source.
    pub groups: BTreeMap<String, PlainStored>,
}

impl PlainSnapshot {
    /// Reads a snapshot in every way in which it can be read.
    ///
    /// # Errors
    /// Two ways of reading the same thing tell different things.
    pub fn read(snapshot: &Snapshot) -> Result<Self, Disagreement> {
        let mut plain = Self {
            manager: snapshot.manager().to_owned(),
            version: snapshot.version(),
            at: snapshot.at(),
            sets: BTreeMap::new(),
            pools: BTreeMap::new(),
        };
        for pool in snapshot.pools() {
            let same = snapshot.pool(pool.id()).is_some_and(|found| found == pool);
            agree("Snapshot::pool finds each of Snapshot::pools", &true, &same)?;
            plain.pools.insert(pool.id(), PlainPool::read(pool)?);
        }
        for name in snapshot.sets() {
            let Some(set) = snapshot.set(name) else {
                return Err(Disagreement::new("Snapshot::set", name, "no such set"));
            };
            agree("SetView::name", name, set.name())?;
            let ids: Vec<ProviderId> = set.pools().map(Pool::id).collect();
            let pools = || ids.iter().filter_map(|id| plain.pools.get(id));
            let groups: usize = pools().map(|pool| pool.groups.len()).sum();
            agree("SetView::group_count", &groups, &set.group_count())?;
            let targets: usize = pools().map(PlainPool::target_count).sum();
            agree("SetView::target_count", &targets, &set.target_count())?;
            let by_pool: BTreeSet<(ProviderId, &str)> = ids
                .iter()
                .filter_map(|id| Some((id, plain.pools.get(id)?)))
                .flat_map(|(id, pool)| pool.groups.keys().map(|source| (*id, source.as_str())))
                .collect();
            let by_group: Vec<_> = set.groups().collect();
            agree("how many SetView::groups", &groups, &by_group.len())?;
            let by_group = by_group
                .iter()
                .map(|(pool, stored)| (pool.id(), stored.group().source()));
            agree("SetView::groups", &by_pool, &by_group.collect())?;
            plain.sets.insert(name.to_string(), ids);
        }
        agree("the number of sets", &plain.sets.len(), &snapshot.sets().len())?;
        Ok(plain)
    }

    /// The sources that differ between `older` and this: they are here or there only, or they
    /// have another group, or the same group from another update (B07).
    pub fn changed_sources(&self, older: &Self) -> BTreeSet<(ProviderId, String)> {
        let mut changed = BTreeSet::new();
        for (snapshot, other) in [(self, older), (older, self)] {
            for (id, pool) in &snapshot.pools {
                for (source, stored) in &pool.groups {
                    if other.stored(*id, source) != Some(stored) {
                        changed.insert((*id, source.clone()));
                    }
                }
            }
        }
        changed
    }

    /// Checks what a difference from `older` to this says, and that it leads from one to the other
    /// (B02).
    ///
    /// # Errors
    /// It tells too much, too little, or something that is not so.
    pub fn check_diff(&self, older: &Self, diff: &SnapshotDiff<'_>) -> Result<(), Disagreement> {
        let mut sets = older.sets.clone();
        let mut named = Vec::new();
        for change in diff.sets() {
            let (name, before, after) = match change {
                SetChange::Added(name, new) => (name, None, Some(new.to_vec())),
                SetChange::Removed(name, old) => (name, Some(old.to_vec()), None),
                SetChange::Changed { set, old, new } => (set, Some(old.to_vec()), Some(new.to_vec())),
            };
            agree(
                "what a set was before its change",
                &older.sets.get(&**name),
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
        agree("the older sets with the changes", &self.sets, &sets)?;

        let mut pools = older.pools.clone();
        let mut changed = BTreeSet::new();
        let mut ids = Vec::new();
        for change in diff.pools() {
            let id = change.id();
            ids.push(id);
            match change {
                PoolChange::Added(pool) => {
                    agree("that an added provider is new", &None, &pools.get(&id))?;
                    pools.insert(
                        id,
                        PlainPool {
                            groups: BTreeMap::new(),
                            ..PlainPool::read(pool)?
                        },
                    );
                }
                PoolChange::Changed { old, new } => {
                    let lens = |snapshot: &Self| snapshot.pools.get(&id).map(|pool| pool.groups.len());
                    agree("a provider before its change", &lens(older), &Some(old.groups().len()))?;
                    agree("a provider after its change", &lens(self), &Some(new.groups().len()))?;
                }
                PoolChange::Removed(pool) => {
                    let len = pools.get(&id).map(|pool| pool.groups.len());
                    agree("a provider that is gone", &len, &Some(pool.groups().len()))?;
                }
            }
            let mut changes = 0_usize;
            for change_of_group in change.groups() {
                changes += 1;
                let source = change_of_group.source().to_owned();
                let Some(pool) = pools.get_mut(&id) else {
                    return Err(Disagreement::new("a change of a group", "a known provider", id));
                };
                let (before, after) = match change_of_group {
                    GroupChange::Added(new) => (None, Some(PlainStored::from(new))),
                    GroupChange::Removed(old) => (Some(PlainStored::from(old)), None),
                    GroupChange::Changed { old, new } => (Some(PlainStored::from(old)), Some(PlainStored::from(new))),
                };
                agree("a group before its change", &pool.groups.get(&source), &before.as_ref())?;
                match after {
                    Some(new) => pool.groups.insert(source.clone(), new),
                    None => pool.groups.remove(&source),
                };
                let once = changed.insert((id, source));
                agree("that a changed source is told once", &true, &once)?;
            }
            match change {
                PoolChange::Removed(_) => {
                    let left = pools.remove(&id).map(|pool| pool.groups.len());
                    agree("the groups that a provider leaves behind", &Some(0), &left)?;
                }
                PoolChange::Changed { .. } => {
                    agree("that a changed provider has a change", &true, &(changes > 0))?;
                }
                PoolChange::Added(_) => {}
            }
        }
        agree("the order of changed providers", &true, &ids.is_sorted())?;
        agree("the changed sources", &self.changed_sources(older), &changed)?;
        agree("the older providers with the changes", &self.pools, &pools)?;
        let nothing = self.sets == older.sets && self.pools == older.pools;
        agree("SnapshotDiff::is_empty", &nothing, &diff.is_empty())
    }

    fn stored(&self, id: ProviderId, source: &str) -> Option<&PlainStored> {
        self.pools.get(&id)?.groups.get(source)
    }
}

impl PlainPool {
    /// How many targets its groups have.
    pub fn target_count(&self) -> usize {
        self.groups.values().map(|stored| stored.group.targets.len()).sum()
    }

    fn read(pool: &Pool) -> Result<Self, Disagreement> {
        let mut plain = Self {
            name: pool.name().to_string(),
            kind: pool.kind().to_string(),
            description: pool.description().to_string(),
            groups: BTreeMap::new(),
        };
        for group in pool.groups().iter() {
            let source = group.group().source();
            let same = pool
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
        agree("Groups::len", &plain.groups.len(), &pool.groups().len())?;
        agree("Groups::is_empty", &plain.groups.is_empty(), &pool.groups().is_empty())?;
        agree(
            "Groups::target_count",
            &plain.target_count(),
            &pool.groups().target_count(),
        )?;
        Ok(plain)
    }
}
