//! What it costs, counted in allocated bytes, which do not depend on the machine or its load.

use std::hint::black_box;
use std::time::Duration;

use allocation_counter::measure;
use headcount_core::reference::PlainConfig;
use headcount_core::{
    DropGuard, Encoder, Group, Instant, Manager, ManagerOptions, Output, Percent, ProviderId, Snapshot, Update,
};

use crate::story::ticker;

const FEW: usize = 1_000;
const MANY: usize = 64_000;

/// What one change costs, from the update to the snapshot, and then the difference.
#[derive(Debug)]
struct Cost {
    snapshot_bytes: u64,
    snapshot_allocations: u64,
    diff_bytes: u64,
    diff_time: Duration,
}

/// A manager, and the ids of its providers.
struct Fleet {
    manager: Manager<PlainConfig>,
    providers: Vec<ProviderId>,
    encoder: Encoder,
}

impl Fleet {
    /// So many sets, each with its own provider, and so many groups in each.
    fn new(sets: usize, groups: usize) -> Self {
        Self::guarded(sets, groups, None)
    }

    fn guarded(sets: usize, groups: usize, guard: Option<DropGuard>) -> Self {
        let throttle = ticker(Duration::ZERO);
        let mut manager = Manager::new(
            Instant::ZERO,
            ManagerOptions {
                throttle,
                guard,
                ..ManagerOptions::default()
            },
        );
        let config = |number: usize| PlainConfig::new(&format!("kind{number}"), 0);
        let all = (0..sets).map(|number| (format!("set {number}"), vec![config(number)]));
        let providers = manager.apply(Instant::ZERO, all).started;
        let mut fleet = Self {
            manager,
            providers,
            encoder: Encoder::new(),
        };
        for provider in fleet.providers.clone() {
            let groups = (0..groups).map(|number| (number, "before")).collect::<Vec<_>>();
            let update = Update::full(fleet.groups(&groups));
            fleet
                .manager
                .handle_update(Instant::ZERO, provider, update)
                .expect("it runs");
        }
        fleet.take();
        fleet
    }

    fn groups(&mut self, groups: &[(usize, &str)]) -> Vec<Group> {
        let mut batch = self.encoder.batch();
        for (number, state) in groups {
            let target = [
                ("__address__", format!("10.0.0.0:{number}")),
                ("state", (*state).to_owned()),
            ];
            batch
                .group(&format!("source {number}"), [("job", "node".to_owned())], [target])
                .expect("short labels");
        }
        batch.finish()
    }

    /// The newest snapshot that was emitted.
    fn take(&mut self) -> Snapshot {
        let mut newest = None;
        loop {
            match self.manager.poll_output() {
                Some(Output::Emit(snapshot)) => {
                    newest = Some(snapshot);
                    self.manager.handle_receiver_ready(Instant::ZERO);
                }
                Some(_) => {}
                None => return newest.expect("something changed"),
            }
        }
    }

    /// Changes one group of one provider in the middle.
    fn change_one(&mut self) -> Cost {
        let before = self.manager.snapshot(Instant::ZERO);
        let provider = self.providers[self.providers.len() / 2];
        let update = Update::delta(self.groups(&[(7, "after")]));
        let mut update = Some(update);
        let mut after = None;
        let snapshot = measure(|| {
            let update = update.take().expect("there is one");
            self.manager
                .handle_update(Instant::ZERO, provider, update)
                .expect("it runs");
            after = Some(self.take());
        });
        let after = after.expect("it was emitted");
        assert_eq!(after.version(), before.version() + 1);

        let changed = |newer: &Snapshot| {
            newer
                .diff(&before)
                .providers()
                .map(|pool| pool.groups().count())
                .sum::<usize>()
        };
        let diff = measure(|| assert_eq!(changed(black_box(&after)), 1));
        // The fastest of many: whatever else the machine does, some of them are undisturbed.
        let time = || {
            let start = std::time::Instant::now();
            black_box(changed(black_box(&after)));
            start.elapsed()
        };
        Cost {
            snapshot_bytes: snapshot.bytes_total,
            snapshot_allocations: snapshot.count_total,
            diff_bytes: diff.bytes_total,
            diff_time: (0..200).map(|_| time()).min().unwrap_or_default(),
        }
    }
}

fn assert_nearly_the_same(few: &Cost, many: &Cost) {
    // 64 times as much of everything: trees get one or two levels deeper, and that is all.
    let costs = format!("{few:?} for {FEW}, {many:?} for {MANY}");
    assert!(few.snapshot_bytes > 0, "{costs}");
    assert!(many.snapshot_bytes <= 2 * few.snapshot_bytes + 4_096, "{costs}");
    assert!(many.snapshot_allocations <= few.snapshot_allocations + 8, "{costs}");
    assert!(many.diff_bytes <= 2 * few.diff_bytes + 4_096, "{costs}");
    assert!(
        many.diff_time <= 12 * few.diff_time + Duration::from_micros(20),
        "{costs}"
    );
}

/// B02: a snapshot after one change costs the same in 1,000 groups as in 64,000, and so does
/// reading what differs.
#[test]
fn b02_cost_follows_change() {
    let few = Fleet::new(1, FEW).change_one();
    let many = Fleet::new(1, MANY).change_one();
    assert_nearly_the_same(&few, &many);
}

/// B02: the same with 1,000 sets and as many providers, and 64,000.
#[test]
fn b02_cost_follows_change_over_many_sets() {
    let few = Fleet::new(FEW, 10).change_one();
    let many = Fleet::new(MANY, 10).change_one();
    assert_nearly_the_same(&few, &many);
}

/// B02: what did not change is the same memory in both snapshots; a clone allocates nothing.
#[test]
fn b02_unchanged_is_shared() {
    let mut fleet = Fleet::new(20, 50);
    let before = fleet.manager.snapshot(Instant::ZERO);
    fleet.change_one();
    let after = fleet.manager.snapshot(Instant::ZERO);
    let changed = fleet.providers[10];
    let mut shared = 0;
    for pool in before.providers().filter(|pool| pool.id() != changed) {
        let now = after.provider(pool.id()).expect("it runs");
        assert!(std::ptr::eq(pool, now));
        shared += 1;
    }
    assert_eq!(shared, 19);
    // In the provider that changed, the other groups are the same allocations.
    let (old, new) = (
        before.provider(changed).expect("it runs"),
        after.provider(changed).expect("it runs"),
    );
    let at = |stored: &headcount_core::Stored| stored.group().source().as_ptr();
    let same = old
        .groups()
        .iter()
        .zip(new.groups().iter())
        .filter(|(old, new)| at(old) == at(new))
        .count();
    assert_eq!(same, 49);

    let clone = measure(|| drop(black_box(after.clone())));
    assert_eq!(clone.count_total, 0, "{clone:?}");
}

/// B01, B02: an update that changes nothing costs nothing that lasts.
#[test]
fn b02_an_unchanged_update_keeps_nothing() {
    let mut fleet = Fleet::new(1, FEW);
    let provider = fleet.providers[0];
    let groups: Vec<_> = (0..FEW).map(|number| (number, "before")).collect();
    let mut update = Some(Update::full(fleet.groups(&groups)));
    let cost = measure(|| {
        let update = update.take().expect("there is one");
        fleet
            .manager
            .handle_update(Instant::ZERO, provider, update)
            .expect("it runs");
    });
    assert!(cost.bytes_current <= 0, "{cost:?}");
}

/// B05, B02: to hold one target, and then to take in what changes beside it, costs the same in
/// 1,000 groups as in 64,000.
#[test]
fn b05_a_hold_costs_what_changes() {
    let guard = DropGuard::new(Percent::new(0).expect("a percentage"), Duration::from_secs(600));
    let cost = |groups| {
        let mut fleet = Fleet::guarded(1, groups, Some(guard));
        let provider = fleet.providers[0];
        // The first loss of all pays for the index.
        let first = Update::delta(vec![Group::empty("source 5")]);
        let outcome = fleet.manager.handle_update(Instant::ZERO, provider, first);
        assert_eq!(outcome.expect("it runs").held, 1);
        let mut updates = vec![
            Update::delta(vec![Group::empty("source 3")]),
            Update::delta(fleet.groups(&[(7, "after")])),
        ];
        let mut held = Vec::new();
        let cost = measure(|| {
            for update in updates.drain(..) {
                let outcome = fleet.manager.handle_update(Instant::ZERO, provider, update);
                held.push(outcome.expect("it runs").held);
            }
        });
        assert_eq!(held, [2, 2]);
        fleet.take();
        (cost.bytes_total, cost.count_total)
    };
    let (few, many) = (cost(FEW), cost(MANY));
    let costs = format!("{few:?} for {FEW}, {many:?} for {MANY}");
    assert!(many.0 <= 2 * few.0 + 4_096 && many.1 <= 2 * few.1, "{costs}");
}

/// Work is counted in steps, so what a rule says of cost can be said exactly.
#[test]
fn b02_an_update_costs_what_it_names_however_much_there_is() {
    let work_of = |groups: usize, named: &[(usize, &str)]| {
        let mut fleet = Fleet::new(1, groups);
        let before = fleet.manager.work();
        let update = Update::delta(fleet.groups(named));
        let provider = fleet.providers[0];
        fleet
            .manager
            .handle_update(Instant::ZERO, provider, update)
            .expect("it runs");
        let after = fleet.manager.work();
        (
            after.groups_compared - before.groups_compared,
            after.nodes_visited - before.nodes_visited,
            after.nodes_made - before.nodes_made,
        )
    };
    assert_eq!(work_of(MANY, &[]), (0, 0, 0));
    let (compared, levels, made) = work_of(MANY, &[(7, "before")]);
    assert_eq!((compared, made), (1, 0), "the same again");
    assert!(levels <= 8, "{levels} levels for {MANY} groups");
    assert_eq!(
        work_of(MANY, &[(7, "after")]),
        (1, levels, levels),
        "a node on each level"
    );
    // A source that is new is compared with nothing.
    assert_eq!(work_of(FEW, &[(FEW, "new")]).0, 0);
}
