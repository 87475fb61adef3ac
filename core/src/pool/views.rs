//! Reading a pool: its targets, each with what became of it.

use super::fate::{Entry, Fate, TargetId, TargetLimit, TargetView};
use super::slots::PoolGroup;
use super::{TargetPool, TargetReader};
use crate::allocation::TargetKey;
use crate::{LabelSet, ProviderId, Targets, store};

/// The labels that reach the samples.
fn public_labels(reader: &mut TargetReader, target: &TargetView<'_>) -> Option<Vec<(String, String)>> {
    let mut labels = reader.labels(target)?;
    labels.retain(|(name, _)| !name.starts_with("__"));
    Some(labels)
}

impl TargetPool {
    /// The target that stands for an identity.
    pub fn target(&self, id: TargetId) -> Option<TargetView<'_>> {
        let (slot, index) = self.owners.get(id)?;
        let held = self.slots.get(slot)?;
        let labels = held.group.targets().nth(index as usize)?;
        Some(self.view(slot, held, index, labels, *held.entries.as_slice().get(index as usize)?))
    }

    /// What the target with this identity is allocated by.
    pub fn key(&self, id: TargetId) -> Option<TargetKey> {
        let entry = self.entry(id)?;
        let (_, endpoint) = entry.target()?;
        Some(TargetKey::new(
            &self.job.options.name,
            endpoint,
            entry.series()?.labels(),
        ))
    }

    /// The targets that stand for these identities, in the order of their places. Each group is
    /// gone through once, however many of them are in it.
    pub fn find(&self, ids: impl IntoIterator<Item = TargetId>) -> impl Iterator<Item = TargetView<'_>> {
        let mut places: Vec<(u32, u32)> = ids.into_iter().filter_map(|id| self.owners.get(id)).collect();
        places.sort_unstable();
        places.dedup();
        let mut passed: Option<(u32, u32, Targets<'_>)> = None;
        places.into_iter().filter_map(move |(slot, index)| {
            let held = self.slots.get(slot)?;
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
        self.slots.iter_from(0).flat_map(|(slot, held)| self.views(slot, held))
    }

    /// The targets of one group with their fates; none if the pool does not have the group.
    pub fn group_targets(&self, provider: ProviderId, source: &str) -> impl Iterator<Item = TargetView<'_>> {
        let slot = self
            .slots
            .find(provider, store::key(source), |held| held.source() == source);
        let held = slot.and_then(|slot| Some((slot, self.slots.get(slot)?)));
        held.into_iter().flat_map(move |(slot, held)| self.views(slot, held))
    }

    /// Other targets that are scraped and have the same labels in the end, but for those that begin with `__`, as `target`,
    /// which is active: at most so many of them. What they say ends in the same series. `reader` is one of this pool's.
    pub fn same_labels(&self, reader: &mut TargetReader, target: &TargetView<'_>, most: usize) -> Vec<TargetView<'_>> {
        if self.alikes.shared().len() == 0 {
            return Vec::new();
        }
        let Some(id) = target.fate.scraped() else {
            return Vec::new();
        };
        let Some(series) = self.entry(id).and_then(Entry::series) else {
            return Vec::new();
        };
        let mut others = self.alikes.of(series.labels()).filter(|other| *other != id).peekable();
        if others.peek().is_none() {
            return Vec::new();
        }
        let labels = public_labels(reader, target);
        let others = others.filter_map(|other| self.target(other));
        let same = others.filter(|other| public_labels(reader, other) == labels);
        same.take(most).collect()
    }

    /// Two targets with the same labels, if there are such.
    pub fn any_same_labels(&self, reader: &mut TargetReader) -> Option<(TargetView<'_>, TargetView<'_>)> {
        self.alikes.shared().find_map(|labels| {
            let target = self.target(self.alikes.of(labels).next()?)?;
            let other = self.same_labels(reader, &target, 1).pop()?;
            Some((target, other))
        })
    }

    fn entry(&self, id: TargetId) -> Option<Entry> {
        let (slot, index) = self.owners.get(id)?;
        self.slots.get(slot)?.entries.as_slice().get(index as usize).copied()
    }

    /// The dropped targets, as many as `keep_dropped_targets` wants to see.
    pub fn dropped(&self) -> impl Iterator<Item = TargetView<'_>> {
        let most = self.job.options.limits.kept_dropped_targets;
        let most = most.map_or(usize::MAX, |most| usize::try_from(most.get()).unwrap_or(usize::MAX));
        let dropped = self.targets().filter(|view| matches!(view.fate, Fate::Dropped { .. }));
        dropped.take(most)
    }

    fn views<'a>(&'a self, slot: u32, held: &'a PoolGroup) -> impl Iterator<Item = TargetView<'a>> {
        let targets = held.group.targets().zip(held.entries.as_slice());
        (0_u32..)
            .zip(targets)
            .map(move |(index, (labels, entry))| self.view(slot, held, index, labels, *entry))
    }

    pub(super) fn view<'a>(
        &'a self,
        slot: u32,
        held: &'a PoolGroup,
        index: u32,
        labels: LabelSet<'a>,
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
            && let Some(held) = self.slots.get(slot)
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
