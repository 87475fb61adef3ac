//! The drop guard's rule in plain maps (B05).
//!
//! Nothing is counted along the way: **what is lost, kept and too much is worked out anew from all
//! that there is**, each time. Each function speaks of sources one by one, so whoever knows which
//! sources an update touched can ask about those alone.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::handover::PlainMembers;
use super::model::PlainProvider;
use super::plain::{PlainGroup, PlainLabels, PlainStored};
use super::settings::PlainSettings;
use crate::{DropGuard, Instant, ProviderId};

/// Groups by source.
pub type PlainGroups = BTreeMap<String, PlainStored>;

/// A drop that is held, in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlainHeld {
    pub(super) since: Instant,
    pub(super) until: Instant,
    pub(super) targets: usize,
    /// Lost since then, beyond what it is held for.
    pub(super) further: usize,
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
    /// What it showed, and what passed.
    pub(super) of: usize,
    /// For how long it has to stay so.
    pub(super) hold: Duration,
}

/// How many of the targets that are shown are not there.
pub fn lost(shown: &PlainGroups, actual: &PlainGroups) -> usize {
    shown.values().map(|stored| lost_of(&stored.group, actual).len()).sum()
}

/// How many of the targets that are shown were there, and are there no more.
pub fn further_lost(shown: &PlainGroups, before: &PlainGroups, after: &PlainGroups) -> usize {
    let further = |stored: &PlainStored| {
        let were_lost = lost_of(&stored.group, before);
        let are_lost = lost_of(&stored.group, after);
        are_lost.iter().filter(|target| !were_lost.contains(target)).count()
    };
    shown.values().map(further).sum()
}

/// The actual groups, with all that is shown and lost.
pub fn keep(shown: &PlainGroups, actual: &PlainGroups) -> PlainGroups {
    let mut kept = actual.clone();
    for (source, before) in shown {
        let lost = lost_of(&before.group, actual);
        let stored = match actual.get(source) {
            None => before.clone(),
            Some(now) if lost.is_empty() => now.clone(),
            Some(now) => {
                let mut group = now.group.clone();
                group
                    .targets
                    .extend(lost.iter().map(|target| moved(target, &before.group, &now.group)));
                PlainStored {
                    group: group.sorted(),
                    ..now.clone()
                }
            }
        };
        // B01, B07: what reads as before is what was put there before.
        let is_same = stored.group == before.group;
        kept.insert(source.clone(), if is_same { before.clone() } else { stored });
    }
    kept
}

/// Whether so many targets are more than a guard lets go at once, when `before` passed within the
/// hold time, `of` those that the set showed and those that passed: parts of a hundred, without
/// rounding.
pub fn is_too_much(guard: DropGuard, lost: usize, before: usize, of: usize) -> bool {
    lost > 0 && (lost + before) * 100 > of * usize::from(guard.max_drop.number())
}

/// For the first of the provider's sets that would lose too much: how that is reckoned.
pub(super) fn too_much<C>(
    settings: &PlainSettings,
    now: Instant,
    sets: &BTreeMap<String, PlainMembers>,
    providers: &BTreeMap<ProviderId, PlainProvider<C>>,
    id: ProviderId,
    lost: usize,
) -> Option<TooMuch> {
    let subscribers = providers.get(&id).map(|provider| &provider.subscribers);
    subscribers.into_iter().flatten().find_map(|set| {
        let guard = settings.of_set(set).guard?;
        let members = || sets[set].wanted.iter().map(|id| &providers[id]);
        let shown: usize = members().map(|provider| provider.shown.target_count()).sum();
        let passed = members().flat_map(|provider| &provider.passed);
        let lately = passed.filter(|(at, _)| *at + guard.hold > now);
        let before: usize = lately.map(|(_, lost)| lost).sum();
        let of = shown + before;
        is_too_much(guard, lost, before, of).then(|| TooMuch {
            set: set.clone(),
            before,
            of,
            hold: guard.hold,
        })
    })
}

/// The targets of a group whose address its source no longer has. All are kept, also equal ones.
pub fn lost_of(group: &PlainGroup, actual: &PlainGroups) -> Vec<PlainLabels> {
    let addresses: BTreeSet<String> = actual
        .get(&group.source)
        .map(|now| {
            now.group
                .targets
                .iter()
                .map(|target| address(&now.group, target))
                .collect()
        })
        .unwrap_or_default();
    let is_lost = |target: &&PlainLabels| !addresses.contains(&address(group, target));
    group.targets.iter().filter(is_lost).cloned().collect()
}

fn address(group: &PlainGroup, target: &PlainLabels) -> String {
    let address = target.get("__address__").or(group.labels.get("__address__"));
    address.cloned().unwrap_or_default()
}

/// A target of the old group as one of the new, so that it reads as it did: a label of its own hides
/// the group's, an empty one as well.
fn moved(target: &PlainLabels, old: &PlainGroup, new: &PlainGroup) -> PlainLabels {
    let mut moved = target.clone();
    let names: BTreeSet<&String> = old.labels.keys().chain(new.labels.keys()).collect();
    for name in names {
        if !target.contains_key(name) && old.labels.get(name) != new.labels.get(name) {
            moved.insert(name.clone(), old.labels.get(name).cloned().unwrap_or_default());
        }
    }
    moved
}
