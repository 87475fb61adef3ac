//! A manager beside its model, with words to tell a story.

use std::collections::BTreeMap;
use std::time::Duration;

use headcount_core::reference::{Answer, Input, Pair, PlainConfig, PlainGroup};
use headcount_core::{
    Applied, Backoff, Encoder, EventKind, Failure, Group, Instant, Manager, ManagerEvent, ManagerOptions, Output,
    ProviderId, Snapshot, Throttle, UnknownProvider, Update, UpdateOutcome,
};
use headcount_rules::Effort;
use proptest::prelude::*;

/// Sources and the addresses of their targets.
pub(crate) type Sources = BTreeMap<String, Vec<String>>;
/// Sets and the numbers of their configs.
pub(crate) type Sets = Vec<(String, Vec<u8>)>;

/// A manager beside its model. It panics as soon as they disagree.
pub(crate) struct Story {
    pub(crate) now: Instant,
    pub(crate) pair: Pair<PlainConfig>,
    options: ManagerOptions,
    pub(crate) emitted: Vec<Snapshot>,
    pub(crate) started: Vec<(ProviderId, PlainConfig)>,
    pub(crate) stopped: Vec<ProviderId>,
    pub(crate) events: Vec<ManagerEvent>,
    encoder: Encoder,
    /// Whether the receiver takes each snapshot as soon as it is there.
    pub(crate) receiver_is_quick: bool,
}

impl Story {
    pub(crate) fn new(options: ManagerOptions) -> Self {
        Self {
            now: Instant::ZERO,
            pair: Pair::new(Instant::ZERO, options.clone()),
            options,
            emitted: Vec::new(),
            started: Vec::new(),
            stopped: Vec::new(),
            events: Vec::new(),
            encoder: Encoder::new(),
            receiver_is_quick: true,
        }
    }

    /// With a throttle that emits at once, so that time plays no part.
    pub(crate) fn prompt() -> Self {
        Self::throttled(ticker(Duration::ZERO))
    }

    pub(crate) fn throttled(throttle: Throttle) -> Self {
        Self::new(ManagerOptions {
            throttle,
            ..ManagerOptions::default()
        })
    }

    pub(crate) fn manager(&self) -> &Manager<PlainConfig> {
        self.pair.manager()
    }

    pub(crate) fn apply(&mut self, sets: &Sets) -> Applied {
        let config = |number: &u8| PlainConfig::new("file", *number);
        let sets = sets
            .iter()
            .map(|(set, configs)| (set.clone(), configs.iter().map(config).collect()));
        match self.input(Input::Apply(sets.collect())) {
            Answer::Applied(applied) => applied,
            other => panic!("an apply was answered with {other:?}"),
        }
    }

    /// Another manager starts in the place of this one, with what it wrote down.
    pub(crate) fn restart(&mut self) {
        let saved = self.pair.save(self.now);
        let saved = saved.unwrap_or_else(|disagreement| panic!("{disagreement}"));
        let written = serde_json::to_string(&saved).expect("a state can be written");
        let read = serde_json::from_str(&written).expect("what was written can be read");
        self.pair = Pair::restore(self.now, self.options.clone(), read);
        self.encoder = Encoder::new();
    }

    /// The number of a provider's config.
    pub(crate) fn config(&self, id: ProviderId) -> u8 {
        self.manager().provider(id).expect("it runs").config.number
    }

    /// Starts a provider for the config `number`, in the set `node`.
    pub(crate) fn one_provider(&mut self) -> ProviderId {
        self.apply(&sets(&[("node", &[0])])).started[0]
    }

    pub(crate) fn groups(&mut self, sources: &Sources) -> Vec<Group> {
        encode(&mut self.encoder, sources)
    }

    pub(crate) fn full(&mut self, id: ProviderId, sources: &Sources) -> Result<UpdateOutcome, UnknownProvider> {
        let groups = self.groups(sources);
        self.update(id, Update::full(groups))
    }

    pub(crate) fn delta(&mut self, id: ProviderId, sources: &Sources) -> Result<UpdateOutcome, UnknownProvider> {
        let groups = self.groups(sources);
        self.update(id, Update::delta(groups))
    }

    pub(crate) fn update(&mut self, id: ProviderId, update: Update) -> Result<UpdateOutcome, UnknownProvider> {
        match self.input(Input::Update(id, update)) {
            Answer::Updated(result) => result,
            other => panic!("an update was answered with {other:?}"),
        }
    }

    pub(crate) fn fails(&mut self, id: ProviderId, failure: Failure) -> Result<(), UnknownProvider> {
        self.noted(Input::Failure(id, failure))
    }

    pub(crate) fn cannot_be_built(&mut self, id: ProviderId, reason: &str) -> Result<(), UnknownProvider> {
        self.noted(Input::BuildFailure(id, reason.to_owned()))
    }

    fn noted(&mut self, input: Input<PlainConfig>) -> Result<(), UnknownProvider> {
        match self.input(input) {
            Answer::Noted(result) => result,
            other => panic!("a failure was answered with {other:?}"),
        }
    }

    pub(crate) fn receiver_takes(&mut self) {
        self.input(Input::ReceiverReady);
    }

    /// Lets time pass; the driver meets each deadline.
    pub(crate) fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some((deadline, _)) = self.manager().poll_timeout().filter(|(deadline, _)| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.input(Input::Timeout);
        }
        self.now = end;
    }

    /// Waits until all that changed was emitted, which a quick receiver allows.
    pub(crate) fn settle(&mut self) {
        while let Some((deadline, _)) = self.manager().poll_timeout() {
            self.wait(deadline.saturating_duration_since(self.now));
        }
    }

    /// The last snapshot that was emitted.
    pub(crate) fn last(&self) -> &Snapshot {
        self.emitted.last().expect("a snapshot was emitted")
    }

    /// The sources and addresses that the last snapshot has for a set.
    pub(crate) fn received(&self, set: &str) -> Option<Sources> {
        let set = self.last().set(set)?;
        Some(set.groups().map(|(_, stored)| decode(stored.group())).collect())
    }

    /// What happened to providers since this was asked last.
    pub(crate) fn take_events(&mut self) -> Vec<EventKind> {
        self.events.drain(..).map(|event| event.what).collect()
    }

    pub(crate) fn input(&mut self, input: Input<PlainConfig>) -> Answer {
        let step = self.pair.step(self.now, input);
        let step = step.unwrap_or_else(|disagreement| panic!("{disagreement}"));
        for output in step.outputs {
            match output {
                Output::Start { provider, config, .. } => self.started.push((provider, (*config).clone())),
                Output::Stop { provider } => self.stopped.push(provider),
                Output::Event(event) => self.events.push(event),
                Output::Emit(snapshot) => {
                    self.emitted.push(snapshot);
                    if self.receiver_is_quick {
                        self.receiver_takes();
                    }
                }
            }
        }
        step.answer
    }
}

pub(crate) fn ticker(interval: Duration) -> Throttle {
    Throttle::Ticker { interval }
}

pub(crate) fn backoff() -> Throttle {
    Throttle::Backoff(Backoff::default())
}

pub(crate) fn sets(sets: &[(&str, &[u8])]) -> Sets {
    sets.iter()
        .map(|(set, configs)| ((*set).to_owned(), configs.to_vec()))
        .collect()
}

pub(crate) fn sources(sources: &[(&str, &[&str])]) -> Sources {
    let addresses = |all: &[&str]| all.iter().map(|address| (*address).to_owned()).collect();
    sources
        .iter()
        .map(|(source, all)| ((*source).to_owned(), addresses(all)))
        .collect()
}

pub(crate) fn encode(encoder: &mut Encoder, sources: &Sources) -> Vec<Group> {
    let mut batch = encoder.batch();
    for (source, addresses) in sources {
        let targets = addresses.iter().map(|address| [("__address__", address.as_str())]);
        batch.group(source, [("job", "node")], targets).expect("short labels");
    }
    batch.finish()
}

fn decode(group: &Group) -> (String, Vec<String>) {
    let plain = PlainGroup::from(group);
    let addresses = plain.targets.iter().map(|target| target["__address__"].clone());
    (plain.source, addresses.collect())
}

/// A few sources with a few targets each; none without.
pub(crate) fn any_sources() -> impl Strategy<Value = Sources> {
    prop::collection::btree_map("[a-e]", prop::collection::btree_set("10\\.0\\.0\\.[1-4]", 1..3), 0..4).prop_map(
        |all| {
            all.into_iter()
                .map(|(source, addresses)| (source, addresses.into_iter().collect()))
                .collect()
        },
    )
}

/// A few sets with a few configs each; both may be named twice.
pub(crate) fn any_sets() -> impl Strategy<Value = Sets> {
    prop::collection::vec(("[a-d]", prop::collection::vec(0_u8..4, 0..4)), 0..5)
}

/// As many cases as are asked for.
pub(crate) fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(Effort::asked_for().cases)
}
