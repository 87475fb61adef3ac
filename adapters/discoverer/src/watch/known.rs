//! What was reported, so that only differences are.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use headcount_core::{Group, Update};

/// The groups that the manager has.
#[derive(Default)]
pub(super) struct Known {
    groups: BTreeSet<BySource>,
    was_listed: bool,
}

impl Known {
    /// These are all groups: everything the first time, then what is other than before.
    pub(super) fn replace(&mut self, groups: Vec<Group>) -> Update {
        let mut before = std::mem::take(&mut self.groups);
        let mut changed = Vec::new();
        for group in groups.into_iter().filter(|group| group.target_count() > 0) {
            if before.take(group.source()).is_none_or(|known| known.0 != group) {
                changed.push(group.clone());
            }
            self.groups.replace(BySource(group));
        }
        if !std::mem::replace(&mut self.was_listed, true) {
            return Update::full(changed);
        }
        changed.extend(before.iter().map(|gone| Group::empty(gone.0.source())));
        Update::completing(changed)
    }

    /// Takes in a group that a stream named, and says whether it is other than before.
    pub(super) fn take(&mut self, group: &Group) -> bool {
        if group.target_count() == 0 {
            return self.groups.remove(group.source());
        }
        let before = self.groups.replace(BySource(group.clone()));
        before.is_none_or(|known| known.0 != *group)
    }
}

/// A group that is told from others by its source alone.
struct BySource(Group);

impl Borrow<str> for BySource {
    fn borrow(&self) -> &str {
        self.0.source()
    }
}

impl PartialEq for BySource {
    fn eq(&self, other: &Self) -> bool {
        self.0.source() == other.0.source()
    }
}

impl Eq for BySource {}

impl PartialOrd for BySource {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BySource {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.source().cmp(other.0.source())
    }
}
