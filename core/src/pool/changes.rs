//! All that a pool put out, to be looked up by target.

use std::collections::{BTreeMap, BTreeSet};

use super::{PoolOutput, TargetId, TargetPool};

/// What a pool put out since somebody drained it: for who compares targets before and after, such as those of other rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolChanges {
    /// Targets that are new.
    pub started: BTreeSet<TargetId>,
    /// Targets that are no longer there.
    pub stopped: BTreeSet<TargetId>,
    /// Targets that are scraped where they were with other labels: from what each was to what it is.
    pub relabelled: BTreeMap<TargetId, TargetId>,
    /// What those are.
    pub became: BTreeSet<TargetId>,
}

impl TargetPool {
    /// Drains [`poll_output`](Self::poll_output).
    pub fn take_changes(&mut self) -> PoolChanges {
        let mut changes = PoolChanges::default();
        while let Some(output) = self.poll_output() {
            match output {
                PoolOutput::Started(id) => drop(changes.started.insert(id)),
                PoolOutput::Stopped(id) => drop(changes.stopped.insert(id)),
                PoolOutput::Relabelled { old, new } => {
                    changes.relabelled.insert(old, new);
                    changes.became.insert(new);
                }
            }
        }
        changes
    }
}
