//! Which sets are served without their configs that can't be run (B10).

use std::collections::BTreeMap;

/// Which sets are served without their configs that can't be run. The default is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ServeIncomplete {
    default: bool,
    /// Those of which it is said.
    sets: BTreeMap<String, bool>,
}

impl ServeIncomplete {
    /// What is said of these sets, and the default for all others.
    pub(crate) fn new(default: bool, sets: impl IntoIterator<Item = (String, bool)>) -> Self {
        Self {
            default,
            sets: sets.into_iter().collect(),
        }
    }

    /// Whether this one is.
    pub(crate) fn of(&self, set: &str) -> bool {
        self.sets.get(set).copied().unwrap_or(self.default)
    }
}
