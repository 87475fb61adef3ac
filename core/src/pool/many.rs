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

/// A group on its way into its slot.
struct InHand<'a> {
    key: u64,
    group: &'a Group,
    /// The same to be held by a slot, where it is sure to get a new one.
    held: Option<Group>,
    entries: Entries,
}

impl<'a> InHand<'a> {
    fn new(key: u64, group: &'a Group) -> Self {
        let (held, entries) = (None, Entries::None);
        Self {
            key,
            group,
            held,
            entries,
        }
    }

    /// What a new slot holds.
    fn held(self, provider: ProviderId) -> PoolGroup {
        PoolGroup {
            provider,
            key: self.key,
            group: self.held.unwrap_or_else(|| self.group.clone()),
            entries: self.entries,
        }
    }
}

impl TargetPool {
    /// Takes all groups of a provider in, each in the place of the one with its source.
    pub(super) fn put_all(&mut self, provider: ProviderId, groups: &Groups) {
        // A provider has each of its sources once: where there was no group, none needs to be looked for.
        let is_first = self.slots.is_empty();
        self.slots.begin_anew();
        self.slots.reserve(groups.len());
        let job = self.job.clone();
        let (before, mut taken) = (self.owners.len(), 0_usize);
        let mut all = groups.keyed().map(|(key, stored)| (key, stored.group()));
        let mut block: Vec<InHand<'_>> = Vec::with_capacity(BLOCK);
        loop {
            block.extend(all.by_ref().take(BLOCK).map(|(key, group)| InHand::new(key, group)));
            if block.is_empty() {
                return;
            }
            block.iter().for_each(|in_hand| in_hand.group.touch());
            for in_hand in &mut block {
                // While it is at hand: to count who holds it waits for all that is being written.
                in_hand.held = is_first.then(|| in_hand.group.clone());
                in_hand.entries = self.evaluate(&job, in_hand.group, || true).unwrap_or_default();
            }
            self.slots.touch(provider, block.iter().map(|in_hand| in_hand.key));
            let entries = block.iter().flat_map(|in_hand| in_hand.entries.as_slice());
            self.owners
                .touch(entries.filter_map(|entry| entry.target()).map(|(id, _)| id));
            taken = taken.saturating_add(block.len());
            if is_first {
                let slots = self.slots.append(block.drain(..).map(|in_hand| in_hand.held(provider)));
                slots.for_each(|slot| self.settle(slot, &Entries::None));
            } else {
                for in_hand in block.drain(..) {
                    let slot = self.slot_of(provider, in_hand.key, None, in_hand.group);
                    self.fill(slot, in_hand.group, in_hand.entries);
                }
            }
            // How many targets a job's rules keep shows after a few of them.
            if taken == SAMPLE {
                let new = self.owners.len().saturating_sub(before);
                self.expect(new.saturating_mul(groups.len().saturating_sub(taken) / SAMPLE));
            }
        }
    }

    /// The slot of a group's source, which is `old`'s if that is the one that is held.
    fn slot_of(&mut self, provider: ProviderId, key: u64, old: Option<&Group>, group: &Group) -> u32 {
        let source = group.source_bytes();
        // The very group that is held needs not be read to know its source.
        let is_it = |held: &Group| old.is_some_and(|old| held.is_same_allocation(old)) || held.source_bytes() == source;
        let found = self.slots.find(provider, key, is_it);
        found.unwrap_or_else(|| {
            self.slots.insert(PoolGroup {
                provider,
                key,
                group: group.clone(),
                entries: Entries::None,
            })
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
