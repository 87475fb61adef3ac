//! Writing a run down while it goes on: its inputs, and a hash chain of everything.
//!
//! The chain takes in every input, every event that is traced, and at each link the state: the
//! snapshot as its readers walk it, and the counters. **Two runs with the same chain did the same
//! in the same order**; where two chains part is between the last link that is the same and the
//! first one that is not.

use headcount_core::LabelSet;

use crate::log::{End, InputLog, Link};
use crate::rng::mix;
use crate::{Outcome, Simulation, Span, Subject, TraceEvent, Traced};

/// Runs a simulation and writes its input log.
#[derive(Debug, Clone)]
pub struct Recorder<M> {
    simulation: Simulation<M>,
    every: u64,
    events: u64,
    digest: Digest,
    log: InputLog,
}

impl<M: Subject> Recorder<M> {
    /// Records `simulation` from now on, with a link of the hash chain after each `every` events.
    pub fn new(mut simulation: Simulation<M>, every: u64) -> Self {
        simulation.listen(true);
        let log = InputLog::new(simulation.scenario().clone(), simulation.outcome().seed, Vec::new());
        Self {
            simulation,
            every: every.max(1),
            events: 0,
            digest: Digest::default(),
            log,
        }
    }

    /// Goes to the next instant; see [`Simulation::step`].
    pub fn step(&mut self) -> bool {
        let any = self.simulation.step();
        for traced in self.simulation.take_events() {
            self.note(traced);
        }
        any
    }

    /// Runs to the end, and gives the log.
    pub fn run(mut self) -> (InputLog, Outcome) {
        while self.step() {}
        self.simulation.run_until(self.simulation.scenario().until);
        self.link();
        let outcome = self.simulation.outcome();
        self.log.end = Some(End {
            inputs: self.log.inputs.len() as u64,
            at: outcome.time,
            hash: outcome.hash,
        });
        (self.log, outcome)
    }

    /// Goes up to this time; see [`Simulation::run_until`].
    pub fn run_until(&mut self, end: Span) {
        self.simulation.run_until(end);
        for traced in self.simulation.take_events() {
            self.note(traced);
        }
    }

    /// Records from now on what would happen with decisions drawn from another seed.
    pub(crate) fn into_future(self, seed: u64) -> Self {
        Self {
            simulation: self.simulation.future(seed),
            ..self
        }
    }

    /// The run.
    pub fn simulation(&self) -> &Simulation<M> {
        &self.simulation
    }

    fn note(&mut self, traced: Traced) {
        self.digest.event(&traced);
        self.events += 1;
        if let TraceEvent::Input { input } = traced.event {
            self.log.inputs.push(input);
        }
        if self.events.is_multiple_of(self.every) {
            self.link();
        }
    }

    fn link(&mut self) {
        self.digest.state(&self.simulation);
        self.log.links.push(Link {
            events: self.events,
            at: self.simulation.now(),
            hash: self.digest.hash,
        });
    }
}

/// A hash of what happens and of what there is, by its bytes: the same on every platform.
#[derive(Debug, Clone, Default)]
pub(crate) struct Digest {
    hash: u64,
}

impl Digest {
    /// Takes an event in.
    pub(crate) fn event(&mut self, traced: &Traced) {
        // Events have no maps, and no numbers that are not whole, so all of them can be written.
        if let Ok(text) = serde_json::to_string(traced) {
            self.text(&text);
        }
    }

    /// Takes the state in: the engine's own hash, the counters, and every label of the snapshot
    /// in the order in which its readers get them.
    pub(crate) fn state<M: Subject>(&mut self, simulation: &Simulation<M>) {
        let counters = simulation.manager().counters();
        self.numbers([
            simulation.hash(),
            counters.received_updates,
            counters.unchanged_updates,
            counters.ignored_reports,
            counters.updates,
            counters.updates_delayed,
            simulation.manager().provider_count() as u64,
        ]);
        let snapshot = simulation.snapshot();
        self.numbers([snapshot.version(), snapshot.at().as_nanos()]);
        for pool in snapshot.providers() {
            self.text(pool.name());
            for stored in pool.groups().iter() {
                self.text(stored.group().source());
                self.numbers([stored.changed().as_nanos(), stored.update()]);
                self.labels(stored.group().labels());
                stored.group().targets().for_each(|target| self.labels(target));
            }
        }
        for name in snapshot.sets() {
            self.text(name);
            let pools = snapshot.set(name).into_iter().flat_map(|set| set.providers());
            pools.for_each(|pool| self.text(pool.name()));
        }
    }

    /// The hash of what was taken in so far.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    fn labels(&mut self, labels: LabelSet<'_>) {
        for (name, value) in labels.iter() {
            self.text(name);
            self.text(value);
        }
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.numbers([text.len() as u64]);
    }

    fn numbers<const N: usize>(&mut self, numbers: [u64; N]) {
        for number in numbers {
            self.hash = mix(self.hash ^ number);
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.hash = mix(self.hash.wrapping_add(chunk.len() as u64) ^ u64::from_le_bytes(word));
        }
    }
}
