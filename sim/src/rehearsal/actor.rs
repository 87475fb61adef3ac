//! One real discoverer: its task, its clock, its files, and its lines to the servers.
//!
//! **Its time is its own**: the clock in its `Env` runs and leaps as the faults of clocks say, while
//! what servers send arrives by true time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use headcount_core::{Group, Instant, ProviderId};
use headcount_discoverer::env::Clock;
use headcount_discoverer::testing::{Received, VirtualClock, World as TestWorld};
use headcount_discoverer::{BoxFuture, Discoverer, Env, Updates};

use super::files::WrittenFiles;
use super::{Parts, dns, http, wire};
use crate::engine::World;
use crate::rng::{Entity, Purpose};
use crate::{DiscovererId, Span};

/// One real discoverer.
pub(super) struct Actor {
    pub(super) id: DiscovererId,
    pub(super) files: WrittenFiles,
    pub(super) servers: http::Servers,
    pub(super) world: TestWorld,
    name_server: dns::NameServer,
    wires: wire::Wires,
    http: http::Line,
    dns: dns::Line,
    wire: wire::Line,
    /// How many connections there were.
    connected: Arc<AtomicU64>,
    clock: ActorClock,
    /// As whom its task runs, and as whom it reports.
    running: Option<(ProviderId, ProviderId)>,
    /// Up to when its clock has gone, in true time.
    since: Instant,
    /// For how long its clock stands still, because it leapt back.
    stands: Span,
    /// How often, and when next in true time, somebody asks it to ask now.
    asked: Option<(Span, Instant)>,
}

impl Actor {
    pub(super) fn new(world: &World, id: DiscovererId, parts: &Parts) -> Self {
        let test_world = TestWorld::with_seed(world.rng.draw(Entity::Discoverer(id.0), Purpose::Seed, 0));
        let clock = ActorClock {
            clock: test_world.clock.clone(),
            wrong_by: Arc::default(),
        };
        Self {
            id,
            files: WrittenFiles::new(world, id, parts.files.clone()),
            servers: http::Servers::new(id, parts.sites()),
            name_server: dns::NameServer::new(id, parts.names.clone()),
            wires: wire::Wires::new(id, parts.wires()),
            world: test_world,
            http: http::Line::default(),
            dns: dns::Line::default(),
            wire: wire::Line::default(),
            connected: Arc::default(),
            clock,
            running: None,
            since: Instant::ZERO,
            stands: Span::ZERO,
            asked: parts.asked_each.map(|every| (every, Instant::ZERO + every.into())),
        }
    }

    /// Starts it, to report as this provider, after another one which has found these groups.
    pub(super) fn start(&mut self, discoverer: Box<dyn Discoverer>, provider: ProviderId, found_before: Vec<Group>) {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let clients = http::Clients {
            clock: clock.clone(),
            line: self.http.clone(),
        };
        let resolver = dns::Resolver {
            clock: clock.clone(),
            line: self.dns.clone(),
        };
        let connector = wire::Connector {
            clock: clock.clone(),
            line: self.wire.clone(),
            count: self.connected.clone(),
        };
        let discoverer = Box::new(move |mut env: Env, updates: Updates| {
            env.clock = clock;
            env.http = Arc::new(clients);
            env.dns = Arc::new(resolver);
            env.connections = Arc::new(connector);
            discoverer.run(env, updates)
        });
        let task = self.world.start_after(found_before, discoverer);
        self.running = Some((task, provider));
    }

    /// Stops it; gives what it reported and nobody has taken yet.
    pub(super) fn stop(&mut self) -> Vec<(ProviderId, Received)> {
        let Some((task, _)) = self.running else {
            return Vec::new();
        };
        self.world.stop(task);
        self.cut(false);
        let reports = self.settle();
        self.running = None;
        reports
    }

    /// Lets it do what it can at this instant; gives what it reported, and as whom.
    pub(super) fn turn(&mut self, world: &World) -> Vec<(ProviderId, Received)> {
        self.go_to(world);
        self.settle()
    }

    fn settle(&mut self) -> Vec<(ProviderId, Received)> {
        let received = self.world.settle();
        let Some((task, provider)) = self.running else {
            return Vec::new();
        };
        let mine = received.into_iter().filter(|received| received.provider == task);
        mine.map(|received| (provider, received)).collect()
    }

    /// Asks it to ask now, if it is time for that.
    pub(super) fn ask(&mut self, world: &World) {
        let Some((every, at)) = &mut self.asked else { return };
        if *at > world.now {
            return;
        }
        *at = world.now + (*every).into();
        if let Some((task, _)) = self.running {
            self.world.ask(task);
        }
    }

    /// All its connections break.
    pub(super) fn cut(&mut self, noticed: bool) {
        self.servers.cut(noticed);
        self.name_server.cut();
        self.wires.cut(noticed);
    }

    /// Does what its servers have to do now; says whether there was anything.
    pub(super) fn serve(&mut self, world: &mut World) -> bool {
        let mut any = self.servers.turn(world, &self.http);
        any |= self.name_server.turn(world, &self.dns);
        any |= self.wires.turn(world, &self.wire);
        // It leaps while it waits for its next turn, not while it waits for an answer.
        if world.discoverers[self.id.place()].leap.is_some()
            && !self.servers.is_asked()
            && !self.name_server.is_asked()
            && let Some((by, back)) = world.discoverers[self.id.place()].leap.take()
        {
            self.leap(by, back);
        }
        any
    }

    /// When it has something to do next, in true time.
    pub(super) fn next_at(&self, world: &World) -> Option<Instant> {
        let held_up = world.holds_up(self.id);
        let wakes = self.world.clock.next_deadline().map(|deadline| {
            let left = deadline.as_nanos().saturating_sub(self.world.clock.time().as_nanos());
            let left = world.true_span(self.id, Span::from_nanos(left));
            world.now + left.plus(self.stands).into()
        });
        let wakes = match held_up {
            None => wakes,
            // What it waits for meanwhile, it finds when it goes on.
            Some(until) => Some(until),
        };
        wakes
            .into_iter()
            .chain(self.servers.next_at())
            .chain(self.name_server.next_at())
            .chain(self.wires.next_at())
            .chain(self.files.next_at())
            .chain(self.asked.map(|(_, at)| at))
            .min()
    }

    /// Its clock has gone on since it was last asked.
    fn go_to(&mut self, world: &World) {
        let passed = Span::from_nanos(world.now.as_nanos().saturating_sub(self.since.as_nanos()));
        self.since = world.now;
        let local = world.local_span(self.id, passed);
        let stood = local.min(self.stands);
        self.stands = self.stands.minus(stood);
        self.world
            .clock
            .move_to(self.world.clock.time() + local.minus(stood).into());
        let nanos = world.faults.wall(self.id).map_or(0, |(by, back)| {
            let nanos = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
            if back { -nanos } else { nanos }
        });
        self.clock.wrong_by.store(nanos, Ordering::Relaxed);
    }

    fn leap(&mut self, by: Span, back: bool) {
        if back {
            self.stands = self.stands.plus(by);
        } else {
            self.world.clock.move_to(self.world.clock.time() + by.into());
        }
    }
}

/// A clock by which a discoverer waits, and tells the time of day.
#[derive(Clone)]
struct ActorClock {
    clock: VirtualClock,
    /// By how many nanoseconds the time of day is wrong.
    wrong_by: Arc<AtomicI64>,
}

impl Clock for ActorClock {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn unix_time(&self) -> Duration {
        let wrong_by = self.wrong_by.load(Ordering::Relaxed);
        let by = Duration::from_nanos(wrong_by.unsigned_abs());
        let time = self.clock.unix_time();
        if wrong_by < 0 {
            time.saturating_sub(by)
        } else {
            time.saturating_add(by)
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep(duration)
    }
}
