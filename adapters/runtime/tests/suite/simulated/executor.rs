//! A runtime whose time is virtual, and whose order is drawn.
//!
//! On a real one any task that can go on may go on next. Here **which one does is drawn from a seed**, so that a run tries one order,
//! is the same each time, and another seed tries another one.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use headcount_core::Random;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::Clock;
use headcount_discoverer::testing::VirtualClock;
use headcount_runtime::{Runtime, Stream};

type Future = BoxFuture<'static, ()>;

/// So many turns without time passing are taken for a loop.
const MOST_TURNS: usize = 100_000;

/// What tasks are started on.
#[derive(Clone, Default)]
pub(super) struct Simulated {
    pub(super) clock: VirtualClock,
    spawned: Arc<Mutex<Vec<Future>>>,
}

impl Runtime for Simulated {
    fn spawn(&self, future: Future) {
        self.spawned.lock().unwrap().push(future);
    }

    fn sleep(&self, duration: Duration) -> Future {
        self.clock.sleep(duration)
    }

    fn connect(&self, _: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}

/// Runs the tasks.
pub(super) struct Executor {
    runtime: Simulated,
    tasks: Vec<(Future, Arc<Woken>)>,
    random: Random,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Executor {
    pub(super) fn new(runtime: &Simulated, seed: u64) -> Self {
        Self {
            runtime: runtime.clone(),
            tasks: Vec::new(),
            random: Random::new(seed),
        }
    }

    /// Tasks that have not ended.
    pub(super) fn tasks(&self) -> usize {
        self.tasks.len() + self.runtime.spawned.lock().unwrap().len()
    }

    /// One of those that can go on does. `false` if none can.
    pub(super) fn turn(&mut self) -> bool {
        for future in std::mem::take(&mut *self.runtime.spawned.lock().unwrap()) {
            self.tasks.push((future, Arc::new(Woken(AtomicBool::new(true)))));
        }
        let can = |(_, woken): &&(Future, Arc<Woken>)| woken.0.load(Ordering::Relaxed);
        let count = self.tasks.iter().filter(can).count() as u64;
        if count == 0 {
            return false;
        }
        let chosen = self.random.next_u64() % count;
        let able = (0..self.tasks.len()).filter(|place| can(&&self.tasks[*place]));
        let place = able.into_iter().nth(chosen as usize).unwrap();
        let (future, woken) = &mut self.tasks[place];
        woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(woken.clone());
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            drop(self.tasks.remove(place));
        }
        true
    }

    /// All that can be done is done, without time passing.
    pub(super) fn settle(&mut self) {
        let turns = (0..MOST_TURNS).take_while(|_| self.turn()).count();
        assert!(turns < MOST_TURNS, "something goes round and round");
    }

    /// Time passes, and all is done at its time.
    pub(super) fn pass(&mut self, duration: Duration) {
        let clock = self.runtime.clock.clone();
        let end = clock.time() + duration;
        loop {
            self.settle();
            match clock.next_deadline().filter(|at| *at <= end) {
                Some(at) => clock.move_to(at),
                None => break,
            }
        }
        clock.move_to(end);
        self.settle();
    }
}
