//! What each rule did to one target, for people.

use super::draft::{Draft, TooLarge};
use super::relabeler::{Relabeler, Verdict};
use super::{Relabeling, number};

/// How rules made a target's labels what they are, or dropped it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// One for each rule that was carried out: none follows the one that drops the target.
    pub steps: Vec<Step>,
    /// What became of the target.
    pub verdict: Verdict,
    /// The labels in the end, sorted by name.
    pub labels: Vec<(String, String)>,
}

/// What one rule did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The rule, counted from 0.
    pub rule: u32,
    /// The text that it looked at; `None` for rules that look at names, and where its `if` was not true.
    pub source: Option<String>,
    /// Whether its `if` was true of the labels; `None` for rules without one.
    pub applies: Option<bool>,
    /// Whether the target goes on to the next rule.
    pub kept: bool,
    /// The labels that it changed, sorted by name.
    pub changes: Vec<Change>,
}

/// A label that a rule changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The label.
    pub name: String,
    /// Its value before; `None` when it was absent.
    pub before: Option<String>,
    /// Its value after; `None` when it is absent.
    pub after: Option<String>,
}

impl Relabeling {
    /// What each rule does to a set of labels. The result is that of [`Relabeler::relabel`].
    pub fn explain<'a>(&self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Explanation {
        let mut relabeler = Relabeler::new(self.clone());
        let mut draft = Draft::new();
        let mut steps = Vec::new();
        let mut verdict = match relabeler.fill(&mut draft, labels) {
            Ok(()) => Verdict::Kept,
            Err(TooLarge) => Verdict::TooLarge { rule: 0 },
        };
        relabeler.begin(&mut draft);
        for (place, rule) in self.compiled().iter().enumerate() {
            if verdict != Verdict::Kept {
                break;
            }
            let applies = relabeler.applies(place, rule, &draft);
            let source = (!rule.is_about_names() && applies != Some(false)).then(|| {
                let get = |name: &str| draft.get(relabeler.layouts(), relabeler.texts(), name);
                let values = rule.sources.iter().map(|name| get(name));
                values.collect::<Vec<_>>().join(&rule.separator)
            });
            let before = relabeler.sorted(&draft);
            let outcome = relabeler.step(place, rule, &mut draft);
            verdict = match outcome {
                Ok(true) => Verdict::Kept,
                Ok(false) => Verdict::Dropped { rule: number(place) },
                Err(TooLarge) => Verdict::TooLarge { rule: number(place) },
            };
            steps.push(Step {
                rule: number(place),
                source,
                applies,
                kept: verdict == Verdict::Kept,
                changes: changes(&before, &relabeler.sorted(&draft)),
            });
        }
        Explanation {
            steps,
            verdict,
            labels: relabeler.sorted(&draft),
        }
    }
}

/// The differences between two lists that are sorted by name.
fn changes(before: &[(String, String)], after: &[(String, String)]) -> Vec<Change> {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    let mut changes = Vec::new();
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return changes,
            (Some(_), None) => core::cmp::Ordering::Less,
            (None, Some(_)) => core::cmp::Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let old = if order.is_le() { before.next() } else { None };
        let new = if order.is_ge() { after.next() } else { None };
        let (old_value, new_value) = (old.map(|(_, value)| value), new.map(|(_, value)| value));
        if let Some((name, _)) = old.or(new).filter(|_| old_value != new_value) {
            changes.push(Change {
                name: name.clone(),
                before: old_value.cloned(),
                after: new_value.cloned(),
            });
        }
    }
}
