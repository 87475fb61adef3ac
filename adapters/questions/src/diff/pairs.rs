//! Which discovered target of the old side is which of the new side.
//!
//! The one rule: **no target is in two pairs, and none is left out.** Groups of a provider that both
//! sides read are the same groups, so their targets meet by their places. Those of other providers meet
//! by their addresses: a file that moved, say, has the same hosts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use headcount_core::{ProviderId, SetView, TargetPool, TargetView};

use headcount_service::ADDRESS;

/// A discovered target on both sides; at least one is there.
pub(super) struct Pair<'a> {
    pub(super) old: Option<TargetView<'a>>,
    pub(super) new: Option<TargetView<'a>>,
}

/// Tells of all pairs, in an order that depends on what was discovered alone.
pub(super) fn pairs<'a>(
    old_pool: &'a TargetPool,
    old_set: Option<SetView<'a>>,
    new_pool: &'a TargetPool,
    new_set: Option<SetView<'a>>,
    mut tell: impl FnMut(Pair<'a>),
) {
    let new_ids = ids(new_set);
    let old_ids = ids(old_set);
    let mut alone: BTreeMap<&str, VecDeque<TargetView<'_>>> = BTreeMap::new();
    for (provider, stored) in old_set.into_iter().flat_map(|set| set.groups()) {
        let (id, source) = (provider.id(), stored.group().source());
        let olds = old_pool.group_targets(id, source);
        if !new_ids.contains(&id) {
            olds.for_each(|view| alone.entry(address(&view)).or_default().push_back(view));
            continue;
        }
        for (old, new) in olds.zip(new_pool.group_targets(id, source)) {
            tell(Pair {
                old: Some(old),
                new: Some(new),
            });
        }
    }
    for (provider, stored) in new_set.into_iter().flat_map(|set| set.groups()) {
        let (id, source) = (provider.id(), stored.group().source());
        if old_ids.contains(&id) {
            continue;
        }
        for new in new_pool.group_targets(id, source) {
            tell(Pair {
                old: alone.get_mut(address(&new)).and_then(VecDeque::pop_front),
                new: Some(new),
            });
        }
    }
    for old in alone.into_values().flatten() {
        tell(Pair {
            old: Some(old),
            new: None,
        });
    }
}

/// Where a target was discovered to be.
pub(super) fn address<'a>(view: &TargetView<'a>) -> &'a str {
    let own = view.labels.get(ADDRESS);
    own.or(view.group.labels().get(ADDRESS)).unwrap_or_default()
}

fn ids(set: Option<SetView<'_>>) -> BTreeSet<ProviderId> {
    let pools = set.into_iter().flat_map(|set| set.providers());
    pools.map(headcount_core::ProviderSnapshot::id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::snapshot_of;
    use headcount_core::JobOptions;
    use proptest::prelude::*;

    fn targets(addresses: &[String]) -> Vec<Vec<(&str, &str)>> {
        let addresses = addresses.iter().map(String::as_str);
        addresses.map(|address| vec![("__address__", address)]).collect()
    }

    proptest! {
        #[test]
        fn targets_of_two_providers_meet_by_address(
            old in prop::collection::vec("[a-c]", 0..6),
            new in prop::collection::vec("[a-c]", 0..6),
        ) {
            let group = |addresses| vec![("s", Vec::new(), targets(addresses))];
            let snapshot = snapshot_of(vec![("old", group(&old)), ("new", group(&new))]);
            let (old_set, new_set) = (snapshot.set("old"), snapshot.set("new"));
            let pool = |set: Option<SetView<'_>>| {
                let mut pool = TargetPool::new(JobOptions::new("job"));
                for (provider, stored) in set.into_iter().flat_map(|set| set.groups()) {
                    pool.put_group(provider.id(), stored.group());
                }
                pool
            };
            let (old_pool, new_pool) = (pool(old_set), pool(new_set));
            let (mut olds, mut news, mut alone) = (Vec::new(), Vec::new(), Vec::new());
            pairs(&old_pool, old_set, &new_pool, new_set, |pair| {
                let [old, new] = [pair.old, pair.new].map(|view| view.map(|view| address(&view).to_owned()));
                assert!(old.is_none() || new.is_none() || old == new);
                if old.is_some() != new.is_some() {
                    alone.push((old.clone().or(new.clone()), old.is_some()));
                }
                olds.extend(old);
                news.extend(new);
            });
            for (paired, all) in [(&mut olds, &old), (&mut news, &new)] {
                let mut all = all.clone();
                paired.sort();
                all.sort();
                prop_assert_eq!(&*paired, &all);
            }
            // Who is alone on one side has nobody of its address alone on the other.
            for (address, is_old) in &alone {
                prop_assert!(!alone.contains(&(address.clone(), !is_old)));
            }
        }
    }
}
