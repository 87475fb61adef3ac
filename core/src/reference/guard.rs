//! The drop guard's rule in plain maps (B05).
//!
//! Nothing is counted along the way: **what is lost, kept and too much is worked out anew from all
//! that there is**, each time.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::handover::PlainMembers;
use super::model::PlainProvider;
use super::plain::{PlainGroup, PlainLabels, PlainStored};
use super::settings::PlainSettings;
use crate::{Count, DropGuard, Instant, ProviderId};

/// Groups by source.
pub type PlainGroups = BTreeMap<String, PlainStored>;

/// Addresses of targets.
pub type PlainAddresses = BTreeSet<String>;

/// A drop that is held, in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlainHeld {
    pub(super) since: Instant,
    pub(super) until: Instant,
    pub(super) targets: usize,
    /// What was lost when it began, and still is.
    pub(super) first: PlainAddresses,
    pub(super) reason: TooMuch,
    /// What the backend has.
    pub(super) actual: PlainGroups,
}

/// The set that would lose too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TooMuch {
    pub(super) set: String,
    /// What passed within the hold time.
    pub(super) before: usize,
    /// What came within it.
    pub(super) came: usize,
    /// What it had before that.
    pub(super) of: usize,
    /// For how long it has to stay so.
    pub(super) hold: Duration,
}

/// The addresses of all targets.
pub fn addresses(groups: &PlainGroups) -> PlainAddresses {
    let targets = groups.values().flat_map(|stored| {
        let group = &stored.group;
        group.targets.iter().map(move |target| address(group, target))
    });
    targets.collect()
}

/// What is lost of what is shown: what the backend does not have, and neither have the `others` of one of the sets.
pub fn lost(shown: &PlainGroups, actual: &PlainGroups, others: &[PlainAddresses]) -> PlainAddresses {
    let own = addresses(actual);
    let mut lost = addresses(shown);
    lost.retain(|address| !own.contains(address) && others.iter().any(|others| !others.contains(address)));
    lost
}

/// How many targets that are shown have one of these addresses.
pub fn count(shown: &PlainGroups, among: &PlainAddresses) -> usize {
    let of_group = |stored: &PlainStored| {
        let targets = stored.group.targets.iter();
        targets
            .filter(|target| among.contains(&address(&stored.group, target)))
            .count()
    };
    shown.values().map(of_group).sum()
}

/// The actual groups, with all that is shown and lost.
pub fn keep(now: Instant, shown: &PlainGroups, actual: &PlainGroups, lost: &PlainAddresses) -> PlainGroups {
    let mut kept = actual.clone();
    for (source, before) in shown {
        let is_lost = |target: &&PlainLabels| lost.contains(&address(&before.group, target));
        let lost: Vec<_> = before.group.targets.iter().filter(is_lost).collect();
        if lost.is_empty() {
            continue;
        }
        let (mut group, update) = match actual.get(source) {
            Some(now) => (now.group.clone(), now.update),
            None => {
                let targets = Vec::new();
                let group = before.group.clone();
                (PlainGroup { targets, ..group }, before.update)
            }
        };
        let moved = lost.iter().map(|target| moved(target, &before.group, &group.labels));
        let moved: Vec<PlainLabels> = moved.collect();
        group.targets.extend(moved);
        let stored = PlainStored {
            group: group.sorted(),
            changed: now,
            update,
        };
        // B01, B07: what reads as before is what was put there before.
        let is_same = stored.group == before.group;
        kept.insert(source.clone(), if is_same { before.clone() } else { stored });
    }
    kept
}

/// Whether it is too much to lose so many targets of so many: parts of a hundred, without rounding.
pub fn is_too_much(guard: DropGuard, lost: usize, of: usize) -> bool {
    lost * 100 > of * usize::from(guard.max_drop.number())
}

/// For the first of the provider's sets that would lose too much: how that is reckoned. So many targets come with the
/// loss that are not shown yet, and so many the provider has then.
pub(super) fn too_much<C>(
    settings: &PlainSettings,
    now: Instant,
    sets: &BTreeMap<String, PlainMembers>,
    providers: &BTreeMap<ProviderId, PlainProvider<C>>,
    id: ProviderId,
    lost: usize,
    (coming, actual): (i64, usize),
) -> Option<TooMuch> {
    let subscribers = providers.get(&id).map(|provider| &provider.subscribers);
    subscribers.into_iter().flatten().filter(|_| lost > 0).find_map(|set| {
        let guard = settings.of_set(set).guard?;
        let members = || sets[set].wanted.iter().map(|id| &providers[id]);
        let shown: usize = members().map(|provider| provider.shown.target_count()).sum();
        let lately = |at: &Instant| *at + guard.hold > now;
        let passed = members().flat_map(|provider| &provider.passed);
        let before: usize = passed.filter(|(at, _)| lately(at)).map(|(_, lost)| lost).sum();
        // Of what came no more counts than is still there.
        let came = |coming: i64| -> i64 {
            let of_member = |member: &ProviderId| {
                let provider = &providers[member];
                let (more, there) = if *member == id {
                    (coming, actual)
                } else {
                    (0, super::held::targets_of(provider.actual()))
                };
                let came = provider.came.iter().filter(|(at, _)| lately(at)).map(|(_, came)| came);
                let of_member: i64 = came.sum();
                (of_member + more).min(i64::try_from(there).unwrap_or(i64::MAX))
            };
            sets[set].wanted.iter().map(of_member).sum()
        };
        // What came counts if losses are net. To lose what stands elsewhere is to take back that it came.
        let counts = |came: i64| match guard.count {
            Count::Net => usize::try_from(came).unwrap_or(0),
            Count::Gross => 0,
        };
        let of = (shown + before).saturating_sub(counts(came(0)));
        let came = counts(came(coming));
        is_too_much(guard, (lost + before).saturating_sub(came), of).then(|| TooMuch {
            set: set.clone(),
            before,
            came,
            of,
            hold: guard.hold,
        })
    })
}

/// A target's address: its own, or its group's.
pub fn address(group: &PlainGroup, target: &PlainLabels) -> String {
    let address = target.get("__address__").or(group.labels.get("__address__"));
    address.cloned().unwrap_or_default()
}

/// A target of the old group as one of a group with these labels, so that it reads as it did: a label of its own hides
/// the group's, an empty one as well.
fn moved(target: &PlainLabels, old: &PlainGroup, new: &PlainLabels) -> PlainLabels {
    let mut moved = target.clone();
    let names: BTreeSet<&String> = old.labels.keys().chain(new.keys()).collect();
    for name in names {
        if !target.contains_key(name) && old.labels.get(name) != new.get(name) {
            moved.insert(name.clone(), old.labels.get(name).cloned().unwrap_or_default());
        }
    }
    moved
}
