//! What a reload does to a job's pool.
//!
//! The core's pool is given the old job and its groups, then the new one, and puts out what it stops,
//! relabels and starts.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::iter;

use headcount_core::{JobOptions, PoolOutput, ProviderId, SetView, TargetId, TargetPool};

/// What the pool put out.
#[derive(Default)]
pub(super) struct Outputs {
    pub(super) started: HashSet<TargetId>,
    pub(super) stopped: HashSet<TargetId>,
    /// From what it was to what it is.
    pub(super) relabelled: HashMap<TargetId, TargetId>,
    /// What those are that were relabelled.
    pub(super) became: HashSet<TargetId>,
}

/// The providers of a set.
pub(super) fn ids(set: Option<SetView<'_>>) -> BTreeSet<ProviderId> {
    set.into_iter()
        .flat_map(|set| set.providers())
        .map(headcount_core::ProviderSnapshot::id)
        .collect()
}

/// A job's pool, as it is before a reload.
pub(super) fn pool_of(options: JobOptions, set: Option<SetView<'_>>) -> TargetPool {
    let mut pool = TargetPool::new(options);
    for (provider, stored) in set.into_iter().flat_map(|set| set.groups()) {
        pool.put_group(provider.id(), stored.group());
    }
    // They were there before.
    while pool.poll_output().is_some() {}
    pool
}

/// Does to the old side's pool what a reload does.
pub(super) fn reload(
    pool: &mut TargetPool,
    options: JobOptions,
    old: Option<SetView<'_>>,
    new: Option<SetView<'_>>,
) -> Outputs {
    let (old_ids, new_ids) = (ids(old), ids(new));
    pool.configure(options);
    for (provider, stored) in old.into_iter().flat_map(|set| set.groups()) {
        if !new_ids.contains(&provider.id()) {
            pool.remove_group(provider.id(), stored.group().source());
        }
    }
    for (provider, stored) in new.into_iter().flat_map(|set| set.groups()) {
        if !old_ids.contains(&provider.id()) {
            pool.put_group(provider.id(), stored.group());
        }
    }
    let mut outputs = Outputs::default();
    for output in iter::from_fn(|| pool.poll_output()) {
        match output {
            PoolOutput::Started(id) => drop(outputs.started.insert(id)),
            PoolOutput::Stopped(id) => drop(outputs.stopped.insert(id)),
            PoolOutput::Relabelled { old, new } => {
                outputs.relabelled.insert(old, new);
                outputs.became.insert(new);
            }
        }
    }
    outputs
}
