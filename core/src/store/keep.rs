//! What a provider loses from one state to the next, and how that is kept in what it shows (B05).
//!
//! A provider whose drop is held has two states: what its backend has, and what is shown. **A
//! target is known by its group's source and its `__address__`**: it is lost when the source has
//! no target with that address any more. A group that loses some of its targets is shown as it
//! is now, with those that it lost; what they had from their old group, they carry themselves.
//!
//! Everything here costs what changes between the two states of the backend.

use super::{Groups, Stored, key_of};
use crate::{Batch, Encoder, Group, GroupChange, GroupError, LabelSet, UpdateOutcome};

/// Marks what the guard made, beside the number of the update for which it made it: the update's
/// own group is another version of the same source, at the same time.
const KEPT: u64 = 1 << 63;

/// What is lost of what is shown, among the sources that changed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Losses {
    /// Targets that were lost already.
    pub(crate) before: usize,
    /// Targets that are lost now.
    pub(crate) after: usize,
    /// Those of them that were not lost before.
    pub(crate) further: usize,
}

impl Stored {
    /// The number of the update, without the mark.
    pub(super) fn update_number(&self) -> u64 {
        self.update & !KEPT
    }
}

impl Group {
    /// The address of a target of the group: its own, or the group's. To have none is to have an
    /// empty one.
    pub(crate) fn address_of<'a>(&'a self, target: LabelSet<'a>) -> &'a str {
        let of_group = || self.labels().get("__address__");
        target.get("__address__").or_else(of_group).unwrap_or_default()
    }
}

impl Groups {
    /// Whether no target has the source of this group and the address of this target of it.
    pub(crate) fn lacks(&self, group: &Group, target: LabelSet<'_>) -> bool {
        let address = group.address_of(target);
        self.get(group.source())
            .is_none_or(|stored| addresses(&stored.group).all(|other| other != address))
    }

    /// The addresses of a source's targets, sorted.
    pub(crate) fn addresses_of(&self, source: &str) -> Vec<Box<str>> {
        let all = Addresses::of(self.get(source)).0.into_iter();
        all.map(Box::from).collect()
    }

    /// What is lost of what these groups show, from `older` to `newer`.
    pub(crate) fn losses(&self, older: &Self, newer: &Self) -> Losses {
        let mut losses = Losses::default();
        for change in newer.diff(older) {
            let Some(shown) = self.get(change.source()) else {
                continue;
            };
            let (old, new) = match change {
                GroupChange::Added(new) => (None, Some(new)),
                GroupChange::Changed { old, new } => (Some(old), Some(new)),
                GroupChange::Removed(old) => (Some(old), None),
            };
            let (old, new) = (Addresses::of(old), Addresses::of(new));
            for address in addresses(&shown.group) {
                let (was, is) = (old.has(address), new.has(address));
                losses.before = losses.before.saturating_add(usize::from(!was));
                losses.after = losses.after.saturating_add(usize::from(!is));
                losses.further = losses.further.saturating_add(usize::from(was && !is));
            }
        }
        losses
    }

    /// Where these groups, which came after `older`, are again what is shown: makes them the same
    /// version, because nothing changed for who looks (B01, B07).
    pub(crate) fn adopt(&mut self, older: &Self, shown: &Self) {
        let mut same = Vec::new();
        for change in self.diff(older) {
            let (GroupChange::Added(new) | GroupChange::Changed { new, .. }) = change else {
                continue;
            };
            if let Some(stored) = shown.get(new.group.source()).filter(|shown| shown.group == new.group) {
                let group = new.group.clone();
                same.push((key_of(&group), Stored { group, ..*stored }));
            }
        }
        self.put(same);
    }

    /// Takes in, from `older` to `newer`, what is new and what changed, and keeps what is lost. Says
    /// how many sources were added and changed.
    pub(crate) fn keep(&mut self, older: &Self, newer: &Self) -> UpdateOutcome {
        let mut put = Vec::new();
        let mut mixed = Vec::new();
        // An encoder for each time: these groups are few, and gone with the hold.
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        for change in newer.diff(older) {
            let (GroupChange::Added(new) | GroupChange::Changed { new, .. }) = change else {
                continue;
            };
            let key = key_of(&new.group);
            let Some(shown) = self.get(new.group.source()) else {
                put.push((key, new.clone()));
                continue;
            };
            if shown.same_version(new) {
                continue;
            }
            let here = Addresses::of(Some(new));
            let is_lost = |target: &LabelSet<'_>| !here.has(shown.group.address_of(*target));
            let lost: Vec<_> = shown.group.targets().filter(is_lost).collect();
            if lost.is_empty() {
                put.push((key, new.clone()));
            } else if mix(&mut batch, &new.group, &shown.group, &lost).is_ok() {
                mixed.push((key, new, shown));
            } else {
                // Too large to be one group: it stays as it was, so that nothing is lost.
                batch.abandon();
            }
        }
        for ((key, new, shown), group) in mixed.into_iter().zip(batch.finish()) {
            if group != shown.group {
                let (changed, update) = (new.changed, new.update | KEPT);
                put.push((key, Stored { group, changed, update }));
            }
        }
        put.sort_by_key(|(key, _)| *key);
        self.put(put)
    }
}

/// The addresses of a group's targets, to look them up.
struct Addresses<'a>(Vec<&'a str>);

impl<'a> Addresses<'a> {
    fn of(stored: Option<&'a Stored>) -> Self {
        let mut all: Vec<_> = stored.into_iter().flat_map(|stored| addresses(&stored.group)).collect();
        all.sort_unstable();
        Self(all)
    }

    fn has(&self, address: &str) -> bool {
        self.0.binary_search(&address).is_ok()
    }
}

fn addresses(group: &Group) -> impl Iterator<Item = &str> {
    group.targets().map(move |target| group.address_of(target))
}

/// Writes the new group with the targets that were lost from the old one. A label of the target
/// hides its group's, even if it is empty; so each lost target reads as it did.
fn mix(batch: &mut Batch<'_>, new: &Group, old: &Group, lost: &[LabelSet<'_>]) -> Result<(), GroupError> {
    batch.begin(new.source())?;
    for (name, value) in new.labels() {
        batch.group_label(name, value)?;
    }
    for target in new.targets() {
        batch.begin_target()?;
        for (name, value) in target {
            batch.label(name, value)?;
        }
    }
    for target in lost {
        batch.begin_target()?;
        for (name, value) in *target {
            batch.label(name, value)?;
        }
        for (name, value) in old.labels() {
            if target.get(name).is_none() && new.labels().get(name) != Some(value) {
                batch.label(name, value)?;
            }
        }
        for (name, _) in new.labels() {
            if target.get(name).is_none() && old.labels().get(name).is_none() {
                batch.label(name, "")?;
            }
        }
    }
    batch.end()
}
