//! What is written of each target that differs.
//!
//! The one rule: **the pool decides, and this looks up**: which target an identity is of, its labels and
//! URL, and what became of it on the other side.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use headcount_core::{PoolChanges, TargetId, TargetView};

use super::formatter::{Labels, TargetFormatter};
use super::pairs::{Pair, address};
use super::report::{JobDiff, Relabelled, State, Target};
use super::sides::Side;
use headcount_service::label_changes;

/// Looks up what is to be written of what the pool put out, and writes it.
pub(super) struct JobWriter<'a, 'd> {
    old: TargetFormatter<'a>,
    new: TargetFormatter<'a>,
    unasked: &'a BTreeSet<Side>,
    outputs: &'a PoolChanges,
    /// The old labels of targets that are relabelled, by what they will be, and those targets with
    /// their address and new labels: for those that are not both sides of one pair.
    before: HashMap<TargetId, Labels>,
    after: Vec<(TargetId, String, Labels)>,
    diff: &'d mut JobDiff,
}

impl<'a, 'd> JobWriter<'a, 'd> {
    pub(super) fn new(
        old: TargetFormatter<'a>,
        new: TargetFormatter<'a>,
        unasked: &'a BTreeSet<Side>,
        outputs: &'a PoolChanges,
        diff: &'d mut JobDiff,
    ) -> Self {
        Self {
            old,
            new,
            unasked,
            outputs,
            before: HashMap::new(),
            after: Vec::new(),
            diff,
        }
    }

    pub(super) fn write(&mut self, pair: &Pair<'_>) {
        let scraped = |view: &Option<TargetView<'_>>| view.as_ref()?.fate.scraped();
        let (old_id, new_id) = (scraped(&pair.old), scraped(&pair.new));
        self.write_relabelled(pair, old_id, new_id);
        let stops = old_id.is_some_and(|id| self.outputs.stopped.contains(&id));
        let starts = new_id.is_some_and(|id| self.outputs.started.contains(&id));
        match (stops, starts, &pair.old, &pair.new) {
            (true, true, Some(old), Some(new)) => {
                let (before, after) = (self.old.labels(old), self.new.labels(new));
                let moved = self.relabelled(address(old).to_owned(), &before, &after);
                self.diff.moved.push(moved);
            }
            (true, _, Some(view), _) => {
                let mut target = self.target(view, pair);
                let labels = self.old.labels(view);
                target.url = Some(self.old.url(&labels));
                target.labels = public(labels);
                // One that is found is known not to be scraped; one that is not may be found yet.
                target.uncertain = target.after == State::NOT_FOUND && self.unasked.contains(&Side::New);
                self.diff.stopped.push(target);
            }
            (_, true, _, Some(view)) => {
                let mut target = self.target(view, pair);
                let labels = self.new.labels(view);
                target.url = Some(self.new.url(&labels));
                target.labels = public(labels);
                target.uncertain = target.before == State::NOT_FOUND && self.unasked.contains(&Side::Old);
                self.diff.started.push(target);
            }
            _ => self.write_other(pair, old_id.is_some(), new_id.is_some()),
        }
    }

    fn write_relabelled(&mut self, pair: &Pair<'_>, old_id: Option<TargetId>, new_id: Option<TargetId>) {
        let becomes = old_id.and_then(|id| self.outputs.relabelled.get(&id).copied());
        let became = new_id.filter(|id| self.outputs.became.contains(id));
        let before = pair.old.as_ref().filter(|_| becomes.is_some());
        let before = before.map(|view| self.old.labels(view));
        let after = pair.new.as_ref().filter(|_| became.is_some());
        let after = after.map(|view| (address(view).to_owned(), self.new.labels(view)));
        match (becomes.zip(before), became.zip(after)) {
            (Some((becomes, before)), Some((id, (address, after)))) if becomes == id => {
                let relabelled = self.relabelled(address, &before, &after);
                self.diff.relabelled.push(relabelled);
            }
            (before, after) => {
                self.before.extend(before);
                self.after
                    .extend(after.map(|(id, (address, labels))| (id, address, labels)));
            }
        }
    }

    fn relabelled(&self, address: String, before: &Labels, after: &Labels) -> Relabelled {
        Relabelled {
            address,
            url: self.new.url(after),
            changes: label_changes(text(before), text(after)),
        }
    }

    /// Writes a target that is not scraped before or after, if it is so for reasons of another kind.
    fn write_other(&mut self, pair: &Pair<'_>, was_scraped: bool, is_scraped: bool) {
        // Of a job that is gone, nothing is to be written but what it no longer scrapes.
        let is_of_interest = self.new.has_job() && was_scraped == is_scraped;
        let (Some(view), true) = (pair.new.or(pair.old), is_of_interest) else {
            return;
        };
        let before = pair.old.as_ref().map_or("", |view| TargetFormatter::state(view));
        let after = pair.new.as_ref().map_or("", |view| TargetFormatter::state(view));
        if before != after {
            let mut target = self.target(&view, pair);
            target.uncertain = target.after == State::NOT_FOUND && self.unasked.contains(&Side::New)
                || target.before == State::NOT_FOUND && self.unasked.contains(&Side::Old);
            self.diff.others.push(target);
        }
    }

    fn target(&mut self, view: &TargetView<'_>, pair: &Pair<'_>) -> Target {
        Target {
            address: address(view).to_owned(),
            url: None,
            labels: BTreeMap::new(),
            source: view.group.source().to_owned(),
            before: self.old.fate(pair.old.as_ref()),
            after: self.new.fate(pair.new.as_ref()),
            uncertain: false,
        }
    }

    /// Brings old and new labels together, and everything into an order for people.
    pub(super) fn finish(mut self) {
        let mut before = std::mem::take(&mut self.before);
        for (id, address, after) in std::mem::take(&mut self.after) {
            let relabelled = self.relabelled(address, &before.remove(&id).unwrap_or_default(), &after);
            self.diff.relabelled.push(relabelled);
        }
        let diff = self.diff;
        for targets in [&mut diff.started, &mut diff.stopped, &mut diff.others] {
            targets.sort_by(|a, b| (&a.address, &a.url, &a.source).cmp(&(&b.address, &b.url, &b.source)));
        }
        for targets in [&mut diff.relabelled, &mut diff.moved] {
            targets.sort_by(|a, b| (&a.address, &a.url).cmp(&(&b.address, &b.url)));
        }
    }
}

/// Those that are not only for scraping.
fn public(mut labels: Labels) -> BTreeMap<String, String> {
    labels.retain(|(name, _)| !name.starts_with("__"));
    labels.into_iter().collect()
}

fn text(labels: &Labels) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}
