//! A target's labels where they were worked out, for readers that need no copy of them.

use core::fmt;

use super::evaluate::{Evaluator, Workplace};

/// The labels of one target, while a [`TargetReader`](super::TargetReader) has them at hand.
pub struct TargetLabels<'a> {
    pub(super) evaluator: &'a Evaluator,
    pub(super) work: &'a Workplace<'a>,
    /// Whether rules and what follows them are done with.
    pub(super) is_final: bool,
}

impl TargetLabels<'_> {
    /// The label's value; `None` when it is absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        let is_gone = self.is_final && name.starts_with("__meta_");
        let found = self.evaluator.label(self.work, name).filter(|_| !is_gone);
        if found.is_none() && self.is_final && name == "instance" {
            return self.evaluator.label(self.work, "__address__");
        }
        found
    }

    /// Whether any label, by name and value, is such as `is_it` wants.
    pub fn any(&self, mut is_it: impl FnMut(&str, &str) -> bool) -> bool {
        let is_there = |name: &str| !(self.is_final && name.starts_with("__meta_"));
        let mut labels = self.evaluator.labels_at_hand(self.work);
        labels.any(|(name, value)| is_there(name) && is_it(name, value))
            || self.get("instance").is_some_and(|value| is_it("instance", value))
    }
}

impl fmt::Debug for TargetLabels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.evaluator.labels_at_hand(self.work)).finish()
    }
}
