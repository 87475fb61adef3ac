//! Expressions that are in use.
//!
//! Compiling them is most of what it takes to read a configuration of thousands of jobs. **One that somebody has is not
//! compiled again**, neither for the next job nor by the next reload; one that nobody has any more is not kept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use headcount_core::relabel::{RuleRegex, WeakRuleRegex};

/// So many are not looked through for those that nobody has any more.
const FEW: usize = 1_024;

/// Expressions by what their authors wrote.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    by_text: HashMap<Box<str>, WeakRuleRegex>,
    /// How many there were when they were last looked through.
    were: usize,
}

impl Known {
    /// The expression that is written so, if somebody has it.
    pub(super) fn get(&self, written: &str) -> Option<RuleRegex> {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.by_text.get(written)?.upgrade()
    }

    /// Takes note of an expression that is right.
    pub(super) fn add(&self, regex: &RuleRegex) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.by_text.len() >= inner.were.max(FEW).saturating_mul(2) {
            inner.by_text.retain(|_, regex| regex.upgrade().is_some());
            inner.were = inner.by_text.len();
        }
        inner.by_text.insert(regex.written().into(), regex.downgrade());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_is_not_kept() {
        let known = Known::default();
        let kept = RuleRegex::new("kept");
        known.add(&kept);
        for number in 0..FEW * 10 {
            known.add(&RuleRegex::new(&number.to_string()));
        }
        assert_eq!(known.get("kept"), Some(kept));
        assert_eq!(known.get("7"), None);
        let held = known.0.lock().expect("not poisoned").by_text.len();
        assert!(held <= FEW * 2, "{held}");
    }
}
