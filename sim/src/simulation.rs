//! A run: the world, the manager under test, and the clock that jumps from event to event.

use std::sync::Arc;

use headcount_core::{Group, Instant, Manager, ManagerOptions, Output, ProviderId, Reload, Snapshot, Update};
use imbl::OrdMap;

use crate::dice::{Entity, Purpose, mix};
use crate::engine::queue::EventQueue;
use crate::generate::Source;
use crate::generate::churn::ChurnDrawer;
use crate::metrics::Histogram;
use crate::oracle::receiver::Receiver;
use crate::outcome::{Metrics, Outcome, Violation};
use crate::plan::Plan;
use crate::scenario::{Checks, Mark, Phase, ReloadMode, Scenario};
use crate::subject::{Spec, Subject};
use crate::trace::{Trace, TraceEvent, Traced};
use crate::world::render::{self, OwnEncoder};
use crate::world::truth::{Row, Truth};
use crate::world::view::{Rows, View};
use crate::{Dice, DiscovererId, Happening, HostId, Input, Problems, Span, ViewId};

/// A run of a scenario.
///
/// `Clone` copies everything, so a run can be forked at any moment; most of it is shared.
/// [`step`](Self::step) goes to the next instant at which anything happens and does all that
/// happens then.
///
/// ```
/// use headcount_sim::{Backend, BackendKind, Churn, Discoverers, Hosts, Ratio, Scenario, Simulation, Span};
///
/// let scenario = Scenario::new("an hour of churn")
///     .hosts(Hosts::new(100))
///     .backend(Backend::new("cmdb", BackendKind::Http))
///     .discoverers(Discoverers::of("cmdb"))
///     .churn(Churn::steady(Ratio::percent(1), Span::mins(1)));
/// let outcome = Simulation::new(&scenario, 7)?.run();
/// assert!(outcome.is_clean());
/// assert!(outcome.metrics.staleness_max < Span::secs(40));
/// # Ok::<(), headcount_sim::Problems>(())
/// ```
#[derive(Debug, Clone)]
pub struct Simulation<M = Manager<Spec>> {
    plan: Arc<Plan>,
    dice: Dice,
    now: Instant,
    end: Instant,
    queue: EventQueue<Event>,
    inputs: Source,
    truth: Truth,
    views: Vec<View>,
    discoverers: Vec<Discoverer>,
    manager: M,
    snapshot: Snapshot,
    receiver: Receiver,
    /// Who reports as which provider, by the provider's number.
    providers: Vec<DiscovererId>,
    meter: Meter,
    trace: Trace,
    violations: Vec<Violation>,
    marks: [u64; Mark::ALL.len()],
    events: u64,
    hash: u64,
}

/// Figures that grow while the run goes on.
#[derive(Debug, Clone, Default)]
struct Meter {
    staleness: Histogram,
    metrics: Metrics,
}

/// What will happen.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// A discoverer asks.
    Ask { discoverer: DiscovererId, life: u32 },
    /// A discoverer's answer arrives.
    Answer { discoverer: DiscovererId, life: u32 },
    /// A replica shows a host as it is by then.
    Show { view: ViewId, host: HostId },
    /// The receiver can take another snapshot.
    ReceiverReady,
}

/// One discoverer.
#[derive(Debug, Clone, Default)]
struct Discoverer {
    /// Counts how often it was started and stopped: what belongs to an earlier life is void.
    life: u32,
    provider: Option<ProviderId>,
    calls: u64,
    /// What its last answer showed.
    seen: Option<(u64, Rows)>,
    /// What the answer on its way shows.
    coming: Option<(u64, Rows)>,
    /// What it reported last, by source.
    reported: OrdMap<u32, Group>,
    encoder: OwnEncoder,
}

impl Simulation {
    /// A run of `scenario` whose dice start at `seed`, under the manager of the core.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub fn new(scenario: &Scenario, seed: u64) -> Result<Self, Problems> {
        Self::of(scenario, seed)
    }
}

impl<M: Subject> Simulation<M> {
    /// A run under a manager of one's own.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub fn of(scenario: &Scenario, seed: u64) -> Result<Self, Problems> {
        let plan = Plan::new(scenario)?;
        let source = Source::drawn(&plan, Dice::new(seed));
        Ok(Self::start(plan, seed, source))
    }

    /// A run that takes its decisions from a list in the place of the scenario's dice. Noise is
    /// drawn as ever, from `seed`.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub fn replay(scenario: &Scenario, seed: u64, inputs: Vec<Input>) -> Result<Self, Problems> {
        Ok(Self::start(Plan::new(scenario)?, seed, Source::log(inputs)))
    }

    fn start(plan: Plan, seed: u64, inputs: Source) -> Self {
        let dice = Dice::new(seed);
        let manager = &plan.scenario.manager;
        let options = ManagerOptions {
            throttle: manager.throttle.into(),
            reload: match manager.reload {
                ReloadMode::Keep => Reload::Keep,
                ReloadMode::Legacy => Reload::Legacy,
            },
            seed: dice.draw(Entity::Run, Purpose::Seed, 0),
            ..ManagerOptions::default()
        };
        let mut simulation = Self {
            dice,
            now: Instant::ZERO,
            end: plan.scenario.until.moment(),
            queue: EventQueue::new(dice.draw(Entity::Run, Purpose::Order, 0)),
            inputs,
            truth: Truth::default(),
            views: vec![View::default(); plan.views.len()],
            discoverers: vec![Discoverer::default(); plan.discoverers.len()],
            manager: M::new(Instant::ZERO, options),
            snapshot: Snapshot::default(),
            receiver: Receiver::new(&plan),
            providers: Vec::new(),
            meter: Meter::default(),
            trace: Trace::default(),
            violations: Vec::new(),
            marks: [0; Mark::ALL.len()],
            events: 0,
            hash: mix(seed),
            plan: Arc::new(plan),
        };
        simulation.populate();
        simulation.apply();
        simulation
    }

    /// Goes to the next instant at which anything happens, and does all that happens then. Says
    /// whether there was one: `false` at the end of the run, or once a rule is broken.
    pub fn step(&mut self) -> bool {
        match self.next_at() {
            Some(next) if next <= self.end && self.violations.is_empty() => {
                self.now = next;
                self.instant();
                true
            }
            _ => false,
        }
    }

    /// Steps while anything happens until `end`, which is at most the run's own end.
    pub fn run_until(&mut self, end: Span) {
        let end = end.moment();
        while self.next_at().is_some_and(|next| next <= end) && self.step() {}
        if self.violations.is_empty() {
            self.now = self.now.max(end.min(self.end));
        }
    }

    /// Runs to the end, or to the first broken rule.
    pub fn run(mut self) -> Outcome {
        let end = self.plan.scenario.until;
        self.run_until(end);
        self.outcome()
    }

    /// What the run came to so far.
    pub fn outcome(&self) -> Outcome {
        let counters = self.manager.counters();
        let staleness = &self.meter.staleness;
        Outcome {
            scenario: self.plan.scenario.name.clone(),
            seed: self.dice.seed(),
            time: self.now(),
            violations: self.violations.clone(),
            metrics: Metrics {
                staleness_p50: staleness.quantile(500),
                staleness_p99: staleness.quantile(990),
                staleness_max: staleness.longest(),
                changes_learned: staleness.count(),
                changes_open: self.receiver.open(),
                emissions: counters.updates,
                delayed_updates: counters.updates_delayed,
                received_updates: counters.received_updates,
                unchanged_updates: counters.unchanged_updates,
                ..self.meter.metrics.clone()
            },
            marks: Mark::ALL
                .into_iter()
                .zip(self.marks)
                .filter(|(_, count)| *count > 0)
                .collect(),
            events: self.events,
            hash: self.hash,
        }
    }

    /// How long the run has lasted.
    pub fn now(&self) -> Span {
        Span::since_start(self.now)
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.plan.scenario
    }

    /// The ground truth.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// The manager under test.
    pub fn manager(&self) -> &M {
        &self.manager
    }

    /// The last snapshot that was emitted.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The hash of everything that was handled and emitted so far.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Keeps what happens from now on, or no longer, for [`take_events`](Self::take_events).
    pub fn listen(&mut self, listened: bool) {
        self.trace.listen(listened);
    }

    /// What happened since this was last asked for, while somebody listened.
    pub fn take_events(&mut self) -> Vec<Traced> {
        self.trace.take()
    }

    fn next_at(&self) -> Option<Instant> {
        let deadline = self.manager.poll_timeout().map(|deadline| deadline.max(self.now));
        let events = [self.inputs.next_at(), self.queue.next_at(), deadline];
        events.into_iter().flatten().min()
    }

    /// Does all that happens now: inputs first, in their order, then events.
    fn instant(&mut self) {
        let mut taken = Vec::new();
        while self.inputs.next_at().is_some_and(|at| at <= self.now) {
            self.inputs.take(self.now, &self.truth, &mut taken);
            for input in taken.drain(..) {
                self.decide(input);
            }
        }
        self.manager.handle_timeout(self.now);
        self.carry_out();
        while self.queue.next_at().is_some_and(|at| at <= self.now) {
            let Some((_, event)) = self.queue.pop() else { break };
            self.events += 1;
            self.handle(event);
            self.carry_out();
        }
    }

    fn populate(&mut self) {
        let plan = self.plan.clone();
        for (host, looks) in ChurnDrawer::at_start(&plan) {
            self.truth.up(Instant::ZERO, host, looks);
            let row = self.truth.row(host);
            for view in &plan.services[looks.service.place()].views {
                self.views[view.place()].show(host, row);
            }
        }
    }

    fn decide(&mut self, input: Input) {
        let now = self.now;
        match &input.what {
            Happening::Up { host, looks } if self.truth.up(now, *host, *looks) => self.changed(*host),
            Happening::Down { host } if self.truth.down(now, *host) => self.changed(*host),
            Happening::Reload => self.apply(),
            _ => {}
        }
        self.trace
            .tell(Span::since_start(self.now), || TraceEvent::Input { input });
    }

    /// The truth about a host changed: backends will show it.
    fn changed(&mut self, host: HostId) {
        let (version, up) = (self.truth.version(host), self.truth.is_up(host));
        self.trace
            .tell(Span::since_start(self.now), || TraceEvent::Truth { host, version, up });
        let Some(looks) = self.truth.looks(host).copied() else {
            return;
        };
        let plan = self.plan.clone();
        let service = &plan.services[looks.service.place()];
        for discoverer in &service.discoverers {
            self.receiver.truth_changed(*discoverer, host, &self.truth);
        }
        for view in &service.views {
            let backend = &plan.scenario.backends[plan.views[view.place()].backend];
            let draw = u64::from(host.0) << 32 | u64::from(version);
            let delay = self
                .dice
                .span(Entity::View(view.0), Purpose::Propagation, draw, backend.delay);
            if delay.is_zero() {
                self.show(*view, host);
            } else {
                let at = self.now + delay.into();
                self.queue.schedule(at, Event::Show { view: *view, host });
            }
        }
    }

    fn show(&mut self, view: ViewId, host: HostId) {
        let row = self.truth.row(host);
        let shown = &mut self.views[view.place()];
        if shown.show(host, row) {
            let (version, view_version) = (self.truth.version(host), shown.version);
            self.trace.tell(Span::since_start(self.now), || TraceEvent::Shown {
                view,
                host,
                version,
                view_version,
            });
        }
    }

    fn apply(&mut self) {
        let plan = &self.plan;
        let spec = |id: &DiscovererId| {
            let discoverer = &plan.discoverers[id.place()];
            Spec {
                discoverer: *id,
                version: 0,
                backend: discoverer.kind,
                looks_at: discoverer.looks_at.clone(),
            }
        };
        let sets = plan
            .job_ids()
            .map(|job| &plan.jobs[job.place()])
            .map(|job| (job.name.clone(), job.discoverers.iter().map(spec).collect()));
        let sets = sets.collect();
        self.manager.apply(self.now, sets);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.manager.poll_output() {
            match output {
                Output::Start { provider, config, .. } => self.start_discoverer(provider, config.discoverer),
                Output::Stop { provider } => {
                    if let Some(id) = self.providers.get(provider.number() as usize) {
                        let discoverer = &mut self.discoverers[id.place()];
                        if discoverer.provider == Some(provider) {
                            *discoverer = Discoverer {
                                life: discoverer.life + 1,
                                ..Discoverer::default()
                            };
                        }
                    }
                }
                Output::Emit(snapshot) => self.emitted(snapshot),
            }
        }
    }

    fn start_discoverer(&mut self, provider: ProviderId, id: DiscovererId) {
        let number = provider.number() as usize;
        if number >= self.providers.len() {
            self.providers.resize(number + 1, id);
        }
        self.providers[number] = id;
        let discoverer = &mut self.discoverers[id.place()];
        *discoverer = Discoverer {
            life: discoverer.life + 1,
            provider: Some(provider),
            ..Discoverer::default()
        };
        let life = discoverer.life;
        self.trace.tell(Span::since_start(self.now), || TraceEvent::Started {
            provider,
            discoverer: id,
        });
        if self.plan.discoverers[id.place()].broken {
            let reason = "the scenario says that nothing can be built from it".to_owned();
            if self.manager.handle_build_failure(self.now, provider, reason).is_ok() {
                self.mark(Mark::ConfigFailed);
            }
            return;
        }
        self.queue.schedule(self.now, Event::Ask { discoverer: id, life });
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Ask { discoverer, life } => self.ask(discoverer, life),
            Event::Answer { discoverer, life } => self.answer(discoverer, life),
            Event::Show { view, host } => self.show(view, host),
            Event::ReceiverReady => {
                self.manager.handle_receiver_ready(self.now);
                self.trace.tell(Span::since_start(self.now), || TraceEvent::Taken);
            }
        }
    }

    fn ask(&mut self, id: DiscovererId, life: u32) {
        let discoverer = &mut self.discoverers[id.place()];
        if discoverer.life != life {
            return;
        }
        let plan = &self.plan.discoverers[id.place()];
        let backend = &self.plan.scenario.backends[plan.backend];
        let entry = &self.plan.scenario.discoverers[plan.entry];
        let call = discoverer.calls;
        discoverer.calls += 1;
        self.meter.metrics.backend_calls += 1;
        let view = &self.views[plan.first_view.place()];
        if discoverer
            .seen
            .as_ref()
            .is_none_or(|(version, _)| *version != view.version)
        {
            discoverer.coming = Some((view.version, view.rows.clone()));
        }
        let who = Entity::Discoverer(id.0);
        let latency = self.dice.span(who, Purpose::Latency, call, backend.latency);
        self.trace.tell(Span::since_start(self.now), || TraceEvent::Call {
            discoverer: id,
            call,
            view: plan.first_view,
        });
        self.queue
            .schedule(self.now + latency.into(), Event::Answer { discoverer: id, life });
        // As the production refresh loop does: the second time after half to a whole interval,
        // the others after 90 % to 100 % of one.
        let nanos = entry.refresh.as_nanos();
        let least = if call == 0 { nanos / 2 } else { nanos / 10 * 9 };
        let wait = match entry.phase {
            Phase::Spread => Span::from_nanos(self.dice.between(who, Purpose::Phase, call, least, nanos)),
            Phase::Together => entry.refresh,
        };
        self.queue
            .schedule(self.now + wait.into(), Event::Ask { discoverer: id, life });
    }

    fn answer(&mut self, id: DiscovererId, life: u32) {
        let discoverer = &mut self.discoverers[id.place()];
        let Some(provider) = discoverer.provider.filter(|_| discoverer.life == life) else {
            return;
        };
        let plan = &self.plan.discoverers[id.place()];
        let call = discoverer.calls - 1;
        let update = match discoverer.coming.take() {
            None => Update::unchanged(),
            Some((version, rows)) => {
                let reported = list(plan.kind, plan.service, &rows, discoverer);
                discoverer.seen = Some((version, rows));
                discoverer.reported = reported;
                Update::full(discoverer.reported.values().cloned().collect())
            }
        };
        let view_version = discoverer.seen.as_ref().map(|(version, _)| *version);
        self.trace.tell(Span::since_start(self.now), || TraceEvent::Answer {
            discoverer: id,
            call,
            view_version,
            failure: None,
        });
        if let Ok(outcome) = self.manager.handle_update(self.now, provider, update) {
            if outcome.is_unchanged() {
                self.mark(Mark::UnchangedUpdate);
            }
            self.trace.tell(Span::since_start(self.now), || {
                TraceEvent::update(provider, id, call, outcome)
            });
        }
        self.hash = mix(self.hash ^ self.now.as_nanos() ^ u64::from(id.0) << 40);
    }

    fn emitted(&mut self, snapshot: Snapshot) {
        let told = self
            .receiver
            .take(&snapshot, &self.snapshot, &self.truth, &self.providers, self.now);
        for learned in &told.learned {
            if let Some(staleness) = learned.staleness {
                self.meter.staleness.add(staleness);
            }
        }
        self.meter.metrics.bytes_changed += told.bytes;
        self.meter.metrics.peak_targets = self.meter.metrics.peak_targets.max(told.targets);
        let at = Span::since_start(self.now);
        for learned in told.learned {
            self.trace.tell(at, || TraceEvent::Learned {
                discoverer: learned.discoverer,
                host: learned.host,
                version: learned.version,
                staleness: learned.staleness,
            });
        }
        self.trace.tell(at, || TraceEvent::Emission {
            version: snapshot.version(),
            targets: told.targets,
            groups: told.groups,
            bytes: told.bytes,
        });
        self.hash = mix(self.hash ^ snapshot.version() ^ told.groups << 32);
        self.snapshot = snapshot;
        let takes = self.plan.scenario.receiver.takes;
        let takes = self
            .dice
            .span(Entity::Receiver, Purpose::Latency, self.snapshot.version(), takes);
        self.queue.schedule(self.now + takes.into(), Event::ReceiverReady);
        if self.plan.scenario.checks != Checks::None && self.snapshot.version() != self.manager.counters().updates {
            self.violations.push(Violation {
                rule: crate::Rule::Versions,
                at,
                provider: None,
                target: None,
                reason: format!(
                    "the snapshot has version {}, and {} were emitted",
                    self.snapshot.version(),
                    self.manager.counters().updates
                ),
            });
        }
    }

    fn mark(&mut self, mark: Mark) {
        let count = &mut self.marks[mark as usize];
        *count += 1;
        if *count == 1 {
            self.trace
                .tell(Span::since_start(self.now), || TraceEvent::Mark { mark });
        }
    }
}

/// The groups of a whole list. Those whose hosts are as they were are not made anew.
fn list(
    kind: crate::BackendKind,
    service: crate::ServiceId,
    rows: &Rows,
    discoverer: &mut Discoverer,
) -> OrdMap<u32, Group> {
    let mut sources: std::collections::BTreeMap<u32, Vec<(&HostId, &Row)>> = std::collections::BTreeMap::new();
    for (host, row) in rows {
        sources
            .entry(render::source_of(kind, *host, row))
            .or_default()
            .push((host, row));
    }
    let encoder = &mut discoverer.encoder;
    sources
        .into_iter()
        .map(|(source, rows)| (source, encoder.group(kind, service, source, rows)))
        .collect()
}
