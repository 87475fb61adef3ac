//! How what a provider lost is kept in what it shows (B05).
//!
//! A provider whose drop is held has two states: what its backend has, and what is shown. A group that loses some of its
//! targets is shown as it is now, with those that are [lost](super::Lost); what they had from their old group, they carry
//! themselves. **What stands elsewhere is not kept**: it is never shown twice.
//!
//! Everything here costs what changes between two states of the backend.

use super::lost::{Lost, SourceNames};
use super::{Groups, Stored, key_of};
use crate::{Batch, Encoder, Group, GroupChange, GroupError, Instant, LabelSet, StoreWork};

/// Marks what the guard made, beside the number of the update for which it made it, and which of several it is: the
/// update's own group, and each of those that are made of it, is another version of the same source.
const KEPT: u64 = 1 << 63;
/// How many bits the number of the update has beside that.
const NUMBER_BITS: u32 = 40;
const NUMBER: u64 = (1 << NUMBER_BITS) - 1;

impl Stored {
    /// The number of the update, without the mark.
    pub(super) fn update_number(&self) -> u64 {
        if self.update & KEPT == 0 {
            self.update
        } else {
            self.update & NUMBER
        }
    }

    /// The version of what is made for an update in the place of this.
    fn next_kept(&self, number: u64) -> u64 {
        let made = if self.update & KEPT == 0 {
            0
        } else {
            (self.update & !KEPT) >> NUMBER_BITS
        };
        let made = made.wrapping_add(1) & (NUMBER >> 17);
        KEPT | (made << NUMBER_BITS) | (number & NUMBER)
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

    /// The addresses that sources have and did not have in `older`.
    pub(crate) fn added_addresses<'a>(&'a self, older: &'a Self) -> impl Iterator<Item = &'a str> {
        self.diff(older).flat_map(|change| {
            let (old, new) = change.sides();
            let old = Addresses::of(old);
            let new = new.into_iter().flat_map(|stored| addresses(&stored.group));
            new.filter(move |address| !old.has(address))
        })
    }

    /// Whether any target of what these groups show is gone from its source, from `older` to `newer`.
    pub(crate) fn loses(&self, older: &Self, newer: &Self) -> bool {
        newer.diff(older).any(|change| {
            let (_, new) = change.sides();
            let new = Addresses::of(new);
            let shown = self.get(change.source());
            shown.is_some_and(|shown| addresses(&shown.group).any(|address| !new.has(address)))
        })
    }

    /// The sources in which these groups differ from `older`.
    pub(crate) fn changed_sources(&self, older: &Self) -> SourceNames {
        self.diff(older).map(|change| change.source().into()).collect()
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

    /// Shows these sources as `actual` has them, with what is lost.
    pub(crate) fn keep(&mut self, now: Instant, sources: &SourceNames, actual: &Self, lost: &Lost) {
        let (mut put, mut gone, mut mixed) = (Vec::new(), Vec::new(), Vec::new());
        // An encoder for each time: these groups are few, and gone with the hold.
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        for source in sources {
            let (new, shown) = (actual.get(source), self.get(source));
            let Some(shown) = shown else {
                put.extend(new.map(|new| (key_of(&new.group), new.clone())));
                continue;
            };
            if new.is_some_and(|new| new.same_version(shown)) {
                continue;
            }
            let here = Addresses::of(new);
            let is_lost = |target: &LabelSet<'_>| {
                let address = shown.group.address_of(*target);
                !here.has(address) && lost.has(address)
            };
            let lost: Vec<_> = shown.group.targets().filter(is_lost).collect();
            match new {
                Some(new) if lost.is_empty() => put.push((key_of(&new.group), new.clone())),
                None if lost.is_empty() => gone.push((key_of(&shown.group), Some(Group::empty(source)))),
                _ => match mix(&mut batch, new.map(|new| &new.group), &shown.group, &lost) {
                    Ok(()) => mixed.push((new, shown)),
                    // Too large to be one group: it stays as it was, so that nothing is lost.
                    Err(_) => batch.abandon(),
                },
            }
        }
        for ((new, shown), group) in mixed.into_iter().zip(batch.finish()) {
            if group != shown.group {
                let update = shown.next_kept(new.unwrap_or(shown).update_number());
                let stored = Stored {
                    group,
                    changed: now,
                    update,
                };
                put.push((key_of(&stored.group), stored));
            }
        }
        put.sort_by_key(|(key, _)| *key);
        gone.sort_by_key(|(key, _)| *key);
        self.put(put);
        self.apply(gone, now, 0, &mut StoreWork::default());
    }
}

/// The addresses of a group's targets, to look them up.
pub(super) struct Addresses<'a>(Vec<&'a str>);

impl<'a> Addresses<'a> {
    pub(super) fn of(stored: Option<&'a Stored>) -> Self {
        let mut all: Vec<_> = stored.into_iter().flat_map(|stored| addresses(&stored.group)).collect();
        all.sort_unstable();
        Self(all)
    }

    pub(super) fn has(&self, address: &str) -> bool {
        self.0.binary_search(&address).is_ok()
    }
}

pub(super) fn addresses(group: &Group) -> impl Iterator<Item = &str> {
    group.targets().map(move |target| group.address_of(target))
}

/// Writes the new group, or one like the old if there is none, with the targets that were lost from the old one. A label
/// of the target hides its group's, even if it is empty; so each lost target reads as it did.
fn mix(batch: &mut Batch<'_>, new: Option<&Group>, old: &Group, lost: &[LabelSet<'_>]) -> Result<(), GroupError> {
    batch.begin(old.source())?;
    let labels = new.unwrap_or(old).labels();
    for (name, value) in labels {
        batch.group_label(name, value)?;
    }
    for target in new.into_iter().flat_map(Group::targets) {
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
            if target.get(name).is_none() && planted!(labels.get(name) != Some(value), HeldTargetTakesNewLabels, false)
            {
                batch.label(name, value)?;
            }
        }
        for (name, _) in labels {
            if target.get(name).is_none() && old.labels().get(name).is_none() {
                batch.label(name, "")?;
            }
        }
    }
    batch.end()
}
