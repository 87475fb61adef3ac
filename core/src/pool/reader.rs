//! The labels of targets, worked out for who asks.

use std::sync::Arc;

use super::evaluate::{Evaluator, Workplace, final_labels, given_labels};
use super::fate::{Entry, Fate, TargetId};
use super::job::Job;
use super::{TargetLabels, TargetView};
use crate::relabel::{Explanation, RelabelRule, Verdict};

/// Works out the labels of a pool's targets. Keep one for a list of many: it remembers what it
/// worked out.
///
/// It stands for the pool's options at the time when it was made.
#[derive(Debug)]
pub struct TargetReader {
    job: Arc<Job>,
    evaluator: Evaluator,
}

/// How a target became what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetExplanation {
    /// The labels before relabelling, with those of its group and its job; sorted by name.
    pub discovered: Vec<(String, String)>,
    /// What each rule did.
    pub relabelling: Explanation,
    /// The labels in the end, sorted by name; `None` when it has none.
    pub labels: Option<Vec<(String, String)>>,
    /// Its identity, if it has one.
    pub id: Option<TargetId>,
}

impl TargetReader {
    pub(super) fn new(job: Arc<Job>) -> Self {
        Self {
            evaluator: Evaluator::new(&job),
            job,
        }
    }

    /// The labels before relabelling, with those of its group and its job; sorted by name.
    pub fn discovered(&mut self, target: &TargetView<'_>) -> Vec<(String, String)> {
        let mut work = self.evaluator.open(&self.job, target.group);
        self.evaluator.populate(&mut work, target.labels);
        let labels = self.evaluator.labels(&work);
        self.evaluator.close(work);
        labels
    }

    /// The labels in the end, sorted by name, with those that begin with `__` and say how to
    /// scrape it. `None` when the target is dropped or invalid.
    pub fn labels(&mut self, target: &TargetView<'_>) -> Option<Vec<(String, String)>> {
        self.left_by_rules(target).map(final_labels)
    }

    /// The same without an `instance` that is the address because neither discovery nor a rule gave it one: who scrapes
    /// the target fills that in, and a Prometheus 2 does so after it has added a port to the address.
    pub fn labels_without_implied(&mut self, target: &TargetView<'_>) -> Option<Vec<(String, String)>> {
        self.left_by_rules(target).map(given_labels)
    }

    fn left_by_rules(&mut self, target: &TargetView<'_>) -> Option<Vec<(String, String)>> {
        let mut work = self.evaluator.open(&self.job, target.group);
        let entry = self.evaluator.evaluate(&mut work, target.labels);
        let labels = entry.target().map(|_| self.evaluator.labels(&work));
        self.evaluator.close(work);
        labels
    }

    /// Reads the labels before relabelling where they are, without copying them.
    pub fn read_discovered<R>(&mut self, target: &TargetView<'_>, read: impl FnOnce(&TargetLabels<'_>) -> R) -> R {
        let mut work = self.evaluator.open(&self.job, target.group);
        self.evaluator.populate(&mut work, target.labels);
        let result = read(&self.at_hand(&work, false));
        self.evaluator.close(work);
        result
    }

    /// Reads the labels in the end where they are, without copying them. `None` when the target
    /// is dropped or invalid.
    pub fn read<R>(&mut self, target: &TargetView<'_>, read: impl FnOnce(&TargetLabels<'_>) -> R) -> Option<R> {
        let mut work = self.evaluator.open(&self.job, target.group);
        let entry = self.evaluator.evaluate(&mut work, target.labels);
        let result = entry.target().map(|_| read(&self.at_hand(&work, true)));
        self.evaluator.close(work);
        result
    }

    /// The rule that drops a target, counted from 0, and the text that it looks at; `None` when
    /// no rule drops it.
    pub fn dropped_by(&mut self, target: &TargetView<'_>) -> Option<(u32, String)> {
        let mut work = self.evaluator.open(&self.job, target.group);
        let entry = self.evaluator.evaluate(&mut work, target.labels);
        // Rules that drop change nothing, so these are the labels that it looked at.
        let labels = self.evaluator.labels(&work);
        self.evaluator.close(work);
        let Entry::Dropped { rule } = entry else { return None };
        let rules = self.job.options.relabeling.rules();
        let source = rules.get(rule as usize).and_then(RelabelRule::source)?;
        let value = |name: &String| {
            labels
                .iter()
                .find(|(other, _)| other == name)
                .map_or("", |(_, value)| value)
        };
        let values: Vec<&str> = source.names.iter().map(value).collect();
        Some((rule, values.join(&source.separator)))
    }

    fn at_hand<'a>(&'a self, work: &'a Workplace<'a>, is_final: bool) -> TargetLabels<'a> {
        TargetLabels {
            evaluator: &self.evaluator,
            work,
            is_final,
        }
    }

    /// What became of a target, rule by rule.
    pub fn explain(&mut self, target: &TargetView<'_>) -> TargetExplanation {
        let mut work = self.evaluator.open(&self.job, target.group);
        self.evaluator.populate(&mut work, target.labels);
        let discovered = self.evaluator.labels(&work);
        // In the order in which they were taken together, which `labelmap` goes by.
        let relabelling = self.evaluator.explain(&work);
        self.evaluator.close(work);
        let labels = self.labels(target).filter(|_| relabelling.verdict == Verdict::Kept);
        let id = match target.fate {
            Fate::Active { id } | Fate::Duplicate { id, .. } | Fate::OverLimit { id, .. } => Some(id),
            Fate::Dropped { .. } | Fate::Invalid { .. } => None,
        };
        TargetExplanation {
            discovered,
            relabelling,
            labels,
            id,
        }
    }
}
