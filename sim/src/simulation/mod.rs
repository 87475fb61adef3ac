//! A run: the world, the manager under test, and the clock that jumps from event to event.

mod at_once;
mod drive;
mod emission;
mod future;
mod guard;
mod process;
mod restart;
mod told;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use headcount_core::reference::Pair;
use headcount_core::{Counters, Delivery, Instant, Manager, ManagerOptions, ProviderId, Reload, Snapshot, StoreWork};

use crate::engine::{Event, Report, World};
use crate::generate::Source;
use crate::oracle::contract::Contract;
use crate::oracle::expect::{Expectations, Seen};
use crate::oracle::lists::Lists;
use crate::oracle::pools::Pools;
use crate::oracle::receiver::Receiver;
use crate::oracle::{Broken, Verdict};
use crate::outcome::{Metrics, Outcome, Violation};
use crate::plan::Plan;
use crate::rng::{Entity, Purpose};
use crate::scenario::{Checks, Guard, Mark, ReloadMode, Running, Scenario};
use crate::sharing::Sharing;
use crate::subject::{Spec, Subject};
use crate::trace::{TraceEvent, Traced};
use crate::world::truth::Truth;
use crate::{DiscovererId, Input, JobId, KeyedRng, Problems, Rule, Span, Work};
use at_once::AtOnce;
use restart::State;

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
    world: World,
    inputs: Source,
    end: Instant,
    at_once: AtOnce,
    manager: M,
    /// The reference model, for worlds that are small enough.
    shadow: Option<Box<Pair<Spec>>>,
    /// What reads the snapshots, where everything is checked.
    pools: Option<Box<Pools>>,
    /// Among whom targets are shared out.
    sharing: Option<Box<Sharing>>,
    snapshot: Snapshot,
    /// Who reports as which provider, or did, by the provider's number.
    providers: Vec<Option<DiscovererId>>,
    /// Of whom the guard holds how many targets.
    holds: BTreeMap<ProviderId, usize>,
    config: Config,
    queue: Queue,
    consumer: Consumer,
    contract: Contract,
    receiver: Receiver,
    lists: Lists,
    expectations: Expectations,
    /// Which version of the core runs.
    version: Running,
    /// What was saved last.
    saved: Option<State>,
    /// What managers before this one counted, and how often there was another.
    counted: Counters,
    worked: StoreWork,
    lives: u32,
    /// What was to be done while the process stood still.
    put_off: Vec<Input>,
    violations: Vec<Violation>,
    /// What the run goes on past, and what went wrong in it nevertheless.
    past: Past,
    noted: Vec<Violation>,
    finished: bool,
}

/// What is configured just now.
#[derive(Debug, Clone, Default)]
struct Config {
    /// How often each discoverer's configuration was changed.
    versions: Vec<u32>,
    removed: BTreeSet<JobId>,
    applied: u64,
}

/// What stands between discoverers and the manager.
#[derive(Debug, Clone, Default)]
struct Queue {
    reports: VecDeque<Report>,
    /// Reports of discoverers that found it full.
    blocked: VecDeque<Report>,
    busy: bool,
}

/// Who takes snapshots.
#[derive(Debug, Clone, Default)]
struct Consumer {
    paused_until: Instant,
    /// Whether it is a program outside, and the snapshot that it is to be handed.
    is_outside: bool,
    handed: Option<Snapshot>,
    /// Bytes of all targets that it has.
    bytes: u64,
}

/// What a run goes on past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    /// It ends with the instant at which anything is wrong.
    Nothing,
    /// It goes on when the scenario wanted more.
    Expectations,
    /// It goes on past everything but what ends it: a panic, and an instant without end.
    Failures,
}

/// More failures than this are not told of one run.
const MOST_NOTED: usize = 50;

/// How often what is late is checked.
const SWEEP_EVERY: Span = Span::secs(10);

impl Simulation {
    /// A run of `scenario` with this seed, under the manager of the core.
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
        let plan = Arc::new(Plan::new(scenario)?);
        let source = Source::drawn(&plan, KeyedRng::new(seed));
        Ok(Self::start(plan, KeyedRng::new(seed), source))
    }

    /// A run that takes its decisions from a list in the place of drawing them. Noise is
    /// drawn as ever, from `seed`.
    ///
    /// # Errors
    /// Everything in the scenario that makes no sense.
    pub fn replay(scenario: &Scenario, seed: u64, inputs: Vec<Input>) -> Result<Self, Problems> {
        let plan = Arc::new(Plan::new(scenario)?);
        Ok(Self::start(plan, KeyedRng::new(seed), Source::log(inputs)))
    }

    pub(crate) fn start(plan: Arc<Plan>, rng: KeyedRng, inputs: Source) -> Self {
        let world = World::new(plan.clone(), rng, matches!(inputs, Source::Drawn(_)));
        let version = Running::first(&plan.scenario.manager);
        let options = options(&plan.scenario, version, rng, 0);
        let mut simulation = Self {
            inputs,
            end: plan.scenario.until.moment(),
            at_once: AtOnce::new(&plan),
            manager: M::new(Instant::ZERO, options.clone()),
            shadow: shadow(&plan.scenario, Instant::ZERO, &options),
            pools: pools(&plan.scenario),
            sharing: sharing(&plan.scenario, rng),
            snapshot: Snapshot::default(),
            providers: Vec::new(),
            holds: BTreeMap::new(),
            config: Config::new(plan.discoverers.len()),
            queue: Queue::default(),
            consumer: Consumer {
                is_outside: plan.has_real,
                ..Consumer::default()
            },
            contract: contract(&plan.scenario, version, Instant::ZERO, &options),
            receiver: Receiver::new(&plan),
            lists: Lists::new(&plan),
            expectations: Expectations::new(&world),
            version,
            saved: None,
            counted: Counters::default(),
            worked: StoreWork::default(),
            lives: 0,
            put_off: Vec::new(),
            violations: Vec::new(),
            past: Past::Nothing,
            noted: Vec::new(),
            finished: false,
            world,
            plan,
        };
        if simulation.plan.scenario.checks != Checks::None {
            simulation.world.queue.schedule(SWEEP_EVERY.moment(), Event::Sweep);
        }
        simulation.apply();
        simulation
    }

    /// Among whom targets are shared out.
    #[cfg(test)]
    pub(crate) fn sharing(&self) -> Option<&Sharing> {
        self.sharing.as_deref()
    }

    #[cfg(test)]
    pub(crate) fn sharing_mut(&mut self) -> Option<&mut Sharing> {
        self.sharing.as_deref_mut()
    }

    /// Goes to the next instant at which anything happens, and does all that happens then. Says
    /// whether there was one: `false` at the end of the run, or once a rule is broken.
    pub fn step(&mut self) -> bool {
        if !self.violations.is_empty() {
            return false;
        }
        match self.next_at() {
            Some(next) if next <= self.end => {
                self.world.now = next;
                self.instant_or_panic();
                true
            }
            _ => {
                self.finish();
                false
            }
        }
    }

    /// Does all that happens now. If something in it panics, the run ends there, as with any broken rule: a swarm goes on,
    /// and knows the seed. Whoever printed the panic has said where it was.
    fn instant_or_panic(&mut self) {
        let done = catch_unwind(AssertUnwindSafe(|| self.instant()));
        if let Err(panic) = done {
            let said = panic.downcast_ref::<&str>().copied();
            let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            let reason = format!("the run panicked: {}", said.unwrap_or("without a word"));
            self.broken(*Broken::of(Rule::NoPanic, reason));
        }
    }

    /// Goes on when what the scenario expects beyond the rules is not met; the outcome has the first
    /// time that each was not. A comparison of settings needs the figures of whole runs.
    #[must_use = "it is this run that goes on"]
    pub fn past_expectations(mut self) -> Self {
        self.past = Past::Expectations;
        self
    }

    /// Goes on when a rule is broken, too: the outcome has all that went wrong, each once for each cause. What comes after the
    /// first may follow from it. Only a panic ends the run, or an instant without end.
    #[must_use = "it is this run that goes on"]
    pub fn past_failures(mut self) -> Self {
        self.past = Past::Failures;
        self
    }

    /// Steps while anything happens until `end`, which is at most the run's own end.
    pub fn run_until(&mut self, end: Span) {
        let end = end.moment();
        if end >= self.end {
            while self.step() {}
            return;
        }
        while self.violations.is_empty()
            && let Some(next) = self.next_at().filter(|next| *next <= end)
        {
            self.world.now = next;
            self.instant_or_panic();
        }
        if self.violations.is_empty() {
            self.world.now = self.world.now.max(end);
        }
    }

    /// Runs to the end, or to the first broken rule.
    pub fn run(mut self) -> Outcome {
        while self.step() {}
        self.outcome()
    }

    /// What the run came to so far.
    pub fn outcome(&self) -> Outcome {
        let counters = sum(self.counted, self.manager.counters());
        let meter = &self.world.meter;
        let marks = Mark::ALL.into_iter().zip(self.world.marks);
        Outcome {
            scenario: self.plan.scenario.name.clone(),
            seed: self.world.rng.seed(),
            time: self.now(),
            violations: self.noted.iter().chain(&self.violations).cloned().collect(),
            metrics: Metrics {
                staleness_p50: meter.staleness.quantile(500),
                staleness_p99: meter.staleness.quantile(990),
                staleness_max: meter.staleness.longest(),
                changes_learned: meter.staleness.count(),
                changes_open: self.receiver.open(),
                time_to_converge: self.expectations.time_to_converge(),
                emissions: counters.updates,
                delayed_updates: counters.updates_delayed,
                received_updates: counters.received_updates,
                unchanged_updates: counters.unchanged_updates,
                ..meter.metrics.clone()
            },
            marks: marks.filter(|(_, count)| *count > 0).collect(),
            events: meter.events,
            hash: self.world.hash,
        }
    }

    /// The work that the run took so far.
    pub fn work_done(&self) -> Work {
        let mut store = self.worked;
        store.add(self.manager.work());
        Work {
            events: self.world.meter.events,
            times_compared: self.world.queue.compares(),
            groups_compared: store.groups_compared,
            differences_compared: self.world.meter.differences_compared,
            nodes_visited: store.nodes_visited,
            nodes_made: store.nodes_made,
        }
    }

    /// How long the run has lasted.
    pub fn now(&self) -> Span {
        self.world.at()
    }

    /// How many events the engine has handled so far.
    pub(crate) fn events(&self) -> u64 {
        self.world.meter.events
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.plan.scenario
    }

    /// The ground truth.
    pub fn truth(&self) -> &Truth {
        &self.world.truth
    }

    /// The manager under test.
    pub fn manager(&self) -> &M {
        &self.manager
    }

    /// The last snapshot that was emitted.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// How many targets there truly are for the discoverers that run, each counted once for each
    /// discoverer that looks at it.
    pub fn targets_wanted(&self) -> u64 {
        self.receiver.should_have(&self.world)
    }

    /// For each discoverer, the backend that it looks at, and what it looks at there.
    pub(crate) fn discoverers(&self) -> Vec<(String, Arc<str>)> {
        let each = self.plan.discoverers.iter();
        each.map(|discoverer| {
            let backend = &self.plan.scenario.backends[discoverer.backend];
            (backend.name.clone(), discoverer.description.clone())
        })
        .collect()
    }

    /// For each job, its name, how its list is served, how many targets who reads it has, and how many there are for it.
    pub(crate) fn lists(&self) -> Vec<(&str, Option<Delivery>, u64, u64)> {
        let names = self.plan.jobs.iter().map(|job| job.name.as_str());
        let lists = self.lists.each(&self.world, &self.receiver);
        names
            .zip(lists)
            .map(|(name, (delivery, has, should))| (name, delivery, has, should))
            .collect()
    }

    /// The hash of everything that happened so far. Equal runs have equal hashes at equal times.
    pub fn hash(&self) -> u64 {
        self.world.hash
    }

    /// Keeps what happens from now on, or no longer, for [`take_events`](Self::take_events).
    pub fn listen(&mut self, listened: bool) {
        self.world.trace.listen(listened);
    }

    /// What happened since this was last asked for, while somebody listened.
    pub fn take_events(&mut self) -> Vec<Traced> {
        self.world.trace.take()
    }

    /// Decides the order of what happens at one instant by another seed from now on. What a run
    /// comes to in the end must not depend on it.
    pub fn shuffle(&mut self, order: u64) {
        self.world.queue.shuffle(order);
    }

    /// The world, for whoever runs a part of it outside.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    pub(crate) fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    /// Goes to this time, and says whether the run goes on: it ends at its end, or once a rule is broken.
    pub(crate) fn go_to(&mut self, next: Option<Instant>) -> bool {
        if !self.violations.is_empty() {
            return false;
        }
        match next.filter(|next| *next <= self.end) {
            Some(next) => self.world.now = next,
            None => self.finish(),
        }
        !self.finished
    }

    pub(crate) fn next_at(&self) -> Option<Instant> {
        let deadline = self
            .manager
            .poll_timeout()
            .map(|deadline| deadline.max(self.world.now).max(self.world.stands_until));
        let sooner = |one: Option<Instant>, other: Option<Instant>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        sooner(sooner(self.world.queue.next_at(), self.inputs.next_at()), deadline)
    }

    /// Who reports as this provider, or did.
    fn who(&self, provider: ProviderId) -> Option<DiscovererId> {
        let place = usize::try_from(provider.number()).ok()?;
        self.providers.get(place).copied().flatten()
    }

    fn note_provider(&mut self, provider: ProviderId, discoverer: DiscovererId) {
        let Ok(place) = usize::try_from(provider.number()) else {
            return;
        };
        if place >= self.providers.len() {
            self.providers.resize(place + 1, None);
        }
        if let Some(who) = self.providers.get_mut(place) {
            *who = Some(discoverer);
        }
    }

    /// Notes a broken rule.
    fn rule(&mut self, verdict: Verdict) {
        if let Err(broken) = verdict {
            self.broken(*broken);
        }
    }

    pub(crate) fn broken(&mut self, broken: Broken) {
        let plan = &self.plan;
        let kind = |number: u64| {
            let discoverer = self.providers.get(number as usize).copied().flatten();
            discoverer.map_or("provider", |id| plan.discoverers[id.place()].kind.word())
        };
        let name = |provider: headcount_core::ProviderId| format!("{}/{}", kind(provider.number()), provider.number());
        let violation = broken.at(self.world.at(), name);
        match (self.past, violation.rule) {
            (_, Rule::NoPanic | Rule::TimeGoesOn) | (Past::Nothing, _) => self.violations.push(violation.clone()),
            // Each is told once by who watches it.
            (_, Rule::Expectation) => self.noted.push(violation.clone()),
            (Past::Expectations, _) => self.violations.push(violation.clone()),
            (Past::Failures, rule) => {
                if rule == Rule::Model {
                    // It has parted from what it is compared with, and would say so from now on.
                    self.shadow = None;
                }
                let is_known = self.noted.iter().any(|noted| noted.is_like(&violation));
                if is_known || self.noted.len() >= MOST_NOTED {
                    return;
                }
                self.noted.push(violation.clone());
            }
        }
        self.world.trace(|| TraceEvent::Violation { violation });
    }

    /// The run is over: what is checked once only.
    fn finish(&mut self) {
        if core::mem::replace(&mut self.finished, true) {
            return;
        }
        self.world.now = self.world.now.max(self.end);
        if self.plan.scenario.checks == Checks::None {
            return;
        }
        self.advance_members();
        let verdict = self
            .receiver
            .sweep(&self.world, &self.contract, self.expectations.is_calm());
        self.rule(verdict);
        self.check_expectations();
        let unmet = self.expectations.at_end(&self.world.marks);
        self.all_broken(unmet);
    }

    /// Looks at all that the scenario expects just now.
    fn check_expectations(&mut self) {
        let seen = Seen {
            world: &self.world,
            receiver: &self.receiver,
            lists: &self.lists,
            bytes: self.consumer.bytes,
        };
        let unmet = self.expectations.check(seen);
        self.all_broken(unmet);
    }

    fn all_broken(&mut self, broken: Vec<Broken>) {
        broken.into_iter().for_each(|broken| self.broken(broken));
    }
}

/// How the manager is set up; each of its lives has jitter of its own.
fn options(scenario: &Scenario, version: Running, rng: KeyedRng, life: u32) -> ManagerOptions {
    ManagerOptions {
        throttle: version.throttle.into(),
        reload: match version.reload {
            ReloadMode::Keep => Reload::Keep,
            ReloadMode::Legacy => Reload::Legacy,
        },
        guard: scenario.manager.guard.and_then(Guard::of_core),
        per_set: scenario.manager.per_set,
        incomplete_after: scenario.manager.incomplete_after.map(Into::into),
        seed: rng.draw(Entity::Run, Purpose::Seed, u64::from(life)),
        ..ManagerOptions::default()
    }
}

fn shadow(scenario: &Scenario, now: Instant, options: &ManagerOptions) -> Option<Box<Pair<Spec>>> {
    (scenario.checks == Checks::All).then(|| Box::new(Pair::new(now, options.clone())))
}

fn pools(scenario: &Scenario) -> Option<Box<Pools>> {
    (scenario.checks == Checks::All).then(|| Box::new(Pools::new(Instant::ZERO)))
}

fn sharing(scenario: &Scenario, rng: KeyedRng) -> Option<Box<Sharing>> {
    let is_close = scenario.checks == Checks::All;
    let members = scenario.members.as_ref().filter(|_| scenario.checks != Checks::None)?;
    Some(Box::new(Sharing::new(members, rng, is_close)))
}

fn contract(scenario: &Scenario, version: Running, now: Instant, options: &ManagerOptions) -> Contract {
    let always_whole = scenario.checks == Checks::All;
    Contract::new(now, options, version.reload, always_whole)
}

fn sum(a: Counters, b: Counters) -> Counters {
    Counters {
        received_updates: a.received_updates + b.received_updates,
        unchanged_updates: a.unchanged_updates + b.unchanged_updates,
        ignored_reports: a.ignored_reports + b.ignored_reports,
        updates: a.updates + b.updates,
        updates_delayed: a.updates_delayed + b.updates_delayed,
    }
}
