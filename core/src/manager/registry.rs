//! Who wants what: sets, their configs, and the providers that run for them (S01, S02, S11).
//!
//! **Equal configs are one provider.** The table of configs is only ever asked, never walked, so
//! its order can't show; everything that is walked is ordered by id or by name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use imbl::OrdMap;

use super::guarded::Guarded;
use super::output::Outputs;
use super::provider::Provider;
use super::{Output, Reload};
use crate::provider::{FailedConfig, ProviderStatus};
use crate::snapshot::Identity;
use crate::{
    Groups, Health, Instant, ProviderConfig, ProviderId, Restored, SavedProvider, SavedState, Snapshot, UnknownProvider,
};

/// What applying a config did to providers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The version of the first snapshot that has the sets as they were applied.
    pub version: u64,
    /// Providers that were started, in the order in which their configs came.
    pub started: Vec<ProviderId>,
    /// Providers that were stopped, in the order of their ids.
    pub stopped: Vec<ProviderId>,
    /// Providers that go on, in the order of their ids.
    pub kept: Vec<ProviderId>,
}

type FixedState = core::hash::BuildHasherDefault<rapidhash::fast::RapidHasher<'static>>;

#[derive(Debug, Clone)]
pub(super) struct Registry<C> {
    next_id: u64,
    by_config: HashMap<Arc<C>, ProviderId, FixedState>,
    pub(super) providers: BTreeMap<ProviderId, Provider<C>>,
    pub(super) sets: OrdMap<Arc<str>, Arc<[ProviderId]>>,
    failed: Vec<FailedConfig>,
    /// Whether those are others than in the last snapshot.
    failed_is_dirty: bool,
    /// Providers that are not in the last snapshot as they are.
    dirty: BTreeSet<ProviderId>,
    /// Providers of which the guard holds a drop.
    pub(super) held: BTreeSet<ProviderId>,
    /// Providers that are waited for, and until when (B10).
    pub(super) awaited: BTreeSet<(Instant, ProviderId)>,
    /// What was there before the first apply, for the providers that it starts.
    saved: HashMap<Arc<C>, (Restored, Groups), FixedState>,
}

impl<C> Default for Registry<C> {
    fn default() -> Self {
        Self {
            next_id: 0,
            by_config: HashMap::default(),
            providers: BTreeMap::new(),
            sets: OrdMap::new(),
            failed: Vec::new(),
            failed_is_dirty: false,
            dirty: BTreeSet::new(),
            held: BTreeSet::new(),
            awaited: BTreeSet::new(),
            saved: HashMap::default(),
        }
    }
}

impl<C: ProviderConfig> Registry<C> {
    /// Nobody runs, and those whom the first apply starts have what was saved.
    pub(super) fn restore(now: Instant, saved: SavedState<C>) -> Self {
        let restored = |provider: SavedProvider<C>| {
            // A clock that went back since does not make it whole in the future.
            let first_whole = provider.first_whole.map(|at| at.min(now));
            (
                provider.config,
                (Restored { first_whole }, provider.groups.restored(now)),
            )
        };
        Self {
            saved: saved.providers.into_iter().map(restored).collect(),
            ..Self::default()
        }
    }

    /// What there is, to start again with.
    pub(super) fn save(&self) -> Vec<SavedProvider<C>> {
        let saved = self.providers.values().map(|provider| SavedProvider {
            config: provider.config.clone(),
            sets: provider.subscribers.clone(),
            first_whole: provider.health.reports.first_whole(),
            groups: provider.groups.clone(),
        });
        // Of the others there is nothing to know.
        saved
            .filter(|saved| !saved.groups.is_empty() || saved.first_whole.is_some())
            .collect()
    }

    pub(super) fn apply(
        &mut self,
        now: Instant,
        reload: Reload,
        version: u64,
        sets: impl IntoIterator<Item = (String, Vec<C>)>,
        outputs: &mut Outputs<C>,
    ) -> Applied {
        self.failed_is_dirty |= !self.failed.is_empty();
        self.failed.clear();
        let mut applied = Applied {
            version,
            ..Applied::default()
        };
        if reload == Reload::Legacy {
            self.by_config.clear();
            applied.stopped = self.stop_where(|_| true);
        }
        for provider in self.providers.values_mut() {
            provider.subscribers.clear();
        }

        let mut wanted: BTreeMap<Arc<str>, Vec<ProviderId>> = BTreeMap::new();
        for (set, configs) in sets {
            let set: Arc<str> = set.into();
            let members = wanted.entry(set.clone()).or_default();
            for config in configs {
                let id = self.find_or_add(now, config, &mut applied);
                // A set that names a config twice subscribes once.
                if let Some(provider) = self.providers.get_mut(&id)
                    && !members.contains(&id)
                {
                    provider.subscribers.push(set.clone());
                    members.push(id);
                }
            }
        }

        applied
            .stopped
            .extend(self.stop_where(|provider| provider.subscribers.is_empty()));
        let is_new = |id: &ProviderId| applied.started.first().is_some_and(|first| id >= first);
        applied.kept = self.providers.keys().copied().filter(|id| !is_new(id)).collect();
        self.replace_sets(wanted);
        // What nobody wants any more is forgotten.
        self.saved = HashMap::default();

        outputs.extend(applied.stopped.iter().map(|&provider| Output::Stop { provider }));
        let started = applied.started.iter().filter_map(|id| self.providers.get(id));
        outputs.extend(started.map(|provider| Output::Start {
            provider: provider.identity.id,
            name: provider.identity.name.clone(),
            config: provider.config.clone(),
            sets: provider.subscribers.clone().into(),
        }));
        applied
    }

    pub(super) fn find(&self, config: &C) -> Option<ProviderId> {
        self.by_config.get(config).copied()
    }

    fn find_or_add(&mut self, now: Instant, config: C, applied: &mut Applied) -> ProviderId {
        if let Some(&id) = self.by_config.get(&config) {
            return id;
        }
        let id = ProviderId::from_number(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        let (restored, groups) = self.saved.remove(&config).unzip();
        let config = Arc::new(config);
        let identity = Identity {
            id,
            name: format!("{}/{id}", config.kind()).into(),
            kind: config.kind().into(),
            description: config.describe().into(),
        };
        self.by_config.insert(config.clone(), id);
        let mut health = Health::new(now);
        Arc::make_mut(&mut health.reports).restored = restored;
        let provider = Provider {
            identity: Arc::new(identity),
            config,
            subscribers: Vec::new(),
            health,
            groups: groups.unwrap_or_default(),
            guarded: Guarded::default(),
            awaited: None,
        };
        self.providers.insert(id, provider);
        self.await_whole(now, id);
        self.dirty.insert(id);
        applied.started.push(id);
        id
    }

    fn stop_where(&mut self, unwanted: impl Fn(&Provider<C>) -> bool) -> Vec<ProviderId> {
        let stopped: Vec<_> = self
            .providers
            .iter()
            .filter(|(_, provider)| unwanted(provider))
            .map(|(id, _)| *id)
            .collect();
        for id in &stopped {
            self.forget(*id);
        }
        stopped
    }

    fn forget(&mut self, id: ProviderId) -> Option<Provider<C>> {
        let provider = self.providers.remove(&id)?;
        if self.by_config.get(&provider.config) == Some(&id) {
            self.by_config.remove(&provider.config);
        }
        self.held.remove(&id);
        if let Some(until) = provider.awaited {
            self.awaited.remove(&(until, id));
        }
        self.dirty.insert(id);
        Some(provider)
    }

    /// Puts `wanted` in the place of the sets, keeping what is the same.
    fn replace_sets(&mut self, wanted: BTreeMap<Arc<str>, Vec<ProviderId>>) {
        let gone: Vec<_> = self
            .sets
            .keys()
            .filter(|set| !wanted.contains_key(*set))
            .cloned()
            .collect();
        for set in gone {
            self.sets.remove(&set);
        }
        for (set, members) in wanted {
            if self.sets.get(&set).is_none_or(|before| **before != *members) {
                self.sets.insert(set, members.into());
            }
        }
    }

    pub(super) fn build_failed(&mut self, id: ProviderId, reason: String) -> Result<FailedConfig, UnknownProvider> {
        let provider = self.forget(id).ok_or(UnknownProvider(id))?;
        for set in &provider.subscribers {
            if let Some(members) = self.sets.get(set) {
                let members: Vec<ProviderId> = members.iter().copied().filter(|member| *member != id).collect();
                self.sets.insert(set.clone(), members.into());
            }
        }
        let failed = FailedConfig {
            name: provider.identity.name.clone(),
            description: provider.identity.description.clone(),
            sets: provider.subscribers,
            reason,
        };
        self.failed.push(failed.clone());
        self.failed_is_dirty = true;
        Ok(failed)
    }
}

impl<C> Registry<C> {
    pub(super) fn provider_mut(&mut self, id: ProviderId) -> Option<&mut Provider<C>> {
        self.providers.get_mut(&id)
    }

    /// Notes that a provider's groups or reports changed.
    pub(super) fn touched(&mut self, id: ProviderId) {
        self.dirty.insert(id);
    }

    /// Notes that the last snapshot has everything.
    pub(super) fn clean(&mut self) {
        self.dirty.clear();
        self.failed_is_dirty = false;
    }

    /// Brings the last snapshot up to date, at the cost of what changed.
    pub(super) fn bring_up_to_date(&self, snapshot: &mut Snapshot) {
        snapshot.sets = self.sets.clone();
        if self.failed_is_dirty {
            snapshot.failed = self.failed.as_slice().into();
        }
        let providers = &mut snapshot.providers;
        for id in &self.dirty {
            match self.providers.get(id) {
                Some(provider) => {
                    providers.insert(*id, Arc::new(provider.snapshot()));
                }
                None => {
                    providers.remove(id);
                }
            }
        }
    }

    pub(super) fn sets(&self) -> &OrdMap<Arc<str>, Arc<[ProviderId]>> {
        &self.sets
    }

    pub(super) fn failed(&self) -> &[FailedConfig] {
        &self.failed
    }

    pub(super) fn reported_groups(&self, id: ProviderId) -> Option<&Groups> {
        self.providers.get(&id).map(Provider::actual)
    }

    pub(super) fn statuses(&self) -> impl Iterator<Item = ProviderStatus<'_, C>> {
        self.providers.values().map(Provider::status)
    }

    pub(super) fn status(&self, id: ProviderId) -> Option<ProviderStatus<'_, C>> {
        self.providers.get(&id).map(Provider::status)
    }
}
