//! A throttle for each set in plain maps (B06).

use std::collections::{BTreeMap, BTreeSet};

use super::model::Model;
use super::snapshot::PlainSnapshot;
use super::{Disagreement, Windows};
use crate::{Instant, ProviderConfig, ProviderId};

/// When what changed is due for a set, and what changed.
#[derive(Debug, Clone)]
pub(super) struct PlainSetThrottle {
    pub(super) due: Option<Instant>,
    pub(super) windows: Windows,
    /// Providers that are others than what the set shows.
    pub(super) changed: BTreeSet<ProviderId>,
}

/// When the manager says that something is due: for everything, and for each set. Nothing for what is emitted already.
#[derive(Debug, Clone, Default)]
pub struct Deadlines {
    /// What concerns everything.
    pub all: Option<Instant>,
    /// What is new for a set.
    pub sets: BTreeMap<String, Instant>,
}

impl<C: ProviderConfig> Model<C> {
    /// These providers changed: for each set that shows one of them, that is due as the set's throttle says.
    pub(super) fn make_due_for_sets(
        &mut self,
        now: Instant,
        providers: &BTreeSet<ProviderId>,
        deadlines: &Deadlines,
    ) -> Result<(), Disagreement> {
        for (set, members) in &self.sets {
            let of_set: BTreeSet<_> = members.all().into_iter().filter(|id| providers.contains(id)).collect();
            if of_set.is_empty() {
                continue;
            }
            let throttle = self
                .set_throttles
                .entry(set.clone())
                .or_insert_with(|| PlainSetThrottle {
                    due: None,
                    windows: Windows::new(self.settings.throttle, self.started),
                    changed: BTreeSet::new(),
                });
            throttle.changed.extend(of_set);
            if throttle.due.is_none() {
                let window = throttle.windows.change(now)?;
                let due = deadlines.sets.get(set).copied().unwrap_or(window.earliest);
                if !window.contains(due) {
                    let about = format!("the deadline of the set {set} (S07, S08, B06)");
                    return Err(Disagreement::new(about, window, due));
                }
                throttle.due = Some(due);
            }
        }
        Ok(())
    }

    /// When the first of what changed is due.
    pub(super) fn first_due(&self) -> Option<Instant> {
        let sets = self.set_throttles.values().filter_map(|throttle| throttle.due);
        self.due.into_iter().chain(sets).min()
    }

    /// The next snapshot, and what is shown of what changed: everything, if something waits that concerns everything;
    /// otherwise what is new for the sets for which it is due.
    pub(super) fn show_due(&mut self, now: Instant) -> PlainSnapshot {
        let whole = self.next_snapshot(now);
        if self.due.take().is_some() || !self.settings.per_set {
            self.windows.emission(now);
            for throttle in self.set_throttles.values_mut() {
                if throttle.due.take().is_some() {
                    throttle.windows.emission(now);
                }
                throttle.changed.clear();
            }
            return whole;
        }
        let mut shown = BTreeSet::new();
        for throttle in self
            .set_throttles
            .values_mut()
            .filter(|throttle| throttle.due.is_some_and(|due| due <= now))
        {
            shown.append(&mut throttle.changed);
        }
        for throttle in self.set_throttles.values_mut() {
            throttle.changed.retain(|id| !shown.contains(id));
            // It shows all that is new for it, if that was due or not.
            if throttle.changed.is_empty() && throttle.due.take().is_some() {
                throttle.windows.emission(now);
            }
        }
        let waits = |id: &ProviderId| {
            self.set_throttles
                .values()
                .any(|throttle| throttle.changed.contains(id))
        };
        let mut snapshot = whole;
        for (id, provider) in &mut snapshot.providers {
            if let Some(before) = self.emitted.providers.get(id).filter(|_| waits(id)) {
                provider.clone_from(before);
            }
        }
        snapshot
    }
}
