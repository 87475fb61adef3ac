//! Make before break (B03).
//!
//! When a reload changes what a set reads, **what it read stays until what takes its place can be believed**: until each
//! provider that is new to the set has been read whole, or was waited for long enough (B10). So a set never has less
//! because its config was changed, and nothing stays of a config that was only taken out.
//!
//! # An example
//! ```text
//!  time   the set's configs   shown         why
//!  0:00   http A              A
//!  1:00   http B              A             B has not spoken; A's discoverer is stopped, its groups stay
//!  1:01   http B              A             B failed: nobody knows more than before
//!  1:02   http B              B             B was read whole
//!  2:00   http C, dns D       B, D's        D has spoken, C has not
//!  4:00   http C, dns D       D             C was waited for long enough
//!  5:00   dns D               D             nothing takes the place of what is no longer wanted
//! ```
//!
//! A provider whose discoverer was stopped and whose groups stay is *retired*: what it reports is ignored (S06), and it
//! is no running provider. One that goes on for another set is simply shown in both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::provider::Provider;
use super::registry::Registry;
use crate::members::Members;
use crate::snapshot::{Identity, ProviderSnapshot};
use crate::{Groups, Instant, ProviderConfig, ProviderId, Reports, Restored, SavedProvider};

/// A provider that was stopped, and that sets still show.
#[derive(Debug, Clone)]
pub(super) struct Retired<C> {
    identity: Arc<Identity>,
    config: Arc<C>,
    reports: Arc<Reports>,
    groups: Groups,
}

impl<C> Retired<C> {
    /// As it was when another took its place.
    pub(super) fn of(now: Instant, provider: Provider<C>) -> Self {
        let mut reports = provider.health.reports;
        Arc::make_mut(&mut reports).replaced = Some(now);
        Self {
            identity: provider.identity,
            config: provider.config,
            reports,
            groups: provider.groups,
        }
    }

    /// As another process saved it; its config had been changed when this one started.
    pub(super) fn restored(
        now: Instant,
        identity: Identity,
        config: Arc<C>,
        restored: Option<Restored>,
        waited_out: bool,
        groups: Groups,
    ) -> Self {
        let reports = Reports {
            restored,
            waited_out: waited_out.then_some(now),
            replaced: Some(now),
            ..Reports::default()
        };
        Self {
            identity: Arc::new(identity),
            config,
            reports: Arc::new(reports),
            groups,
        }
    }

    pub(super) fn snapshot(&self) -> ProviderSnapshot {
        ProviderSnapshot {
            identity: self.identity.clone(),
            reports: self.reports.clone(),
            groups: self.groups.clone(),
        }
    }

    pub(super) fn save(&self, sets: Vec<Arc<str>>) -> SavedProvider<C> {
        SavedProvider {
            config: self.config.clone(),
            sets,
            first_whole: self.reports.first_whole(),
            as_of: match self.reports.only_restored() {
                Some(restored) => Some(restored.as_of),
                None => self.reports.replaced,
            },
            waited_out: self.reports.is_waited_out(),
            groups: self.groups.clone(),
        }
    }
}

impl<C: ProviderConfig> Registry<C> {
    /// The members of a set that wants these providers now, and had those `before`.
    pub(super) fn hand_over(&self, before: &Members, wanted: Vec<ProviderId>) -> Members {
        let is_awaited = |id: &ProviderId| {
            planted!(before.awaits(*id), NextReloadEndsTheWait, false) || !before.wanted().contains(id)
        };
        let successors = wanted.iter().copied().filter(is_awaited);
        let successors = successors.filter(|id| !self.can_be_believed(*id)).collect();
        let is_left = |id: &ProviderId| !wanted.contains(id) && self.has_something(*id);
        let had = planted!(before.all(), StandInsGoWithTheNextReload, before.wanted());
        let predecessors: Vec<ProviderId> = had.iter().copied().filter(is_left).collect();
        Members::new(wanted, &predecessors, successors)
    }

    /// What was found before by those whose place a provider takes, or by itself in another process.
    pub(super) fn found_before(&self, id: ProviderId) -> Vec<&Groups> {
        let Some(provider) = self.providers.get(&id) else {
            return Vec::new();
        };
        if !provider.groups.is_empty() {
            return vec![&provider.groups];
        }
        let sets = provider.subscribers.iter().filter_map(|set| self.sets.get(set));
        let before = sets
            .filter(|members| members.awaits(id))
            .flat_map(|members| members.predecessors());
        let before: BTreeSet<ProviderId> = before.copied().collect();
        let groups = before.iter().filter_map(|before| match self.providers.get(before) {
            Some(running) => Some((&running.config, &running.groups)),
            None => self
                .retired
                .get(before)
                .map(|retired| (&retired.config, &retired.groups)),
        });
        let of_its_kind =
            groups.filter(|(config, _)| planted!(config.kind() == provider.config.kind(), AnyKindIsFoundBefore, true));
        of_its_kind.map(|(_, groups)| groups).collect()
    }

    /// A provider can be believed now: those go that stood in for it, if it was the last one.
    pub(super) fn end_handovers(&mut self, id: ProviderId) {
        let provider = self.providers.get_mut(&id).filter(|provider| provider.is_successor);
        let Some(provider) = provider else { return };
        provider.is_successor = false;
        for set in provider.subscribers.clone() {
            let Some(members) = self.sets.get(&set).filter(|members| members.awaits(id)).cloned() else {
                continue;
            };
            let next = members.without_successor(id);
            if next.predecessors().is_empty() {
                let gone = planted!(
                    members.predecessors(),
                    OnlyFirstStandInGoes,
                    members.predecessors().get(..1).unwrap_or_default()
                );
                gone.iter().for_each(|old| self.give_back(*old, &set));
            }
            self.sets.insert(set, Arc::new(next));
            self.sets_changed = planted!(true, EndIsNotTold, self.sets_changed);
        }
    }

    /// Notes who stands in where, after an apply, and who is waited for. Retired providers that nobody shows any more
    /// are gone.
    pub(super) fn note_handovers(&mut self) {
        self.lent.clear();
        self.has_successors = false;
        for provider in self.providers.values_mut() {
            provider.is_successor = false;
        }
        for (set, members) in &self.sets {
            for id in members.predecessors() {
                self.lent.entry(*id).or_default().insert(set.clone());
            }
            for id in members.successors() {
                if let Some(provider) = self.providers.get_mut(id) {
                    provider.is_successor = true;
                    self.has_successors = true;
                }
            }
        }
        let (lent, dirty) = (&self.lent, &mut self.dirty);
        self.retired.retain(|id, _| {
            let is_shown = lent.contains_key(id);
            if !is_shown {
                dirty.insert(*id);
            }
            is_shown
        });
    }

    /// A provider can't be run, and is in no set any more.
    pub(super) fn leave_sets(&mut self, id: ProviderId, subscribers: &[Arc<str>]) {
        let lent = self.lent.remove(&id).unwrap_or_default();
        for set in subscribers.iter().chain(&lent) {
            let Some(members) = self.sets.get(set).cloned() else {
                continue;
            };
            let next = members.without(id);
            if next.predecessors().is_empty() {
                members.predecessors().iter().for_each(|old| self.give_back(*old, set));
            }
            self.sets.insert(set.clone(), Arc::new(next));
        }
    }

    /// A set no longer shows a predecessor.
    fn give_back(&mut self, id: ProviderId, set: &Arc<str>) {
        let Some(sets) = self.lent.get_mut(&id) else { return };
        sets.remove(set);
        let is_shown = !sets.is_empty();
        self.note_awaited(id);
        self.note_age(id);
        if !is_shown {
            self.lent.remove(&id);
            if self.retired.remove(&id).is_some() {
                planted!(self.dirty.insert(id), StandInIsNotTakenAway, false);
            }
        }
    }

    /// Whether what a provider has counts: it was read whole, or waited for long enough.
    fn can_be_believed(&self, id: ProviderId) -> bool {
        let reports = self.providers.get(&id).map(|provider| &provider.health.reports);
        reports.is_some_and(|reports| {
            planted!(reports.is_whole(), FailureIsBelieved, reports.has_reported()) || reports.waited_out.is_some()
        })
    }

    /// Whether a provider has anything to stand in with: groups, or that it knows of none.
    fn has_something(&self, id: ProviderId) -> bool {
        match self.providers.get(&id) {
            Some(provider) => {
                !provider.groups.is_empty() || planted!(provider.is_whole(), KnownEmptyDoesNotStandIn, false)
            }
            None => self.retired.contains_key(&id),
        }
    }
}

/// Who stands in where: the sets that show a provider which they no longer want.
pub(super) type Lent = BTreeMap<ProviderId, BTreeSet<Arc<str>>>;
