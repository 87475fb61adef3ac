//! What is shown of an update (B05).
//!
//! **What the backend has is worked out first, and shown only when it is decided whether its losses are held.**

use core::time::Duration;

use super::guard::Held;
use super::judge::TooMuch;
use super::provider::Provider;
use super::{EventKind, LetGo, Release};
use crate::store::{Lost, SourceNames};
use crate::{Group, GroupChange, Groups, Instant, StoreWork, Update, UpdateKind, UpdateOutcome};

/// What the backend has after an update, before it is decided what of that is shown.
pub(super) struct Learned {
    /// What it had.
    pub(super) before: Groups,
    pub(super) actual: Groups,
    /// What the update changed of that.
    pub(super) outcome: UpdateOutcome,
    /// The groups that the update names and that have targets, if something was held.
    pub(super) named: Vec<Group>,
    /// Whether the update could not get everything.
    pub(super) is_partial: bool,
}

impl<C> Provider<C> {
    /// Works out what an update makes of what the backend has. Nothing of it is shown yet.
    pub(super) fn learn(&self, now: Instant, held: Option<&Held>, update: Update, work: &mut StoreWork) -> Learned {
        let is_partial = update.kind() == UpdateKind::Partial;
        let before = held.map_or(&self.groups, |held| &held.actual).clone();
        let changes = before.changes_of(update);
        let named = if held.is_some() { named(&changes) } else { Vec::new() };
        let mut actual = before.clone();
        let outcome = actual.apply(changes, now, self.health.updates, work);
        if held.is_some() {
            actual.adopt(&before, &self.groups);
        }
        Learned {
            before,
            actual,
            outcome,
            named,
            is_partial,
        }
    }

    /// Shows an update without its losses. Says what that changed, and what there is to hear of it.
    pub(super) fn hold(
        &mut self,
        now: Instant,
        learned: Learned,
        was: Option<Box<Held>>,
        (since, too_much): (Instant, TooMuch),
        lost: Lost,
        back: SourceNames,
    ) -> (UpdateOutcome, Option<EventKind>) {
        let Learned {
            before,
            actual,
            named,
            outcome,
            ..
        } = learned;
        let shown = self.groups.clone();
        let mut sources = planted!(actual.changed_sources(&before), HoldShowsNothingNew, SourceNames::new());
        sources.extend(back);
        self.groups.keep(now, &sources, &actual, &lost);
        let changed = difference(&shown, &self.groups, &named);
        let outcome = UpdateOutcome {
            held: lost.targets(),
            unchanged: if was.is_some() {
                changed.unchanged
            } else {
                let is_named = |change: &GroupChange<'_>| actual.get(change.source()).is_some();
                let differ = self.groups.diff(&shown).filter(is_named).count();
                let named = outcome.added.saturating_add(outcome.changed);
                named.saturating_add(outcome.unchanged).saturating_sub(differ)
            },
            ..changed
        };
        let mut held = Held {
            since,
            until: since,
            targets: lost.targets(),
            before: 0,
            came: 0,
            of: 0,
            set: too_much.set.clone(),
            actual,
            lost,
        };
        held.reckon(&too_much);
        let is_news = was.is_none_or(|was| (was.since, was.targets) != (held.since, held.targets));
        let event = is_news.then(|| held.event());
        self.held = Some(Box::new(held));
        (outcome, event)
    }

    /// Shows all of an update, and what was held before.
    pub(super) fn show(
        &mut self,
        now: Instant,
        learned: Learned,
        was_held: bool,
        lost: Lost,
        passed: Option<usize>,
        longest_hold: Duration,
    ) -> (UpdateOutcome, Option<EventKind>) {
        let Learned {
            actual, outcome, named, ..
        } = learned;
        let outcome = if was_held {
            difference(&self.groups, &actual, &named)
        } else {
            outcome
        };
        self.groups = actual;
        self.guarded.let_go(now, passed, longest_hold);
        let why = match passed {
            Some(_) => Release::CameBack,
            None => Release::HoldTime,
        };
        let targets = lost.targets();
        let event = was_held.then(|| EventKind::DropReleased {
            targets,
            held: LetGo::but_the_last(lost),
            why,
        });
        (outcome, event)
    }
}

impl Held {
    /// Notes for which set it is too much, and why.
    pub(super) fn reckon(&mut self, too_much: &TooMuch) {
        self.until = self.since + too_much.hold;
        (self.before, self.came, self.of) = (too_much.before, too_much.came, too_much.of);
        self.set = too_much.set.clone();
    }

    pub(super) fn event(&self) -> EventKind {
        EventKind::DropHeld {
            set: self.set.clone(),
            targets: self.targets,
            of: self.of,
            since: self.since,
            until: self.until,
        }
    }
}

/// The groups that are named, and have targets.
fn named(changes: &[(u64, Option<Group>)]) -> Vec<Group> {
    let groups = changes.iter().filter_map(|(_, group)| group.as_ref());
    groups.filter(|group| group.target_count() > 0).cloned().collect()
}

/// What an update changed that was not taken in by one edit.
fn difference(old: &Groups, new: &Groups, named: &[Group]) -> UpdateOutcome {
    let mut outcome = UpdateOutcome::default();
    for change in new.diff(old) {
        let count = match change {
            GroupChange::Added(_) => &mut outcome.added,
            GroupChange::Changed { .. } => &mut outcome.changed,
            GroupChange::Removed(_) => &mut outcome.removed,
        };
        *count = count.saturating_add(1);
    }
    let stays = |group: &&Group| match (old.get(group.source()), new.get(group.source())) {
        (Some(old), Some(new)) => old.same_version(new),
        _ => false,
    };
    outcome.unchanged = named.iter().filter(stays).count();
    outcome
}
