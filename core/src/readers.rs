//! Which sets read a provider, at the cost of what changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{ProviderId, SnapshotDiff};

/// The sets that read each provider, kept up to date by differences between snapshots. A snapshot says it the other
/// way round only.
#[derive(Debug, Clone, Default)]
pub struct Readers(BTreeMap<ProviderId, BTreeSet<Arc<str>>>);

impl Readers {
    /// Takes the next difference. One that was taken already changes nothing.
    pub fn take(&mut self, diff: &SnapshotDiff) {
        for change in diff.sets() {
            let (set, old, new) = change.sides();
            for id in old {
                if let Some(sets) = self.0.get_mut(id) {
                    sets.remove(set);
                    if sets.is_empty() {
                        self.0.remove(id);
                    }
                }
            }
            for id in new {
                self.0.entry(*id).or_default().insert(set.clone());
            }
        }
    }

    /// Those of a provider, sorted by name.
    pub fn of(&self, id: ProviderId) -> impl ExactSizeIterator<Item = &Arc<str>> {
        static NONE: BTreeSet<Arc<str>> = BTreeSet::new();
        self.0.get(&id).unwrap_or(&NONE).iter()
    }
}
