//! Targets whose labels differ, put together by which labels do.
//!
//! The one rule: **one change of the configuration is one entry.** A new interval, or a rule that adds a
//! label, touches thousands of targets in the same way, and nobody reads that thousands of times.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

use headcount_core::one_line;

use super::output::write_rest;
use super::report::Relabelled;
use headcount_service::LabelChange;

/// The label, whether it was there before, and whether it is afterwards.
type Shape<'a> = Vec<(&'a str, bool, bool)>;

pub(super) struct Shapes<'a> {
    word: &'static str,
    /// The largest first.
    shapes: Vec<Vec<&'a Relabelled>>,
}

/// Puts targets together; `word` says what becomes of them.
pub(super) fn shapes<'a>(targets: &'a [Relabelled], word: &'static str) -> Shapes<'a> {
    let mut shapes: BTreeMap<Shape<'_>, Vec<&Relabelled>> = BTreeMap::new();
    for target in targets {
        let shape = |change: &'a LabelChange| (change.label.as_str(), change.before.is_some(), change.after.is_some());
        let shape = target.changes.iter().map(shape).collect();
        shapes.entry(shape).or_default().push(target);
    }
    let mut shapes: Vec<_> = shapes.into_values().collect();
    shapes.sort_by_key(|targets| std::cmp::Reverse(targets.len()));
    Shapes { word, shapes }
}

impl Shapes<'_> {
    /// Writes `limit` of them at most.
    pub(super) fn write(&self, text: &mut String, mark: char, limit: usize) {
        let shown = self.shapes.get(..limit).unwrap_or(&self.shapes);
        for targets in shown {
            let Some(first) = targets.first() else { continue };
            let (address, word, count) = (one_line(&first.address), self.word, targets.len());
            match count {
                1 => writeln!(text, "    {mark} {address} is {word}").ok(),
                _ => writeln!(text, "    {mark} {count} are {word}, such as {address}").ok(),
            };
            for (place, change) in first.changes.iter().enumerate() {
                let all = targets.iter().filter_map(|target| target.changes.get(place));
                let others = all.collect::<HashSet<_>>().len().saturating_sub(1);
                writeln!(text, "        {}{}", shown_change(change), and_others(others)).ok();
            }
        }
        let rest = self.shapes.get(limit..).unwrap_or_default();
        write_rest(text, rest.iter().map(Vec::len).sum());
    }
}

/// Writing into memory does not fail.
fn shown_change(change: &LabelChange) -> String {
    let shown = |value: &Option<String>| value.as_ref().map_or("absent".to_owned(), |value| format!("{value:?}"));
    let (label, before, after) = (&change.label, shown(&change.before), shown(&change.after));
    format!("{label}: {before} → {after}")
}

/// How many other values there are.
fn and_others(others: usize) -> String {
    match others {
        0 => String::new(),
        others => format!(
            "  (and {others} other {})",
            if others == 1 { "value" } else { "values" }
        ),
    }
}
