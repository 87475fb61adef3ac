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

mod alike;
mod changes;
mod cursor;
mod entries;
mod evaluate;
mod fate;
mod identify;
mod job;
mod labels;
mod many;
mod output;
mod owners;
mod pools;
mod populate;
mod reader;
mod slots;
mod views;

use std::sync::Arc;

use crate::{Group, GroupChange, Newest, ProviderId, store};
use alike::Alikes;
use entries::Entries;
use evaluate::Evaluator;
use fate::Entry;
use job::Job;
use output::Outputs;
use owners::{Added, Owners, Removed};
use slots::Slots;

pub use changes::PoolChanges;
pub use cursor::TargetCursor;
pub use fate::{Fate, InvalidTarget, TargetId, TargetLimit, TargetView};
pub use job::{JobOptions, TargetLimits};
pub use labels::TargetLabels;
pub use output::PoolOutput;
pub use pools::TargetPools;
pub use reader::{TargetExplanation, TargetReader};

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
    /// Sets of labels that several active targets have, which differ in where or how they are scraped.
    pub shared_labels: usize,
}

impl FateCounts {
    /// Counts a target's fate, or no longer counts it.
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
                count(&mut self.active);
                if over.is_some() {
                    count(&mut self.over_label_limits);
                }
            }
            Entry::Dropped { .. } => count(&mut self.dropped),
            Entry::Invalid { .. } => count(&mut self.invalid),
        }
    }
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
    slots: Slots,
    owners: Owners,
    alikes: Alikes,
    counts: FateCounts,
    outputs: Outputs,
    /// Groups, by the hash of their sources, that have targets with other fates than before. A change of one can give a target of
    /// another one another fate: the last of those with the same identity is the one that is scraped.
    touched: Newest<(ProviderId, u64)>,
    /// How many targets were worked out since it was made.
    evaluated: u64,
}

impl TargetPool {
    /// A pool without targets.
    pub fn new(options: JobOptions) -> Self {
        let job = Arc::new(Job::new(options));
        Self {
            evaluator: Evaluator::new(&job),
            job,
            slots: Slots::default(),
            owners: Owners::default(),
            alikes: Alikes::default(),
            counts: FateCounts::default(),
            outputs: Outputs::default(),
            touched: Newest::default(),
            evaluated: 0,
        }
    }

    /// What the job says.
    pub fn options(&self) -> &JobOptions {
        &self.job.options
    }

    /// Takes other options. All targets are worked out again; outputs say what differs.
    pub fn configure(&mut self, options: JobOptions) {
        self.configure_while(options, || true);
    }

    /// The same for who may have enough of it: `goes_on` is asked before each target. Once it says no, this ends, and gives
    /// `false`: some groups are as the old options have them then, and the pool is good for nothing.
    pub fn configure_while(&mut self, options: JobOptions, mut goes_on: impl FnMut() -> bool) -> bool {
        self.job = Arc::new(Job::new(options));
        self.evaluator = Evaluator::new(&self.job);
        for slot in 0..self.slots.count() {
            if let Some(group) = self.slots.get(slot).map(|held| held.group.clone())
                && !self.replace_while(slot, &group, &mut goes_on)
            {
                return false;
            }
        }
        self.touched.forget();
        self.alikes.begin_anew();
        true
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

    /// Removes a group.
    pub fn remove_group(&mut self, provider: ProviderId, source: &str) {
        let key = store::key(source);
        if let Some(slot) = self.slots.find(provider, key, |held| held.source() == source) {
            self.replace(slot, &Group::empty(source));
            self.slots.remove(slot);
        }
    }

    /// The next change. Those that are stopped come first, then those that are relabelled, then
    /// those that are started.
    pub fn poll_output(&mut self) -> Option<PoolOutput> {
        self.outputs.pop()
    }

    /// How many targets have which fate.
    pub fn counts(&self) -> FateCounts {
        let active = self.owners.len();
        FateCounts {
            active,
            duplicate: self.counts.active.saturating_sub(active),
            shared_labels: self.alikes.shared().len(),
            ..self.counts
        }
    }

    /// The number of active targets and `target_limit`, if there are more than it allows.
    pub fn exceeded_target_limit(&self) -> Option<(usize, u64)> {
        let limit = self.job.options.limits.targets?.get();
        let active = self.owners.len();
        (active as u64 > limit).then_some((active, limit))
    }

    /// How many targets are over a limit: all that are active where there are more than `target_limit` allows, and else those
    /// whose labels are too many or too long.
    pub fn over_limit(&self) -> usize {
        let counts = self.counts();
        match self.exceeded_target_limit() {
            Some(_) => counts.active,
            None => counts.over_label_limits,
        }
    }

    /// Bytes that it takes, without the groups, which it shares with snapshots. Costs the number of groups.
    pub fn size_bytes(&self) -> usize {
        let by_identity = self.owners.size_bytes().saturating_add(self.alikes.size_bytes());
        self.slots.size_bytes().saturating_add(by_identity)
    }

    /// The number of the next change of a group: see [`touched_since`](Self::touched_since).
    pub fn next_touched(&self) -> u64 {
        self.touched.next()
    }

    /// The groups, by provider and [hash](Group::source_hash) of their source, that have targets with other fates or labels
    /// than when [`next_touched`](Self::next_touched) was `number`, some of them more than once; and perhaps others. A target
    /// that is the same as another one in the end is scraped once that is gone, whatever group it is in. `None` where so
    /// much has changed since that it is not known, as after other options.
    pub fn touched_since(&self, number: u64) -> Option<impl Iterator<Item = (ProviderId, u64)>> {
        Some(self.touched.since(number)?.copied())
    }

    /// Works out the labels of this pool's targets, as they are configured now.
    pub fn reader(&self) -> TargetReader {
        TargetReader::new(self.job.clone())
    }

    /// Gives a slot another group, or the same one under other options.
    fn replace(&mut self, slot: u32, group: &Group) {
        self.replace_while(slot, group, || true);
    }

    /// The same, if `goes_on` says so before each of its targets; else nothing is replaced, and it gives `false`.
    fn replace_while(&mut self, slot: u32, group: &Group, goes_on: impl FnMut() -> bool) -> bool {
        let job = self.job.clone();
        let Some(entries) = self.evaluate(&job, group, goes_on) else {
            return false;
        };
        self.fill(slot, group, entries);
        true
    }

    /// Gives a slot a group with the fates of its targets.
    fn fill(&mut self, slot: u32, group: &Group, entries: Entries) {
        let Some(held) = self.slots.get_mut(slot) else {
            return;
        };
        if !held.group.is_same_allocation(group) {
            held.group = group.clone();
        }
        let replaced = core::mem::replace(&mut held.entries, entries);
        self.settle(slot, &replaced);
    }

    /// After the fates in a slot became others than `replaced`: takes in which identities that brings and takes away.
    fn settle(&mut self, slot: u32, replaced: &Entries) {
        let slots = &self.slots;
        let Some(held) = slots.get(slot) else {
            return;
        };
        let (old, new) = (replaced.as_slice(), held.entries.as_slice());
        // The slots of others.
        let mut touched = Vec::new();
        let stays = |index: u32| {
            let (old, new) = (old.get(index as usize), new.get(index as usize));
            old.and_then(|old| old.target()).is_some() && old.map(|old| old.target()) == new.map(|new| new.target())
        };
        for (index, entry) in (0_u32..).zip(old) {
            planted!(self.counts.count(*entry, false), GoneTargetsAreCounted, ());
            let Some((id, endpoint)) = entry.target().filter(|_| !stays(index)) else {
                continue;
            };
            match self.owners.remove(id, slots.place(slot, index)) {
                Removed::Only => {
                    self.outputs.went(id, endpoint);
                    entry
                        .series()
                        .into_iter()
                        .for_each(|series| planted!(self.alikes.went(id, series), LeaverStaysAlike, ()));
                }
                Removed::Last(next) if next != slot => planted!(touched.push(next), HeirIsNotTouched, ()),
                Removed::Last(_) | Removed::Another => {}
            }
        }
        for (index, entry) in (0_u32..).zip(new) {
            self.counts.count(*entry, true);
            let Some((id, endpoint)) = entry.target().filter(|_| !stays(index)) else {
                continue;
            };
            let place = slots.place(slot, index);
            match self.owners.add(id, place, |slot, index| slots.place(slot, index)) {
                Added::New => {
                    self.outputs.came(id, endpoint);
                    entry
                        .series()
                        .into_iter()
                        .for_each(|series| self.alikes.came(id, series));
                }
                Added::Behind(other) if other != slot => planted!(touched.push(other), OustedIsNotTouched, ()),
                Added::Behind(_) | Added::Before => {}
            }
        }
        let all = self.slots.iter_from(0).flat_map(|(_, held)| held.entries.as_slice());
        self.alikes
            .settle(all.filter_map(|entry| Some((entry.target()?.0, entry.series()?))));
        touched.sort_unstable();
        touched.dedup();
        self.touch(slot);
        touched.into_iter().for_each(|slot| self.touch(slot));
    }

    /// Notes that targets in this slot have other fates.
    fn touch(&mut self, slot: u32) {
        let most = (self.slots.count() as usize / 8).saturating_add(16);
        if let Some(held) = self.slots.get(slot) {
            self.touched.note((held.provider, held.key), most);
        }
    }

    /// How many targets there are, whatever became of them.
    fn target_count(&self) -> u64 {
        let FateCounts {
            active,
            dropped,
            invalid,
            ..
        } = self.counts;
        // Those that are the same are among the active ones here.
        [active, dropped, invalid]
            .iter()
            .fold(0, |sum: u64, count| sum.saturating_add(*count as u64))
    }

    /// Another one with the same targets, for a small part of what it takes to work them out. Its outputs are those of what
    /// is done to it.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            job: self.job.clone(),
            evaluator: Evaluator::new(&self.job),
            slots: self.slots.clone(),
            owners: self.owners.clone(),
            alikes: self.alikes.clone(),
            counts: self.counts,
            outputs: Outputs::default(),
            touched: self.touched.clone(),
            evaluated: self.evaluated,
        }
    }

    /// The fates of a group's targets, if `goes_on` says so before each of them.
    fn evaluate(&mut self, job: &Job, group: &Group, mut goes_on: impl FnMut() -> bool) -> Option<Entries> {
        self.evaluated = self.evaluated.saturating_add(group.target_count() as u64);
        let mut work = self.evaluator.open(job, group);
        let mut goes = true;
        // Entries that are given up are filled in: collecting them takes an iterator that knows its length.
        let evaluate = |target| {
            goes = goes && goes_on();
            match goes {
                true => self.evaluator.evaluate(&mut work, target),
                false => Entry::Dropped { rule: 0 },
            }
        };
        let entries = group.targets().map(evaluate).collect();
        self.evaluator.close(work);
        goes.then_some(entries)
    }
}

#[cfg(test)]
mod alike_tests;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod tests;
