//! The run: the scenario's decisions, the discoverers' world, the manager and the receiver under
//! one clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use headcount_core::{Instant, Manager, ManagerOptions, Output, ProviderConfig, ProviderId, Snapshot, Update};
use headcount_discoverer::testing::{Received, World};
use headcount_discoverer::{Env, Report, Updates};

use super::backend::{FaultSchedule, Servers, lock};
use super::watch::Watch;
use super::{Rehearsal, Render, ShownHost};
use crate::metrics::Histogram;
use crate::rng::{Entity, Purpose, mix};
use crate::{FaultKind, Happening, HostId, Input, KeyedRng, Looks, Metrics, Outcome, Span, Violation};

/// A job's discoverer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Part {
    number: usize,
    job: String,
}

impl ProviderConfig for Part {
    fn kind(&self) -> &str {
        "rehearsed"
    }

    fn describe(&self) -> String {
        self.job.clone()
    }
}

/// Everything that a rehearsal needs while it runs.
pub(super) struct Stage {
    plan: Rehearsal,
    inputs: VecDeque<Input>,
    world: World,
    faults: Arc<Mutex<FaultSchedule>>,
    pages: Arc<[(String, Render)]>,
    up: BTreeMap<HostId, Looks>,
    manager: Manager<Part>,
    /// The manager's provider for each of the world's, and back.
    providers: BTreeMap<ProviderId, ProviderId>,
    receiver_ready: Option<Instant>,
    /// Files that are written again at this time, as a writer that needs two steps does.
    rewrites: BTreeSet<(Instant, usize)>,
    watches: Vec<Watch>,
    staleness: Histogram,
    metrics: Metrics,
    violations: Vec<Violation>,
    events: u64,
    hash: u64,
}

impl Stage {
    pub(super) fn new(mut plan: Rehearsal) -> Self {
        let rng = KeyedRng::new(plan.seed);
        let latency = plan.scenario.backends.first().map(|backend| backend.latency);
        let options = ManagerOptions {
            throttle: plan.scenario.manager.throttle.into(),
            seed: rng.draw(Entity::Run, Purpose::Seed, 0),
            ..ManagerOptions::default()
        };
        Self {
            inputs: core::mem::take(&mut plan.inputs).into(),
            world: World::with_seed(rng.draw(Entity::Run, Purpose::Seed, 1)),
            faults: Arc::new(Mutex::new(FaultSchedule::new(rng, latency.unwrap_or_default()))),
            pages: core::mem::take(&mut plan.served).into(),
            up: plan.start.iter().copied().collect(),
            manager: Manager::new(Instant::ZERO, options),
            providers: BTreeMap::new(),
            receiver_ready: None,
            rewrites: BTreeSet::new(),
            watches: plan
                .discoverers
                .iter()
                .map(|(job, _)| Watch::new(job.clone()))
                .collect(),
            staleness: Histogram::default(),
            metrics: Metrics::default(),
            violations: Vec::new(),
            events: 0,
            hash: mix(plan.seed),
            plan,
        }
    }

    pub(super) fn run(mut self) -> Outcome {
        self.changed();
        self.apply();
        let end = self.plan.scenario.until.moment();
        while self.violations.is_empty() {
            let deadline = self.manager.poll_timeout().map(|(at, _)| at);
            let input = self.inputs.front().map(|input| input.at.moment());
            let rewrite = self.rewrites.first().map(|(at, _)| *at);
            let sleeper = self.world.clock.next_deadline();
            let next = [deadline, input, rewrite, sleeper, self.receiver_ready];
            let next = next.into_iter().flatten().min().unwrap_or(end).min(end);
            self.step(next.max(self.now()));
            if self.now() >= end && next >= end {
                break;
            }
        }
        self.outcome()
    }

    fn now(&self) -> Instant {
        self.world.clock.time()
    }

    fn step(&mut self, next: Instant) {
        let received = self.world.run_for(next.saturating_duration_since(self.now()));
        received.into_iter().for_each(|received| self.receive(received));
        let now = self.now();
        while self.inputs.front().is_some_and(|input| input.at.moment() <= now)
            && let Some(input) = self.inputs.pop_front()
        {
            self.decide(input.what);
        }
        while self.rewrites.first().is_some_and(|(at, _)| *at <= now)
            && let Some((_, file)) = self.rewrites.pop_first()
        {
            self.write(file, &FileWrite::Whole);
        }
        if self.receiver_ready.is_some_and(|at| at <= now) {
            self.receiver_ready = None;
            self.manager.handle_receiver_ready(now);
        }
        self.manager.handle_timeout(now);
        self.carry_out();
        let clear_since = lock(&self.faults).touched;
        let late = self
            .watches
            .iter()
            .find_map(|watch| watch.late(now, clear_since, self.plan.within));
        self.violations.extend(late);
    }

    fn receive(&mut self, received: Received) {
        let Some(provider) = self.providers.get(&received.provider).copied() else {
            return;
        };
        self.events += 1;
        self.hash = mix(self.hash ^ received.at.as_nanos());
        match received.report {
            Report::Update(update) => self.found(received.at, provider, update),
            Report::Failure(failure) => {
                self.metrics.failures += 1;
                // A provider that was stopped meanwhile has nothing to say.
                self.manager.handle_failure(received.at, provider, failure).ok();
            }
        }
        self.carry_out();
    }

    fn found(&mut self, at: Instant, provider: ProviderId, update: Update) {
        self.manager.handle_update(at, provider, update).ok();
    }

    fn decide(&mut self, what: Happening) {
        let now = self.now();
        self.events += 1;
        match what {
            Happening::Up { host, looks } => {
                self.up.insert(host, looks);
                self.changed();
            }
            Happening::Down { host } => {
                self.up.remove(&host);
                self.changed();
            }
            Happening::Window {
                kind,
                rate,
                lasts,
                fault,
                ..
            } => lock(&self.faults).open(now, kind, rate, lasts, fault),
            Happening::Calm { .. } => lock(&self.faults).calm(now),
            Happening::Reload => self.apply(),
            Happening::PauseReceiver { lasts } => {
                let until = now + lasts.into();
                self.receiver_ready = self.receiver_ready.map(|ready| ready.max(until));
            }
            // The rest is about discoverers that are modelled.
            _ => {}
        }
    }

    /// The fleet changed: servers and files show it.
    fn changed(&mut self) {
        let now = self.now();
        let shown: Vec<ShownHost> = self
            .up
            .iter()
            .map(|(host, looks)| {
                let [a, b, c, d] = looks.address.to_be_bytes();
                ShownHost {
                    host: *host,
                    address: format!("{a}.{b}.{c}.{d}:9100"),
                    looks: *looks,
                }
            })
            .collect();
        let there: BTreeSet<String> = shown.iter().map(|host| host.address.clone()).collect();
        self.watches.iter_mut().for_each(|watch| watch.truth(now, &there));
        lock(&self.faults).show(now, shown);
        for file in 0..self.plan.files.len() {
            let met = lock(&self.faults).meet(now);
            let again = now + STEP_OF_A_WRITER.into();
            match met.map(|(kind, _)| kind) {
                Some(FaultKind::TornWrite) => {
                    self.write(file, &FileWrite::Half);
                    self.rewrites.insert((again, file));
                }
                Some(FaultKind::RenameGap) => {
                    self.write(file, &FileWrite::Gone);
                    self.rewrites.insert((again, file));
                }
                Some(FaultKind::LostNotify) => self.write(file, &FileWrite::Silent),
                _ => self.write(file, &FileWrite::Whole),
            }
        }
    }

    fn write(&mut self, file: usize, how: &FileWrite) {
        let Some((path, render)): Option<&(PathBuf, Render)> = self.plan.files.get(file) else {
            return;
        };
        let mut bytes = render(&lock(&self.faults).hosts_at(self.now()));
        match how {
            FileWrite::Whole => self.world.files.write(path, bytes),
            FileWrite::Silent => self.world.files.write_silently(path, bytes),
            FileWrite::Gone => self.world.files.remove(path),
            FileWrite::Half => {
                bytes.truncate(bytes.len() / 2);
                self.world.files.write(path, bytes);
            }
        }
    }

    fn apply(&mut self) {
        let parts = self.plan.discoverers.iter().enumerate().map(|(number, (job, _))| {
            let part = Part {
                number,
                job: job.clone(),
            };
            (job.clone(), vec![part])
        });
        let sets: Vec<_> = parts.collect();
        self.manager.apply(self.now(), sets);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.manager.poll_output() {
            match output {
                Output::Start { provider, config, .. } => self.start(provider, config.number),
                Output::Stop { provider } => {
                    let stopped = self.providers.iter().find(|(_, other)| **other == provider);
                    if let Some(id) = stopped.map(|(id, _)| *id) {
                        self.world.stop(id);
                        self.providers.remove(&id);
                    }
                }
                Output::Emit(snapshot) => self.emitted(&snapshot),
                // It is in the report, and the report was said.
                Output::Event(_) => {}
            }
        }
    }

    fn start(&mut self, provider: ProviderId, number: usize) {
        let Some((_, make)) = self.plan.discoverers.get(number) else {
            return;
        };
        let discoverer = make();
        let servers = Servers {
            clock: self.world.clock.clone(),
            faults: self.faults.clone(),
            pages: self.pages.clone(),
        };
        let id = self.world.start(Box::new(move |mut env: Env, updates: Updates| {
            env.http = Arc::new(servers);
            discoverer.run(env, updates)
        }));
        self.providers.insert(id, provider);
    }

    fn emitted(&mut self, snapshot: &Snapshot) {
        let now = self.now();
        self.events += 1;
        self.hash = mix(self.hash ^ now.as_nanos() ^ snapshot.version() << 48);
        let lied = lock(&self.faults).lied;
        let is_lied_to = lied.is_some_and(|until| now <= until + self.plan.within.into());
        for watch in &mut self.watches {
            let lost = watch.took(now, snapshot, is_lied_to, &mut self.staleness);
            self.violations.extend(lost);
        }
        let takes = (self.plan.receiver)(Span::since_start(now), snapshot);
        let rng = KeyedRng::new(self.plan.seed);
        let ours = self.plan.scenario.receiver.takes;
        let ours = rng.span(Entity::Receiver, Purpose::Latency, snapshot.version(), ours);
        self.receiver_ready = Some(now + takes.plus(ours).into());
    }

    fn outcome(self) -> Outcome {
        let counters = self.manager.counters();
        Outcome {
            scenario: self.plan.scenario.name.clone(),
            seed: self.plan.seed,
            time: Span::since_start(self.now()),
            metrics: Metrics {
                staleness_p50: self.staleness.quantile(500),
                staleness_p99: self.staleness.quantile(990),
                staleness_max: self.staleness.longest(),
                changes_learned: self.staleness.count(),
                changes_open: self.watches.iter().map(Watch::open).sum(),
                emissions: counters.updates,
                delayed_updates: counters.updates_delayed,
                received_updates: counters.received_updates,
                unchanged_updates: counters.unchanged_updates,
                backend_calls: lock(&self.faults).requests(),
                ..self.metrics
            },
            violations: self.violations,
            marks: BTreeMap::new(),
            events: self.events,
            hash: self.hash,
        }
    }
}

/// How long a writer that needs two steps is between them.
const STEP_OF_A_WRITER: Span = Span::millis(50);

/// How a file is written.
enum FileWrite {
    Whole,
    Half,
    Silent,
    Gone,
}
