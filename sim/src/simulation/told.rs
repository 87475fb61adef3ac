//! Other ways to tell what comes to the same, for worlds in which everything is checked.
//!
//! What discoverers of the simulator's own report is mostly one full update after the other. **Whoever takes updates must not
//! depend on that**: a first list may come in parts, a read may get a part only, and a source may be named twice.

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
    let half = update
        .groups()
        .get(..update.groups().len() / 2)
        .unwrap_or_default()
        .to_vec();
    let missing = Missing::of([MissingPart::new("the other half", "it was not asked for")]);
    match missing {
        Some(missing) => vec![Update::partial(half, missing), update],
        None => vec![update],
    }
}
