//! When what changed is due: for everything, or for each set by itself (B06).
//!
//! With a throttle for each set, **a set is shown what is new for it as if there were no others**, and until then it
//! shows what it showed. When exactly, jitter decides, so a set is due within a [`Window`]; what a snapshot shows says
//! for which sets it was.

use std::collections::{BTreeMap, BTreeSet};

use headcount_core::reference::{Window, Windows};
use headcount_core::{Instant, ProviderId, Snapshot, Throttle};

use super::{Broken, Verdict};
use crate::Rule;

/// When what changed is due.
#[derive(Debug, Clone)]
pub(super) struct Dues {
    throttle: Throttle,
    per_set: bool,
    started: Instant,
    windows: Windows,
    /// What concerns everything: all that changes, unless there is a throttle for each set.
    all: Option<Window>,
    sets: BTreeMap<String, SetDue>,
}

#[derive(Debug, Clone)]
struct SetDue {
    windows: Windows,
    window: Option<Window>,
    /// Providers that are others than what the set shows.
    changed: BTreeSet<ProviderId>,
}

/// What a snapshot shows of what changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shows {
    Everything,
    These(BTreeSet<ProviderId>),
}

impl Shows {
    pub(super) fn shows(&self, id: ProviderId) -> bool {
        match self {
            Self::Everything => true,
            Self::These(these) => these.contains(&id),
        }
    }
}

impl Dues {
    pub(super) fn new(now: Instant, throttle: Throttle, per_set: bool) -> Self {
        Self {
            throttle,
            per_set,
            started: now,
            windows: Windows::new(throttle, now),
            all: None,
            sets: BTreeMap::new(),
        }
    }

    pub(super) fn is_per_set(&self) -> bool {
        self.per_set
    }

    /// When the next snapshot is due; none, if nothing changed.
    pub(super) fn window(&self) -> Option<Window> {
        let sets = self.sets.values().filter_map(|set| set.window);
        self.all.into_iter().chain(sets).reduce(|one, other| Window {
            earliest: one.earliest.min(other.earliest),
            latest: one.latest.min(other.latest),
        })
    }

    /// Something changed that concerns everything.
    pub(super) fn changed(&mut self, now: Instant) -> Verdict {
        if self.all.is_none() {
            self.all = Some(window(&mut self.windows, now)?);
        }
        Ok(())
    }

    /// A provider that a set shows changed.
    pub(super) fn changed_for(&mut self, now: Instant, set: &str, id: ProviderId) -> Verdict {
        let due = self.sets.entry(set.to_owned()).or_insert_with(|| SetDue {
            windows: Windows::new(self.throttle, self.started),
            window: None,
            changed: BTreeSet::new(),
        });
        due.changed.insert(id);
        if due.window.is_none() {
            due.window = Some(window(&mut due.windows, now)?);
        }
        Ok(())
    }

    /// Nobody can drive the manager until then.
    pub(super) fn stand_still(&mut self, until: Instant) {
        let sets = self.sets.values_mut().filter_map(|set| set.window.as_mut());
        for window in self.all.iter_mut().chain(sets) {
            window.latest = window.latest.max(until);
        }
    }

    /// Only these sets are there from now on.
    pub(super) fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.sets.retain(|set, _| is_there(set));
    }

    /// Whether a set waits for what is new for it.
    pub(super) fn waits(&self, set: &str) -> bool {
        self.sets.get(set).is_some_and(|due| !due.changed.is_empty())
    }

    /// What a snapshot shows of what changed, as it has to: all of it for each set that is due, and nothing else.
    pub(super) fn shown(&self, now: Instant, older: &Snapshot, newer: &Snapshot) -> Result<Shows, Box<Broken>> {
        if !self.per_set || self.all.is_some() {
            return Ok(Shows::Everything);
        }
        let changed: BTreeSet<ProviderId> = self.sets.values().flat_map(|set| set.changed.iter().copied()).collect();
        let is_as_before = |id: &ProviderId| match (older.provider(*id), newer.provider(*id)) {
            (Some(older), Some(newer)) => core::ptr::eq(older, newer),
            (older, newer) => older.is_none() && newer.is_none(),
        };
        let shown: BTreeSet<ProviderId> = changed.into_iter().filter(|id| !is_as_before(id)).collect();
        let mut due = BTreeSet::new();
        for (name, set) in &self.sets {
            let Some(window) = set.window else { continue };
            if let Some(id) = set.changed.difference(&shown).next() {
                if window.latest <= now {
                    let latest = window.latest;
                    let reason = format!("a snapshot came without what is new for a set that was due at {latest:?}");
                    return Err(Broken::of(Rule::B06, reason).by(*id).about(name));
                }
            } else if window.earliest <= now {
                due.extend(set.changed.iter().copied());
            }
        }
        match shown.difference(&due).next() {
            None => Ok(Shows::These(shown)),
            Some(id) => {
                let reason = "a snapshot shows what is new, and none of the sets that read it are due";
                Err(Broken::of(Rule::B06, reason).by(*id))
            }
        }
    }

    /// A snapshot was emitted that shows this. Says whether something goes on waiting.
    pub(super) fn emitted(&mut self, now: Instant, shows: &Shows) -> bool {
        if self.all.take().is_some() {
            self.windows.emission(now);
        }
        for set in self.sets.values_mut() {
            set.changed.retain(|id| !shows.shows(*id));
            if set.changed.is_empty() && set.window.take().is_some() {
                set.windows.emission(now);
            }
        }
        self.sets.values().any(|set| set.window.is_some())
    }
}

fn window(windows: &mut Windows, now: Instant) -> Result<Window, Box<Broken>> {
    let window = windows.change(now);
    window.map_err(|disagreement| Broken::of(Rule::S08, disagreement.to_string()))
}
