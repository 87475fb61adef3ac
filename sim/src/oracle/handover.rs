//! What has to stay in a set until what takes its place has been read whole, or was waited for long enough: rule B03.
//!
//! It is said here in terms of what was given and applied alone, so that it knows nothing of how a manager does it.

use std::collections::{BTreeMap, BTreeSet};

use headcount_core::{Instant, ProviderId};

use super::contract::Contract;
use super::given::Given;
use super::held::GivenGroups;
use crate::subject::Spec;
use crate::{DiscovererId, ReloadMode};

/// A set that waits for some of its providers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Handover {
    /// Those that stay meanwhile, as the snapshot has them: after the providers that the set wants.
    pub(super) old: Vec<ProviderId>,
    /// Those that are new to it, have not been read whole, and were not waited for long enough.
    pub(super) waits_for: BTreeSet<ProviderId>,
}

/// What a manager leaves to the one after it, in the order in which the providers were started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Saved(Vec<SavedProvider>);

#[derive(Debug, Clone)]
struct SavedProvider {
    id: ProviderId,
    spec: Spec,
    /// The sets that showed it.
    sets: BTreeSet<String>,
    whole: bool,
    /// Whether it was waited for long enough, and not read whole (B10).
    waited_out: bool,
    groups: GivenGroups,
    taken_by: Option<ProviderId>,
}

/// Who was in each set before an apply, and the handovers that went on.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) sets: BTreeMap<String, Vec<ProviderId>>,
    pub(super) handovers: BTreeMap<String, Handover>,
}

impl Saved {
    /// What was saved of a spec, for the provider that runs it now: whether it was read whole, whether it was waited for long
    /// enough, and its groups.
    pub(super) fn take(&mut self, spec: &Spec, id: ProviderId) -> Option<((bool, bool), GivenGroups)> {
        // Of two that ran the same, the later one is the one that still ran.
        let saved = self.0.iter_mut().rfind(|saved| saved.spec == *spec)?;
        saved.taken_by = Some(id);
        Some(((saved.whole, saved.waited_out), saved.groups.clone()))
    }
}

impl Contract {
    /// What each provider must be showing, for the contract of a manager that starts with that.
    pub(crate) fn save(&self) -> Saved {
        let sets_of = |id: ProviderId| -> BTreeSet<String> {
            let wanted = self.sets.iter().filter(|(_, members)| members.contains(&id));
            let old = self.handovers.iter().filter(|(_, handover)| handover.old.contains(&id));
            let names = wanted.map(|(set, _)| set).chain(old.map(|(set, _)| set));
            names.cloned().collect()
        };
        let saved = |id: ProviderId, spec: &Spec, given: &Given| SavedProvider {
            id,
            spec: spec.clone(),
            sets: sets_of(id),
            whole: given.whole,
            waited_out: given.waited_out.is_some() && !given.whole,
            groups: given.groups.clone(),
            taken_by: None,
        };
        let running = self.by_spec.iter();
        let running = running.filter_map(|(spec, id)| Some(saved(*id, spec, self.providers.get(*id)?)));
        let retired = self.retired.iter().map(|(id, (spec, given))| saved(*id, spec, given));
        let mut all: Vec<SavedProvider> = running.chain(retired).collect();
        all.retain(|saved| saved.whole || saved.waited_out || !saved.groups.is_empty());
        all.sort_by_key(|saved| saved.id);
        Saved(all)
    }

    /// At the first apply of a manager that was restored: who was in the sets when the state was saved. Those whose
    /// spec is wanted no more are retired, as far as their sets are there.
    pub(super) fn restored_before(&mut self, now: Instant, before: Before) -> Before {
        let saved = core::mem::take(&mut self.saved).0;
        if saved.is_empty() {
            return before;
        }
        let mut before = Before::default();
        for saved in saved {
            if !saved.sets.iter().any(|set| self.sets.contains_key(set)) {
                continue;
            }
            // Nobody stands in with nothing.
            if saved.taken_by.is_none() && !saved.whole && saved.groups.is_empty() {
                continue;
            }
            let id = saved.taken_by.unwrap_or_else(|| {
                let id = ProviderId::from_number(self.next_provider);
                self.next_provider += 1;
                let mut given = Given::default();
                given.restore(now, (saved.whole, saved.waited_out), saved.groups);
                self.retired.insert(id, (saved.spec, given));
                self.dirty.insert(id);
                id
            });
            // What goes on and was never read whole is waited for as if it were new, if it was not waited for before.
            if saved.taken_by.is_some() && !saved.whole && !saved.waited_out {
                continue;
            }
            for set in saved.sets {
                before.sets.entry(set).or_default().push(id);
            }
        }
        before
    }

    /// Sets want others than before. Nobody was stopped yet.
    pub(super) fn hand_over(&mut self, before: &Before) {
        if self.reload == ReloadMode::Legacy {
            return;
        }
        for (set, wanted) in &self.sets {
            let Some(had) = before.sets.get(set) else { continue };
            let going_on = before.handovers.get(set).cloned().unwrap_or_default();
            let is_new = |id: &ProviderId| !had.contains(id) || going_on.waits_for.contains(id);
            let is_whole = |id: &ProviderId| {
                let given = self.providers.get(*id);
                given.is_some_and(|given| given.whole || given.waited_out.is_some())
            };
            let waits_for = wanted
                .iter()
                .copied()
                .filter(|id| is_new(id) && !is_whole(id))
                .collect();
            let has_something = |id: &ProviderId| {
                let given = self
                    .providers
                    .get(*id)
                    .map(|given| given.whole || !given.groups.is_empty());
                given.unwrap_or(self.retired.contains_key(id))
            };
            let shown = had.iter().chain(&going_on.old).copied();
            let old = shown.filter(|id| !wanted.contains(id) && has_something(id)).collect();
            let handover = Handover { old, waits_for };
            if !handover.old.is_empty() && !handover.waits_for.is_empty() {
                self.handovers.insert(set.clone(), handover);
            }
        }
    }

    /// Stops a provider. What it gave stays where a set still shows it.
    pub(super) fn stop(&mut self, spec: &Spec, id: ProviderId) {
        self.waits.end(id);
        let given = self.providers.stop(id);
        if let Some(given) = given.filter(|_| self.is_shown(id)) {
            self.retired.insert(id, (spec.clone(), *given));
            self.dirty.insert(id);
        }
    }

    /// Providers that stand in for others and run no more, and who reported as them.
    pub(crate) fn retired(&self) -> impl Iterator<Item = (ProviderId, DiscovererId)> + '_ {
        self.retired.iter().map(|(id, (spec, _))| (*id, spec.discoverer))
    }

    /// Forgets what no set shows any more.
    pub(super) fn forget_retired(&mut self) {
        let mut retired = core::mem::take(&mut self.retired);
        retired.retain(|id, _| self.is_shown(*id));
        self.retired = retired;
    }

    /// A provider was read whole, or was waited for long enough: sets that waited for it alone show nothing else any more.
    pub(super) fn end_handovers(&mut self, now: Instant, id: ProviderId) {
        let count = self.handovers.len();
        let (handed_over, is_for_all) = (&mut self.handed_over, &mut self.is_for_all);
        self.handovers.retain(|set, handover| {
            *is_for_all |= handover.waits_for.remove(&id);
            let goes_on = !handover.waits_for.is_empty();
            if !goes_on {
                handed_over.insert(set.clone(), now);
            }
            goes_on
        });
        if self.handovers.len() < count {
            self.forget_retired();
        }
    }

    /// Until when others stood in for a provider in one of its sets: what they show is as old as they are.
    pub(crate) fn stood_in(&self, now: Instant, id: ProviderId) -> Option<Instant> {
        let sets = self.sets.iter().filter(|(_, wanted)| wanted.contains(&id));
        let until = sets.filter_map(|(set, _)| match self.handovers.contains_key(set) {
            true => Some(now),
            false => self.handed_over.get(set).copied(),
        });
        until.max()
    }

    /// A provider can't be run. Who waits for it goes on waiting, and shows what there was.
    pub(super) fn leave_handovers(&mut self, id: ProviderId) {
        self.handovers.retain(|_, handover| {
            handover.old.retain(|old| *old != id);
            !handover.old.is_empty()
        });
    }

    /// The providers of a set as a snapshot has them.
    pub(super) fn shown_in(&self, set: &str) -> Vec<ProviderId> {
        let old = self.handovers.get(set).map(|handover| &handover.old);
        let wanted = self.sets.get(set).into_iter().flatten();
        wanted.chain(old.into_iter().flatten()).copied().collect()
    }

    fn is_shown(&self, id: ProviderId) -> bool {
        self.handovers.values().any(|handover| handover.old.contains(&id))
    }
}
