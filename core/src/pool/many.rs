//! Taking all groups of a provider in at once, as at a start.
//!
//! Each target's place in the tables is as good as random, so **most of the time goes into waiting for memory: the places of
//! several groups are looked at side by side before they are taken in one after the other**. What comes of it, and in which
//! order it is put out, is what putting in group by group gives.

use super::entries::Entries;
use super::slots::PoolGroup;
use super::{TargetPool, store};
use crate::{Group, Groups, ProviderId};

/// Groups whose memory is waited for at once.
const BLOCK: usize = 64;
/// Of so many groups of a provider it shows how many identities all of them bring.
const SAMPLE: usize = 1 << 10;

impl TargetPool {
    /// Takes all groups of a provider in, each in the place of the one with its source.
    pub(super) fn put_all(&mut self, provider: ProviderId, groups: &Groups) {
        self.slots.reserve(groups.len());
        let job = self.job.clone();
        let (before, mut taken) = (self.owners.len(), 0_usize);
        let mut all = groups.keyed();
        let mut block: Vec<(u64, &Group, Option<Entries>)> = Vec::with_capacity(BLOCK);
        loop {
            for (key, stored) in all.by_ref().take(BLOCK) {
                let group = stored.group();
                block.push((key, group, self.evaluate(&job, group, || true)));
            }
            if block.is_empty() {
                return;
            }
            self.slots.touch(provider, block.iter().map(|(key, ..)| *key));
            let entries = block.iter().filter_map(|(.., entries)| entries.as_ref());
            let targets = entries.flat_map(Entries::as_slice).filter_map(|entry| entry.target());
            self.owners.touch(targets.map(|(id, _)| id));
            for (key, group, entries) in block.drain(..) {
                let slot = self.slot_of(provider, key, None, group);
                self.fill(slot, group, entries.unwrap_or_default());
                taken = taken.saturating_add(1);
            }
            // How many targets a job's rules keep shows after a few of them.
            if taken == SAMPLE {
                let new = self.owners.len().saturating_sub(before);
                self.expect(new.saturating_mul(groups.len().saturating_sub(taken) / SAMPLE));
            }
        }
    }

    /// The slot of a group's source, which is `old`'s if that is the one that is held.
    pub(super) fn slot_of(&mut self, provider: ProviderId, key: u64, old: Option<&Group>, group: &Group) -> u32 {
        let source = group.source_bytes();
        // The very group that is held needs not be read to know its source.
        let is_it = |held: &Group| old.is_some_and(|old| held.is_same_allocation(old)) || held.source_bytes() == source;
        self.slots.find(provider, key, is_it).unwrap_or_else(|| {
            let new = PoolGroup {
                provider,
                key,
                group: group.clone(),
                entries: Entries::None,
            };
            self.slots.insert(new)
        })
    }

    /// Takes a group in, in the place of `old` if that is the one with its source.
    pub(super) fn change_group(&mut self, provider: ProviderId, old: Option<&Group>, group: &Group) {
        let slot = self.slot_of(provider, store::key_of(group), old, group);
        self.replace(slot, group);
    }

    /// Makes room for so many identities.
    fn expect(&mut self, targets: usize) {
        self.owners.reserve(targets);
        self.outputs.reserve(targets);
    }
}
