//! What a reload does to a job's pool.
//!
//! The core's pool is given the old job and its groups, then the new one, and puts out what it stops,
//! relabels and starts.

use std::collections::BTreeSet;

use headcount_core::{JobOptions, PoolChanges, ProviderId, SetView, TargetPool};

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
) -> PoolChanges {
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
    pool.take_changes()
}
