//! An [`Env`] for the tests of discoverers: virtual time, scripted HTTP, files in memory.
//!
//! A [`World`] is single-threaded and deterministic: nothing happens except in
//! [`World::settle`] and [`World::run_for`], and **time moves only when every discoverer
//! waits**, so a test that covers a day of polling takes milliseconds and never sleeps.
//!
//! ```
//! use std::time::Duration;
//!
//! use headcount_discoverer::testing::World;
//! use headcount_discoverer::{Env, Updates};
//!
//! async fn slow(env: Env, updates: Updates) {
//!     env.clock.sleep(Duration::from_secs(3600)).await;
//!     updates.send(headcount_core::Update::full(Vec::new())).await.ok();
//! }
//!
//! let mut world = World::new();
//! let discoverer = world.start(Box::new(slow));
//! assert!(world.run_for(Duration::from_secs(3599)).is_empty());
//! assert_eq!(world.run_for(Duration::from_secs(1)).len(), 1);
//! world.stop(discoverer);
//! ```

mod clock;
mod collected;
mod connections;
mod dns;
mod files;
mod http;
mod programs;
mod variables;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use headcount_core::{Group, Instant, ProviderId, Update};

use crate::env::{Random, Shared, TokenCache};
use crate::metrics::Metrics;
use crate::{BoxFuture, Discoverer, Env, Message, Report, ReportQueue, Requests, Updates};

pub use clock::VirtualClock;
pub use collected::Collected;
pub use connections::{Peer, Saying, ScriptedConnections};
pub use dns::{DnsFault, VirtualDns};
pub use files::MemoryFiles;
pub use http::{Answer, Answered, BodyPipe, Parts, Script, ScriptedHttp, SentRequest};
pub use programs::ScriptedPrograms;
pub use variables::MemoryVariables;

/// How often something may be polled before time passes. What waits for nothing but others is done sooner.
const MOST_ROUNDS: u32 = 100_000;

/// A small deterministic world with discoverers in it.
#[derive(Debug)]
pub struct World {
    /// The clock; [`World::run_for`] moves it.
    pub clock: VirtualClock,
    /// What the HTTP servers answer, and what they were asked.
    pub http: ScriptedHttp,
    /// The files.
    pub files: MemoryFiles,
    /// What the DNS says.
    pub dns: VirtualDns,
    /// Who is at the other end of connections.
    pub connections: ScriptedConnections,
    /// Environment variables.
    pub variables: MemoryVariables,
    /// What programs print.
    pub programs: ScriptedPrograms,
    /// What the discoverers counted.
    pub metrics: Metrics,
    shared: Shared,
    tokens: TokenCache,
    random: Arc<SplitMix>,
    tasks: Vec<Task>,
    next_provider: u64,
    queue: ReportQueue,
}

/// What was received of a discoverer, and when.
#[derive(Debug, Clone)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// Who.
    pub provider: ProviderId,
    /// What.
    pub report: Report,
}

impl Received {
    /// The update, if this is one.
    pub fn update(&self) -> Option<&Update> {
        match &self.report {
            Report::Update(update) => Some(update),
            Report::Failure(_) | Report::Warning(_) | Report::Answered(_) => None,
        }
    }

    /// Up to which request all are answered, if this says so.
    pub fn answered(&self) -> Option<u64> {
        match self.report {
            Report::Answered(request) => Some(request),
            Report::Update(_) | Report::Failure(_) | Report::Warning(_) => None,
        }
    }

    /// Why a refresh failed, if this says so.
    pub fn failure(&self) -> Option<&str> {
        match &self.report {
            Report::Update(_) | Report::Warning(_) | Report::Answered(_) => None,
            Report::Failure(failure) => Some(failure.message()),
        }
    }

    /// What it warns of, if this does.
    pub fn warning(&self) -> Option<&str> {
        match &self.report {
            Report::Update(_) | Report::Failure(_) | Report::Answered(_) => None,
            Report::Warning(warning) => Some(warning),
        }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// An empty world, at time zero.
    pub fn new() -> Self {
        Self::with_seed(1)
    }

    /// An empty world whose random numbers follow from `seed`.
    pub fn with_seed(seed: u64) -> Self {
        let clock = VirtualClock::default();
        Self {
            http: ScriptedHttp::new(clock.clone()),
            files: MemoryFiles::new(clock.clone()),
            dns: VirtualDns::new(clock.clone()),
            connections: ScriptedConnections::new(clock.clone()),
            variables: MemoryVariables::default(),
            programs: ScriptedPrograms::new(clock.clone()),
            clock,
            metrics: Metrics::default(),
            shared: Shared::default(),
            tokens: TokenCache::default(),
            random: Arc::new(SplitMix(AtomicU64::new(seed))),
            tasks: Vec::new(),
            next_provider: 0,
            queue: ReportQueue::unbounded(),
        }
    }

    /// What a discoverer in this world may use.
    pub fn env(&self) -> Env {
        Env::builder(Arc::new(self.clock.clone()), self.random.clone())
            .http(Arc::new(self.http.clone()))
            .files(Arc::new(self.files.clone()))
            .dns(Arc::new(self.dns.clone()))
            .connections(Arc::new(self.connections.clone()))
            .variables(Arc::new(self.variables.clone()))
            .programs(Arc::new(self.programs.clone()))
            .metrics(self.metrics.clone())
            .shared(self.shared.clone())
            .tokens(self.tokens.clone())
            .build()
    }

    /// Starts a discoverer. It does nothing until [`World::settle`] or [`World::run_for`].
    pub fn start(&mut self, discoverer: Box<dyn Discoverer>) -> ProviderId {
        self.start_after(Vec::new(), discoverer)
    }

    /// Starts a discoverer after another one, which has [found](Updates::take_found_before) these groups.
    pub fn start_after(&mut self, found_before: Vec<Group>, discoverer: Box<dyn Discoverer>) -> ProviderId {
        let provider = ProviderId::from_number(self.next_provider);
        self.next_provider = self.next_provider.wrapping_add(1);
        let updates = Updates::new(provider, self.queue.clone()).after(found_before);
        let requests = updates.requests();
        let future = discoverer.run(self.env(), updates);
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        self.tasks.push(Task {
            provider,
            requests,
            future,
            waker: woken.clone().into(),
            woken,
        });
        provider
    }

    /// Drops a discoverer's future, as the driver does with a provider that is no longer wanted.
    pub fn stop(&mut self, provider: ProviderId) {
        self.tasks.retain(|task| task.provider != provider);
    }

    /// Asks a discoverer to ask its backend now. Gives the request's number, 0 when there is no such discoverer.
    pub fn ask(&self, provider: ProviderId) -> u64 {
        let task = self.tasks.iter().find(|task| task.provider == provider);
        task.map_or(0, |task| task.requests.ask())
    }

    /// The discoverer that was started first, of those that run.
    ///
    /// # Panics
    /// None runs.
    #[expect(clippy::expect_used, reason = "a mistake in a test is the test's failure")]
    pub fn provider(&self) -> ProviderId {
        self.tasks.first().expect("a discoverer runs").provider
    }

    /// How many discoverers have not returned.
    pub fn running(&self) -> usize {
        self.tasks.len()
    }

    /// Lets everybody do what can be done without time passing, and gives what was received.
    ///
    /// # Panics
    /// Somebody always has something to do: a discoverer that goes round without a wait, which takes a processor of
    /// whoever runs it.
    pub fn settle(&mut self) -> Vec<Received> {
        let mut rounds = 0;
        while self.poll_woken() {
            rounds += 1;
            assert!(rounds < MOST_ROUNDS, "a discoverer goes round without a wait");
        }
        let mut received = Vec::new();
        while let Some(Message { provider, report }) = self.queue.try_next() {
            received.push(Received {
                at: self.clock.time(),
                provider,
                report,
            });
        }
        received
    }

    /// Lets `duration` pass, step by step from one deadline to the next, and gives what was received.
    pub fn run_for(&mut self, duration: Duration) -> Vec<Received> {
        let end = self.clock.time() + duration;
        let mut received = self.settle();
        while let Some(deadline) = self.clock.next_deadline().filter(|deadline| *deadline <= end) {
            self.clock.move_to(deadline);
            received.append(&mut self.settle());
        }
        self.clock.move_to(end);
        received.append(&mut self.settle());
        received
    }

    /// Lets time pass until something is received, and no longer than `within`. A discoverer that reports after each
    /// refresh is between two of them then.
    pub fn run_until_received(&mut self, within: Duration) -> Vec<Received> {
        let end = self.clock.time() + within;
        let mut received = self.settle();
        while received.is_empty()
            && let Some(deadline) = self.clock.next_deadline().filter(|deadline| *deadline <= end)
        {
            self.clock.move_to(deadline);
            received = self.settle();
        }
        received
    }

    /// Polls every task that was woken; whether there was any.
    fn poll_woken(&mut self) -> bool {
        let mut any = false;
        self.tasks.retain_mut(|task| {
            if !task.woken.0.swap(false, Ordering::Relaxed) {
                return true;
            }
            any = true;
            task.future.as_mut().poll(&mut Context::from_waker(&task.waker)) == Poll::Pending
        });
        any
    }
}

struct Task {
    provider: ProviderId,
    requests: Requests,
    future: BoxFuture<'static, ()>,
    woken: Arc<Woken>,
    waker: Waker,
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sebastiano Vigna's generator of that name: one addition and a few mixing steps.
#[derive(Debug)]
struct SplitMix(AtomicU64);

impl Random for SplitMix {
    fn next_u64(&self) -> u64 {
        let step = 0x9e37_79b9_7f4a_7c15_u64;
        let mut mixed = self.0.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
