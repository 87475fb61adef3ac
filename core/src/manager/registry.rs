//! Who wants what: sets, their configs, and the providers that run for them (S01, S02, S11).
//!
//! **Equal configs are one provider.** The table of configs is only ever asked, never walked, so
//! its order can't show; everything that is walked is ordered by id or by name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use imbl::OrdMap;

use super::guarded::Guarded;
use super::handover::{Lent, Retired};
use super::output::Outputs;
use super::provider::Provider;
use super::saved::Saved;
use super::settings::{SetOptions, Settings};
use super::{Output, Reload, TimeoutReason, unheard};
use crate::members::Members;
use crate::provider::{FailedConfig, ProviderStatus};
use crate::snapshot::Identity;
use crate::store::AddressIndex;
use crate::{Groups, Health, Instant, ProviderConfig, ProviderId, SavedState, Snapshot, UnknownProvider};

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

pub(super) type FixedState = core::hash::BuildHasherDefault<rapidhash::fast::RapidHasher<'static>>;

#[derive(Debug, Clone)]
pub(super) struct Registry<C> {
    next_id: u64,
    by_config: HashMap<Arc<C>, ProviderId, FixedState>,
    pub(super) providers: BTreeMap<ProviderId, Provider<C>>,
    pub(super) sets: OrdMap<Arc<str>, Arc<Members>>,
    /// Providers that were stopped, and that sets still show (B03).
    pub(super) retired: BTreeMap<ProviderId, Retired<C>>,
    pub(super) lent: Lent,
    /// Whether, since the last apply, anybody is or was waited for before those go that stand in for him.
    pub(super) has_successors: bool,
    failed: Vec<FailedConfig>,
    /// Whether those are others than in the last snapshot.
    failed_is_dirty: bool,
    /// Providers that are not in the last snapshot as they are.
    pub(super) dirty: BTreeSet<ProviderId>,
    /// Those of them that somebody has to be told of, and whether that concerns all sets (B06).
    changed: Vec<ProviderId>,
    pub(super) sets_changed: bool,
    /// Those of which there is something new that nobody has to be told.
    noted: BTreeSet<ProviderId>,
    /// Providers of which the guard holds a drop.
    pub(super) held: BTreeSet<ProviderId>,
    /// What providers' targets have, of those of whose sets something was lost (B05).
    pub(super) addresses: BTreeMap<ProviderId, AddressIndex>,
    /// Providers that are waited for, and until when (B10).
    pub(super) awaited: BTreeSet<(Instant, ProviderId)>,
    pub(super) settings: Settings,
    /// Providers whose groups will be too old, and when (B04).
    pub(super) aging: BTreeSet<(Instant, ProviderId)>,
    /// What was there before the first apply, for the providers that it starts.
    saved: Saved<C>,
}

impl<C> Default for Registry<C> {
    fn default() -> Self {
        Self {
            next_id: 0,
            by_config: HashMap::default(),
            providers: BTreeMap::new(),
            sets: OrdMap::new(),
            retired: BTreeMap::new(),
            lent: Lent::new(),
            has_successors: false,
            failed: Vec::new(),
            failed_is_dirty: false,
            dirty: BTreeSet::new(),
            changed: Vec::new(),
            sets_changed: false,
            noted: BTreeSet::new(),
            held: BTreeSet::new(),
            addresses: BTreeMap::new(),
            awaited: BTreeSet::new(),
            settings: Settings::default(),
            aging: BTreeSet::new(),
            saved: Saved::default(),
        }
    }
}

impl<C: ProviderConfig> Registry<C> {
    /// Nobody runs.
    pub(super) fn new(defaults: SetOptions) -> Self {
        Self {
            settings: Settings::new(defaults, BTreeMap::new()),
            ..Self::default()
        }
    }

    /// Nobody runs, and those whom the first apply starts have what was saved.
    pub(super) fn restore(now: Instant, defaults: SetOptions, saved: SavedState<C>) -> Self {
        Self {
            saved: Saved::new(now, saved),
            ..Self::new(defaults)
        }
    }

    pub(super) fn apply(
        &mut self,
        now: Instant,
        reload: Reload,
        version: u64,
        sets: impl IntoIterator<Item = (String, Vec<C>)>,
        outputs: &mut Outputs<C>,
    ) -> Applied {
        self.failed_is_dirty |= planted!(!self.failed.is_empty(), OldFailuresAreShown, false);
        planted!(self.failed.clear(), FailedStaysFailed, ());
        let mut applied = Applied {
            version,
            ..Applied::default()
        };
        if reload == Reload::Legacy {
            self.by_config.clear();
            self.lent.clear();
            applied.stopped = self.stop_where(now, |_| true);
        }
        for provider in self.providers.values_mut() {
            provider.subscribers.clear();
        }

        let mut wanted: BTreeMap<Arc<str>, Vec<ProviderId>> = BTreeMap::new();
        for (set, configs) in sets {
            let set: Arc<str> = set.into();
            let members = wanted.entry(set.clone()).or_default();
            planted!({}, SetNamedTwiceHasTheLast, members.clear());
            for config in configs {
                let id = self.find_or_add(now, config, &mut applied);
                // A set that names a config twice subscribes once.
                if let Some(provider) = self.providers.get_mut(&id)
                    && planted!(!members.contains(&id), ConfigNamedTwiceIsTwoMembers, true)
                {
                    planted!(provider.subscribers.push(set.clone()), OnlyFirstSubscriber, {
                        if provider.subscribers.is_empty() {
                            provider.subscribers.push(set.clone());
                        }
                    });
                    members.push(id);
                }
            }
        }

        self.replace_sets(now, reload, wanted);
        self.sets_changed = planted!(true, ReloadIsNotDue, !applied.started.is_empty());
        applied
            .stopped
            .extend(self.stop_where(now, |provider| provider.subscribers.is_empty()));
        self.judge_times_since(now, &applied.started);
        let is_new = |id: &ProviderId| {
            applied
                .started
                .first()
                .is_some_and(|first| planted!(id >= first, FirstStartedIsKept, id > first))
        };
        applied.kept = self.providers.keys().copied().filter(|id| !is_new(id)).collect();

        let stopped = planted!(
            applied.stopped.as_slice(),
            FirstIsNotStopped,
            applied.stopped.get(1..).unwrap_or_default()
        );
        outputs.extend(stopped.iter().map(|&provider| Output::Stop { provider }));
        let started = applied.started.iter().filter_map(|id| self.providers.get(id));
        outputs.extend(started.map(|provider| Output::Start {
            provider: provider.identity.id,
            name: provider.identity.name.clone(),
            config: provider.config.clone(),
            sets: provider.subscribers.as_slice().into(),
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
        let id = self.new_id();
        let taken = self.saved.take(&config, id);
        let config = Arc::new(config);
        let identity = Identity::new(id, &*config);
        self.by_config.insert(config.clone(), id);
        let mut health = Health::new(now);
        if let Some(taken) = &taken {
            let reports = Arc::make_mut(&mut health.reports);
            reports.restored = taken.restored;
            reports.waited_out = taken.waited_out.then_some(now);
        }
        let groups = taken.map(|taken| taken.groups);
        let provider = Provider {
            identity: Arc::new(identity),
            config,
            subscribers: Vec::new(),
            health,
            is_settled: false,
            unheard: unheard::of(groups.as_ref()),
            groups: groups.unwrap_or_default(),
            guarded: Guarded::default(),
            kept: 0,
            awaited: None,
            is_successor: false,
            stale_at: None,
            expired: None,
            held: None,
        };
        self.providers.insert(id, provider);
        self.dirty.insert(id);
        applied.started.push(id);
        id
    }

    /// Stops providers. What a set still shows of one stays (B03).
    fn stop_where(&mut self, now: Instant, unwanted: impl Fn(&Provider<C>) -> bool) -> Vec<ProviderId> {
        let stopped: Vec<_> = self
            .providers
            .iter()
            .filter(|(_, provider)| unwanted(provider))
            .map(|(id, _)| *id)
            .collect();
        for id in &stopped {
            let provider = self.forget(*id);
            if let Some(provider) = provider.filter(|_| self.lent.contains_key(id)) {
                self.retired.insert(*id, Retired::of(now, provider));
            }
        }
        stopped
    }

    fn forget(&mut self, id: ProviderId) -> Option<Provider<C>> {
        let provider = self.providers.remove(&id)?;
        if planted!(
            self.by_config.get(&provider.config) == Some(&id),
            StoppedConfigIsStillKnown,
            false
        ) {
            self.by_config.remove(&provider.config);
        }
        self.held.remove(&id);
        self.addresses.remove(&id);
        if let Some(until) = planted!(provider.awaited, StoppedIsAwaited, None) {
            self.awaited.remove(&(until, id));
        }
        if let Some(at) = provider.stale_at {
            self.aging.remove(&(at, id));
        }
        planted!(self.dirty.insert(id), StoppedStaysShown, false);
        Some(provider)
    }

    /// Puts `wanted` in the place of the sets, keeping what is the same.
    fn replace_sets(&mut self, now: Instant, reload: Reload, wanted: BTreeMap<Arc<str>, Vec<ProviderId>>) {
        let saved = planted!(
            std::mem::take(&mut self.saved),
            SavedIsGivenOutAgain,
            self.saved.clone()
        );
        let restored = self.retire_saved(now, saved, &wanted);
        let gone: Vec<_> = self
            .sets
            .keys()
            .filter(|set| !wanted.contains_key(*set))
            .cloned()
            .collect();
        for set in gone {
            let members = self.sets.remove(&set);
            planted!(drop(members), LeaverStopsForAll, {
                for id in members.iter().flat_map(|members| members.wanted()) {
                    self.providers
                        .get_mut(id)
                        .into_iter()
                        .for_each(|provider| provider.subscribers.clear());
                }
            });
        }
        for (set, wanted) in wanted {
            let before = self.sets.get(&set).map(|members| &**members);
            // Most sets, at most reloads.
            if before.is_some_and(|before| before.all() == wanted && before.successors().is_empty()) {
                continue;
            }
            let members = match before
                .or_else(|| restored.get(&set))
                .filter(|_| planted!(reload == Reload::Keep, OldReloadHandsOver, true))
            {
                Some(before) => self.hand_over(before, wanted),
                None => Members::of(wanted),
            };
            let is_other = before != Some(&members);
            if is_other {
                self.sets.insert(set, Arc::new(members));
            }
        }
        self.note_handovers();
    }

    pub(super) fn new_id(&mut self) -> ProviderId {
        let id = ProviderId::from_number(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        id
    }

    pub(super) fn build_failed(&mut self, id: ProviderId, reason: String) -> Result<FailedConfig, UnknownProvider> {
        let provider = self.forget(id).ok_or(UnknownProvider(id))?;
        self.leave_sets(id, &provider.subscribers);
        let failed = FailedConfig {
            name: provider.identity.name.clone(),
            description: provider.identity.description.clone(),
            sets: provider.subscribers,
            reason,
        };
        self.failed.push(failed.clone());
        self.failed_is_dirty = true;
        self.sets_changed = planted!(true, BuildFailureIsNotDue, self.sets_changed);
        Ok(failed)
    }
}

impl<C> Registry<C> {
    pub(super) fn provider_mut(&mut self, id: ProviderId) -> Option<&mut Provider<C>> {
        self.providers.get_mut(&id)
    }

    /// Notes that a provider's groups or reports changed, so that those who read it have to be told.
    pub(super) fn touched(&mut self, id: ProviderId) {
        self.dirty.insert(id);
        self.changed.push(id);
    }

    /// Notes that there is something new of a provider for who looks, and that nobody has to be told.
    pub(super) fn note(&mut self, id: ProviderId) {
        self.dirty.insert(id);
        self.noted.insert(id);
    }

    /// The providers of which there is something to tell, and whether there is something that concerns all sets; `None`
    /// when there is nothing.
    pub(super) fn take_changed(&mut self) -> Option<(Vec<ProviderId>, bool)> {
        if self.changed.is_empty() && !self.sets_changed {
            return None;
        }
        let sets_changed = core::mem::take(&mut self.sets_changed);
        Some((core::mem::take(&mut self.changed), sets_changed))
    }

    /// Whether anything is held, waited for or growing old. Mostly nothing is, and this is asked after each input.
    pub(super) fn has_deadlines(&self) -> bool {
        !(self.held.is_empty() && self.awaited.is_empty() && self.aging.is_empty())
    }

    /// When the first of what is held counts, the first wait is over, and the first is too old.
    #[inline(never)]
    pub(super) fn deadlines(&self) -> impl Iterator<Item = (Instant, TimeoutReason)> {
        let hold = self.hold_deadline().map(|at| (at, TimeoutReason::Hold));
        let wait = self.wait_deadline().map(|at| (at, TimeoutReason::Incomplete));
        let stale = self.stale_deadline().map(|at| (at, TimeoutReason::Stale));
        [hold, wait, stale].into_iter().flatten()
    }

    /// The sets that show a provider.
    pub(super) fn readers(&self, id: ProviderId) -> impl Iterator<Item = &Arc<str>> {
        let subscribers = self.providers.get(&id).map(|provider| &provider.subscribers);
        let lent = self.lent.get(&id).into_iter().flatten();
        subscribers.into_iter().flatten().chain(lent)
    }

    /// Notes that the last snapshot has everything.
    pub(super) fn clean(&mut self) {
        self.dirty.clear();
        self.noted.clear();
        self.failed_is_dirty = false;
    }

    /// The providers of which there was something new for who looks.
    pub(super) fn noted_only(&self) -> impl Iterator<Item = ProviderId> {
        self.noted.iter().copied()
    }

    /// Notes that the last snapshot has these providers as they are.
    pub(super) fn cleaned(&mut self, providers: &BTreeSet<ProviderId>) {
        for id in providers {
            self.dirty.remove(id);
            self.noted.remove(id);
        }
    }

    /// Brings the last snapshot up to date, at the cost of what changed.
    pub(super) fn bring_up_to_date(&self, snapshot: &mut Snapshot) {
        snapshot.sets = self.sets.clone();
        if self.failed_is_dirty {
            snapshot.failed = self.failed.as_slice().into();
        }
        self.show(snapshot, &self.dirty);
    }

    /// Shows these providers as they are.
    pub(super) fn show(&self, snapshot: &mut Snapshot, providers_to_show: &BTreeSet<ProviderId>) {
        let providers = &mut snapshot.providers;
        for id in providers_to_show {
            match self.providers.get(id) {
                Some(provider) => {
                    providers.insert(*id, Arc::new(provider.snapshot()));
                }
                None => match self.retired.get(id) {
                    Some(retired) => drop(providers.insert(*id, Arc::new(retired.snapshot()))),
                    None => drop(providers.remove(id)),
                },
            }
        }
    }

    pub(super) fn sets(&self) -> &OrdMap<Arc<str>, Arc<Members>> {
        &self.sets
    }

    pub(super) fn failed(&self) -> &[FailedConfig] {
        &self.failed
    }

    pub(super) fn reported_groups(&self, id: ProviderId) -> Option<&Groups> {
        self.providers.get(&id).map(Provider::reported)
    }

    pub(super) fn statuses(&self) -> impl Iterator<Item = ProviderStatus<'_, C>> {
        self.providers.values().map(Provider::status)
    }

    pub(super) fn status(&self, id: ProviderId) -> Option<ProviderStatus<'_, C>> {
        self.providers.get(&id).map(Provider::status)
    }
}
