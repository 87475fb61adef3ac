//! What is told of each target that differs.
//!
//! The one rule: **the pool decides, and this looks up**: which target an identity is of, its labels and
//! URL, and what became of it on the other side.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use headcount_core::{Fate, TargetId, TargetView};

use super::job::Outputs;
use super::pairs::{Pair, address};
use super::report::{Change, JobDiff, Relabelled, State, Target};
use super::sides::Side;
use super::teller::{Labels, Teller};

/// Looks up what is to be said of what the pool said.
pub(super) struct Telling<'a, 'd> {
    old: Teller<'a>,
    new: Teller<'a>,
    unasked: &'a BTreeSet<Side>,
    outputs: &'a Outputs,
    /// The old labels of targets that are relabelled, by what they will be, and those targets with
    /// their address and new labels: for those that are not both sides of one pair.
    before: HashMap<TargetId, Labels>,
    after: Vec<(TargetId, String, Labels)>,
    diff: &'d mut JobDiff,
}

impl<'a, 'd> Telling<'a, 'd> {
    pub(super) fn new(
        old: Teller<'a>,
        new: Teller<'a>,
        unasked: &'a BTreeSet<Side>,
        outputs: &'a Outputs,
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

    pub(super) fn tell(&mut self, pair: &Pair<'_>) {
        let (old_id, new_id) = (scraped(pair.old.as_ref()), scraped(pair.new.as_ref()));
        self.tell_relabelled(pair, old_id, new_id);
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
            _ => self.tell_other(pair, old_id.is_some(), new_id.is_some()),
        }
    }

    fn tell_relabelled(&mut self, pair: &Pair<'_>, old_id: Option<TargetId>, new_id: Option<TargetId>) {
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
            changes: changes(before, after),
        }
    }

    /// Tells of a target that is not scraped before or after, if it is so for reasons of another kind.
    fn tell_other(&mut self, pair: &Pair<'_>, was_scraped: bool, is_scraped: bool) {
        // Of a job that is gone, nothing is to be said but what it no longer scrapes.
        let is_of_interest = self.new.has_job() && was_scraped == is_scraped;
        let (Some(view), true) = (pair.new.or(pair.old), is_of_interest) else {
            return;
        };
        let before = pair.old.as_ref().map_or("", |view| Teller::state(view));
        let after = pair.new.as_ref().map_or("", |view| Teller::state(view));
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
            before: self.old.tell(pair.old.as_ref()),
            after: self.new.tell(pair.new.as_ref()),
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

fn scraped(view: Option<&TargetView<'_>>) -> Option<TargetId> {
    match view?.fate {
        Fate::Active { id } | Fate::OverLimit { id, .. } => Some(id),
        _ => None,
    }
}

/// Those that are not only for scraping.
fn public(mut labels: Labels) -> BTreeMap<String, String> {
    labels.retain(|(name, _)| !name.starts_with("__"));
    labels.into_iter().collect()
}

/// What differs between labels that are sorted by name.
fn changes(before: &Labels, after: &Labels) -> Vec<Change> {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    let mut changes = Vec::new();
    loop {
        let label = match (before.peek(), after.peek()) {
            (None, None) => return changes,
            (Some((old, _)), Some((new, _))) => old.min(new),
            (Some((name, _)), None) | (None, Some((name, _))) => name,
        };
        let old = before.next_if(|(name, _)| name == label).map(|(_, value)| value);
        let new = after.next_if(|(name, _)| name == label).map(|(_, value)| value);
        if old != new {
            changes.push(Change {
                label: label.clone(),
                before: old.cloned(),
                after: new.cloned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_change_is_what_differs(
            before in prop::collection::btree_map("[a-d]", "[xy]", 0..4),
            after in prop::collection::btree_map("[a-d]", "[xy]", 0..4),
        ) {
            let sorted = |labels: &BTreeMap<String, String>| labels.clone().into_iter().collect();
            let changes = changes(&sorted(&before), &sorted(&after));
            let labels: Vec<&String> = changes.iter().map(|change| &change.label).collect();
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            let unlike: Vec<&String> = names.into_iter().filter(|name| before.get(*name) != after.get(*name)).collect();
            prop_assert_eq!(labels, unlike);
            for change in &changes {
                prop_assert_eq!(change.before.as_ref(), before.get(&change.label));
                prop_assert_eq!(change.after.as_ref(), after.get(&change.label));
            }
        }
    }
}
