//! Scrape pools: the targets of a job, made from discovered groups.
//!
//! A target's labels are populated, relabelled, checked, and identified, with Prometheus's
//! meaning; targets that are the same in the end are one. **A pool is at every moment what it
//! would be if it were built anew from the groups that it has**, and touches only the groups that
//! change: a group in, its targets out.
//!
//! * [`JobOptions`]: what a job says about its targets.
//! * [`TargetPool`]: one job. Groups go in, [`PoolOutput`]s come out.
//! * [`TargetPools`]: all jobs, fed by snapshots.
//! * [`Fate`]: what became of a target. Every target has one.
//!
//! Labels are not kept: a target is its group, its place there, and its fate, and its labels are
//! worked out again by a [`TargetReader`] for who asks.

mod cursor;
mod entries;
mod evaluate;
mod fate;
mod identify;
mod job;
mod labels;
mod owners;
mod pools;
mod populate;
mod reader;

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashTable;

use crate::{Group, GroupChange, ProviderId, Targets, store};
use entries::Entries;
use evaluate::Evaluator;
use fate::Entry;
use job::Job;
use owners::{Owners, Place};

pub use cursor::TargetCursor;
pub use fate::{Fate, InvalidTarget, TargetId, TargetLimit, TargetView};
pub use job::{JobOptions, TargetLimits};
pub use labels::TargetLabels;
pub use pools::TargetPools;
pub use reader::{TargetExplanation, TargetReader};

/// What changed among the targets that are scraped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PoolOutput {
    /// A target is no longer there.
    Stopped(TargetId),
    /// A target is scraped where it was, and its labels are others.
    Relabelled {
        /// What it was.
        old: TargetId,
        /// What it is.
        new: TargetId,
    },
    /// A target is new.
    Started(TargetId),
}

/// How many targets have which fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FateCounts {
    /// Scraped, or over a limit.
    pub active: usize,
    /// Dropped by a rule.
    pub dropped: usize,
    /// The same as another one in the end.
    pub duplicate: usize,
    /// Not fit to be scraped.
    pub invalid: usize,
    /// Active or duplicate, and over one of the limits of labels.
    pub over_label_limits: usize,
}

/// The targets of one job, as a state machine: groups go in, changes of targets come out.
///
/// After each input, or after several, drain [`poll_output`](Self::poll_output) until it is `None`.
///
/// ```
/// use headcount_core::{Encoder, JobOptions, PoolOutput, ProviderId, TargetPool};
///
/// let mut encoder = Encoder::new();
/// let mut batch = encoder.batch();
/// let labels = [("rack", "1")];
/// batch.group("hosts.json:0", labels, [[("__address__", "10.0.0.1:9100")]])?;
/// let groups = batch.finish();
///
/// let mut pool = TargetPool::new(JobOptions::new("node"));
/// pool.put_group(ProviderId::from_number(0), &groups[0]);
/// let Some(PoolOutput::Started(id)) = pool.poll_output() else { panic!("one target is new") };
/// assert_eq!(pool.poll_output(), None);
///
/// let target = pool.target(id).unwrap();
/// let labels = pool.reader().labels(&target).unwrap();
/// assert!(labels.contains(&("instance".to_owned(), "10.0.0.1:9100".to_owned())));
/// # Ok::<(), headcount_core::GroupError>(())
/// ```
#[derive(Debug)]
pub struct TargetPool {
    job: Arc<Job>,
    evaluator: Evaluator,
    groups: Vec<Option<Held>>,
    free: Vec<u32>,
    /// Slots, by provider and source.
    slots: HashTable<u32>,
    owners: Owners,
    counts: FateCounts,
    touched: Vec<Touched>,
    outputs: VecDeque<PoolOutput>,
}

/// One group and its targets' fates.
#[derive(Debug)]
struct Held {
    provider: ProviderId,
    /// The source's hash.
    key: u64,
    group: Group,
    entries: Entries,
}

/// An identity that came or went.
#[derive(Debug, Clone, Copy)]
struct Touched {
    id: TargetId,
    endpoint: u64,
    /// Whether it came; otherwise it went.
    came: bool,
}

impl TargetPool {
    /// A pool without targets.
    pub fn new(options: JobOptions) -> Self {
        let job = Arc::new(Job::new(options));
        Self {
            evaluator: Evaluator::new(&job),
            job,
            groups: Vec::new(),
            free: Vec::new(),
            slots: HashTable::new(),
            owners: Owners::default(),
            counts: FateCounts::default(),
            touched: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    /// What the job says.
    pub fn options(&self) -> &JobOptions {
        &self.job.options
    }

    /// Takes other options. All targets are worked out again; outputs say what differs.
    pub fn configure(&mut self, options: JobOptions) {
        self.job = Arc::new(Job::new(options));
        self.evaluator = Evaluator::new(&self.job);
        for slot in 0..number(self.groups.len()) {
            if let Some(group) = self.held(slot).map(|held| held.group.clone()) {
                self.replace(slot, group);
            }
        }
    }

    /// Takes a change of a provider's groups in.
    pub fn handle_change(&mut self, provider: ProviderId, change: GroupChange<'_>) {
        match change {
            GroupChange::Added(new) => self.put_group(provider, new.group()),
            GroupChange::Changed { old, new } => self.change_group(provider, Some(old.group()), new.group()),
            GroupChange::Removed(old) => self.remove_group(provider, old.group().source()),
        }
    }

    /// Takes a group in, in the place of the one with its source.
    pub fn put_group(&mut self, provider: ProviderId, group: &Group) {
        self.change_group(provider, None, group);
    }

    /// Takes a group in, in the place of `old` if that is the one with its source.
    fn change_group(&mut self, provider: ProviderId, old: Option<&Group>, group: &Group) {
        let source = group.source();
        let key = store::key(source);
        // The very group that is held needs not be read to know its source.
        let is_it = |held: &Group| old.is_some_and(|old| held.is_same_allocation(old)) || held.source() == source;
        let slot = self.slot(provider, key, is_it).unwrap_or_else(|| {
            let held = Held {
                provider,
                key,
                group: group.clone(),
                entries: Entries::None,
            };
            self.hold(held)
        });
        self.replace(slot, group.clone());
    }

    /// Removes a group.
    pub fn remove_group(&mut self, provider: ProviderId, source: &str) {
        let key = store::key(source);
        let Some(slot) = self.slot(provider, key, |held| held.source() == source) else {
            return;
        };
        self.replace(slot, Group::empty(source));
        if let Ok(entry) = self.slots.find_entry(slot_hash(provider, key), |&other| other == slot) {
            entry.remove();
        }
        if let Some(held) = self.groups.get_mut(slot as usize) {
            *held = None;
            self.free.push(slot);
        }
    }

    /// The next change. Those that are stopped come first, then those that are relabelled, then
    /// those that are started.
    pub fn poll_output(&mut self) -> Option<PoolOutput> {
        self.settle();
        let output = self.outputs.pop_front();
        if output.is_none() {
            // Many start at once, and that is rare.
            self.outputs = VecDeque::new();
        }
        output
    }

    /// How many targets have which fate.
    pub fn counts(&self) -> FateCounts {
        let active = self.owners.len();
        FateCounts {
            active,
            duplicate: self.counts.active.saturating_sub(active),
            ..self.counts
        }
    }

    /// The number of active targets and `target_limit`, if there are more than it allows.
    pub fn exceeded_target_limit(&self) -> Option<(usize, u64)> {
        let limit = self.job.options.limits.targets?.get();
        let active = self.owners.len();
        (active as u64 > limit).then_some((active, limit))
    }

    /// The target that stands for an identity.
    pub fn target(&self, id: TargetId) -> Option<TargetView<'_>> {
        let (slot, index) = self.owners.get(id)?;
        let held = self.held(slot)?;
        let labels = held.group.targets().nth(index as usize)?;
        Some(self.view(slot, held, index, labels, *held.entries.as_slice().get(index as usize)?))
    }

    /// The targets that stand for these identities, in the order of their places. Each group is
    /// gone through once, however many of them are in it.
    pub fn find(&self, ids: impl IntoIterator<Item = TargetId>) -> impl Iterator<Item = TargetView<'_>> {
        let mut places: Vec<(u32, u32)> = ids.into_iter().filter_map(|id| self.owners.get(id)).collect();
        places.sort_unstable();
        places.dedup();
        let mut passed: Option<(u32, u32, Targets<'_>)> = None;
        places.into_iter().filter_map(move |(slot, index)| {
            let held = self.held(slot)?;
            let (next, mut targets) = match passed.take() {
                Some((its_slot, next, targets)) if its_slot == slot => (next, targets),
                _ => (0, held.group.targets()),
            };
            let labels = targets.nth(index.checked_sub(next)? as usize)?;
            passed = Some((slot, index.saturating_add(1), targets));
            Some(self.view(slot, held, index, labels, *held.entries.as_slice().get(index as usize)?))
        })
    }

    /// All targets with their fates, group by group, in an order that stays while groups stay.
    pub fn targets(&self) -> impl Iterator<Item = TargetView<'_>> {
        let held = (0_u32..).zip(&self.groups);
        let held = held.filter_map(|(slot, held)| Some((slot, held.as_ref()?)));
        held.flat_map(move |(slot, held)| self.views(slot, held))
    }

    /// The targets of one group with their fates; none if the pool does not have the group.
    pub fn group_targets(&self, provider: ProviderId, source: &str) -> impl Iterator<Item = TargetView<'_>> {
        let slot = self.slot(provider, store::key(source), |held| held.source() == source);
        let held = slot.and_then(|slot| Some((slot, self.held(slot)?)));
        held.into_iter().flat_map(move |(slot, held)| self.views(slot, held))
    }

    /// The dropped targets, as many as `keep_dropped_targets` wants to see.
    pub fn dropped(&self) -> impl Iterator<Item = TargetView<'_>> {
        let most = self.job.options.limits.kept_dropped_targets;
        let most = most.map_or(usize::MAX, |most| usize::try_from(most.get()).unwrap_or(usize::MAX));
        let dropped = self.targets().filter(|view| matches!(view.fate, Fate::Dropped { .. }));
        dropped.take(most)
    }

    /// Works out the labels of this pool's targets, as they are configured now.
    pub fn reader(&self) -> TargetReader {
        TargetReader::new(self.job.clone())
    }

    fn held(&self, slot: u32) -> Option<&Held> {
        self.groups.get(slot as usize)?.as_ref()
    }

    fn slot(&self, provider: ProviderId, key: u64, has_source: impl Fn(&Group) -> bool) -> Option<u32> {
        let is_it = |slot: &u32| {
            self.held(*slot)
                .is_some_and(|held| held.provider == provider && held.key == key && has_source(&held.group))
        };
        self.slots.find(slot_hash(provider, key), is_it).copied()
    }

    fn hold(&mut self, held: Held) -> u32 {
        let hash = slot_hash(held.provider, held.key);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.groups.push(None);
            number(self.groups.len()).saturating_sub(1)
        });
        if let Some(place) = self.groups.get_mut(slot as usize) {
            *place = Some(held);
        }
        let groups = &self.groups;
        let rehash = |slot: &u32| {
            let held = groups.get(*slot as usize).and_then(Option::as_ref);
            held.map_or(0, |held| slot_hash(held.provider, held.key))
        };
        self.slots.insert_unique(hash, slot, rehash);
        slot
    }

    /// Gives a slot another group, or the same one under other options.
    fn replace(&mut self, slot: u32, group: Group) {
        let job = self.job.clone();
        let entries = self.evaluate(&job, &group);
        let Some(Some(held)) = self.groups.get_mut(slot as usize) else {
            return;
        };
        let (provider, key) = (held.provider.number(), held.key);
        held.group = group;
        let replaced = core::mem::take(&mut held.entries);
        let (old, new) = (replaced.as_slice(), entries.as_slice());
        let place = |index| Place {
            provider,
            key,
            index,
            slot,
        };
        let stays = |index: u32| {
            let (old, new) = (old.get(index as usize), new.get(index as usize));
            old.and_then(|old| old.target()).is_some() && old.map(|old| old.target()) == new.map(|new| new.target())
        };
        for (index, entry) in (0_u32..).zip(old) {
            self.count(*entry, false);
            if let Some((id, endpoint)) = entry.target()
                && !stays(index)
                && self.owners.remove(id, place(index))
            {
                self.touch(id, endpoint, false);
            }
        }
        for (index, entry) in (0_u32..).zip(new) {
            self.count(*entry, true);
            let Some((id, endpoint)) = entry.target().filter(|_| !stays(index)) else {
                continue;
            };
            let groups = &self.groups;
            let place_of = |slot: u32, index| {
                let held = groups.get(slot as usize).and_then(Option::as_ref);
                Place {
                    provider: held.map_or(0, |held| held.provider.number()),
                    key: held.map_or(0, |held| held.key),
                    index,
                    slot,
                }
            };
            if self.owners.add(id, place(index), place_of) {
                self.touch(id, endpoint, true);
            }
        }
        if let Some(Some(held)) = self.groups.get_mut(slot as usize) {
            held.entries = entries;
        }
    }

    fn evaluate(&mut self, job: &Job, group: &Group) -> Entries {
        let mut work = self.evaluator.open(job, group);
        let targets = group.targets();
        let entries = targets
            .map(|target| self.evaluator.evaluate(&mut work, target))
            .collect();
        self.evaluator.close(work);
        entries
    }

    fn touch(&mut self, id: TargetId, endpoint: u64, came: bool) {
        self.touched.push(Touched { id, endpoint, came });
    }

    fn count(&mut self, entry: Entry, is_new: bool) {
        let count = |count: &mut usize| {
            *count = if is_new {
                count.saturating_add(1)
            } else {
                count.saturating_sub(1)
            };
        };
        match entry {
            Entry::Target { over, .. } => {
                count(&mut self.counts.active);
                if over.is_some() {
                    count(&mut self.counts.over_label_limits);
                }
            }
            Entry::Dropped { .. } => count(&mut self.counts.dropped),
            Entry::Invalid { .. } => count(&mut self.counts.invalid),
        }
    }

    /// Makes outputs of what came and went.
    fn settle(&mut self) {
        if self.touched.is_empty() {
            return;
        }
        let mut touched = core::mem::take(&mut self.touched);
        // Nothing went, so nothing came more than once or in the place of something else.
        if touched.iter().all(|touched| touched.came) {
            let started = touched.iter().map(|touched| PoolOutput::Started(touched.id));
            self.outputs.extend(started);
            return;
        }
        // Stable: for each identity, what happened stays in order.
        touched.sort_by_key(|touched| touched.id);
        let (mut went, mut came) = (Vec::new(), Vec::new());
        for same in touched.chunk_by(|a, b| a.id == b.id) {
            // An identity comes and goes by turns, so the first and the last say what it was and is.
            match (same.first(), same.last()) {
                (Some(first), Some(last)) if !first.came && !last.came => went.push((first.endpoint, first.id)),
                (Some(first), Some(last)) if first.came && last.came => came.push((last.endpoint, last.id)),
                _ => {}
            }
        }
        went.sort_unstable();
        came.sort_unstable();
        let mut relabelled = Vec::new();
        let mut started = Vec::new();
        let mut went = went.into_iter().peekable();
        let mut stopped = Vec::new();
        for (endpoint, new) in came {
            while let Some((_, old)) = went.next_if(|(other, _)| *other < endpoint) {
                stopped.push(PoolOutput::Stopped(old));
            }
            match went.next_if(|(other, _)| *other == endpoint) {
                Some((_, old)) => relabelled.push(PoolOutput::Relabelled { old, new }),
                None => started.push(PoolOutput::Started(new)),
            }
        }
        stopped.extend(went.map(|(_, old)| PoolOutput::Stopped(old)));
        for mut outputs in [stopped, relabelled, started] {
            outputs.sort_unstable();
            self.outputs.extend(outputs);
        }
    }

    fn views<'a>(&'a self, slot: u32, held: &'a Held) -> impl Iterator<Item = TargetView<'a>> {
        let targets = held.group.targets().zip(held.entries.as_slice());
        (0_u32..)
            .zip(targets)
            .map(move |(index, (labels, entry))| self.view(slot, held, index, labels, *entry))
    }

    fn view<'a>(
        &'a self,
        slot: u32,
        held: &'a Held,
        index: u32,
        labels: crate::LabelSet<'a>,
        entry: Entry,
    ) -> TargetView<'a> {
        TargetView {
            provider: held.provider,
            group: &held.group,
            index,
            labels,
            fate: self.fate(slot, index, entry),
        }
    }

    fn fate(&self, slot: u32, index: u32, entry: Entry) -> Fate<'_> {
        let (id, over) = match entry {
            Entry::Dropped { rule } => return Fate::Dropped { rule },
            Entry::Invalid { why } => return Fate::Invalid { why },
            Entry::Target { id, over, .. } => (id, over),
        };
        let owner = self.owners.get(id).filter(|owner| *owner != (slot, index));
        if let Some((slot, index)) = owner
            && let Some(held) = self.held(slot)
        {
            return Fate::Duplicate {
                id,
                provider: held.provider,
                group: &held.group,
                index,
            };
        }
        let over_targets = self.exceeded_target_limit().map(|_| TargetLimit::Targets);
        match over.or(over_targets) {
            Some(limit) => Fate::OverLimit { id, limit },
            None => Fate::Active { id },
        }
    }
}

/// The key is a hash already.
fn slot_hash(provider: ProviderId, key: u64) -> u64 {
    key ^ provider.number().wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Slots stay below: groups take more memory than their numbers.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
impl TargetPool {
    /// How many targets were worked out since the pool was made or configured.
    fn evaluated(&self) -> usize {
        self.evaluator.evaluated
    }
}

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod tests;
