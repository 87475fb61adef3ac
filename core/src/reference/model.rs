//! The rules of the manager in plain maps.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::guard::PlainHeld;
use super::plain::{PlainGroup, PlainKind, PlainStored, PlainUpdate};
use super::saved::PlainSaved;
use super::snapshot::{PlainProviderSnapshot, PlainSnapshot};
use super::window::Windows;
use super::{Disagreement, Window};
use crate::{
    Applied, Condition, Counters, DropGuard, EventKind, FailedConfig, FailedRefresh, Failure, Health, Instant,
    ManagerEvent, ManagerOptions, ProviderConfig, ProviderId, Reload, Reports, Restored, TimeoutReason,
    UnknownProvider, Update, UpdateOutcome,
};

/// One input of a manager.
#[derive(Debug, Clone)]
pub enum Input<C> {
    /// [`Manager::apply`](crate::Manager::apply).
    Apply(Vec<(String, Vec<C>)>),
    /// [`Manager::handle_update`](crate::Manager::handle_update).
    Update(ProviderId, Update),
    /// [`Manager::handle_failure`](crate::Manager::handle_failure).
    Failure(ProviderId, Failure),
    /// [`Manager::handle_build_failure`](crate::Manager::handle_build_failure).
    BuildFailure(ProviderId, String),
    /// [`Manager::confirm_drop`](crate::Manager::confirm_drop).
    Confirm(ProviderId),
    /// [`Manager::handle_receiver_ready`](crate::Manager::handle_receiver_ready).
    ReceiverReady,
    /// [`Manager::handle_timeout`](crate::Manager::handle_timeout).
    Timeout,
}

/// What an input returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: a receiver or a timeout.
    Nothing,
    /// To an apply.
    Applied(Applied),
    /// To an update.
    Updated(Result<UpdateOutcome, UnknownProvider>),
    /// To a failure of either sort.
    Noted(Result<(), UnknownProvider>),
    /// To an operator's confirmation.
    Confirmed(Result<usize, UnknownProvider>),
}

/// An [`Output`](crate::Output) in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlainOutput<C> {
    /// Start a provider.
    Start {
        /// Which one.
        provider: ProviderId,
        /// `kind/N`.
        name: String,
        /// What it runs.
        config: C,
        /// Who subscribes.
        sets: Vec<String>,
    },
    /// Stop a provider.
    Stop(ProviderId),
    /// Hand this to the receiver.
    Emit(PlainSnapshot),
    /// Somebody may want to hear this.
    Event(ManagerEvent),
}

/// What an input does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction<C> {
    /// What it returns.
    pub answer: Answer,
    /// What the driver has to do.
    pub outputs: Vec<PlainOutput<C>>,
}

/// The manager, slow and obviously right.
#[derive(Debug, Clone)]
pub struct Model<C> {
    name: String,
    reload: Reload,
    pub(super) guard: Option<DropGuard>,
    windows: Windows,
    next_id: u64,
    pub(super) sets: BTreeMap<String, Vec<ProviderId>>,
    pub(super) providers: BTreeMap<ProviderId, PlainProvider<C>>,
    /// What the providers that the first apply starts begin with.
    pub(super) saved: PlainSaved<C>,
    failed: Vec<FailedConfig>,
    counters: Counters,
    /// When what changed is due; `None` when nothing did.
    due: Option<Instant>,
    receiver: Receiver,
    emitted: PlainSnapshot,
    /// What the driver has to do for the input that is being taken.
    outputs: Vec<PlainOutput<C>>,
}

/// A running provider in full.
#[derive(Debug, Clone)]
pub(super) struct PlainProvider<C> {
    pub(super) config: C,
    pub(super) shown: PlainProviderSnapshot,
    pub(super) subscribers: Vec<String>,
    pub(super) health: Health,
    pub(super) held: Option<PlainHeld>,
    /// Losses that passed, and when.
    pub(super) passed: Vec<(Instant, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Receiver {
    Ready,
    Busy,
    KeptWaiting,
}

/// What an input means for the next snapshot.
enum Effect {
    /// Something that snapshots show changed.
    Changed,
    /// Nothing of the sort, but time passed.
    Nothing,
    /// The input was ignored altogether.
    Ignored,
}

impl<C: ProviderConfig> Model<C> {
    /// A model of a manager with these options.
    pub fn new(now: Instant, options: &ManagerOptions) -> Self {
        Self {
            name: options.name.clone(),
            reload: options.reload,
            guard: options.guard,
            windows: Windows::new(options.throttle, now),
            next_id: 0,
            sets: BTreeMap::new(),
            providers: BTreeMap::new(),
            saved: Vec::new(),
            failed: Vec::new(),
            counters: Counters::default(),
            due: None,
            receiver: Receiver::Ready,
            // S13: a snapshot says whose it is.
            emitted: PlainSnapshot {
                manager: options.name.clone(),
                at: now,
                ..PlainSnapshot::default()
            },
            outputs: Vec::new(),
        }
    }

    /// Takes one input. `deadline` is the one that the manager names afterwards: where jitter
    /// decides it, the model can only check that it lies in its window.
    ///
    /// # Errors
    /// `deadline` is not allowed.
    pub fn step(
        &mut self,
        now: Instant,
        input: &Input<C>,
        deadline: Option<Instant>,
    ) -> Result<Reaction<C>, Disagreement> {
        let known = |model: &Self, id| model.providers.get(&id).map(|provider| provider.health.reports.clone());
        let (answer, effect) = match input {
            // S10: an apply makes a snapshot due, whatever it changed.
            Input::Apply(sets) => (Answer::Applied(self.apply(now, sets)), Effect::Changed),
            Input::Update(id, update) => {
                let before = known(self, *id);
                let answer = self.update(now, *id, update);
                let effect = match answer {
                    // B01: nothing changed, and nothing was reported for the first time.
                    Ok(outcome) if outcome.is_unchanged() && !is_first(before, known(self, *id)) => Effect::Nothing,
                    Ok(_) => Effect::Changed,
                    Err(_) => Effect::Ignored, // S06
                };
                (Answer::Updated(answer), effect)
            }
            Input::Failure(id, failure) => {
                let before = known(self, *id);
                let answer = self.fail(now, *id, failure);
                let effect = match answer {
                    Ok(()) if is_first(before, known(self, *id)) => Effect::Changed, // B01
                    Ok(()) => Effect::Nothing,
                    Err(_) => Effect::Ignored, // S06
                };
                (Answer::Noted(answer), effect)
            }
            Input::BuildFailure(id, reason) => {
                let answer = self.build_failure(now, *id, reason);
                let effect = if answer.is_ok() {
                    Effect::Changed
                } else {
                    Effect::Ignored
                };
                (Answer::Noted(answer), effect)
            }
            Input::Confirm(id) => {
                let answer = self.confirm(now, *id);
                let effect = match answer {
                    Ok(0) => Effect::Nothing,
                    Ok(_) => Effect::Changed,
                    Err(_) => Effect::Ignored,
                };
                (Answer::Confirmed(answer), effect)
            }
            Input::ReceiverReady => {
                self.receiver = Receiver::Ready;
                (Answer::Nothing, Effect::Nothing)
            }
            Input::Timeout => (Answer::Nothing, Effect::Nothing),
        };
        if !matches!(effect, Effect::Ignored) {
            // B05: what stayed so long enough counts.
            if self.release_due(now) || matches!(effect, Effect::Changed) {
                self.make_due(now, deadline)?;
            }
            self.emit_if_due(now);
        }
        let outputs = std::mem::take(&mut self.outputs);
        Ok(Reaction { answer, outputs })
    }

    /// When the driver has to come back: at the deadline, unless the receiver missed it; then
    /// only the receiver can bring something new (S09). And when a drop that is held counts (B05).
    pub fn timeout(&self) -> Option<(Instant, TimeoutReason)> {
        let throttle = self.due.filter(|_| self.receiver != Receiver::KeptWaiting);
        let throttle = throttle.map(|at| (at, TimeoutReason::Throttle));
        let holds = self.hold_deadlines().map(|(_, at)| (at, TimeoutReason::Hold));
        throttle.into_iter().chain(holds).min()
    }

    /// The state as it is.
    pub fn snapshot(&self, now: Instant) -> PlainSnapshot {
        match self.due {
            None => self.emitted.clone(),
            Some(_) => self.next_snapshot(now),
        }
    }

    /// Whether every provider has reported.
    pub fn is_ready(&self) -> bool {
        self.providers
            .values()
            .all(|provider| provider.health.updates > 0 || provider.health.failures > 0)
    }

    /// The manager's name (S13).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The running providers' ids.
    pub fn running(&self) -> impl ExactSizeIterator<Item = ProviderId> + '_ {
        self.providers.keys().copied()
    }

    /// The id that the next provider gets; all that were ever given are smaller.
    pub fn next_id(&self) -> ProviderId {
        ProviderId::from_number(self.next_id)
    }

    /// The groups that a provider has, by source.
    pub fn groups(&self, id: ProviderId) -> Vec<PlainGroup> {
        let stored = self.providers.get(&id).map(|provider| provider.shown.groups.values());
        stored
            .into_iter()
            .flatten()
            .map(|stored| stored.group.clone())
            .collect()
    }

    /// What was counted (S12).
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The configs that could not be built (S11).
    pub fn failed_configs(&self) -> &[FailedConfig] {
        &self.failed
    }

    pub(super) fn providers(&self) -> &BTreeMap<ProviderId, PlainProvider<C>> {
        &self.providers
    }

    pub(super) fn sets(&self) -> &BTreeMap<String, Vec<ProviderId>> {
        &self.sets
    }

    fn apply(&mut self, now: Instant, sets: &[(String, Vec<C>)]) -> Applied {
        let before = std::mem::take(&mut self.providers);
        // S11: a failed config is tried again, so it no longer counts as failed.
        self.failed.clear();
        self.sets.clear();
        let mut started = Vec::new();
        for (set, configs) in sets {
            // S03: a set stands there even if it has no config.
            self.sets.entry(set.clone()).or_default();
            for config in configs {
                // S01: equal configs are one provider. S02: one that ran goes on, with all it
                // has; legacy mode finds none that ran.
                let here = self.providers.iter().find(|(_, provider)| provider.config == *config);
                let ran = before.iter().find(|(_, provider)| provider.config == *config);
                let id = match (here, ran) {
                    (Some((id, _)), _) => *id,
                    (None, Some((id, provider))) if self.reload == Reload::Keep => {
                        let kept = PlainProvider {
                            subscribers: Vec::new(),
                            ..provider.clone()
                        };
                        self.providers.insert(*id, kept);
                        *id
                    }
                    (None, _) => {
                        let id = ProviderId::from_number(self.next_id);
                        self.next_id += 1;
                        let mut provider = PlainProvider::new(now, id, config);
                        if let Some(saved) = self.saved.iter().find(|saved| saved.config == *config) {
                            let first_whole = saved.first_whole;
                            provider.health.reports.restored = Some(Restored { first_whole });
                            provider.shown.groups = saved.groups.clone();
                        }
                        self.providers.insert(id, provider);
                        started.push(id);
                        id
                    }
                };
                // S01: a set that names a config twice subscribes once.
                let members = self.sets.entry(set.clone()).or_default();
                if !members.contains(&id) {
                    members.push(id);
                    if let Some(provider) = self.providers.get_mut(&id) {
                        provider.subscribers.push(set.clone());
                    }
                }
            }
        }
        self.saved.clear();
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
        self.judge_again(now);
        Applied {
            // Whatever was due before, the next snapshot has this too.
            version: self.emitted.version + 1,
            started,
            stopped,
            kept,
        }
    }

    fn update(&mut self, now: Instant, id: ProviderId, update: &Update) -> Result<UpdateOutcome, UnknownProvider> {
        let Some(provider) = self.providers.get_mut(&id) else {
            self.counters.ignored_reports += 1; // S06
            return Err(UnknownProvider(id));
        };
        let update = PlainUpdate::from(update);
        // S12, B04
        self.counters.received_updates += 1;
        let health = &mut provider.health;
        health.updates += 1;
        health.last_update = Some(now);
        let reports = &mut health.reports;
        reports.first_update = reports.first_update.or(Some(now));
        // B09: whole is what was read to its end without any error.
        if matches!(update.kind, PlainKind::Full | PlainKind::Completing) {
            reports.first_whole = reports.first_whole.or(Some(now));
        }
        let before = reports.condition.clone();
        reports.condition = match &update.kind {
            PlainKind::Partial(missing) => Condition::Partial(missing.clone()),
            _ => Condition::Healthy,
        };
        self.outputs.extend(event(now, id, &before, &reports.condition));
        let is_partial = matches!(update.kind, PlainKind::Partial(_));
        if let Some(duration) = update.duration {
            health.refreshes = (health.refreshes.0 + 1, health.refreshes.1.saturating_add(duration));
        }

        let number = health.updates;

        let shown = provider.shown.groups.clone();
        let old = provider.actual().clone();
        // S05: a full update starts from nothing. S04: any other from what there is.
        let mut new = match update.kind {
            PlainKind::Full => BTreeMap::new(),
            PlainKind::Delta | PlainKind::Completing | PlainKind::Partial(_) => old.clone(),
        };
        // S04: the last group of a source counts; one without targets removes it.
        let named: BTreeMap<String, PlainGroup> = update
            .groups
            .into_iter()
            .map(|group| (group.source.clone(), group.sorted()))
            .collect();
        let with_targets = named.values().filter(|group| !group.targets.is_empty());
        let named_sources: Vec<String> = with_targets.map(|group| group.source.clone()).collect();
        for (source, group) in named {
            if group.targets.is_empty() {
                new.remove(&source);
                continue;
            }
            // B07: a group keeps the update that made it what it is.
            let stored = match old.get(&source) {
                Some(stored) if stored.group == group => stored.clone(),
                // B05: what was only reported to be gone was there all the time.
                _ => match shown.get(&source) {
                    Some(stored) if stored.group == group => stored.clone(),
                    _ => PlainStored {
                        group,
                        changed: now,
                        update: number,
                    },
                },
            };
            new.insert(source, stored);
        }
        let held = self.guard(now, id, &old, new, is_partial);

        let Some(provider) = self.providers.get_mut(&id) else {
            return Err(UnknownProvider(id));
        };
        let (health, after) = (&mut provider.health, &provider.shown.groups);
        let both = |source: &&String| shown.contains_key(*source) && after.contains_key(*source);
        let outcome = UpdateOutcome {
            added: after.keys().filter(|source| !shown.contains_key(*source)).count(),
            changed: shown
                .keys()
                .filter(both)
                .filter(|source| shown[*source] != after[*source])
                .count(),
            removed: shown.keys().filter(|source| !after.contains_key(*source)).count(),
            unchanged: named_sources
                .iter()
                .filter(both)
                .filter(|source| shown[*source] == after[*source])
                .count(),
            held,
        };
        // B01
        if shown == *after {
            self.counters.unchanged_updates += 1;
            health.unchanged_updates += 1;
        } else {
            health.last_change = Some(now);
        }
        Ok(outcome)
    }

    fn fail(&mut self, now: Instant, id: ProviderId, failure: &Failure) -> Result<(), UnknownProvider> {
        let Some(provider) = self.providers.get_mut(&id) else {
            self.counters.ignored_reports += 1; // S06
            return Err(UnknownProvider(id));
        };
        // B04: what was found stays.
        let health = &mut provider.health;
        health.failures += 1;
        let last = FailedRefresh {
            at: now,
            message: Arc::from(failure.message()),
            retry_at: failure.retry_after().map(|after| now + after),
        };
        health.last_failure = Some(last.clone());
        let reports = &mut health.reports;
        reports.first_failure = reports.first_failure.or(Some(now));
        let before = reports.condition.clone();
        let (since, times) = match before {
            Condition::Failing { since, times, .. } => (since, times + 1),
            Condition::Starting | Condition::Healthy | Condition::Partial(_) => (now, 1),
        };
        reports.condition = Condition::Failing { since, times, last };
        self.outputs.extend(event(now, id, &before, &reports.condition));
        if let Some(duration) = failure.duration() {
            health.refreshes = (health.refreshes.0 + 1, health.refreshes.1.saturating_add(duration));
        }
        Ok(())
    }

    fn build_failure(&mut self, now: Instant, id: ProviderId, reason: &str) -> Result<(), UnknownProvider> {
        let Some(provider) = self.providers.remove(&id) else {
            self.counters.ignored_reports += 1; // S06
            return Err(UnknownProvider(id));
        };
        // S03: the sets stay, without it.
        for members in self.sets.values_mut() {
            members.retain(|member| *member != id);
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

    /// S07, S08: what changed is due at a moment that the throttle decides, and stays due then,
    /// whatever else changes.
    fn make_due(&mut self, now: Instant, deadline: Option<Instant>) -> Result<(), Disagreement> {
        if self.due.is_some() {
            return Ok(());
        }
        let window: Window = self.windows.change(now)?;
        // The manager names no deadline when it emitted at once or the receiver is busy. That is
        // right if it may be due already; if not, comparing the outputs will show it.
        let due = deadline.unwrap_or(window.earliest);
        if !window.contains(due) {
            return Err(Disagreement::new("the deadline (S07, S08)", window, due));
        }
        self.due = Some(due);
        Ok(())
    }

    fn emit_if_due(&mut self, now: Instant) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        match self.receiver {
            Receiver::Ready => {
                self.emitted = self.next_snapshot(now);
                self.due = None;
                self.windows.emission(now);
                self.receiver = Receiver::Busy;
                self.counters.updates += 1;
                self.outputs.push(PlainOutput::Emit(self.emitted.clone()));
            }
            // S09: it stays due, and is counted once.
            Receiver::Busy => {
                self.receiver = Receiver::KeptWaiting;
                self.counters.updates_delayed += 1;
            }
            Receiver::KeptWaiting => {}
        }
    }

    fn next_snapshot(&self, now: Instant) -> PlainSnapshot {
        let shown = |(id, provider): (&ProviderId, &PlainProvider<C>)| {
            let reports = provider.health.reports.clone();
            let shown = PlainProviderSnapshot {
                reports,
                ..provider.shown.clone()
            };
            (*id, shown)
        };
        PlainSnapshot {
            manager: self.name.clone(),
            version: self.emitted.version + 1,
            at: now,
            sets: self.sets.clone(),
            providers: self.providers.iter().map(shown).collect(),
            failed: self.failed.clone(),
        }
    }
}

/// B01: whether something was reported for the first time.
fn is_first(before: Option<Reports>, after: Option<Reports>) -> bool {
    let firsts = |reports: Reports| (reports.first_update, reports.first_failure, reports.first_whole);
    before.map(firsts) != after.map(firsts)
}

/// B04: what is to be heard of at once of how a provider fares.
fn event<C>(at: Instant, provider: ProviderId, before: &Condition, after: &Condition) -> Option<PlainOutput<C>> {
    let what = match (before, after) {
        (Condition::Failing { .. }, Condition::Failing { .. }) => return None,
        (_, Condition::Failing { last, .. }) => EventKind::Failing(last.clone()),
        (Condition::Partial(before), Condition::Partial(after)) if before == after => return None,
        (_, Condition::Partial(missing)) => EventKind::Partial(missing.clone()),
        (Condition::Failing { times, .. }, Condition::Healthy) => EventKind::Recovered { failures: *times },
        (Condition::Partial(_), Condition::Healthy) => EventKind::Recovered { failures: 0 },
        (Condition::Starting | Condition::Healthy, Condition::Healthy) | (_, Condition::Starting) => return None,
    };
    Some(PlainOutput::Event(ManagerEvent { at, provider, what }))
}

impl<C> Model<C> {
    /// Somebody may want to hear this.
    pub(super) fn happened(&mut self, at: Instant, provider: ProviderId, what: EventKind) {
        let event = ManagerEvent { at, provider, what };
        self.outputs.push(PlainOutput::Event(event));
    }
}

impl<C: ProviderConfig> PlainProvider<C> {
    fn new(now: Instant, id: ProviderId, config: &C) -> Self {
        Self {
            config: config.clone(),
            shown: PlainProviderSnapshot {
                name: format!("{}/{}", config.kind(), id.number()),
                kind: config.kind().to_owned(),
                description: config.describe(),
                reports: Reports::default(),
                groups: BTreeMap::new(),
            },
            subscribers: Vec::new(),
            health: Health {
                started: now,
                last_update: None,
                last_change: None,
                last_failure: None,
                updates: 0,
                unchanged_updates: 0,
                failures: 0,
                refreshes: (0, core::time::Duration::ZERO),
                reports: Reports::default(),
            },
            held: None,
            passed: Vec::new(),
        }
    }
}
