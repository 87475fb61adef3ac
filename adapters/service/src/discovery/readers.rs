//! Which sets read a provider, at the cost of what changes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use headcount_core::{ProviderId, SetChange, SnapshotDiff};

/// The sets that read each provider.
#[derive(Debug, Default)]
pub(crate) struct Readers(HashMap<ProviderId, BTreeSet<Arc<str>>>);

impl Readers {
    /// Takes the next difference. One that was taken already changes nothing.
    pub(crate) fn take(&mut self, diff: &SnapshotDiff) {
        for change in diff.sets() {
            let (set, old, new): (_, &[ProviderId], &[ProviderId]) = match change {
                SetChange::Added(set, new) => (set, &[], new),
                SetChange::Changed { set, old, new } => (set, old, new),
                SetChange::Removed(set, old) => (set, old, &[]),
            };
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
    pub(crate) fn of(&self, id: ProviderId) -> impl ExactSizeIterator<Item = &Arc<str>> {
        static NONE: BTreeSet<Arc<str>> = BTreeSet::new();
        self.0.get(&id).unwrap_or(&NONE).iter()
    }
}
