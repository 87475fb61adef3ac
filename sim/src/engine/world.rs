//! The world: truth, backends and discoverers under one clock. It knows no manager: what
//! discoverers report lands in an outbox.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use headcount_core::{Group, Instant, ProviderId, Update};

use super::discoverer::{Body, Coming, Discoverer, Report};
use super::event::Event;
use super::faults::{FaultSchedule, Met, Occasion};
use super::less::Looks;
use super::numbered::Numbers;
use super::outside::Order;
use super::queue::EventQueue;
use crate::generate::at_start;
use crate::metrics::Histogram;
use crate::outcome::Metrics;
use crate::plan::Plan;
use crate::rng::{Entity, Purpose, mix};
use crate::scenario::{BackendKind, FaultKind, Mark};
use crate::trace::{Trace, TraceEvent};
use crate::world::truth::Truth;
use crate::world::view::View;
use crate::{
    Covered, DiscovererId, Happening, HostId, Input, KeyedRng, Less, ServiceId, Sources, Span, SpanRange, ViewId,
};

/// The world of a run.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) plan: Arc<Plan>,
    pub(crate) rng: KeyedRng,
    pub(crate) now: Instant,
    pub(crate) queue: EventQueue<Event>,
    pub(crate) truth: Truth,
    pub(crate) views: Vec<View>,
    pub(crate) discoverers: Vec<Discoverer>,
    pub(crate) faults: FaultSchedule,
    pub(crate) outbox: VecDeque<Report>,
    /// What is to be done by whoever runs the discoverers that are real.
    pub(crate) orders: VecDeque<Order>,
    /// The host that has or had an address, for discoverers that see no more of it.
    pub(crate) addresses: BTreeMap<(ServiceId, String), (HostId, u32)>,
    /// Until when the process with manager, discoverers and receiver stands still.
    pub(crate) stands_until: Instant,
    /// What stopped discoverers still had on their way.
    pub(crate) ghosts: Vec<Option<(ProviderId, DiscovererId, Update)>>,
    pub(crate) meter: Meter,
    pub(crate) trace: Trace,
    pub(crate) marks: [u64; Mark::ALL.len()],
    /// Folds in everything that happens: equal runs have equal hashes.
    pub(crate) hash: u64,
}

/// Figures that grow while the run goes on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    pub(crate) staleness: Histogram,
    pub(crate) metrics: Metrics,
    pub(crate) events: u64,
    /// Pairs that the receiver compared to read snapshots' differences.
    pub(crate) differences_compared: u64,
}

impl World {
    pub(crate) fn new(plan: Arc<Plan>, rng: KeyedRng, draws_hits: bool) -> Self {
        let mut world = Self {
            rng,
            now: Instant::ZERO,
            queue: EventQueue::new(rng.draw(Entity::Run, Purpose::Order, 0)),
            truth: Truth::new(plan.services.len()),
            views: plan.views.iter().map(|view| View::new(&plan, view)).collect(),
            discoverers: vec![Discoverer::default(); plan.discoverers.len()],
            faults: FaultSchedule::new(&plan, rng, draws_hits),
            outbox: VecDeque::new(),
            orders: VecDeque::new(),
            addresses: BTreeMap::new(),
            stands_until: Instant::ZERO,
            ghosts: Vec::new(),
            meter: Meter::default(),
            trace: Trace::default(),
            marks: [0; Mark::ALL.len()],
            hash: mix(rng.seed()),
            plan: plan.clone(),
        };
        for (host, looks) in at_start(&plan) {
            world.truth.up(Instant::ZERO, host, looks);
            world.note_address(host);
            let row = world.truth.row(host);
            for view in &plan.services[looks.service.place()].views {
                world.views[view.place()].show(Instant::ZERO, host, row);
            }
        }
        world
    }

    pub(crate) fn at(&self) -> Span {
        Span::since_start(self.now)
    }

    pub(crate) fn trace(&mut self, event: impl FnOnce() -> TraceEvent) {
        self.trace.push(Span::since_start(self.now), event);
    }

    pub(crate) fn mark(&mut self, mark: Mark) {
        let count = &mut self.marks[mark as usize];
        *count += 1;
        if *count == 1 {
            self.trace(|| TraceEvent::Mark { mark });
        }
    }

    /// Folds what happens into the run's hash.
    pub(crate) fn fold(&mut self, what: u64) {
        self.hash = mix(self.hash ^ self.now.as_nanos().rotate_left(20) ^ what);
    }

    /// Whether an event has to wait because the process in which it would happen stands still.
    fn stands_still(&mut self, event: Event) -> bool {
        let waits = self.stands_until > self.now
            && (event.whose().is_some()
                || matches!(
                    event,
                    Event::GhostReports { .. }
                        | Event::ReceiverReady { .. }
                        | Event::QueueDone { .. }
                        | Event::CannotBuild { .. }
                ));
        if waits {
            self.queue.schedule(self.stands_until, event);
        }
        waits
    }

    /// Takes the next event that happens now.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        while self.queue.next_at().is_some_and(|at| at <= self.now) {
            let (_, event) = self.queue.pop()?;
            self.meter.events += 1;
            if !self.stands_still(event) {
                return Some(event);
            }
        }
        None
    }

    /// Does what the world has to do for an event. Events of the manager are not the world's.
    pub(crate) fn handle(&mut self, event: Event) {
        if let Some((id, life)) = event.whose() {
            let discoverer = &mut self.discoverers[id.place()];
            if discoverer.life != life || discoverer.provider.is_none() {
                return;
            }
            if discoverer.blocked {
                discoverer.waiting.push(event);
                return;
            }
            if !self.faults.is_clear(id)
                && let Some(until) = self.faults.paused(id)
            {
                self.queue.schedule(until.max(self.now), event);
                return;
            }
        }
        match event {
            Event::Ask { id, turn, .. } => self.ask(id, turn),
            Event::Answer { id, turn, .. } => self.answer(id, turn),
            Event::Echo { id, .. } => self.echo(id),
            Event::Deliver { id, link, .. } => self.deliver(id, link),
            Event::Notify { id, link, .. } => self.notified(id, link),
            Event::LinkEnds { id, link, .. } => self.link_ends(id, link),
            Event::WaitOver { id, turn, .. } => self.wait_over(id, turn),
            Event::Show { view, host } => self.show(view, host),
            Event::WindowShuts { window } => self.shut(window),
            Event::GhostReports { slot } => self.ghost_reports(slot),
            Event::ReceiverReady { .. }
            | Event::QueueDone { .. }
            | Event::CannotBuild { .. }
            | Event::Sweep
            | Event::GoesOn => {}
        }
    }

    /// The truth about a host changed: those who show it will, each in its time.
    pub(crate) fn changed(&mut self, host: HostId) {
        let (version, up) = (self.truth.version(host), self.truth.is_up(host));
        self.fold(u64::from(host.0) << 32 | u64::from(version));
        self.trace(|| TraceEvent::Truth { host, version, up });
        self.note_address(host);
        let Some(looks) = self.truth.looks(host).copied() else {
            return;
        };
        let plan = self.plan.clone();
        let Some(service) = plan.services.get(looks.service.place()) else {
            return;
        };
        for view in &service.views {
            if plan.views[view.place()].kind == BackendKind::Static {
                continue;
            }
            let backend = &plan.scenario.backends[plan.views[view.place()].backend];
            let draw = u64::from(host.0) << 32 | u64::from(version);
            let mut delay = self
                .rng
                .span(Entity::View(view.0), Purpose::Propagation, draw, backend.delay);
            if !up && backend.lingers != SpanRange::ZERO {
                let lingers = self
                    .rng
                    .span(Entity::View(view.0), Purpose::Length, draw, backend.lingers);
                delay = delay.plus(lingers);
            }
            if delay.is_zero() {
                self.show(*view, host);
            } else {
                self.queue
                    .schedule(self.now + delay.into(), Event::Show { view: *view, host });
            }
        }
    }

    fn show(&mut self, view: ViewId, host: HostId) {
        let (row, version) = (self.truth.row(host), self.truth.version(host));
        let shown = &mut self.views[view.place()];
        if !shown.show(self.now, host, row) {
            return;
        }
        let view_version = shown.version;
        self.trace(|| TraceEvent::Shown {
            view,
            host,
            version,
            view_version,
        });
        let watchers: Vec<DiscovererId> = self.views[view.place()].watchers.iter().copied().collect();
        for id in watchers {
            self.notify_watcher(id, view, host, row, version);
        }
    }

    /// A fault's window opens.
    pub(crate) fn open(&mut self, input: &Input) {
        let Happening::Window {
            kind,
            covers,
            rate,
            lasts,
            fault,
        } = &input.what
        else {
            return;
        };
        let until = self.now + (*lasts).into();
        let replica = match covers {
            Covered::Replica { replica, .. } => Some(*replica),
            Covered::Everyone | Covered::These(_) => None,
        };
        let (window, covers) = self.faults.open(self.now, *kind, *rate, until, *fault, covers);
        self.queue.schedule(until, Event::WindowShuts { window });
        if rate.is_always() {
            for id in covers {
                if replica.is_none_or(|replica| self.is_with(id, replica)) {
                    self.fault_breaks(id, *kind);
                }
            }
        }
    }

    /// Whether a discoverer is connected with this replica of its backend. Of one that runs outside it is not known.
    fn is_with(&self, id: DiscovererId, replica: u32) -> bool {
        let first = self.plan.discoverers[id.place()].first_view;
        self.discoverers[id.place()].watching == Some(ViewId(first.0 + replica))
    }

    pub(crate) fn shut(&mut self, window: u32) {
        if let Some((kind, fault)) = self.faults.shut(self.now, window) {
            self.trace(|| TraceEvent::WindowShut { kind, fault });
        }
    }

    /// The fault that hits this occasion, if one does. A single hit is traced as an input when it
    /// meets something, whether it was drawn or decided before, so that a replay traces the same.
    /// The view is that which is asked or sends, if it is known.
    pub(crate) fn meet(&mut self, id: DiscovererId, occasion: Occasion, view: Option<ViewId>) -> Option<Met> {
        let replica = view.map(|view| view.0 - self.plan.discoverers[id.place()].first_view.0);
        let met = self.faults.meet(self.now, id, occasion, replica)?;
        if let Some(what) = met.as_input(id) {
            let at = self.at();
            // One that was decided before was counted then.
            self.meter.events += u64::from(met.hit.is_some_and(|hit| hit.is_drawn));
            self.trace(|| TraceEvent::Input {
                input: Input { at, what },
            });
        }
        Some(met)
    }

    /// Starts a discoverer as `provider`, which knows what was found before.
    pub(crate) fn start(&mut self, id: DiscovererId, provider: ProviderId, found_before: Vec<Group>) {
        let discoverer = &mut self.discoverers[id.place()];
        *discoverer = discoverer.reborn(Some(provider));
        self.faults.disturbed(self.now, id);
        self.begin(id, found_before);
    }

    /// A discoverer that was started does what it does first.
    fn begin(&mut self, id: DiscovererId, found_before: Vec<Group>) {
        match self.discoverers[id.place()].provider.filter(|_| self.is_outside(id)) {
            Some(provider) => {
                self.faults.excused(self.now, id);
                self.orders.push_back(Order::Start {
                    id,
                    provider,
                    found_before,
                });
            }
            None => {
                if self.plan.discoverers[id.place()].sources == Sources::Sticky && !found_before.is_empty() {
                    self.discoverers[id.place()].numbers = Numbers::found_before(&found_before);
                }
                if self.plan.discoverers[id.place()].less == Less::Twice {
                    let targets = found_before.iter().map(Group::target_count).sum();
                    self.discoverers[id.place()].looks = Some(Box::new(Looks::found_before(targets)));
                }
                self.ask_at(id, self.now);
            }
        }
    }

    /// Stops a discoverer. What it had on its way still arrives.
    pub(crate) fn stop(&mut self, id: DiscovererId) {
        self.unwatch(id);
        let discoverer = &mut self.discoverers[id.place()];
        let coming = discoverer.coming.take();
        let (provider, mut last) = (discoverer.provider, discoverer.clone());
        *discoverer = discoverer.reborn(None);
        let Some(provider) = provider else { return };
        if self.is_outside(id) {
            self.orders.push_back(Order::Stop { id });
        }
        let plan = &self.plan.discoverers[id.place()];
        let words = match coming {
            Some(Coming::All { rows, .. } | Coming::Wrong { rows, .. }) => last.take_all(plan, rows),
            Some(Coming::Changes { rows, .. }) => {
                let held = last.caught_up(&rows, true);
                last.take_changes(plan, held)
            }
            Some(Coming::Unchanged) => Update::unchanged(),
            Some(Coming::Trouble { .. } | Coming::Gap) | None => return,
        };
        let slot = self.ghosts.len() as u32;
        self.ghosts.push(Some((provider, id, words)));
        let latency = self.plan.scenario.backends[plan.backend].latency;
        let draw = self
            .rng
            .span(Entity::Discoverer(id.0), Purpose::Length, u64::from(slot), latency);
        self.queue
            .schedule(self.now + draw.into(), Event::GhostReports { slot });
    }

    /// Kills a discoverer; it starts again under the same provider, from nothing but what was found before unless it
    /// saved what it knew.
    pub(crate) fn restart(&mut self, id: DiscovererId, saved: bool, found_before: Vec<Group>) {
        self.unwatch(id);
        let discoverer = &mut self.discoverers[id.place()];
        if discoverer.provider.is_some() {
            // One that had only just started, and had not read anything, saved nothing.
            let saved = saved && (!discoverer.held.is_empty() || found_before.is_empty());
            *discoverer = if saved {
                discoverer.recovered()
            } else {
                discoverer.reborn(discoverer.provider)
            };
            self.faults.disturbed(self.now, id);
            if self.is_outside(id) {
                self.orders.push_back(Order::Stop { id });
            }
            // What it saved has more.
            self.begin(
                id,
                if saved && !self.is_outside(id) {
                    Vec::new()
                } else {
                    found_before
                },
            );
        }
    }

    /// Kills all discoverers, and what they had on their way.
    pub(crate) fn kill_all(&mut self) {
        for id in (0..self.discoverers.len() as u32).map(DiscovererId) {
            self.unwatch(id);
            let discoverer = &mut self.discoverers[id.place()];
            let runs = discoverer.provider.is_some();
            *discoverer = discoverer.reborn(None);
            if runs && self.is_outside(id) {
                self.orders.push_back(Order::Stop { id });
            }
        }
        self.ghosts.iter_mut().for_each(|ghost| *ghost = None);
        self.outbox.clear();
    }

    /// Takes a discoverer's backend out of reach for good.
    pub(crate) fn break_for_ever(&mut self, id: DiscovererId) {
        self.faults.break_for_ever(id);
        let entry = &self.plan.scenario.discoverers[self.plan.discoverers[id.place()].entry];
        let notice = entry.timeout;
        self.cut(id, notice);
    }

    fn ghost_reports(&mut self, slot: u32) {
        if let Some((provider, discoverer, update)) = self.ghosts.get_mut(slot as usize).and_then(Option::take) {
            self.mark(Mark::GhostReported);
            self.outbox.push_back(Report {
                provider,
                discoverer,
                body: Body::Found(update),
            });
        }
    }

    /// A span of a discoverer's clock in true time.
    pub(crate) fn stretch(&self, id: DiscovererId, span: Span) -> Span {
        if self.faults.is_clear(id) {
            return span;
        }
        let speed = 1_000_i64 + i64::from(self.faults.skew(self.now, id)).max(-999);
        let nanos = u128::from(span.as_nanos()) * 1_000 / u128::from(speed.unsigned_abs().max(1));
        Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// What a fault that lasts does to connections when it begins.
    fn fault_breaks(&mut self, id: DiscovererId, kind: FaultKind) {
        let entry = &self.plan.scenario.discoverers[self.plan.discoverers[id.place()].entry];
        let notice = match kind {
            FaultKind::Reset | FaultKind::Refused | FaultKind::SessionExpiry => Span::ZERO,
            FaultKind::Partition | FaultKind::OneWay | FaultKind::Drop => entry.timeout,
            // Whoever waits at the leader learns at once that there is none.
            FaultKind::LeaderLoss if !entry.allow_stale => Span::ZERO,
            _ => return,
        };
        self.cut(id, notice);
    }
}
