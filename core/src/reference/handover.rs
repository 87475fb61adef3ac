//! Make before break in plain maps (B03).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::model::{Model, PlainProvider};
use super::snapshot::PlainProviderSnapshot;
use crate::{Instant, ProviderConfig, ProviderId, Reload, Reports};

/// Who is in a set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlainMembers {
    /// The providers of its configs.
    pub wanted: Vec<ProviderId>,
    /// Those that stand in for the successors.
    pub predecessors: Vec<ProviderId>,
    /// Those that can't be believed yet. There are some exactly if there are predecessors.
    pub successors: Vec<ProviderId>,
}

/// A provider that was stopped, and that a set still shows.
#[derive(Debug, Clone)]
pub(super) struct PlainRetired<C> {
    pub(super) config: C,
    pub(super) shown: PlainProviderSnapshot,
}

impl PlainMembers {
    /// All that are shown.
    pub fn all(&self) -> Vec<ProviderId> {
        self.wanted.iter().chain(&self.predecessors).copied().collect()
    }
}

impl<C: ProviderConfig> Model<C> {
    /// The sets have the providers that they want now. Keeps what they had before, where something new can't be
    /// believed yet.
    pub(super) fn hand_over(
        &mut self,
        now: Instant,
        ran: &BTreeMap<ProviderId, PlainProvider<C>>,
        mut before: BTreeMap<String, PlainMembers>,
    ) {
        let retired = std::mem::take(&mut self.retired);
        // Prometheus 2.x forgets everything.
        if self.reload == Reload::Legacy {
            before.clear();
        }
        // Nobody stands in with nothing: it has groups, or it is known that there are none.
        let has_something = |id: &ProviderId| {
            let running = self.providers.get(id).or(ran.get(id));
            let is_more = |provider: &PlainProvider<C>| {
                !provider.shown.groups.is_empty() || provider.health.reports.first_whole().is_some()
            };
            running.map_or(retired.contains_key(id), is_more)
        };
        let mut handed_over = self.sets.clone();
        for (set, members) in &mut handed_over {
            let Some(before) = before.get(set) else { continue };
            let is_new = |id: &&ProviderId| !before.wanted.contains(id) || before.successors.contains(id);
            let successors = members.wanted.iter().filter(is_new);
            members.successors = successors.filter(|id| !self.can_be_believed(**id)).copied().collect();
            let left = before.all().into_iter().filter(|id| !members.wanted.contains(id));
            members.predecessors = left.filter(has_something).collect();
        }
        self.sets = handed_over;
        for id in self
            .sets
            .values()
            .flat_map(|members| members.predecessors.clone())
            .collect::<Vec<_>>()
        {
            if self.providers.contains_key(&id) {
                continue;
            }
            if let Some(provider) = ran.get(&id) {
                let mut shown = provider.shown.clone();
                shown.reports = (*provider.health.reports).clone();
                shown.reports.replaced = Some(now);
                let config = provider.config.clone();
                self.retired.insert(id, PlainRetired { config, shown });
            } else if let Some(before) = retired.get(&id) {
                self.retired.insert(id, before.clone());
            }
        }
        self.end_handovers();
    }

    /// At the first apply after a restart: who was in the sets when the state was saved. Who is wanted no more is
    /// retired.
    pub(super) fn restored_sets(&mut self, now: Instant) -> Option<BTreeMap<String, PlainMembers>> {
        if self.saved.is_empty() {
            return None;
        }
        let mut before: BTreeMap<String, PlainMembers> = BTreeMap::new();
        for saved in std::mem::take(&mut self.saved) {
            if !saved.sets.iter().any(|set| self.sets.contains_key(set)) {
                continue;
            }
            // Nobody stands in with nothing.
            if saved.taken_by.is_none() && !saved.has_something() {
                continue;
            }
            let reports = Reports {
                replaced: Some(now),
                ..saved.reports(now)
            };
            let id = saved.taken_by.unwrap_or_else(|| {
                let id = ProviderId::from_number(self.next_id);
                self.next_id += 1;
                let shown = PlainProviderSnapshot {
                    reports,
                    groups: saved.groups,
                    ..PlainProviderSnapshot::of(id, &saved.config)
                };
                let config = saved.config;
                self.retired.insert(id, PlainRetired { config, shown });
                id
            });
            // Who runs again and was neither whole nor waited for in vain is waited for again, as one that is new.
            if saved.taken_by.is_some() && saved.first_whole.is_none() && !saved.waited_out {
                continue;
            }
            for set in saved.sets {
                before.entry(set).or_default().wanted.push(id);
            }
        }
        Some(before)
    }

    /// Where nobody has to be waited for any more, nobody stands in.
    pub(super) fn end_handovers(&mut self) {
        let mut sets = std::mem::take(&mut self.sets);
        for members in sets.values_mut() {
            members.successors.retain(|id| !self.can_be_believed(*id));
            if members.successors.is_empty() || members.predecessors.is_empty() {
                members.successors.clear();
                members.predecessors.clear();
            }
        }
        let is_shown = |id: &ProviderId| sets.values().any(|members| members.predecessors.contains(id));
        self.retired.retain(|id, _| is_shown(id));
        self.sets = sets;
    }

    /// It was read whole, or was waited for long enough. One that can't be run never is.
    fn can_be_believed(&self, id: ProviderId) -> bool {
        let reports = self
            .providers
            .get(&id)
            .map(|provider| Arc::clone(&provider.health.reports));
        reports.is_some_and(|reports| reports.first_whole().is_some() || reports.waited_out.is_some())
    }
}
