//! What an update makes of a provider's groups (S04, S05).

use crate::update::UpdateKind;
use crate::{Group, Groups, Update, store};

impl Groups {
    /// What an update makes of these groups, in the order of keys, no source twice.
    pub(super) fn changes_of(&self, update: Update) -> Vec<(u64, Option<Group>)> {
        let order = last_of_each_source(&update.groups);
        let gone = match update.kind {
            UpdateKind::Full => self.unnamed(&order, &update.groups),
            UpdateKind::Delta => Vec::new(),
            UpdateKind::Completing => {
                planted!(Vec::new(), CompletingTakesTheRest, self.unnamed(&order, &update.groups))
            }
            UpdateKind::Partial => planted!(Vec::new(), PartialTakesTheRest, self.unnamed(&order, &update.groups)),
        };
        let mut groups: Vec<Option<Group>> = update.groups.into_iter().map(Some).collect();
        let named = order
            .into_iter()
            .map(|(key, place)| (key, groups.get_mut(place).and_then(Option::take)));
        let mut changes: Vec<(u64, Option<Group>)> = named.collect();
        if !gone.is_empty() {
            changes.extend(gone);
            changes.sort_by_key(|(key, _)| *key);
        }
        changes
    }

    /// What a full update says without saying it: that the sources which it does not name are gone.
    fn unnamed(&self, order: &[(u64, usize)], groups: &[Group]) -> Vec<(u64, Option<Group>)> {
        let mut next = 0;
        let unnamed = self.sources_not(|key, source| {
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
        let gone = unnamed.map(|(key, source)| (key, Some(Group::empty(source))));
        planted!(gone.collect(), LastAbsentSourceStays, {
            let mut gone: Vec<_> = gone.collect();
            gone.pop();
            gone
        })
    }
}

/// The places of the groups that count, with the hash of their source, sorted by hash: where a
/// source is named more than once, the last one.
fn last_of_each_source(groups: &[Group]) -> Vec<(u64, usize)> {
    let hash = |(place, group): (usize, &Group)| (store::key_of(group), place);
    let mut order: Vec<(u64, usize)> = groups.iter().enumerate().map(hash).collect();
    order.sort_unstable();
    // Mostly none is.
    if order.is_sorted_by(|(a, _), (b, _)| a < b) {
        return order;
    }
    let source = |place: usize| groups.get(place).map(Group::source_bytes);
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
                let later =
                    planted!(run.get(at.saturating_add(1)..), FirstOfASourceCounts, run.get(..at)).unwrap_or_default();
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
