//! The pools of all jobs, fed by the discovery manager's snapshots.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{JobOptions, PoolOutput, TargetPool};
use crate::{ProviderChange, ProviderId, SetChange, Snapshot, SnapshotDiff};

/// One pool for each job. A set of a snapshot belongs to the job of its name.
///
/// A snapshot costs what changed since the one before.
#[derive(Debug, Default)]
pub struct TargetPools {
    pools: BTreeMap<Arc<str>, TargetPool>,
    snapshot: Snapshot,
    /// The jobs that read a provider.
    readers: HashMap<ProviderId, Vec<Arc<str>>>,
    /// The jobs that may have outputs.
    changed: BTreeSet<Arc<str>>,
    /// Pools of jobs that are gone, until their outputs are taken.
    gone: Vec<(Arc<str>, TargetPool)>,
    /// Jobs whose pools are not here, because they will be copied.
    awaited: BTreeSet<Arc<str>>,
}

/// A pool is copied when at least one of so many of its targets was worked out: copying one target costs a tenth of
/// working it out, or less.
const WORTH_COPYING: u64 = 8;

impl TargetPools {
    /// No jobs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the list of all jobs. Jobs that are gone stop all their targets; new ones start with
    /// the groups that the last snapshot has for them; where options differ, the targets are
    /// worked out again, and what differs is put out. Of several jobs with one name the last counts.
    pub fn configure(&mut self, jobs: impl IntoIterator<Item = JobOptions>) {
        let jobs = jobs.into_iter().map(|job| (Arc::<str>::from(job.name.as_str()), job));
        let jobs: BTreeMap<Arc<str>, JobOptions> = jobs.collect();
        let names: Vec<Arc<str>> = self.pools.keys().cloned().collect();
        for name in names.iter().filter(|name| !jobs.contains_key(*name)) {
            if let Some(mut pool) = self.pools.remove(name) {
                clear(&mut pool, &self.snapshot, name);
                self.gone.push((name.clone(), pool));
            }
        }
        for (name, options) in jobs {
            if self.awaited.contains(&name) {
                continue;
            }
            if let Some(pool) = self.pools.get_mut(&name) {
                if *pool.options() != options {
                    self.changed.insert(name);
                    pool.configure(options);
                }
                continue;
            }
            self.changed.insert(name.clone());
            let mut pool = TargetPool::new(options);
            if let Some(set) = self.snapshot.set(&name) {
                for provider in set.providers() {
                    pool.put_all(provider.id(), provider.groups());
                }
            }
            self.pools.insert(name, pool);
        }
        self.find_readers();
    }

    /// Takes the next snapshot of the one manager that all of them are from.
    pub fn handle_snapshot(&mut self, snapshot: &Snapshot) {
        self.handle_diff(&snapshot.diff(&self.snapshot));
    }

    /// The same, for who has the difference to the snapshot before at hand. If it is one to another
    /// snapshot, what changed is found out anew.
    pub fn handle_diff(&mut self, diff: &SnapshotDiff) {
        if !diff.begins_with(&self.snapshot) {
            return self.handle_snapshot(diff.newer());
        }
        let (older, snapshot) = (diff.older(), diff.newer());
        self.snapshot = snapshot.clone();
        let mut sets_changed = false;
        for change in diff.sets() {
            sets_changed = true;
            let (set, old, new): (_, &[ProviderId], &[ProviderId]) = match change {
                SetChange::Added(set, new) => (set, &[], new),
                SetChange::Changed { set, old, new } => (set, old, new),
                SetChange::Removed(set, old) => (set, old, &[]),
            };
            let Some(pool) = self.pools.get_mut(set) else {
                continue;
            };
            self.changed.insert(set.clone());
            for provider in old
                .iter()
                .filter(|id| planted!(!new.contains(id), LeaverStaysInThePool, false))
            {
                let groups = older.provider(*provider).map(|provider| provider.groups().iter());
                for stored in groups.into_iter().flatten() {
                    pool.remove_group(*provider, stored.group().source());
                }
            }
            for provider in new.iter().filter(|id| !old.contains(id)) {
                if let Some(new) = snapshot.provider(*provider) {
                    pool.put_all(*provider, new.groups());
                }
            }
        }
        if planted!(sets_changed, ReadersAreOld, false) {
            self.find_readers();
        }
        for change in diff.providers() {
            // Providers that are new or gone make sets differ, and are done with above.
            if !matches!(change, ProviderChange::Changed { .. }) {
                continue;
            }
            for job in self.readers.get(&change.id()).into_iter().flatten() {
                let Some(pool) = self.pools.get_mut(job) else {
                    continue;
                };
                self.changed.insert(job.clone());
                for group in change.groups() {
                    pool.handle_change(change.id(), group);
                }
                planted!({}, OnlyFirstJobFollows, break);
            }
        }
    }

    /// Becomes what `other` is, at less than the cost of doing so by itself: `take` is what was done to `other` when it was as
    /// this one is, its outputs taken. It is done to this one as well, except for the pools that were worked out anew to
    /// a good part: those are copied, without their outputs.
    ///
    /// This is for who keeps pools twice, so that one can be read while the other is changed.
    pub fn take_after(&mut self, other: &Self, take: impl FnOnce(&mut Self)) {
        let is_reworked = |name: &Arc<str>, pool: &TargetPool| {
            let before = self.pools.get(name).map_or(0, |own| own.evaluated);
            let reworked = pool.evaluated.saturating_sub(before);
            reworked > 0 && reworked.saturating_mul(WORTH_COPYING) >= pool.target_count()
        };
        let reworked = other.pools.iter().filter(|(name, pool)| is_reworked(name, pool));
        let copies: Vec<_> = reworked.map(|(name, pool)| (name.clone(), pool.copy())).collect();
        for (name, _) in &copies {
            self.pools.remove(name);
            self.awaited.insert(name.clone());
        }
        take(self);
        self.awaited.clear();
        if !copies.is_empty() {
            self.pools.extend(copies);
            self.find_readers();
        }
    }

    /// The next change and its job; jobs that are gone come first, then job by job.
    pub fn poll_output(&mut self) -> Option<(Arc<str>, PoolOutput)> {
        while let Some((name, pool)) = self.gone.last_mut() {
            if let Some(output) = pool.poll_output() {
                return Some((name.clone(), output));
            }
            self.gone.pop();
        }
        while let Some(name) = self.changed.first() {
            let output = self.pools.get_mut(name).and_then(TargetPool::poll_output);
            if let Some(output) = output {
                return Some((name.clone(), output));
            }
            self.changed.pop_first();
        }
        None
    }

    /// The pool of a job.
    pub fn pool(&self, job: &str) -> Option<&TargetPool> {
        self.pools.get(job)
    }

    /// All jobs and their pools, sorted by name.
    pub fn pools(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &TargetPool)> {
        self.pools.iter()
    }

    #[cfg(test)]
    pub(super) fn newest(&self) -> &Snapshot {
        &self.snapshot
    }

    fn find_readers(&mut self) {
        self.readers.clear();
        for name in self.pools.keys() {
            let providers = self.snapshot.set(name).map(|set| set.providers());
            let ids: BTreeSet<ProviderId> = providers.into_iter().flatten().map(|provider| provider.id()).collect();
            for id in ids {
                self.readers.entry(id).or_default().push(name.clone());
            }
        }
    }
}

/// Removes all groups of a job.
fn clear(pool: &mut TargetPool, snapshot: &Snapshot, name: &str) {
    for (provider, stored) in snapshot.set(name).into_iter().flat_map(|set| set.groups()) {
        pool.remove_group(provider.id(), stored.group().source());
    }
}
