//! A manager and its model, side by side.

use std::collections::VecDeque;

use super::guard::PlainGroups;
use super::model::PlainProvider;
use super::plain::PlainStored;
use super::{Answer, Deadlines, Disagreement, Input, Model, PlainOutput, PlainSnapshot, agree};
use crate::{Instant, Manager, ManagerOptions, Output, ProviderConfig, ProviderStatus, Snapshot, Stored};

/// A [`Manager`] and its [`Model`]: takes inputs as a manager does, and **compares everything
/// that can be seen after each**.
///
/// ```
/// use headcount_core::reference::{Input, Pair, PlainConfig};
/// use headcount_core::{Instant, ManagerOptions};
///
/// let mut pair = Pair::new(Instant::ZERO, ManagerOptions::default());
/// let sets = vec![("node".to_owned(), vec![PlainConfig::new("file", 1)])];
/// let step = pair.step(Instant::ZERO, Input::Apply(sets))?;
/// assert_eq!(step.outputs.len(), 1);
/// # Ok::<(), headcount_core::reference::Disagreement>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pair<C: ProviderConfig> {
    manager: Manager<C>,
    model: Model<C>,
    /// The last snapshots that were emitted, as they were then.
    emitted: VecDeque<(Snapshot, PlainSnapshot)>,
}

/// What a manager answered to an input, and its model agreed to.
#[derive(Debug, Clone)]
#[must_use = "an output that is not carried out is lost"]
pub struct Step<C> {
    /// What the input returned.
    pub answer: Answer,
    /// What the driver has to do.
    pub outputs: Vec<Output<C>>,
}

/// How many snapshots are kept, to see that they don't change and what they differ in.
const KEPT: usize = 3;

impl<C: ProviderConfig> Pair<C> {
    /// A manager and its model, at `now`.
    pub fn new(now: Instant, options: ManagerOptions) -> Self {
        let model = Model::new(now, &options);
        Self::of(Manager::new(now, options), model)
    }

    pub(super) fn of(manager: Manager<C>, model: Model<C>) -> Self {
        Self {
            manager,
            model,
            emitted: VecDeque::new(),
        }
    }

    /// The manager, for what can be asked of it.
    pub fn manager(&self) -> &Manager<C> {
        &self.manager
    }

    /// The model.
    pub fn model(&self) -> &Model<C> {
        &self.model
    }

    /// Gives both the same input, compares them, and returns what the manager answered. All outputs
    /// are drained.
    ///
    /// # Errors
    /// They disagree on something.
    pub fn step(&mut self, now: Instant, input: Input<C>) -> Result<Step<C>, Disagreement> {
        let answer = match input.clone() {
            Input::Apply(sets) => Answer::Applied(self.manager.apply(now, sets)),
            Input::Options(defaults, by_set) => {
                self.manager.set_options(now, defaults, by_set);
                Answer::Nothing
            }
            Input::Throttle(throttle, per_set) => {
                self.manager.set_throttle(now, throttle, per_set);
                Answer::Nothing
            }
            Input::Update(id, update) => Answer::Updated(self.manager.handle_update(now, id, update)),
            Input::Failure(id, failure) => Answer::Noted(self.manager.handle_failure(now, id, failure)),
            Input::BuildFailure(id, reason) => Answer::Noted(self.manager.handle_build_failure(now, id, reason)),
            Input::Confirm(id) => Answer::Confirmed(self.manager.confirm_drop(now, id)),
            Input::ReceiverReady => {
                self.manager.handle_receiver_ready(now);
                Answer::Nothing
            }
            Input::Timeout => {
                self.manager.handle_timeout(now);
                Answer::Nothing
            }
        };
        let outputs: Vec<_> = core::iter::from_fn(|| self.manager.poll_output()).collect();
        let (all, sets) = self.manager.throttle_deadlines();
        let reaction = self.model.step(now, &input, &Deadlines { all, sets })?;

        agree("the input's result", &reaction.answer, &answer)?;
        self.compare_outputs(&reaction.outputs, &outputs)?;
        self.compare_state(now)?;
        Ok(Step { answer, outputs })
    }

    fn compare_outputs(&mut self, expected: &[PlainOutput<C>], found: &[Output<C>]) -> Result<(), Disagreement> {
        let words = |output: &PlainOutput<C>| match output {
            PlainOutput::Start { name, sets, .. } => format!("start {name} for {sets:?}"),
            PlainOutput::Stop(id) => format!("stop {id}"),
            PlainOutput::Emit(snapshot) => format!("emit {snapshot:?}"),
            PlainOutput::Event(event) => format!("{event:?}"),
        };
        let plain = found.iter().map(plain_output).collect::<Result<Vec<_>, _>>()?;
        if expected != plain {
            let (expected, found) = (expected.iter().map(words), plain.iter().map(words));
            return Err(Disagreement::new(
                "the outputs",
                expected.collect::<Vec<_>>(),
                found.collect::<Vec<_>>(),
            ));
        }
        for output in found {
            if let Output::Emit(snapshot) = output {
                self.compare_with_older(snapshot)?;
            }
        }
        Ok(())
    }

    /// B02: old snapshots stay what they are, and the differences to them are what they say.
    fn compare_with_older(&mut self, snapshot: &Snapshot) -> Result<(), Disagreement> {
        let plain = PlainSnapshot::read(snapshot)?;
        for (older, plain_older) in &self.emitted {
            agree("a snapshot from before", plain_older, &PlainSnapshot::read(older)?)?;
            plain.check_diff(plain_older, &snapshot.diff(older))?;
        }
        if let Some((older, plain_older)) = self.emitted.back() {
            plain_older.check_diff(&plain, &older.diff(snapshot))?;
        }
        if let Some((oldest, plain_oldest)) = self.emitted.front() {
            // Several steps taken at once are one.
            let mut all = oldest.diff(oldest);
            for step in self.emitted.iter().map(|(older, _)| older).chain([snapshot]) {
                all.extend(&step.diff(&all.newer().clone()));
            }
            plain.check_diff(plain_oldest, &all)?;
        }
        plain.check_diff(&plain, &snapshot.diff(snapshot))?;
        if self.emitted.len() == KEPT {
            self.emitted.pop_front();
        }
        self.emitted.push_back((snapshot.clone(), plain));
        Ok(())
    }

    fn compare_state(&self, now: Instant) -> Result<(), Disagreement> {
        let (manager, model) = (&self.manager, &self.model);
        agree("poll_timeout", &model.timeout(), &manager.poll_timeout())?;
        agree("the counters (S12)", &model.counters(), &manager.counters())?;
        agree(
            "the failed configs (S11)",
            &model.failed_configs(),
            &manager.failed_configs(),
        )?;
        agree("is_ready", &model.is_ready(), &manager.is_ready())?;
        agree("the manager's name (S13)", &model.name(), &&**manager.name())?;
        let sets: Vec<_> = model.sets().keys().map(String::as_str).collect();
        agree("the sets", &sets, &manager.sets().map(|set| &**set).collect())?;

        let ids: Vec<_> = model.running().collect();
        agree(
            "the providers",
            &ids,
            &manager.providers().map(|provider| provider.id).collect(),
        )?;
        for (id, expected) in model.providers() {
            match manager.provider(*id) {
                Some(found) => compare_provider(expected, &found)?,
                None => return Err(Disagreement::new("Manager::provider", id, "none")),
            }
        }
        let unknown = manager.provider(model.next_id()).map(|provider| provider.id);
        agree("a provider that never was", &None, &unknown)?;

        let (snapshot, expected) = (manager.snapshot(now), model.snapshot(now));
        agree("the snapshot as of now", &expected, &PlainSnapshot::read(&snapshot)?)?;
        for provider in manager.providers() {
            if let Some(held) = provider.held {
                // B05: each target that is held can be told from the others.
                let groups = snapshot
                    .provider(provider.id)
                    .into_iter()
                    .flat_map(|provider| provider.groups().iter());
                let targets =
                    groups.flat_map(|stored| stored.group().targets().map(move |target| (stored.group(), target)));
                let held_targets = targets.filter(|(group, target)| held.holds(group, *target)).count();
                agree("how many targets Held::holds", &held.targets, &held_targets)?;
                let groups = snapshot
                    .provider(provider.id)
                    .into_iter()
                    .flat_map(|provider| provider.groups().iter());
                for group in groups.map(Stored::group) {
                    let still_there = held.still_there(group.source());
                    let agrees = |target| still_there.has(group, target) != held.holds(group, target);
                    agree("Held::still_there", &true, &group.targets().all(agrees))?;
                }
            }
        }
        if let Some((older, plain_older)) = self.emitted.back() {
            expected.check_diff(plain_older, &snapshot.diff(older))?;
        }
        Ok(())
    }
}

fn compare_provider<C: ProviderConfig>(
    expected: &PlainProvider<C>,
    found: &ProviderStatus<'_, C>,
) -> Result<(), Disagreement> {
    agree("a provider's name", &expected.shown.name.as_str(), &&**found.name)?;
    let same_config = expected.config == **found.config;
    agree("that a provider has its config", &true, &same_config)?;
    agree(
        "a provider's description",
        &expected.shown.description.as_str(),
        &&**found.description,
    )?;
    let subscribers: Vec<_> = found.subscribers.iter().map(|set| &**set).collect();
    agree(
        "a provider's subscribers (S01)",
        &expected.subscribers.iter().map(String::as_str).collect(),
        &subscribers,
    )?;
    agree("a provider's health (B04)", &expected.health, found.health)?;
    agree("a provider's groups", &expected.shown.groups.len(), &found.groups)?;
    agree("a provider's targets", &expected.shown.target_count(), &found.targets)?;
    compare_held(expected, found)
}

/// B05: what is held, why, and for each target that is shown whether it is one of those.
fn compare_held<C: ProviderConfig>(
    expected: &PlainProvider<C>,
    found: &ProviderStatus<'_, C>,
) -> Result<(), Disagreement> {
    let (Some(plain), Some(held)) = (&expected.held, found.held) else {
        return agree(
            "whether a drop is held",
            &expected.held.is_some(),
            &found.held.is_some(),
        );
    };
    agree("since when a drop is held", &plain.since, &held.since)?;
    agree("until when a drop is held", &plain.until, &held.until)?;
    agree("how many targets are held", &plain.targets, &held.targets)?;
    agree(
        "the set that would lose too much",
        &plain.reason.set.as_str(),
        &&*held.set,
    )?;
    let reason = &plain.reason;
    agree(
        "what the share is reckoned from",
        &(reason.before, reason.came, reason.of),
        &(held.before, held.came, held.of),
    )?;
    let actual = PlainGroups::from_iter(held.actual().iter().map(|stored| {
        let stored = PlainStored::from(stored);
        (stored.group.source.clone(), stored)
    }));
    agree("what the backend has", &plain.actual, &actual)
}

fn plain_output<C: ProviderConfig>(output: &Output<C>) -> Result<PlainOutput<C>, Disagreement> {
    Ok(match output {
        Output::Start {
            provider,
            name,
            config,
            sets,
        } => PlainOutput::Start {
            provider: *provider,
            name: name.to_string(),
            config: (**config).clone(),
            sets: sets.iter().map(|set| set.to_string()).collect(),
        },
        Output::Stop { provider } => PlainOutput::Stop(*provider),
        Output::Emit(snapshot) => PlainOutput::Emit(PlainSnapshot::read(snapshot)?),
        Output::Event(event) => PlainOutput::Event(event.clone()),
    })
}
