//! What differs between two states of a provider's groups, at the cost of what differs (B02).

use core::cmp::Ordering;

use super::walk::{Differences, Walk};
use super::{Groups, Slot, Stored};

/// One source that differs between two states of a provider.
#[derive(Debug, Clone, Copy)]
pub enum GroupChange<'a> {
    /// The source is new.
    Added(&'a Stored),
    /// The source's group is another.
    Changed {
        /// What it was.
        old: &'a Stored,
        /// What it is.
        new: &'a Stored,
    },
    /// The source is gone.
    Removed(&'a Stored),
}

impl<'a> GroupChange<'a> {
    /// What it was and what it is.
    pub(crate) fn sides(&self) -> (Option<&'a Stored>, Option<&'a Stored>) {
        match self {
            Self::Added(new) => (None, Some(new)),
            Self::Changed { old, new } => (Some(old), Some(new)),
            Self::Removed(old) => (Some(old), None),
        }
    }

    /// The source.
    pub fn source(&self) -> &'a str {
        match self {
            Self::Added(stored) | Self::Removed(stored) | Self::Changed { new: stored, .. } => stored.group.source(),
        }
    }
}

/// The sources that differ between two states of a provider, in a fixed order that is not theirs.
#[derive(Clone)]
#[must_use = "nothing is compared until it is asked for"]
pub struct GroupDiff<'a> {
    differences: Differences<'a, Slot>,
    /// What is left of the slots that are looked at, sorted by source.
    old: &'a [Stored],
    new: &'a [Stored],
}

impl<'a> GroupDiff<'a> {
    /// What changed from one state to another; without a state there are no groups.
    pub(crate) fn between(old: Option<&'a Groups>, new: Option<&'a Groups>) -> Self {
        let walk = |groups: Option<&'a Groups>| groups.map_or_else(|| Walk::new(None), |groups| groups.map.walk());
        Self {
            differences: Differences::new(walk(old), walk(new)),
            old: &[],
            new: &[],
        }
    }

    /// How many pairs, of groups or of nodes full of them, were compared so far. What both states share
    /// costs one comparison, whatever is in it.
    pub fn compared(&self) -> u64 {
        self.differences.compared
    }
}

impl<'a> Iterator for GroupDiff<'a> {
    type Item = GroupChange<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (old, new) = (self.old.split_first(), self.new.split_first());
            let order = match (old, new) {
                (None, None) => {
                    let (old, new) = self.differences.next()?;
                    (self.old, self.new) = (old.map_or(&[][..], Slot::all), new.map_or(&[][..], Slot::all));
                    continue;
                }
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((old, _)), Some((new, _))) => old.group.source_bytes().cmp(new.group.source_bytes()),
            };
            let old = old.filter(|_| order.is_le()).map(|(old, rest)| {
                self.old = rest;
                old
            });
            let new = new.filter(|_| order.is_ge()).map(|(new, rest)| {
                self.new = rest;
                new
            });
            match (old, new) {
                (Some(old), Some(new)) if old.same_version(new) => {}
                (Some(old), Some(new)) => return Some(GroupChange::Changed { old, new }),
                (Some(old), None) => planted!(return Some(GroupChange::Removed(old)), GoneGroupIsNoDifference, {}),
                (None, Some(new)) => return Some(GroupChange::Added(new)),
                (None, None) => {}
            }
        }
    }
}

impl core::fmt::Debug for GroupDiff<'_> {
    /// What is still to come.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
