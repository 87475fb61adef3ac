//! What was last read of each part, and what of that the manager has.

use std::collections::{BTreeMap, HashSet};

use headcount_core::{Group, Instant, LabelSet, Missing, Update, planted};

use super::ReadError;
use super::ask::Answered;

/// The parts, in order.
pub(super) struct Known<P> {
    parts: BTreeMap<P, Part>,
    /// Whether the last report had everything.
    is_whole: bool,
    /// Whether one ever had: what is not in the parts is gone since then.
    was_whole: bool,
}

/// What is known of a part.
#[derive(Default)]
pub(super) struct Part {
    /// There once it has been read as a whole; the manager has them.
    groups: Option<Vec<Group>>,
    /// What was found before it was read, in another process or with other settings.
    recalled: Vec<Group>,
    pub(super) answered: Option<Answered>,
    /// Whether the last answer was that there is nothing any more.
    is_emptied: bool,
    /// Until when its server wishes to be left alone, and why it failed.
    pub(super) held: Option<(Instant, String)>,
}

/// What a part's read came to.
pub(super) enum Outcome {
    Groups(Vec<Group>, Option<Answered>),
    /// As it was.
    Same(Option<Answered>),
    /// It keeps what it has; it failed or was left alone.
    Missing,
}

impl<P: Ord + Clone> Known<P> {
    pub(super) fn new() -> Self {
        Self {
            parts: BTreeMap::new(),
            is_whole: false,
            was_whole: false,
        }
    }

    pub(super) fn part(&self, part: &P) -> Option<&Part> {
        self.parts.get(part)
    }

    /// A part that was not read yet had these groups before.
    pub(super) fn recall(&mut self, part: &P, groups: Vec<Group>) {
        if !groups.is_empty() {
            self.parts.entry(part.clone()).or_default().recalled = groups;
        }
    }

    /// A part's server wishes to be left alone until then.
    pub(super) fn hold(&mut self, part: P, until: Instant, reason: String) {
        self.parts.entry(part).or_default().held = Some((until, reason));
    }

    /// Refuses that all of a part's targets are gone, the first time.
    pub(super) fn believe(&mut self, part: &P, groups: &[Group]) -> Result<(), ReadError> {
        let Some(known) = self.parts.get_mut(part) else {
            return Ok(());
        };
        let before: usize = known.before().iter().map(Group::target_count).sum();
        // A target without an address is none; the first one that has one is enough.
        let is_some = |set: LabelSet<'_>| set.get("__address__") != Some("");
        let has_some = groups.iter().any(|group| group.targets().any(is_some));
        if planted!(
            before == 0 || has_some || known.is_emptied,
            EmptyIsBelieved,
            true,
            EmptyIsNeverBelieved,
            before == 0 || has_some
        ) {
            return Ok(());
        }
        known.is_emptied = true;
        Err(ReadError::Emptied { before })
    }

    /// Takes in a refresh in which at least one part was read, or there is none. `None`: nothing changed.
    pub(super) fn take(&mut self, outcomes: Vec<(P, Outcome)>, missing: Option<Missing>) -> Option<Update> {
        let mut before = std::mem::take(&mut self.parts);
        let mut fresh = Vec::new();
        let mut is_changed = false;
        let mut kept = 0_usize;
        for (name, outcome) in outcomes {
            let mut part = before.remove(&name).unwrap_or_default();
            match outcome {
                Outcome::Groups(groups, answered) => {
                    is_changed = true;
                    part.recalled = Vec::new();
                    fresh.extend(groups.iter().cloned());
                    let old = part.groups.replace(groups);
                    before.insert(
                        name.clone(),
                        Part {
                            groups: old,
                            ..Part::default()
                        },
                    );
                    (part.answered, part.held, part.is_emptied) = (answered, None, false);
                }
                Outcome::Same(answered) => (part.answered, part.held, part.is_emptied) = (answered, None, false),
                Outcome::Missing => kept = kept.saturating_add(part.before().len()),
            }
            self.parts.insert(name, part);
        }
        // Parts that are gone, and what parts had before. Mostly there are none, and nothing is gone through.
        if planted!(
            before.values().any(|part| !part.groups().is_empty()),
            GonePartsStay,
            false
        ) {
            let sources: HashSet<&str> = self.groups().map(Group::source).collect();
            let old = before.values().flat_map(Part::groups);
            let gone = old.filter(|group| !sources.contains(group.source()));
            let gone: Vec<_> = gone.map(|group| Group::empty(group.source())).collect();
            is_changed |= !gone.is_empty();
            fresh.extend(gone);
        }
        let last_was_whole = std::mem::replace(&mut self.is_whole, missing.is_none());
        let was_whole = self.was_whole;
        self.was_whole |= self.is_whole;
        match missing {
            Some(missing) => Some(Update::partial(fresh, missing).keeping(kept)),
            None if last_was_whole && !is_changed => None,
            // The manager may have what another process has saved.
            None if planted!(!was_whole, FirstWholeIsNotAll, false) => {
                Some(Update::full(self.groups().cloned().collect()))
            }
            None => Some(Update::completing(fresh)),
        }
    }

    fn groups(&self) -> impl Iterator<Item = &Group> {
        self.parts.values().flat_map(Part::groups)
    }
}

impl Part {
    /// Whether it has been read as a whole.
    pub(super) fn is_read(&self) -> bool {
        self.groups.is_some()
    }

    /// What it had before it is read now.
    pub(super) fn before(&self) -> &[Group] {
        self.groups.as_deref().unwrap_or(&self.recalled)
    }

    /// What was last read of it as a whole.
    pub(super) fn groups(&self) -> &[Group] {
        self.groups.as_deref().unwrap_or_default()
    }
}
