//! Taking an update into a provider's groups (S04, S05, B01).

use std::sync::Arc;

use super::registry::Provider;
use crate::store::Put;
use crate::update::UpdateKind;
use crate::{Failure, Group, Instant, Update, UpdateOutcome, store};

impl<C> Provider<C> {
    /// Takes an update in and says what it changed.
    pub(super) fn update(&mut self, now: Instant, update: Update) -> UpdateOutcome {
        let health = &mut self.health;
        health.updates = health.updates.saturating_add(1);
        health.last_update = Some(now);
        health.failing = false;
        health.refreshed(update.duration);
        let number = health.updates;

        let order = last_of_each_source(&update.groups);
        let mut outcome = UpdateOutcome::default();
        if update.kind == UpdateKind::Full {
            outcome.removed = self.remove_all_but(&order, &update.groups);
        }
        let mut groups: Vec<Option<Group>> = update.groups.into_iter().map(Some).collect();
        for &(key, place) in &order {
            let Some(group) = groups.get_mut(place).and_then(Option::take) else {
                continue;
            };
            if group.target_count() == 0 {
                outcome.removed = outcome
                    .removed
                    .saturating_add(usize::from(self.groups.remove(key, group.source())));
                continue;
            }
            let count = match self.groups.put(key, group, now, number) {
                Put::Added => &mut outcome.added,
                Put::Changed => &mut outcome.changed,
                Put::Unchanged => &mut outcome.unchanged,
            };
            *count = count.saturating_add(1);
        }
        if outcome.is_unchanged() {
            self.health.unchanged_updates = self.health.unchanged_updates.saturating_add(1);
        } else {
            self.health.last_change = Some(now);
        }
        outcome
    }

    /// Notes a failed look at the backend.
    pub(super) fn fail(&mut self, now: Instant, failure: &Failure) {
        self.health.failures = self.health.failures.saturating_add(1);
        self.health.last_failure = Some((now, Arc::from(failure.message())));
        self.health.failing = true;
        self.health.refreshed(failure.duration());
    }

    /// Removes the sources that a full update does not name; says how many.
    fn remove_all_but(&mut self, order: &[(u64, usize)], groups: &[Group]) -> usize {
        let mut next = 0;
        let unnamed = self.groups.sources_not(|key, source| {
            // Both run in the order of hashes, so one walk over the update is enough.
            while order.get(next).is_some_and(|(other, _)| *other < key) {
                next = next.saturating_add(1);
            }
            let same_hash = order
                .get(next..)
                .unwrap_or_default()
                .iter()
                .take_while(|(other, _)| *other == key);
            same_hash
                .into_iter()
                .any(|(_, place)| groups.get(*place).is_some_and(|group| group.source() == source))
        });
        let unnamed: Vec<(u64, String)> = unnamed.map(|(key, source)| (key, source.to_owned())).collect();
        for (key, source) in &unnamed {
            self.groups.remove(*key, source);
        }
        unnamed.len()
    }
}

/// The places of the groups that count, with the hash of their source, sorted by hash: where a
/// source is named more than once, the last one.
fn last_of_each_source(groups: &[Group]) -> Vec<(u64, usize)> {
    let hash = |(place, group): (usize, &Group)| (store::key(group.source()), place);
    let mut order: Vec<(u64, usize)> = groups.iter().enumerate().map(hash).collect();
    order.sort_unstable();
    let source = |place: usize| groups.get(place).map(Group::source);
    let mut start = 0;
    let mut kept = Vec::with_capacity(order.len());
    while let Some(&(key, place)) = order.get(start) {
        let same = order
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(|(other, _)| *other == key)
            .count();
        if same == 1 {
            kept.push((key, place));
        } else {
            let run = order.get(start..start.saturating_add(same)).unwrap_or_default();
            let is_last = |(at, &(_, place)): (usize, &(u64, usize))| {
                let later = run.get(at.saturating_add(1)..).unwrap_or_default();
                !later.iter().any(|&(_, other)| source(other) == source(place))
            };
            kept.extend(
                run.iter()
                    .enumerate()
                    .filter(|&entry| is_last(entry))
                    .map(|(_, kept)| *kept),
            );
        }
        start = start.saturating_add(same);
    }
    kept
}
