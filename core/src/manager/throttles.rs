//! The throttle of the manager, or of each of its sets (B06).
//!
//! Snapshots are of the whole manager. With a throttle for each set, **a snapshot that is due for some sets has what is
//! new for these, and shows the others as the one before it did**; so a set that churns is shown seldom, and one that is
//! quiet promptly. A provider that several sets read is shown as soon as it is due for one of them.
//!
//! What changes the sets themselves, a reload for one, is not of one set: it has a throttle of its own, and while it waits
//! the next snapshot has everything.
//!
//! # An example
//! `api` churns and is at its longest wait, 5 s; `node` has been quiet. `a` is read by `api`, `n` by `node`.
//!
//! ```text
//!  time   changes   due           what happens
//!  0.0 s  a         api at 4.8 s
//!  1.0 s  n         node at 1.1 s
//!  1.1 s                          a snapshot with the new n, and a as it was
//!  2.0 s  a
//!  4.8 s                          a snapshot with the new a
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::throttle::{Throttle, ThrottleState};
use crate::{Instant, ProviderId, hash};

/// When what changed is due, and for whom.
#[derive(Debug, Clone)]
pub(super) struct Throttles {
    policy: Throttle,
    per_set: bool,
    origin: Instant,
    seed: u64,
    /// What concerns everything: all that changes, unless there is a throttle for each set.
    all: ThrottleState,
    /// Sets that something changed for, at some time.
    sets: BTreeMap<Arc<str>, SetThrottle>,
    /// When something is due for them.
    deadlines: BTreeSet<(Instant, Arc<str>)>,
}

#[derive(Debug, Clone)]
struct SetThrottle {
    state: ThrottleState,
    /// Providers that changed since the set was shown.
    changed: BTreeSet<ProviderId>,
}

/// What a snapshot has to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// Everything.
    All,
    /// What is new for these sets.
    Sets(Vec<Arc<str>>),
}

impl Throttles {
    pub(super) fn new(policy: Throttle, per_set: bool, origin: Instant, seed: u64) -> Self {
        Self {
            policy,
            per_set,
            origin,
            seed,
            all: ThrottleState::new(policy, origin, seed),
            sets: BTreeMap::new(),
            deadlines: BTreeSet::new(),
        }
    }

    /// Another policy holds from now on, if it is another. What waits, and is not due yet, is due as it says.
    pub(super) fn set_policy(&mut self, now: Instant, policy: Throttle, per_set: bool) {
        if (self.policy, self.per_set) == (policy, per_set) {
            return;
        }
        let deadline = self.deadline();
        *self = Self::new(policy, per_set, self.origin, self.seed);
        match deadline {
            None => {}
            Some(deadline) if deadline <= now => self.all.is_due(deadline),
            Some(_) => planted!(self.all.changed(now), AnotherThrottleForgetsWhatWaits, ()),
        }
    }

    pub(super) fn is_per_set(&self) -> bool {
        self.per_set
    }

    /// Something changed that concerns everything.
    pub(super) fn changed(&mut self, now: Instant) {
        self.all.changed(now);
    }

    /// A provider that a set reads changed.
    pub(super) fn changed_for(&mut self, now: Instant, set: &Arc<str>, provider: ProviderId) {
        if !self.sets.contains_key(set) {
            let seed = self.seed ^ hash::stable(set.as_bytes());
            let throttle = SetThrottle {
                state: ThrottleState::new(self.policy, self.origin, seed),
                changed: BTreeSet::new(),
            };
            self.sets.insert(set.clone(), throttle);
        }
        if let Some(throttle) = self.sets.get_mut(set) {
            planted!(throttle.changed.insert(provider), NewcomerIsNotNoted, {
                throttle.changed.is_empty() && throttle.changed.insert(provider)
            });
            throttle.state.changed(now);
            let deadline = throttle.state.deadline();
            self.deadlines.extend(deadline.map(|deadline| (deadline, set.clone())));
        }
    }

    /// Only these sets are there from now on.
    pub(super) fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.sets.retain(|set, _| is_there(set));
        planted!(self.deadlines.retain(|(_, set)| is_there(set)), GoneSetIsStillDue, ());
    }

    /// When the first of what changed is due; `None` when nothing did.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let first = self.deadlines.first().map(|(deadline, _)| *deadline);
        self.all.deadline().into_iter().chain(first).min()
    }

    /// What is due now.
    pub(super) fn due(&self, now: Instant) -> Option<Due> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        if planted!(
            self.all.deadline().is_some(),
            ReloadWaitsForItself,
            self.all.deadline().is_some_and(|deadline| deadline <= now)
        ) {
            return Some(Due::All);
        }
        let due = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now);
        let due = due.map(|(_, set)| set.clone());
        Some(Due::Sets(planted!(due.collect(), OneSetAtATime, due.take(1).collect())))
    }

    /// The providers that changed for these sets.
    pub(super) fn changed_of(&self, sets: &[Arc<str>]) -> BTreeSet<ProviderId> {
        let throttles = sets.iter().filter_map(|set| self.sets.get(set));
        throttles
            .flat_map(|throttle| throttle.changed.iter().copied())
            .collect()
    }

    /// Whether a set waits to be shown what is new of a provider.
    pub(super) fn waits(&self, set: &str, provider: ProviderId) -> bool {
        self.sets
            .get(set)
            .is_some_and(|throttle| throttle.changed.contains(&provider))
    }

    /// A snapshot with everything was emitted.
    pub(super) fn emitted_all(&mut self, now: Instant) {
        if self.all.deadline().is_some() {
            self.all.emitted(now);
        }
        for (_, set) in core::mem::take(&mut self.deadlines) {
            if let Some(throttle) = self.sets.get_mut(&set) {
                throttle.state.emitted(now);
                planted!(throttle.changed.clear(), ShownStaysNoted, ());
            }
        }
    }

    /// A snapshot was emitted with what was new for the sets that were due, and so of these providers, for these sets
    /// that read them. One for which nothing else is new has been shown as well.
    pub(super) fn emitted<'a>(
        &mut self,
        now: Instant,
        due: &[Arc<str>],
        shown: impl IntoIterator<Item = (&'a Arc<str>, ProviderId)>,
    ) {
        for set in due {
            if let Some(throttle) = self.sets.get_mut(set) {
                let deadline = throttle.state.deadline();
                deadline.map(|deadline| self.deadlines.remove(&(deadline, set.clone())));
                throttle.changed.clear();
                throttle.state.emitted(now);
            }
        }
        for (set, provider) in shown {
            let Some(throttle) = self.sets.get_mut(set) else {
                continue;
            };
            let had = planted!(throttle.changed.remove(&provider), OtherSetIsToldAgain, false);
            if had
                && throttle.changed.is_empty()
                && let Some(deadline) = throttle.state.deadline()
            {
                self.deadlines.remove(&(deadline, set.clone()));
                throttle.state.emitted(now);
            }
        }
    }

    /// When what changed for everything, and for each set, is due.
    #[cfg(any(test, feature = "reference"))]
    pub(super) fn deadlines(&self) -> (Option<Instant>, BTreeMap<String, Instant>) {
        let sets = self
            .deadlines
            .iter()
            .map(|(deadline, set)| (set.to_string(), *deadline));
        (self.all.deadline(), sets.collect())
    }
}
