//! The rules of the manager in plain maps.

use std::collections::{BTreeMap, BTreeSet};

use super::Disagreement;
use super::fair::{Deadlines, PlainSetThrottle};
use super::guard::{PlainGroups, PlainHeld};
use super::handover::{PlainMembers, PlainRetired};
use super::io::{Answer, Input, PlainOutput, Reaction};
use super::plain::PlainGroup;
use super::reported::is_first;
use super::saved::PlainSaved;
use super::settings::PlainSettings;
use super::snapshot::{PlainProviderSnapshot, PlainSnapshot};
use super::window::Windows;
use crate::{Counters, FailedConfig, Health, Instant, ManagerOptions, ProviderConfig, ProviderId, Reload};

/// The manager, slow and obviously right.
#[derive(Debug, Clone)]
pub struct Model<C> {
    pub(super) name: String,
    pub(super) reload: Reload,
    pub(super) settings: PlainSettings,
    pub(super) started: Instant,
    pub(super) windows: Windows,
    pub(super) next_id: u64,
    pub(super) sets: BTreeMap<String, PlainMembers>,
    pub(super) providers: BTreeMap<ProviderId, PlainProvider<C>>,
    /// Those that were stopped, and that sets still show (B03).
    pub(super) retired: BTreeMap<ProviderId, PlainRetired<C>>,
    /// What the providers that the first apply starts begin with.
    pub(super) saved: PlainSaved<C>,
    pub(super) failed: Vec<FailedConfig>,
    pub(super) counters: Counters,
    /// When what changed is due; `None` when nothing did.
    pub(super) due: Option<Instant>,
    /// What is due for sets, if each has a throttle (B06).
    pub(super) set_throttles: BTreeMap<String, PlainSetThrottle>,
    /// Providers of which there is something to tell, of the input that is being taken.
    pub(super) changed: BTreeSet<ProviderId>,
    pub(super) receiver: Receiver,
    pub(super) emitted: PlainSnapshot,
    /// What the driver has to do for the input that is being taken.
    pub(super) outputs: Vec<PlainOutput<C>>,
}

/// A running provider in full.
#[derive(Debug, Clone)]
pub(super) struct PlainProvider<C> {
    pub(super) config: C,
    pub(super) shown: PlainProviderSnapshot,
    pub(super) subscribers: Vec<String>,
    pub(super) health: Health,
    pub(super) held: Option<PlainHeld>,
    /// The sources that were restored, and that no update has named since.
    pub(super) unheard: BTreeSet<String>,
    /// What it had when that was too old to be shown (B04).
    pub(super) expired: Option<PlainGroups>,
    /// Losses that passed, and when.
    pub(super) passed: Vec<(Instant, usize)>,
    /// Targets that came, and when; less than nothing, if some went that stand elsewhere.
    pub(super) came: Vec<(Instant, i64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receiver {
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
            settings: PlainSettings::of(options),
            started: now,
            windows: Windows::new(options.throttle, now),
            next_id: 0,
            sets: BTreeMap::new(),
            providers: BTreeMap::new(),
            retired: BTreeMap::new(),
            saved: Vec::new(),
            failed: Vec::new(),
            counters: Counters::default(),
            due: None,
            set_throttles: BTreeMap::new(),
            changed: BTreeSet::new(),
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

    /// Takes one input. `deadlines` are those that the manager names afterwards: where jitter
    /// decides them, the model can only check that they lie in their windows.
    ///
    /// # Errors
    /// One of the `deadlines` is not allowed.
    pub fn step(&mut self, now: Instant, input: &Input<C>, deadlines: &Deadlines) -> Result<Reaction<C>, Disagreement> {
        let known = |model: &Self, id| {
            model
                .providers
                .get(&id)
                .map(|provider| (*provider.health.reports).clone())
        };
        self.changed.clear();
        let before = (self.sets.clone(), self.failed.clone());
        let is_apply = matches!(input, Input::Apply(_));
        let (answer, effect) = match input {
            // S10: an apply makes a snapshot due, whatever it changed.
            Input::Apply(sets) => (Answer::Applied(self.apply(now, sets)), Effect::Changed),
            Input::Options(defaults, by_set) => {
                let is_other = self.set_options(now, *defaults, by_set);
                (
                    Answer::Nothing,
                    if is_other { Effect::Changed } else { Effect::Nothing },
                )
            }
            Input::Throttle(throttle, per_set) => {
                self.set_throttle(now, *throttle, *per_set, deadlines)?;
                (Answer::Nothing, Effect::Nothing)
            }
            Input::Update(id, update) => {
                let before = known(self, *id);
                let known_before = before.clone();
                let updated = self.update(now, *id, update);
                let others_changed = updated.is_ok_and(|(_, others)| others);
                let answer = updated.map(|(outcome, _)| outcome);
                let effect = match answer {
                    _ if others_changed => Effect::Changed,
                    // B01: nothing changed, and nothing was reported for the first time.
                    Ok(outcome) if outcome.is_unchanged() && !is_first(before, known(self, *id)) => Effect::Nothing,
                    Ok(_) => Effect::Changed,
                    Err(_) => Effect::Ignored, // S06
                };
                let is_unchanged = answer.is_ok_and(|outcome| outcome.is_unchanged());
                if answer.is_ok() && (!is_unchanged || is_first(known_before, known(self, *id))) {
                    self.changed.insert(*id);
                }
                (Answer::Updated(answer), effect)
            }
            Input::Failure(id, failure) => {
                let before = known(self, *id);
                let answer = self.fail(now, *id, failure);
                let effect = match answer {
                    Ok(()) if is_first(before, known(self, *id)) => {
                        self.changed.insert(*id);
                        Effect::Changed // B01
                    }
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
            // B05: what stayed so long enough counts. B10: who was waited for long enough is no longer.
            let released = self.release_due(now);
            let waited_out = self.wait_out_all(now);
            let expired = self.expire(now);
            if waited_out || released || expired || matches!(effect, Effect::Changed) {
                // S10, B06: what changes the sets themselves concerns everything.
                let is_for_all = is_apply || before != (self.sets.clone(), self.failed.clone());
                if is_for_all || !self.settings.per_set {
                    self.make_due(now, deadlines.all)?;
                } else {
                    let changed = core::mem::take(&mut self.changed);
                    self.make_due_for_sets(now, &changed, deadlines)?;
                }
            }
            self.emit_if_due(now);
        }
        let outputs = std::mem::take(&mut self.outputs);
        Ok(Reaction { answer, outputs })
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

    pub(super) fn sets(&self) -> &BTreeMap<String, PlainMembers> {
        &self.sets
    }
}
