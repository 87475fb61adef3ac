//! A job's targets by what they are allocated by.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use headcount_core::allocation::TargetKey;
use headcount_core::{Newest, TargetId};

/// The keys of a job's targets, and the targets of each key: nearly always one.
#[derive(Debug, Default)]
pub(super) struct JobTargets {
    keys: HashMap<TargetId, TargetKey>,
    ids: HashMap<TargetKey, Ids>,
    /// Keys of which others are the targets than before.
    changed: Newest<TargetKey>,
}

#[derive(Debug)]
enum Ids {
    One(TargetId),
    Many(Vec<TargetId>),
}

impl JobTargets {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn key(&self, id: TargetId) -> Option<TargetKey> {
        self.keys.get(&id).copied()
    }

    pub(super) fn has(&self, key: TargetKey) -> bool {
        self.ids.contains_key(&key)
    }

    /// All keys, in no particular order.
    pub(super) fn all(&self) -> impl Iterator<Item = TargetKey> {
        self.ids.keys().copied()
    }

    /// The targets with a key.
    pub(super) fn ids(&self, key: TargetKey) -> &[TargetId] {
        match self.ids.get(&key) {
            None => &[],
            Some(Ids::One(id)) => std::slice::from_ref(id),
            Some(Ids::Many(ids)) => ids,
        }
    }

    pub(super) fn add(&mut self, id: TargetId, key: TargetKey) {
        if self.keys.insert(id, key).is_some() {
            return;
        }
        match self.ids.entry(key) {
            Entry::Vacant(free) => drop(free.insert(Ids::One(id))),
            Entry::Occupied(mut taken) => match taken.get_mut() {
                Ids::Many(ids) => ids.push(id),
                Ids::One(first) => {
                    let ids = vec![*first, id];
                    taken.insert(Ids::Many(ids));
                }
            },
        }
    }

    pub(super) fn remove(&mut self, id: TargetId) {
        let Some(key) = self.keys.remove(&id) else { return };
        let is_last = match self.ids.get_mut(&key) {
            Some(Ids::Many(ids)) => {
                ids.retain(|other| *other != id);
                ids.is_empty()
            }
            _ => true,
        };
        if is_last {
            self.ids.remove(&key);
        }
    }

    /// Takes note that others are the targets of this key.
    pub(super) fn note(&mut self, key: TargetKey) {
        self.changed.note(key, self.ids.len() / 8 + 16);
    }

    /// The number of the next such note.
    pub(super) fn next_change(&self) -> u64 {
        self.changed.next()
    }

    /// The keys that were noted with this number and later ones; `None` if that is not known any more.
    pub(super) fn changed_since(&self, number: u64) -> Option<impl Iterator<Item = TargetKey>> {
        Some(self.changed.since(number)?.copied())
    }

    /// The keys that `after` has and this has not, and those that only this has.
    pub(super) fn differences(&self, after: &Self) -> (Vec<TargetKey>, Vec<TargetKey>) {
        let only = |these: &Self, others: &Self| {
            let keys = these.ids.keys().filter(|key| !others.has(**key));
            keys.copied().collect::<Vec<_>>()
        };
        (only(after, self), only(self, after))
    }
}
