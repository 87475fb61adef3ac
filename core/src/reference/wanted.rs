//! Who runs, and for whom: the rules S01, S02, S03, S06 and S11.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::PlainOutput;
use super::model::{Model, PlainProvider};
use super::snapshot::PlainProviderSnapshot;
use crate::{Applied, EventKind, FailedConfig, Health, Instant, ProviderConfig, ProviderId, Reload, UnknownProvider};

impl<C: ProviderConfig> Model<C> {
    pub(super) fn apply(&mut self, now: Instant, sets: &[(String, Vec<C>)]) -> Applied {
        let before = std::mem::take(&mut self.providers);
        let sets_before = std::mem::take(&mut self.sets);
        // S11: a failed config is tried again, so it no longer counts as failed.
        self.failed.clear();
        let mut started = Vec::new();
        for (set, configs) in sets {
            // S03: a set stands there even if it has no config.
            self.sets.entry(set.clone()).or_default();
            for config in configs {
                let id = self.find_or_start(now, config, &before, &mut started);
                // S01: a set that names a config twice subscribes once.
                let wanted = &mut self.sets.entry(set.clone()).or_default().wanted;
                if !wanted.contains(&id) {
                    wanted.push(id);
                    if let Some(provider) = self.providers.get_mut(&id) {
                        provider.subscribers.push(set.clone());
                    }
                }
            }
        }
        // B03: what sets showed before stays until what takes its place can be believed.
        let sets_before = self.restored_sets(now).unwrap_or(sets_before);
        self.hand_over(now, &before, sets_before);
        // S02: who is not wanted is stopped and forgotten.
        let stopped: Vec<_> = before
            .keys()
            .copied()
            .filter(|id| !self.providers.contains_key(id))
            .collect();
        let kept = before
            .keys()
            .copied()
            .filter(|id| self.providers.contains_key(id))
            .collect();
        self.outputs.extend(stopped.iter().copied().map(PlainOutput::Stop));
        for id in &started {
            if let Some(provider) = self.providers.get(id) {
                self.outputs.push(PlainOutput::Start {
                    provider: *id,
                    name: provider.shown.name.clone(),
                    config: provider.config.clone(),
                    sets: provider.subscribers.clone(),
                });
            }
        }
        self.bring_back(now);
        self.judge_again(now);
        let sets = &self.sets;
        self.set_throttles.retain(|set, _| sets.contains_key(set));
        Applied {
            // Whatever was due before, the next snapshot has this too.
            version: self.emitted.version + 1,
            started,
            stopped,
            kept,
        }
    }

    /// S01: equal configs are one provider. S02: one that ran goes on, with all it has; legacy mode finds
    /// none that ran.
    fn find_or_start(
        &mut self,
        now: Instant,
        config: &C,
        before: &BTreeMap<ProviderId, PlainProvider<C>>,
        started: &mut Vec<ProviderId>,
    ) -> ProviderId {
        let here = self.providers.iter().find(|(_, provider)| provider.config == *config);
        if let Some((id, _)) = here {
            return *id;
        }
        let ran = before.iter().find(|(_, provider)| provider.config == *config);
        if let Some((id, provider)) = ran.filter(|_| self.reload == Reload::Keep) {
            let kept = PlainProvider {
                subscribers: Vec::new(),
                ..provider.clone()
            };
            self.providers.insert(*id, kept);
            return *id;
        }
        let id = ProviderId::from_number(self.next_id);
        self.next_id += 1;
        let mut provider = PlainProvider::new(now, id, config);
        // Of two that ran the same, the one that was started last is the one that still ran.
        if let Some(saved) = self.saved.iter_mut().rfind(|saved| saved.config == *config) {
            provider.health.reports = Arc::new(saved.reports(now));
            provider.shown.groups = saved.groups.clone();
            provider.unheard = saved.groups.keys().cloned().collect();
            saved.taken_by = Some(id);
        }
        self.providers.insert(id, provider);
        started.push(id);
        id
    }

    pub(super) fn build_failure(&mut self, now: Instant, id: ProviderId, reason: &str) -> Result<(), UnknownProvider> {
        let Some(provider) = self.providers.remove(&id) else {
            self.counters.ignored_reports += 1; // S06
            return Err(UnknownProvider(id));
        };
        // S03: the sets stay, without it. B03: whose place it was to take stays.
        for members in self.sets.values_mut() {
            members.wanted.retain(|member| *member != id);
            members.predecessors.retain(|member| *member != id);
        }
        // S11
        let failed = FailedConfig {
            name: provider.shown.name.into(),
            description: provider.shown.description.into(),
            sets: provider.subscribers.iter().map(|set| Arc::from(set.as_str())).collect(),
            reason: reason.to_owned(),
        };
        self.failed.push(failed.clone());
        self.happened(now, id, EventKind::BuildFailed(failed));
        Ok(())
    }
}

impl<C: ProviderConfig> PlainProvider<C> {
    fn new(now: Instant, id: ProviderId, config: &C) -> Self {
        Self {
            config: config.clone(),
            shown: PlainProviderSnapshot::of(id, config),
            subscribers: Vec::new(),
            health: Health {
                started: now,
                last_update: None,
                last_success: None,
                last_change: None,
                last_failure: None,
                updates: 0,
                unchanged_updates: 0,
                failures: 0,
                refreshes: (0, core::time::Duration::ZERO),
                reports: Arc::default(),
            },
            held: None,
            unheard: BTreeSet::new(),
            expired: None,
            passed: Vec::new(),
            came: Vec::new(),
        }
    }
}
