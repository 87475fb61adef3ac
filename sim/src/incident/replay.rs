//! Drives a manager with what was recorded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use headcount_core::reference::{Disagreement, Input, Pair};
use headcount_core::{
    Encoder, Failure, Group, GroupError, Instant, Manager, ManagerOptions, Output, ProviderConfig, ProviderId,
    RecordedEvent, RecordedGroup, RecordedProvider, Snapshot,
};

use super::{Emission, EmissionPair, Incident, IncidentOutcome};
use crate::metrics::Histogram;
use crate::{Span, ThrottleSetting};

/// Why a recording can't be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A group can't be what it says.
    #[error("at {at}: the group `{source_name}`: {error}")]
    Group {
        /// When, since the recording began.
        at: Span,
        /// Which group.
        source_name: String,
        /// What is wrong.
        error: GroupError,
    },
    /// The manager and the reference model say different things: a rule is broken.
    #[error("at {at}: {disagreement}")]
    Model {
        /// When, since the recording began.
        at: Span,
        /// What they disagree on.
        disagreement: Disagreement,
    },
}

/// A config that was recorded: as good as its provider's number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Config {
    number: u64,
    kind: Arc<str>,
    description: Arc<str>,
    incomplete_after: Option<Duration>,
}

impl ProviderConfig for Config {
    fn kind(&self) -> &str {
        &self.kind
    }

    fn describe(&self) -> String {
        self.description.to_string()
    }

    fn incomplete_after(&self) -> Option<Duration> {
        self.incomplete_after
    }
}

/// The manager, alone or with its model.
enum Driven {
    Manager(Box<Manager<Config>>),
    Pair(Box<Pair<Config>>),
}

impl Incident {
    /// Replays it as it was, and compares the snapshots with those that were recorded.
    ///
    /// # Errors
    /// A group in it can't be what it says.
    pub fn replay(&self) -> Result<IncidentOutcome, ReplayError> {
        let manager = Manager::new(self.began(), self.options.options());
        self.run(Driven::Manager(Box::new(manager)), true)
    }

    /// The same with the reference model beside the manager, which costs what there is at every input.
    ///
    /// # Errors
    /// A group in it can't be what it says, or a rule is broken.
    pub fn check(&self) -> Result<IncidentOutcome, ReplayError> {
        self.run(
            Driven::Pair(Box::new(Pair::new(self.began(), self.options.options()))),
            true,
        )
    }

    /// What the same reports would have come to under another throttle. The receiver takes as long for each
    /// snapshot as it took for those that were recorded, one after another.
    ///
    /// # Errors
    /// A group in it can't be what it says.
    pub fn under(&self, throttle: ThrottleSetting) -> Result<IncidentOutcome, ReplayError> {
        let options = ManagerOptions {
            throttle: throttle.into(),
            ..self.options.options()
        };
        self.run(Driven::Manager(Box::new(Manager::new(self.began(), options))), false)
    }

    fn began(&self) -> Instant {
        Instant::from_nanos(self.options.at)
    }

    fn run(&self, driven: Driven, as_it_was: bool) -> Result<IncidentOutcome, ReplayError> {
        let mut replay = Replay::new(driven, self.options.at, (!as_it_was).then(|| self.takes()));
        for recorded in &self.events {
            replay.take(recorded.at, &recorded.what)?;
        }
        Ok(replay.finish(as_it_was.then(|| self.emissions())))
    }

    /// A replay as it was, which nothing was given yet.
    pub(super) fn begun(&self) -> Replay {
        let manager = Manager::new(self.began(), self.options.options());
        Replay::new(Driven::Manager(Box::new(manager)), self.options.at, None)
    }

    /// The snapshots that were recorded.
    fn emissions(&self) -> impl Iterator<Item = Emission> + '_ {
        self.events.iter().filter_map(|recorded| match recorded.what {
            RecordedEvent::Emitted { version, targets } => Some(Emission {
                at: Span::from_nanos(recorded.at.saturating_sub(self.options.at)),
                version,
                targets,
            }),
            _ => None,
        })
    }

    /// How long the receiver took for each snapshot that was recorded; at once, if it took none.
    fn takes(&self) -> Vec<u64> {
        let mut takes = Vec::new();
        let mut emitted = None;
        for recorded in &self.events {
            match recorded.what {
                RecordedEvent::Emitted { .. } => emitted = Some(recorded.at),
                RecordedEvent::ReceiverReady => {
                    takes.extend(emitted.take().map(|emitted: u64| recorded.at.saturating_sub(emitted)));
                }
                _ => {}
            }
        }
        if takes.is_empty() {
            takes.push(0);
        }
        takes
    }
}

pub(super) struct Replay {
    driven: Driven,
    began: u64,
    /// When something was recorded last.
    last: u64,
    configs: BTreeMap<u64, Config>,
    encoders: BTreeMap<u64, Encoder>,
    snapshot: Snapshot,
    /// When changes came that are in no snapshot yet.
    waiting: VecDeque<u64>,
    delays: Histogram,
    emissions: VecDeque<Emission>,
    /// How long the receiver takes for each snapshot; none, if that was recorded.
    takes: Option<Vec<u64>>,
    ready_at: Option<u64>,
    outcome: IncidentOutcome,
}

impl Replay {
    fn new(driven: Driven, began: u64, takes: Option<Vec<u64>>) -> Self {
        Self {
            driven,
            began,
            last: began,
            configs: BTreeMap::new(),
            encoders: BTreeMap::new(),
            snapshot: Snapshot::default(),
            waiting: VecDeque::new(),
            delays: Histogram::default(),
            emissions: VecDeque::new(),
            takes,
            ready_at: None,
            outcome: IncidentOutcome::default(),
        }
    }

    /// The snapshot that was emitted last.
    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(super) fn emission_count(&self) -> u64 {
        self.outcome.emissions
    }

    /// Whether the guard holds a drop of a provider's targets.
    pub(super) fn is_held(&self, id: ProviderId) -> bool {
        self.driven
            .manager()
            .providers()
            .any(|status| status.id == id && status.held.is_some())
    }

    pub(super) fn take(&mut self, at: u64, what: &RecordedEvent) -> Result<(), ReplayError> {
        let is_own = self.takes.is_some();
        if is_own {
            self.meet_deadlines(at)?;
        }
        self.last = self.last.max(at);
        let input = match what {
            RecordedEvent::Apply { sets, started } => {
                self.configs
                    .extend(started.iter().map(|it| (it.provider, Config::of(it))));
                let config = |number: &u64| self.configs.get(number).cloned();
                let sets = sets.iter();
                let sets = sets.map(|(set, numbers)| (set.clone(), numbers.iter().filter_map(config).collect()));
                Input::Apply(sets.collect())
            }
            RecordedEvent::Options { defaults, by_set } => Input::Options(*defaults, by_set.clone()),
            // What another throttle would have made of it is the question.
            RecordedEvent::Throttle { .. } if is_own => return Ok(()),
            RecordedEvent::Throttle { throttle, per_set } => Input::Throttle(*throttle, *per_set),
            RecordedEvent::Update {
                provider,
                groups,
                gone,
                read,
                took,
            } => {
                let groups = self.encode(at, *provider, groups, gone)?;
                self.outcome.reports += 1;
                if !groups.is_empty() {
                    self.outcome.changes += 1;
                    self.waiting.push_back(at);
                }
                let update = read.update(groups);
                let update = took.map_or(update.clone(), |took| update.took(took));
                Input::Update(ProviderId::from_number(*provider), update)
            }
            RecordedEvent::Failure {
                provider,
                message,
                took,
                retry_after,
            } => {
                self.outcome.reports += 1;
                let mut failure = Failure::new(message.clone());
                if let Some(took) = took {
                    failure = failure.took(*took);
                }
                if let Some(after) = retry_after {
                    failure = failure.retry_in(*after);
                }
                Input::Failure(ProviderId::from_number(*provider), failure)
            }
            RecordedEvent::BuildFailure { provider, reason } => {
                Input::BuildFailure(ProviderId::from_number(*provider), reason.clone())
            }
            RecordedEvent::Confirm { provider } => Input::Confirm(ProviderId::from_number(*provider)),
            RecordedEvent::ReceiverReady | RecordedEvent::Timeout if is_own => return Ok(()),
            RecordedEvent::ReceiverReady => Input::ReceiverReady,
            RecordedEvent::Timeout => Input::Timeout,
            RecordedEvent::Emitted { .. } => return Ok(()),
        };
        self.give(at, input)
    }

    /// Groups and removed sources as a delta has them.
    fn encode(
        &mut self,
        at: u64,
        provider: u64,
        groups: &[RecordedGroup],
        gone: &[String],
    ) -> Result<Vec<Group>, ReplayError> {
        let mut batch = self.encoders.entry(provider).or_default().batch();
        for group in groups {
            group.encode(&mut batch).map_err(|error| ReplayError::Group {
                at: Span::from_nanos(at - self.began),
                source_name: group.source().to_owned(),
                error,
            })?;
        }
        let mut groups = batch.finish();
        groups.extend(gone.iter().map(|source| Group::empty(source)));
        Ok(groups)
    }

    /// Lets the throttle and the receiver do what they would have done until then.
    fn meet_deadlines(&mut self, until: u64) -> Result<(), ReplayError> {
        loop {
            let timeout = self
                .driven
                .timeout()
                .map(|at| (at.as_nanos().max(self.last), Input::Timeout));
            let ready = self.ready_at.map(|at| (at, Input::ReceiverReady));
            let due = timeout.into_iter().chain(ready).min_by_key(|(at, _)| *at);
            let Some((at, input)) = due.filter(|(at, _)| *at <= until) else {
                return Ok(());
            };
            if matches!(input, Input::ReceiverReady) {
                self.ready_at = None;
            }
            self.last = at;
            self.give(at, input)?;
        }
    }

    fn give(&mut self, at: u64, input: Input<Config>) -> Result<(), ReplayError> {
        let outputs = self.driven.give(Instant::from_nanos(at), input);
        let outputs = outputs.map_err(|disagreement| ReplayError::Model {
            at: Span::from_nanos(at - self.began),
            disagreement,
        })?;
        for output in outputs {
            if let Output::Emit(snapshot) = output {
                self.emitted(at, snapshot);
            }
        }
        Ok(())
    }

    fn emitted(&mut self, at: u64, snapshot: Snapshot) {
        for came in self.waiting.drain(..) {
            self.delays.add(Span::from_nanos(at - came));
        }
        let changed = snapshot.diff(&self.snapshot);
        let changed: u64 = changed.providers().map(|pool| pool.groups().count() as u64).sum();
        let targets = snapshot
            .providers()
            .map(|pool| pool.groups().target_count() as u64)
            .sum();
        let outcome = &mut self.outcome;
        outcome.groups_changed += changed;
        outcome.peak_targets = outcome.peak_targets.max(targets);
        if let Some(takes) = &self.takes {
            let place = outcome.emissions as usize % takes.len();
            self.ready_at = Some(at.saturating_add(takes[place]));
        }
        outcome.emissions += 1;
        self.emissions.push_back(Emission {
            at: Span::from_nanos(at - self.began),
            version: snapshot.version(),
            targets,
        });
        self.snapshot = snapshot;
    }

    fn finish(self, recorded: Option<impl Iterator<Item = Emission>>) -> IncidentOutcome {
        let differs = recorded.and_then(|recorded| first_difference(recorded, self.emissions.iter().copied()));
        IncidentOutcome {
            time: Span::from_nanos(self.last - self.began),
            delayed_updates: self.driven.manager().counters().updates_delayed,
            delay_p50: self.delays.quantile(500),
            delay_p99: self.delays.quantile(990),
            delay_max: self.delays.longest(),
            changes_open: self.waiting.len() as u64,
            differs,
            ..self.outcome
        }
    }
}

fn first_difference(
    mut recorded: impl Iterator<Item = Emission>,
    mut replayed: impl Iterator<Item = Emission>,
) -> Option<EmissionPair> {
    loop {
        let pair = EmissionPair {
            recorded: recorded.next(),
            replayed: replayed.next(),
        };
        // What was emitted last may be missing in a recording that was cut off.
        match pair {
            EmissionPair { recorded: None, .. } => return None,
            EmissionPair { recorded, replayed } if recorded != replayed => return Some(pair),
            _ => {}
        }
    }
}

impl Driven {
    fn manager(&self) -> &Manager<Config> {
        match self {
            Self::Manager(manager) => manager,
            Self::Pair(pair) => pair.manager(),
        }
    }

    fn timeout(&self) -> Option<Instant> {
        self.manager().poll_timeout().map(|(at, _)| at)
    }

    fn give(&mut self, now: Instant, input: Input<Config>) -> Result<Vec<Output<Config>>, Disagreement> {
        let manager = match self {
            Self::Pair(pair) => return Ok(pair.step(now, input)?.outputs),
            Self::Manager(manager) => manager,
        };
        // What a manager answers to who is not running is not of interest here: it is in the recording.
        match input {
            Input::Apply(sets) => drop(manager.apply(now, sets)),
            Input::Options(defaults, by_set) => manager.set_options(now, defaults, by_set),
            Input::Throttle(throttle, per_set) => manager.set_throttle(now, throttle, per_set),
            Input::Update(id, update) => drop(manager.handle_update(now, id, update)),
            Input::Failure(id, failure) => drop(manager.handle_failure(now, id, failure)),
            Input::BuildFailure(id, reason) => drop(manager.handle_build_failure(now, id, reason)),
            Input::Confirm(id) => drop(manager.confirm_drop(now, id)),
            Input::ReceiverReady => manager.handle_receiver_ready(now),
            Input::Timeout => manager.handle_timeout(now),
        }
        Ok(core::iter::from_fn(|| manager.poll_output()).collect())
    }
}

impl Config {
    fn of(recorded: &RecordedProvider) -> Self {
        Self {
            number: recorded.provider,
            kind: recorded.kind.as_str().into(),
            description: recorded.description.as_str().into(),
            incomplete_after: recorded.incomplete_after.map(Duration::from_nanos),
        }
    }
}
