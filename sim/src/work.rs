//! What a run took, counted in steps instead of seconds.

use serde::Serialize;

/// The work of a run: equal runs have equal work, on every machine, so two versions of the code can be
/// compared without a clock.
///
/// Not part of the [`Outcome`](crate::Outcome): what a run comes to must not depend on how it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Work {
    /// Events that the engine handled.
    pub events: u64,
    /// How often the times of two events were compared, to find the earlier one.
    pub times_compared: u64,
    /// Groups of updates that the manager compared with those it had of the same source.
    pub groups_compared: u64,
    /// Pairs of groups, or of nodes full of them, that the receiver compared to read the differences
    /// between snapshots. What the oracles compare is not counted.
    pub differences_compared: u64,
    /// Nodes of the manager's trees of groups that were visited for updates.
    pub nodes_visited: u64,
    /// Nodes that were made, because something in them changed.
    pub nodes_made: u64,
}

impl Work {
    /// Comparisons of any kind.
    pub fn compares(&self) -> u64 {
        self.times_compared + self.groups_compared + self.differences_compared
    }
}
