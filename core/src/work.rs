//! Work in steps instead of seconds: the same for the same inputs, on every machine (B08).

/// What taking updates into the store has cost a manager, counted.
///
/// It says whether a change of the code made more or less work, without a clock and without noise. What
/// was not looked at does not count: an update that names nothing costs nothing here (B02).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreWork {
    /// Groups that were compared with the one that was there of the same source.
    pub groups_compared: u64,
    /// Nodes of the trees of groups that were looked into for updates.
    pub nodes_visited: u64,
    /// Nodes that were made, because something in them changed.
    pub nodes_made: u64,
}

impl StoreWork {
    /// Adds what was done elsewhere.
    pub fn add(&mut self, other: Self) {
        self.groups_compared = self.groups_compared.saturating_add(other.groups_compared);
        self.nodes_visited = self.nodes_visited.saturating_add(other.nodes_visited);
        self.nodes_made = self.nodes_made.saturating_add(other.nodes_made);
    }
}
