//! The driver as it is, in virtual time and in an order that is drawn: commands, reports, timers, a receiver that takes its time,
//! discoverers that panic and end, and a stop in the midst of it.
//!
//! **What it gave its manager is recorded, and judged by the reference model**; what comes out in the end is what discoverers said.

mod executor;
mod scripted;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use executor::{Executor, Simulated};
use headcount_core::{ManagerOptions, Recorded, RecordedOptions, SetOptions, Snapshot, Throttle};
use headcount_discoverer::Env;
use headcount_discoverer::testing::World;
use headcount_runtime::{DriverGone, Handle, RefreshRequest, Running, SharedRuntime};
use headcount_sim::Incident;
use proptest::prelude::*;
use scripted::{Order, Rack, Racks, order};

type Sets = Vec<(u8, BTreeSet<u8>)>;

#[derive(Debug, Clone)]
enum Step {
    /// So many tasks go on.
    Turns(u8),
    /// So many milliseconds pass.
    Pass(u16),
    Apply(Sets),
    Tell(u8, Order),
    Throttle(u16, bool),
    IncompleteAfter(Option<u16>),
    Refresh(u8),
    /// The receiver takes so many snapshots more.
    Take(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let sets = prop::collection::vec((0..3_u8, prop::collection::btree_set(0..6_u8, 0..4)), 0..3);
    prop_oneof![
        4 => (0..40_u8).prop_map(Step::Turns),
        3 => (0..8_000_u16).prop_map(Step::Pass),
        2 => sets.prop_map(Step::Apply),
        6 => (0..5_u8, order()).prop_map(|(rack, order)| Step::Tell(rack, order)),
        1 => (0..6_000_u16, any::<bool>()).prop_map(|(interval, per_set)| Step::Throttle(interval, per_set)),
        1 => prop::option::of(1..5_000_u16).prop_map(Step::IncompleteAfter),
        1 => (0..5_u8).prop_map(Step::Refresh),
        2 => (1..4_u8).prop_map(Step::Take),
    ]
}

/// A driver, and all that there is around it.
struct Simulation {
    executor: Executor,
    runtime: SharedRuntime,
    simulated: Simulated,
    racks: Racks,
    handle: Handle<Rack>,
    recording: Arc<Mutex<Vec<Recorded>>>,
    options: Arc<Mutex<Option<RecordedOptions>>>,
    taken: Arc<Mutex<Vec<Snapshot>>>,
    takes: async_channel::Sender<()>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let simulated = Simulated::default();
        let runtime: SharedRuntime = Arc::new(simulated.clone());
        let env = Env::builder(Arc::new(simulated.clock.clone()), World::new().env().random).build();
        let racks = Racks::default();
        let (recording, options) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(None)));
        let record = {
            let (recording, options) = (recording.clone(), options.clone());
            move |began| {
                *options.lock().unwrap() = Some(began);
                Box::new(move |recorded| recording.lock().unwrap().push(recorded)) as headcount_core::Sink
            }
        };
        let build = {
            let racks = racks.clone();
            move |rack: &Rack| racks.build(*rack)
        };
        let running = headcount_runtime::start_recorded(&runtime, ManagerOptions::default(), env, build, record);
        let Running {
            handle, mut snapshots, ..
        } = running;
        let (takes, may_take) = async_channel::unbounded::<()>();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let all = taken.clone();
        runtime.spawn(Box::pin(async move {
            while may_take.recv().await.is_ok() {
                let Some(snapshot) = snapshots.next().await else { return };
                all.lock().unwrap().push(snapshot);
            }
        }));
        Self {
            executor: Executor::new(&simulated, seed),
            runtime,
            simulated,
            racks,
            handle,
            recording,
            options,
            taken,
            takes,
        }
    }

    /// A command is given by a task of its own, so that others may come before it.
    fn give<F: Future<Output = ()> + Send + 'static>(&self, command: impl FnOnce(Handle<Rack>) -> F) {
        self.runtime.spawn(Box::pin(command(self.handle.clone())));
    }

    fn apply(&self, sets: &Sets) {
        let sets: Vec<(String, Vec<Rack>)> = sets
            .iter()
            .map(|(set, racks)| (set.to_string(), racks.iter().copied().map(Rack).collect()))
            .collect();
        self.give(|handle| async move { drop(handle.apply(sets).await) });
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Turns(count) => {
                for _ in 0..count {
                    self.executor.turn();
                }
            }
            Step::Pass(millis) => self.pass(Duration::from_millis(millis.into())),
            Step::Apply(sets) => self.apply(&sets),
            Step::Tell(rack, order) => self.racks.tell(Rack(rack), order),
            Step::Throttle(millis, per_set) => {
                let interval = Duration::from_millis(millis.into());
                let throttle = Throttle::Ticker { interval };
                self.give(|handle| async move { handle.set_throttle(throttle, per_set).await.unwrap() });
            }
            Step::IncompleteAfter(after) => {
                let incomplete_after = after.map(|millis| Duration::from_millis(millis.into()));
                let defaults = SetOptions {
                    incomplete_after,
                    ..SetOptions::default()
                };
                self.give(|handle| async move { handle.set_options(defaults, BTreeMap::new()).await.unwrap() });
            }
            Step::Refresh(rack) => self.refresh(Rack(rack)),
            Step::Take(count) => (0..count).for_each(|_| self.takes.try_send(()).unwrap()),
        }
    }

    /// Somebody asks for a refresh, and does not wait for an answer that may never come.
    fn refresh(&self, rack: Rack) {
        self.give(move |handle| async move {
            let is_it = move |manager: &headcount_core::Manager<Rack>| {
                let mut providers = manager.providers();
                providers
                    .find(|provider| **provider.config == rack)
                    .map(|provider| provider.id)
            };
            let Ok(Some(provider)) = handle.with(is_it).await else {
                return;
            };
            if let Ok(Ok(RefreshRequest::Asked(pending))) = handle.refresh(provider).await {
                drop(pending);
            }
        });
    }

    /// Time passes, and then nothing is late: whatever the manager waits for, the driver sleeps until then.
    fn pass(&mut self, duration: Duration) {
        self.executor.pass(duration);
        let deadline = self.ask(|manager| manager.poll_timeout().map(|(at, _)| at));
        if let Some(deadline) = deadline {
            let now = self.simulated.clock.time();
            assert!(deadline > now, "the manager is due at {deadline:?}, and it is {now:?}");
            let wakes = self.simulated.clock.next_deadline();
            assert!(
                wakes.is_some_and(|at| at <= deadline),
                "nobody wakes at {deadline:?}: {wakes:?}"
            );
        }
        for rack in 0..6 {
            assert!(self.racks.living(Rack(rack)) <= 1, "two look at the rack {rack}");
        }
    }

    fn ask<T: Send + 'static>(
        &mut self,
        question: impl FnOnce(&headcount_core::Manager<Rack>) -> T + Send + 'static,
    ) -> T {
        let answer = Arc::new(Mutex::new(None));
        let put = answer.clone();
        self.give(|handle| async move { *put.lock().unwrap() = handle.with(question).await.ok() });
        self.executor.settle();
        let answer = answer.lock().unwrap().take();
        answer.expect("the driver answers")
    }

    /// What it gave its manager follows the rules, and came to what came out.
    fn judge(&self) {
        let incident = Incident {
            options: self.options.lock().unwrap().clone().unwrap(),
            events: self.recording.lock().unwrap().clone(),
            is_cut: false,
        };
        let outcome = incident.check().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(outcome.differs, None);
        let taken = self.taken.lock().unwrap();
        let versions: Vec<u64> = taken.iter().map(Snapshot::version).collect();
        assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    }

    /// Whatever was before: what is wanted now is found and shown.
    fn comes_right(&mut self, sets: &BTreeMap<u8, BTreeSet<u8>>) {
        (0..100).for_each(|_| self.takes.try_send(()).unwrap());
        // What was asked before is done before.
        self.executor.settle();
        self.apply(&Sets::new());
        self.pass(Duration::from_secs(60));
        assert_eq!((0..6).map(|rack| self.racks.living(Rack(rack))).sum::<usize>(), 0);
        for rack in 0..6 {
            self.racks.forget(Rack(rack));
        }
        let sets: Sets = sets.iter().map(|(set, racks)| (*set, racks.clone())).collect();
        self.apply(&sets);
        self.pass(Duration::from_secs(60));
        for rack in 0..5 {
            self.racks.tell(Rack(rack), Order::Full(rack + 1));
        }
        self.pass(Duration::from_secs(60));
        let taken = self.taken.lock().unwrap();
        let newest = taken.last().expect("snapshots came");
        let shown = newest.sets().map(|name| {
            let set = newest.set(name).expect("it is named");
            (name.to_string(), set.groups().count())
        });
        let groups = |racks: &BTreeSet<u8>| {
            racks
                .iter()
                .filter(|rack| **rack < 5)
                .map(|rack| usize::from(*rack) + 1)
                .sum()
        };
        let expected: BTreeMap<String, usize> = sets
            .iter()
            .map(|(set, racks)| (set.to_string(), groups(racks)))
            .collect();
        assert_eq!(shown.collect::<BTreeMap<_, _>>(), expected);
    }

    /// It is stopped: nobody looks at anything any more, and whoever asks learns that it is gone.
    fn stop(&mut self) {
        self.give(|handle| async move { handle.stop().await });
        self.executor.pass(Duration::from_secs(10));
        assert_eq!((0..6).map(|rack| self.racks.living(Rack(rack))).sum::<usize>(), 0);
        let asked = Arc::new(Mutex::new(None));
        let put = asked.clone();
        self.give(|handle| async move { *put.lock().unwrap() = Some(handle.apply([]).await.map(drop)) });
        self.executor.settle();
        assert_eq!(*asked.lock().unwrap(), Some(Err(DriverGone)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn whatever_comes_in_whatever_order_the_rules_hold(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..60),
        sets in prop::collection::btree_map(0..3_u8, prop::collection::btree_set(0..6_u8, 0..4), 0..3),
    ) {
        let mut simulation = Simulation::new(seed);
        for step in steps {
            simulation.step(step);
        }
        simulation.comes_right(&sets);
        simulation.judge();
        simulation.stop();
    }

    /// In the midst of everything it is stopped: all that runs ends, and no task of it is left.
    #[test]
    fn it_stops_whatever_it_does(seed in any::<u64>(), steps in prop::collection::vec(step(), 1..40)) {
        let mut simulation = Simulation::new(seed);
        for step in steps {
            if !matches!(step, Step::Throttle(..) | Step::IncompleteAfter(_)) {
                simulation.step(step);
            }
        }
        simulation.stop();
        simulation.judge();
        drop(simulation.takes);
        drop(simulation.handle);
        simulation.executor.settle();
        prop_assert_eq!(simulation.executor.tasks(), 0);
    }

    /// The same seed is the same run.
    #[test]
    fn a_seed_is_one_run(seed in any::<u64>(), steps in prop::collection::vec(step(), 1..20)) {
        let run = || {
            let mut simulation = Simulation::new(seed);
            steps.iter().for_each(|step| simulation.step(step.clone()));
            simulation.executor.pass(Duration::from_secs(10));
            simulation.recording.lock().unwrap().clone()
        };
        prop_assert_eq!(run(), run());
    }
}
