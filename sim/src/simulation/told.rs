//! Other ways to tell what comes to the same, for worlds in which everything is checked.
//!
//! What discoverers of the simulator's own report is mostly one full update after the other. **Whoever takes updates must not
//! depend on that**: a first list may come in parts, a read may get a part only, or say so, and a source may be named twice.

use std::collections::BTreeSet;

use headcount_core::{Group, Missing, MissingPart, Update, UpdateKind};

/// The same update, which says first that its first source has nothing: what it says last of it is what counts.
pub(super) fn naming_twice(update: Update) -> Update {
    let Some(first) = update.groups().first() else {
        return update;
    };
    let first = Group::empty(first.source());
    let groups: Vec<Group> = core::iter::once(first).chain(update.groups().iter().cloned()).collect();
    let repeated = match (update.kind(), update.missing()) {
        (UpdateKind::Full, _) => Update::full(groups),
        (UpdateKind::Completing, _) => Update::completing(groups),
        (UpdateKind::Partial, Some(missing)) => Update::partial(groups, missing.clone()),
        (UpdateKind::Delta | UpdateKind::Partial, _) => Update::delta(groups),
    };
    match update.duration() {
        Some(duration) => repeated.took(duration),
        None => repeated,
    }
}

/// A first list in two parts, of which the last says that with it everything was told.
pub(super) fn in_parts(update: Update) -> Vec<Update> {
    if update.kind() != UpdateKind::Full {
        return vec![update];
    }
    let (first, second) = update.groups().split_at(update.groups().len() / 2);
    vec![Update::delta(first.to_vec()), Update::completing(second.to_vec())]
}

/// A full update after a read that got only the first half of it.
pub(super) fn after_a_part(update: Update) -> Vec<Update> {
    if update.kind() != UpdateKind::Full {
        return vec![update];
    }
    let (half, _) = update.groups().split_at(update.groups().len() / 2);
    match missing() {
        Some(missing) => vec![Update::partial(half.to_vec(), missing), update],
        None => vec![update],
    }
}

/// A full update by a read that says that it missed a part, though there was nothing in it: what the provider has of other
/// sources is taken away by name.
pub(super) fn with_a_gap<'a>(update: Update, known: impl Iterator<Item = &'a str>) -> Update {
    let Some(missing) = missing().filter(|_| update.kind() == UpdateKind::Full) else {
        return update;
    };
    let named: BTreeSet<&str> = update.groups().iter().map(Group::source).collect();
    let gone = known.filter(|source| !named.contains(source)).map(Group::empty);
    let groups: Vec<Group> = gone.chain(update.groups().iter().cloned()).collect();
    let partial = Update::partial(groups, missing);
    match update.duration() {
        Some(duration) => partial.took(duration),
        None => partial,
    }
}

fn missing() -> Option<Missing> {
    Missing::of([MissingPart::new("the other half", "it was not asked for")])
}
