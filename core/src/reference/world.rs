//! Several managers and their models under one clock.

use core::time::Duration;

use super::bytes::{below, one_of};
use super::options::manager_options;
use super::{Disagreement, Input, Operation, Pair, Pick, PlainConfig, PlainGroup, PlainUpdate, agree};
use crate::{Encoder, Failure, Group, Instant, ManagerOptions, Output, ProviderId, SavedState, Update};

/// Managers with their models, a clock, and an encoder for each manager's discoverers.
///
/// **After each [`Operation`] every manager agrees with its model**, or
/// [`run`](World::run) says on what not.
#[derive(Debug)]
pub struct World {
    now: Instant,
    pairs: Vec<(Pair<PlainConfig>, Encoder)>,
    options: Vec<ManagerOptions>,
}

impl World {
    /// Managers with these options, at `now`.
    pub fn new(now: Instant, options: impl IntoIterator<Item = ManagerOptions>) -> Self {
        let pair = |options: &ManagerOptions| (Pair::new(now, options.clone()), Encoder::new());
        let options: Vec<_> = options.into_iter().collect();
        Self {
            now,
            pairs: options.iter().map(pair).collect(),
            options,
        }
    }

    /// Managers whose options are read off the front of `bytes`: one to three of them.
    pub fn from_bytes(bytes: &mut &[u8]) -> Self {
        let count = below(bytes, 3) + 1;
        let start = one_of(bytes, &[0, 1, 1_700_000_000_123_456_789], 0);
        let options: Vec<_> = (0..count).map(|number| manager_options(bytes, number)).collect();
        Self::new(Instant::from_nanos(start), options)
    }

    /// A whole run: the managers' options, then operations until the bytes end.
    ///
    /// # Errors
    /// A manager and its model disagree.
    pub fn run_bytes(mut bytes: &[u8]) -> Result<(), Disagreement> {
        let mut world = Self::from_bytes(&mut bytes);
        while let Some(operation) = Operation::from_bytes(&mut bytes) {
            world.run(&operation)?;
        }
        Ok(())
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The managers with their models.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = &Pair<PlainConfig>> {
        self.pairs.iter().map(|(pair, _)| pair)
    }

    /// Carries an operation out, and returns what the managers want done.
    ///
    /// # Errors
    /// A manager and its model disagree.
    pub fn run(&mut self, operation: &Operation) -> Result<Vec<Output<PlainConfig>>, Disagreement> {
        let done = match operation {
            Operation::Apply { manager, sets } => self.give(*manager, |_, _| Ok(Input::Apply(sets.clone()))),
            Operation::Options {
                manager,
                defaults,
                by_set,
            } => self.give(*manager, |_, _| Ok(Input::Options(*defaults, by_set.clone()))),
            Operation::Throttle {
                manager,
                throttle,
                per_set,
            } => self.give(*manager, |_, _| Ok(Input::Throttle(*throttle, *per_set))),
            Operation::Update {
                manager,
                provider,
                update,
                new_encoder,
            } => self.give(*manager, |pair, encoder| {
                Ok(Input::Update(provider.of(pair), encode(encoder, update, *new_encoder)?))
            }),
            Operation::Repeat {
                manager,
                provider,
                kind,
                new_encoder,
            } => self.give(*manager, |pair, encoder| {
                let id = provider.of(pair);
                let update = PlainUpdate {
                    kind: kind.clone(),
                    groups: pair.model().groups(id),
                    duration: None,
                };
                Ok(Input::Update(id, encode(encoder, &update, *new_encoder)?))
            }),
            Operation::Failure {
                manager,
                provider,
                took,
                retry_after,
            } => self.give(*manager, |pair, _| {
                let mut failure = Failure::new("refreshing: the backend is not there");
                if let Some(took) = took {
                    failure = failure.took(*took);
                }
                if let Some(after) = retry_after {
                    failure = failure.retry_in(*after);
                }
                Ok(Input::Failure(provider.of(pair), failure))
            }),
            Operation::BuildFailure { manager, provider } => self.give(*manager, |pair, _| {
                Ok(Input::BuildFailure(provider.of(pair), "no such file".to_owned()))
            }),
            Operation::Confirm { manager, provider } => {
                self.give(*manager, |pair, _| Ok(Input::Confirm(provider.of(pair))))
            }
            Operation::Restart { manager, saved } => self.restart(*manager, *saved),
            Operation::ReceiverTakes { manager } => self.give(*manager, |_, _| Ok(Input::ReceiverReady)),
            Operation::Wake { manager } => self.give(*manager, |_, _| Ok(Input::Timeout)),
            Operation::Advance(duration) => self.advance(*duration),
            Operation::Oversleep(duration) => {
                self.now = self.now + *duration;
                Ok(Vec::new())
            }
        };
        done.map_err(|disagreement| disagreement.within(&format!("at {:?}, {operation:?}", self.now)))
    }

    /// Gives one manager an input.
    fn give(
        &mut self,
        manager: u8,
        input: impl FnOnce(&Pair<PlainConfig>, &mut Encoder) -> Result<Input<PlainConfig>, Disagreement>,
    ) -> Result<Vec<Output<PlainConfig>>, Disagreement> {
        let place = usize::from(manager).checked_rem(self.pairs.len()).unwrap_or(0);
        let Some((pair, encoder)) = self.pairs.get_mut(place) else {
            return Ok(Vec::new());
        };
        let input = input(pair, encoder)?;
        Ok(pair.step(self.now, input)?.outputs)
    }

    /// Puts another manager in the place of one, with what that one wrote down, if it did.
    fn restart(&mut self, manager: u8, saved: bool) -> Result<Vec<Output<PlainConfig>>, Disagreement> {
        let place = usize::from(manager).checked_rem(self.pairs.len()).unwrap_or(0);
        let (Some((pair, encoder)), Some(options)) = (self.pairs.get_mut(place), self.options.get(place)) else {
            return Ok(Vec::new());
        };
        *pair = if saved {
            let state = written_and_read(&pair.save(self.now)?)?;
            Pair::restore(self.now, options.clone(), state)
        } else {
            Pair::new(self.now, options.clone())
        };
        // Discoverers begin anew with their manager.
        *encoder = Encoder::new();
        Ok(Vec::new())
    }

    /// Lets time pass, meeting each deadline on the way.
    fn advance(&mut self, duration: Duration) -> Result<Vec<Output<PlainConfig>>, Disagreement> {
        let end = self.now + duration;
        let mut outputs = Vec::new();
        loop {
            let deadline = |(pair, _): &(Pair<_>, Encoder)| pair.manager().poll_timeout().map(|(at, _)| at);
            let next = self.pairs.iter().filter_map(deadline).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            for (pair, _) in &mut self.pairs {
                outputs.extend(pair.step(self.now, Input::Timeout)?.outputs);
                if let Some((at, _)) = pair.manager().poll_timeout().filter(|(at, _)| *at <= self.now) {
                    return Err(Disagreement::new("a deadline that was met", "later or none", at));
                }
            }
        }
        self.now = end;
        Ok(outputs)
    }
}

impl Pick {
    fn of(self, pair: &Pair<PlainConfig>) -> ProviderId {
        let model = pair.model();
        let place = |number: u8, count: usize| usize::from(number).checked_rem(count).unwrap_or(0);
        let picked = match self {
            Self::Running(number) => model.running().nth(place(number, model.running().len())),
            Self::Stopped(number) => {
                let running: Vec<_> = model.running().collect();
                let stopped = (0..model.next_id().number()).map(ProviderId::from_number);
                let stopped: Vec<_> = stopped.filter(|id| !running.contains(id)).rev().take(256).collect();
                stopped.get(place(number, stopped.len())).copied()
            }
        };
        picked.unwrap_or(model.next_id())
    }
}

/// Writes a state down, and reads it again.
fn written_and_read(state: &SavedState<PlainConfig>) -> Result<SavedState<PlainConfig>, Disagreement> {
    let written = serde_json::to_string(state);
    let written = written.map_err(|error| Disagreement::new("writing a state", "it is written", error))?;
    let read = serde_json::from_str(&written);
    let read = read.map_err(|error| Disagreement::new("reading a state", &written, error))?;
    agree(
        "a state that was written and read",
        &Ok(written),
        &serde_json::to_string(&read).map_err(|error| error.to_string()),
    )?;
    Ok(read)
}

/// Encodes an update, and checks that it reads as what was put in.
fn encode(encoder: &mut Encoder, update: &PlainUpdate, new_encoder: bool) -> Result<Update, Disagreement> {
    if new_encoder {
        *encoder = Encoder::new();
    }
    let mut batch = encoder.batch();
    for group in &update.groups {
        let encoded = group.encode(&mut batch);
        agree("encoding a group", &Ok(()), &encoded)?;
    }
    let groups: Vec<Group> = batch.finish();
    let expected: Vec<_> = update.groups.iter().cloned().map(PlainGroup::sorted).collect();
    agree(
        "encoded groups",
        &expected,
        &groups.iter().map(PlainGroup::from).collect(),
    )?;
    Ok(update.encoded(groups))
}
