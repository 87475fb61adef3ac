//! The driver, with discoverers that are scripts.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_lite::future::pending;
use headcount_core::{
    Backoff, DropGuard, Encoder, EventKind, Failure, Group, Manager, ManagerOptions, Percent, ProviderConfig,
    SetOptions, Snapshot, Throttle, Update,
};
use headcount_discoverer::{BoxFuture, BuildError, Discoverer, Env, Limits, Updates};
use headcount_runtime::{DriverGone, EventReceiver, Handle, RefreshRequest, SharedRuntime, SnapshotReceiver};

use crate::harness::until;

on_each_runtime!(
    a_snapshot_arrives,
    a_slow_receiver_gets_the_newest_state,
    a_reload_keeps_what_is_unchanged,
    a_config_that_cannot_be_built_harms_no_other,
    a_panic_is_a_failure_and_harms_no_other,
    a_panic_while_building_is_a_build_failure,
    stopping_a_provider_drops_its_future,
    stopping_the_driver_drops_everything,
    dropping_the_last_handle_stops_the_driver,
    a_flood_starves_neither_timers_nor_commands,
    a_question_that_panics_harms_only_who_asked,
    a_dropped_next_loses_nothing,
    a_discoverer_that_ends_keeps_its_groups,
    events_say_how_providers_fare,
    options_hold_what_is_applied_after_them_and_can_be_changed,
    a_listener_that_never_listens_blocks_nobody,
    who_asks_a_provider_hears_when_the_manager_has_its_answer,
    a_provider_that_has_said_all_has_nothing_to_be_asked,
    a_storm_of_applies_makes_neither_a_gap_nor_a_ghost,
    who_finds_too_much_fails_and_the_others_go_on,
    full_updates_that_wait_for_the_manager_become_one,
);

/// A provider config: the name of a script.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Script(&'static str);

impl ProviderConfig for Script {
    fn kind(&self) -> &str {
        "script"
    }

    fn describe(&self) -> String {
        self.0.to_owned()
    }
}

type Play = Arc<dyn Fn(Env, Updates) -> BoxFuture<'static, ()> + Send + Sync>;

/// The scripts by name. One that is missing can't be built; `"bomb"` panics while built.
#[derive(Default, Clone)]
struct Scripts {
    plays: HashMap<&'static str, Play>,
    started: Arc<Mutex<Vec<&'static str>>>,
}

impl Scripts {
    fn with<F>(mut self, name: &'static str, play: impl Fn(Env, Updates) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.plays
            .insert(name, Arc::new(move |env, updates| Box::pin(play(env, updates))));
        self
    }

    fn build(&self, script: &Script) -> Result<Box<dyn Discoverer>, BuildError> {
        assert_ne!(script.0, "bomb", "the builder is broken");
        let Some(play) = self.plays.get(script.0).cloned() else {
            return Err(BuildError::Unsupported {
                mechanism: script.0.to_owned(),
            });
        };
        self.started.lock().unwrap().push(script.0);
        Ok(Box::new(move |env: Env, updates: Updates| play(env, updates)))
    }

    fn start(self, runtime: &SharedRuntime) -> (Handle<Script>, SnapshotReceiver) {
        let (handle, snapshots, _) = self.start_with_events(runtime);
        (handle, snapshots)
    }

    fn start_with_events(self, runtime: &SharedRuntime) -> (Handle<Script>, SnapshotReceiver, EventReceiver) {
        self.start_limited(runtime, Limits::default())
    }

    fn start_limited(
        self,
        runtime: &SharedRuntime,
        limits: Limits,
    ) -> (Handle<Script>, SnapshotReceiver, EventReceiver) {
        let throttle = Backoff {
            initial: Duration::ZERO,
            max: Duration::from_millis(1),
            ..Backoff::default()
        };
        let options = ManagerOptions {
            throttle: Throttle::Backoff(throttle),
            ..ManagerOptions::default()
        };
        let mut env = headcount_runtime::env(runtime);
        env.limits = limits;
        let running = headcount_runtime::start(runtime, options, env, move |script: &Script| self.build(script));
        (running.handle, running.snapshots, running.events)
    }
}

/// One group, called `source`, with one target.
fn found(source: &str, address: &str) -> Update {
    Update::delta(groups(source, address))
}

fn groups(source: &str, address: &str) -> Vec<Group> {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    batch
        .group(source, [("from", "script")], [[("__address__", address)]])
        .unwrap();
    batch.finish()
}

/// Reports one target as all there is, and runs on.
async fn says(updates: Updates, address: &str) {
    updates.send(Update::full(groups("s", address))).await.ok();
    pending().await
}

fn job(name: &str, scripts: &[&'static str]) -> (String, Vec<Script>) {
    (name.to_owned(), scripts.iter().map(|name| Script(name)).collect())
}

fn addresses(snapshot: &Snapshot, set: &str) -> Vec<String> {
    let set = snapshot.set(set).expect("the set is in the snapshot");
    let targets = set.groups().flat_map(|(_, stored)| stored.group().targets());
    targets
        .map(|target| target.get("__address__").unwrap().to_owned())
        .collect()
}

/// Takes snapshots until `set` has exactly these addresses.
async fn expect(snapshots: &mut SnapshotReceiver, set: &str, expected: &[&str]) -> Snapshot {
    loop {
        let snapshot = snapshots.next().await.expect("the driver runs");
        if snapshot.set(set).is_some() && addresses(&snapshot, set) == expected {
            return snapshot;
        }
    }
}

/// Says when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

async fn a_snapshot_arrives(runtime: SharedRuntime) {
    let scripts = Scripts::default().with("one", |_, updates| says(updates, "1:1"));
    let (handle, mut snapshots) = scripts.start(&runtime);
    let applied = handle.apply([job("a", &["one"]), job("b", &[])]).await.unwrap();
    assert_eq!(applied.started.len(), 1);
    let snapshot = expect(&mut snapshots, "a", &["1:1"]).await;
    assert_eq!(addresses(&snapshot, "b"), [""; 0], "an empty set is said");
    handle.stop().await;
    assert!(snapshots.next().await.is_none());
}

async fn a_slow_receiver_gets_the_newest_state(runtime: SharedRuntime) {
    let (say, said) = async_channel::unbounded::<String>();
    let scripts = Scripts::default().with("told", move |_, updates| {
        let said = said.clone();
        async move {
            while let Ok(address) = said.recv().await {
                updates.send(found("s", &address)).await.ok();
            }
        }
    });
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle.apply([job("a", &["told"])]).await.unwrap();
    say.send("0:1".to_owned()).await.unwrap();
    expect(&mut snapshots, "a", &["0:1"]).await;
    // The receiver is busy with that one, while much happens.
    for number in 1..=500 {
        say.send(format!("{number}:1")).await.unwrap();
    }
    loop {
        let state = handle.with(|manager| manager.counters()).await.unwrap();
        if state.received_updates == 501 && state.updates_delayed > 0 {
            break;
        }
        runtime.sleep(Duration::from_millis(1)).await;
    }
    let next = snapshots.next().await.unwrap();
    assert_eq!(
        addresses(&next, "a"),
        ["500:1"],
        "the first after the pause is the newest"
    );
    handle.stop().await;
}

async fn a_reload_keeps_what_is_unchanged(runtime: SharedRuntime) {
    let scripts = Scripts::default()
        .with("kept", |_, updates| says(updates, "1:1"))
        .with("gone", |_, updates| says(updates, "2:1"))
        .with("new", |_, updates| says(updates, "3:1"));
    let started = scripts.started.clone();
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle.apply([job("a", &["kept", "gone"])]).await.unwrap();
    expect(&mut snapshots, "a", &["1:1", "2:1"]).await;
    let applied = handle
        .apply([job("a", &["kept", "new"]), job("b", &["kept"])])
        .await
        .unwrap();
    assert_eq!(
        (applied.kept.len(), applied.started.len(), applied.stopped.len()),
        (1, 1, 1)
    );
    let snapshot = expect(&mut snapshots, "a", &["1:1", "3:1"]).await;
    assert_eq!(
        addresses(&snapshot, "b"),
        ["1:1"],
        "a new subscriber has the groups at once"
    );
    assert_eq!(*started.lock().unwrap(), ["kept", "gone", "new"]);
    handle.stop().await;
}

async fn a_config_that_cannot_be_built_harms_no_other(runtime: SharedRuntime) {
    let scripts = Scripts::default().with("good", |_, updates| says(updates, "1:1"));
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle
        .apply([job("a", &["missing", "good"]), job("b", &["missing"])])
        .await
        .unwrap();
    let snapshot = expect(&mut snapshots, "a", &["1:1"]).await;
    assert_eq!(addresses(&snapshot, "b"), [""; 0]);
    let failed = handle.with(|manager| manager.failed_configs().to_vec()).await.unwrap();
    assert_eq!(failed.len(), 1);
    assert!(
        failed[0].reason.contains("this build has no missing_sd"),
        "{}",
        failed[0].reason
    );
    handle.stop().await;
}

async fn a_panic_is_a_failure_and_harms_no_other(runtime: SharedRuntime) {
    let scripts = Scripts::default()
        .with("panics", |env: Env, updates: Updates| async move {
            updates.send(found("s", "1:1")).await.ok();
            env.clock.sleep(Duration::from_millis(1)).await;
            panic!("out of luck");
        })
        .with("panics at once", |_, _| {
            assert!(std::hint::black_box(false), "not even begun");
            pending()
        })
        .with("good", |_, updates| says(updates, "2:1"));
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle
        .apply([
            job("a", &["panics"]),
            job("b", &["panics at once"]),
            job("c", &["good"]),
        ])
        .await
        .unwrap();
    expect(&mut snapshots, "c", &["2:1"]).await;
    let failures = loop {
        let failures: Vec<String> = handle
            .with(|manager| {
                manager
                    .providers()
                    .filter_map(|status| status.health.current_failure().map(|failed| failed.message.to_string()))
                    .collect()
            })
            .await
            .unwrap();
        if failures.len() == 2 {
            break failures;
        }
        runtime.sleep(Duration::from_millis(1)).await;
    };
    assert!(
        failures[0].contains("panicked") && failures[0].contains("out of luck"),
        "{}",
        failures[0]
    );
    assert!(failures[1].contains("not even begun"), "{}", failures[1]);
    let snapshot = handle
        .with(|manager| manager.snapshot(headcount_core::Instant::ZERO))
        .await
        .unwrap();
    assert_eq!(addresses(&snapshot, "a"), ["1:1"], "what it had found stays");
    handle.stop().await;
}

async fn a_panic_while_building_is_a_build_failure(runtime: SharedRuntime) {
    let (handle, mut snapshots) = Scripts::default().start(&runtime);
    handle.apply([job("a", &["bomb"])]).await.unwrap();
    assert!(snapshots.next().await.is_some());
    let failed = handle.with(|manager| manager.failed_configs().to_vec()).await.unwrap();
    assert!(failed[0].reason.contains("panicked: ") && failed[0].reason.contains("the builder is broken"));
    handle.stop().await;
}

/// A script that runs for ever, whether it started, and whether it was dropped.
fn endless(scripts: Scripts, name: &'static str) -> (Scripts, Arc<AtomicBool>) {
    let dropped = Arc::new(AtomicBool::new(false));
    let seen = dropped.clone();
    let scripts = scripts.with(name, move |_, updates| {
        let guard = Dropped(seen.clone());
        async move {
            let _guard = guard;
            says(updates, "1:1").await;
        }
    });
    (scripts, dropped)
}

async fn stopping_a_provider_drops_its_future(runtime: SharedRuntime) {
    let (scripts, dropped) = endless(Scripts::default(), "endless");
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle.apply([job("a", &["endless"])]).await.unwrap();
    expect(&mut snapshots, "a", &["1:1"]).await;
    assert!(!dropped.load(Ordering::SeqCst));
    handle.apply([job("a", &[])]).await.unwrap();
    until(&runtime, || dropped.load(Ordering::SeqCst)).await;
    expect(&mut snapshots, "a", &[]).await;
    handle.stop().await;
}

async fn stopping_the_driver_drops_everything(runtime: SharedRuntime) {
    let (scripts, one) = endless(Scripts::default(), "one");
    let (scripts, two) = endless(scripts, "two");
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle.apply([job("a", &["one", "two"])]).await.unwrap();
    expect(&mut snapshots, "a", &["1:1", "1:1"]).await;
    let other = handle.clone();
    handle.stop().await;
    assert!(
        one.load(Ordering::SeqCst) && two.load(Ordering::SeqCst),
        "dropped by the time that stop is done"
    );
    assert_eq!(other.apply([]).await, Err(DriverGone));
    assert_eq!(other.with(|_| ()).await, Err(DriverGone));
    other.stop().await;
}

async fn dropping_the_last_handle_stops_the_driver(runtime: SharedRuntime) {
    let (scripts, dropped) = endless(Scripts::default(), "endless");
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle.apply([job("a", &["endless"])]).await.unwrap();
    expect(&mut snapshots, "a", &["1:1"]).await;
    drop(handle);
    while snapshots.next().await.is_some() {}
    until(&runtime, || dropped.load(Ordering::SeqCst)).await;
}

async fn a_flood_starves_neither_timers_nor_commands(runtime: SharedRuntime) {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let scripts = Scripts::default().with("flood", move |_, updates| {
        let count = count.clone();
        async move {
            loop {
                let number = count.fetch_add(1, Ordering::SeqCst);
                if updates.send(found("s", &format!("{number}:1"))).await.is_err() {
                    return;
                }
            }
        }
    });
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle
        .apply([job("a", &["flood"]), job("b", &["flood"])])
        .await
        .unwrap();
    for _ in 0..20 {
        snapshots.next().await.expect("the throttle's timer fires");
        handle.with(|manager| manager.is_ready()).await.unwrap();
    }
    let before = sent.load(Ordering::SeqCst);
    until(&runtime, || sent.load(Ordering::SeqCst) > before + 100).await;
    handle.apply([job("a", &[])]).await.unwrap();
    expect(&mut snapshots, "a", &[]).await;
    handle.stop().await;
}

async fn a_question_that_panics_harms_only_who_asked(runtime: SharedRuntime) {
    let scripts = Scripts::default().with("one", |_, updates| says(updates, "1:1"));
    let (handle, mut snapshots) = scripts.start(&runtime);
    let asking = handle.clone();
    let asked = std::thread::spawn(move || {
        futures_lite::future::block_on(asking.with(|_| assert!(std::hint::black_box(false), "silly question")))
    });
    assert!(asked.join().is_err());
    handle.apply([job("a", &["one"])]).await.unwrap();
    expect(&mut snapshots, "a", &["1:1"]).await;
    handle.stop().await;
}

async fn a_dropped_next_loses_nothing(runtime: SharedRuntime) {
    let (say, said) = async_channel::unbounded::<&'static str>();
    let scripts = Scripts::default().with("told", move |_, updates| {
        let said = said.clone();
        async move {
            while let Ok(address) = said.recv().await {
                updates.send(found("s", address)).await.ok();
            }
        }
    });
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle.apply([job("a", &["told"])]).await.unwrap();
    say.send("1:1").await.unwrap();
    expect(&mut snapshots, "a", &["1:1"]).await;
    // Asked for, and given up: the manager knows that one is wanted.
    assert!(futures_lite::future::poll_once(snapshots.next()).await.is_none());
    say.send("2:1").await.unwrap();
    expect(&mut snapshots, "a", &["2:1"]).await;
    handle.stop().await;
}

async fn a_discoverer_that_ends_keeps_its_groups(runtime: SharedRuntime) {
    let scripts = Scripts::default()
        .with("ends", |_, updates: Updates| async move {
            updates.send(found("s", "1:1")).await.ok();
            updates.fail(Failure::new("last words")).await.ok();
        })
        .with("one", |_, updates| says(updates, "2:1"));
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle.apply([job("a", &["ends"])]).await.unwrap();
    expect(&mut snapshots, "a", &["1:1"]).await;
    handle.apply([job("a", &["ends", "one"])]).await.unwrap();
    expect(&mut snapshots, "a", &["1:1", "2:1"]).await;
    handle.stop().await;
}

/// Events come without being asked for, without a snapshot, and in the order in which they happened.
async fn events_say_how_providers_fare(runtime: SharedRuntime) {
    let scripts = Scripts::default().with("shaky", |_env, updates| async move {
        updates.fail(Failure::new("no answer")).await.ok();
        updates.fail(Failure::new("still none")).await.ok();
        says(updates, "10.0.0.1:9100").await;
    });
    let (handle, mut snapshots, mut events) = scripts.start_with_events(&runtime);
    let applied = handle.apply([job("a", &["shaky", "missing"])]).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let event = events.next().await.expect("the driver runs");
        seen.push((event.provider, event.what));
    }
    let [shaky, missing] = applied.started[..] else {
        panic!("two providers")
    };
    let of = |id| move |(provider, what): &(_, EventKind)| (*provider == id).then(|| what.clone());
    let of_shaky: Vec<_> = seen.iter().filter_map(of(shaky)).collect();
    let [EventKind::Failing(first), EventKind::Recovered { failures: 2 }] = of_shaky.as_slice() else {
        panic!("{of_shaky:?}")
    };
    assert_eq!(&*first.message, "no answer");
    let of_missing: Vec<_> = seen.iter().filter_map(of(missing)).collect();
    assert!(
        matches!(of_missing.as_slice(), [EventKind::BuildFailed(_)]),
        "{of_missing:?}"
    );

    // The snapshot that an apply names has its sets, and says what was reported.
    let snapshot = expect(&mut snapshots, "a", &["10.0.0.1:9100"]).await;
    assert!(snapshot.version() >= applied.version);
    let reports = snapshot.provider(shaky).expect("it runs").reports().clone();
    assert!(reports.first_failure.is_some() && reports.first_update.is_some() && reports.is_whole());
    assert_eq!(snapshot.failed_configs().len(), 1);
    handle.stop().await;
    assert_eq!(events.next().await, None);
}

/// Whoever holds the receiver of events and never asks it holds up nobody.
async fn a_listener_that_never_listens_blocks_nobody(runtime: SharedRuntime) {
    let scripts = Scripts::default().with("shaky", |_env, updates| async move {
        for _ in 0..3_000 {
            updates.fail(Failure::new("no answer")).await.ok();
            updates.send(Update::unchanged()).await.ok();
        }
        says(updates, "10.0.0.1:9100").await;
    });
    let (handle, mut snapshots, events) = scripts.start_with_events(&runtime);
    handle.apply([job("a", &["shaky"])]).await.unwrap();
    expect(&mut snapshots, "a", &["10.0.0.1:9100"]).await;
    assert!(events.merged() > 0);
    handle.stop().await;
}

/// One read answers all who asked before it began, and what it found is there by then.
async fn who_asks_a_provider_hears_when_the_manager_has_its_answer(runtime: SharedRuntime) {
    let reads = Arc::new(AtomicUsize::new(0));
    let count = reads.clone();
    let scripts = Scripts::default().with("asked", move |_env, updates: Updates| {
        let count = count.clone();
        async move {
            loop {
                let read = updates.begin_read();
                let number = count.fetch_add(1, Ordering::SeqCst);
                let found = groups("s", &format!("{number}:1"));
                if updates.send(Update::full(found)).await.is_err() || updates.end_read(read).await.is_err() {
                    return;
                }
                updates.wanted().await;
            }
        }
    });
    let (handle, mut snapshots) = scripts.start(&runtime);
    let applied = handle.apply([job("a", &["asked"])]).await.unwrap();
    let provider = applied.started[0];
    expect(&mut snapshots, "a", &["0:1"]).await;
    until(&runtime, || reads.load(Ordering::SeqCst) == 1).await;
    let before = reads.load(Ordering::SeqCst);
    let RefreshRequest::Asked(pending) = handle.refresh(provider).await.unwrap().unwrap() else {
        panic!("it can be asked")
    };
    pending.answered().await;
    assert!(pending.is_heeded());
    let address = handle
        .with(move |manager| {
            let groups = manager.reported_groups(provider).expect("it runs");
            let stored = groups.iter().next().expect("a group");
            let target = stored.group().targets().next().expect("a target");
            target.get("__address__").expect("it has one").to_owned()
        })
        .await
        .unwrap();
    assert_eq!(address, format!("{before}:1"));

    // Who waits for one that is stopped does not wait for ever.
    let RefreshRequest::Asked(pending) = handle.refresh(provider).await.unwrap().unwrap() else {
        panic!("it can be asked")
    };
    handle.apply([job("a", &[])]).await.unwrap();
    pending.answered().await;
    assert!(handle.refresh(provider).await.unwrap().is_err(), "it is gone");
    handle.stop().await;
}

async fn a_provider_that_has_said_all_has_nothing_to_be_asked(runtime: SharedRuntime) {
    let scripts = Scripts::default()
        .with("once", |_env, updates: Updates| async move {
            updates.send(Update::full(groups("s", "1:1"))).await.ok();
        })
        .with("deaf", |_env, updates: Updates| says(updates, "2:1"));
    let (handle, mut snapshots) = scripts.start(&runtime);
    let applied = handle.apply([job("a", &["once"]), job("b", &["deaf"])]).await.unwrap();
    expect(&mut snapshots, "b", &["2:1"]).await;
    loop {
        match handle.refresh(applied.started[0]).await.unwrap().unwrap() {
            RefreshRequest::NothingToAsk => break,
            RefreshRequest::Paused(_) => panic!("it is within its bounds"),
            // It has reported, and is about to end.
            RefreshRequest::Asked(_) => runtime.sleep(Duration::from_millis(1)).await,
        }
    }
    match handle.refresh(applied.started[1]).await.unwrap().unwrap() {
        RefreshRequest::Asked(pending) => assert!(!pending.is_heeded()),
        RefreshRequest::NothingToAsk | RefreshRequest::Paused(_) => panic!("it runs"),
    }
    handle.stop().await;
}

/// What a set wants changes faster than its discoverers speak, and is asked for from many sides: no snapshot lacks what
/// stays, none is without anything of what changes, and in the end there is what was wanted last (B03, S06).
async fn a_storm_of_applies_makes_neither_a_gap_nor_a_ghost(runtime: SharedRuntime) {
    const NAMES: [&str; 4] = ["0:1", "1:1", "2:1", "3:1"];
    let mut scripts = Scripts::default().with("stays", |_, updates| says(updates, "stays:1"));
    for (number, name) in NAMES.into_iter().enumerate() {
        scripts = scripts.with(name, move |env: Env, updates: Updates| async move {
            env.clock.sleep(Duration::from_millis(number as u64)).await;
            says(updates, name).await;
        });
    }
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle.apply([job("a", &["stays", NAMES[0]])]).await.unwrap();
    expect(&mut snapshots, "a", &["stays:1", NAMES[0]]).await;
    let (done, all_done) = async_channel::bounded::<()>(4);
    for side in 0..4_usize {
        let (handle, runtime, done) = (handle.clone(), runtime.clone(), done.clone());
        runtime.clone().spawn(Box::pin(async move {
            for round in 0..100 {
                let wanted = NAMES[(side + round * 3) % NAMES.len()];
                handle.apply([job("a", &["stays", wanted])]).await.unwrap();
                runtime.sleep(Duration::from_micros(700)).await;
            }
            drop(done);
        }));
    }
    drop(done);
    let storm = async {
        all_done.recv().await.ok();
        false
    };
    let look = async {
        loop {
            let shown = addresses(&snapshots.next().await.expect("the driver runs"), "a");
            assert!(shown.iter().any(|address| address == "stays:1"), "{shown:?}");
            assert!(
                shown.iter().any(|address| NAMES.contains(&&**address)),
                "a gap: {shown:?}"
            );
        }
    };
    let is_over = futures_lite::future::or(storm, look).await;
    assert!(!is_over);
    handle.apply([job("a", &["stays", NAMES[3]])]).await.unwrap();
    let last = loop {
        let shown = addresses(&snapshots.next().await.expect("the driver runs"), "a");
        if !shown.iter().any(|address| NAMES[..3].contains(&&**address)) {
            break shown;
        }
    };
    assert_eq!(last, ["stays:1", NAMES[3]]);
    assert_eq!(handle.with(|manager| manager.providers().count()).await.unwrap(), 2);
    handle.stop().await;
}

async fn who_finds_too_much_fails_and_the_others_go_on(runtime: SharedRuntime) {
    let (say, said) = async_channel::unbounded::<usize>();
    let scripts = Scripts::default()
        .with("wild", move |_env, updates: Updates| {
            let said = said.clone();
            async move {
                while let Ok(number) = said.recv().await {
                    let found = (0..number).flat_map(|source| groups(&format!("s{source}"), "1:1"));
                    updates.send(Update::full(found.collect())).await.ok();
                }
            }
        })
        .with("tame", |_env, updates| says(updates, "2:1"));
    let limits = Limits {
        targets: 3,
        ..Limits::default()
    };
    let (handle, mut snapshots, mut events) = scripts.start_limited(&runtime, limits);
    let applied = handle.apply([job("a", &["wild"]), job("b", &["tame"])]).await.unwrap();
    let wild = applied.started[0];
    say.send(1).await.unwrap();
    expect(&mut snapshots, "a", &["1:1"]).await;
    say.send(4).await.unwrap();
    let failed = loop {
        let event = events.next().await.expect("the driver runs");
        if let EventKind::Failing(failed) = event.what {
            break failed;
        }
    };
    assert!(
        failed.message.contains("--max-targets-per-provider"),
        "{}",
        failed.message
    );
    assert!(matches!(
        handle.refresh(wild).await.unwrap().unwrap(),
        RefreshRequest::Paused(pause) if pause > Duration::from_secs(50)
    ));
    handle
        .apply([job("a", &["wild"]), job("b", &["tame"]), job("c", &["tame"])])
        .await
        .unwrap();
    let snapshot = expect(&mut snapshots, "c", &["2:1"]).await;
    assert_eq!(addresses(&snapshot, "a"), ["1:1"], "what it had found stays");
    handle.stop().await;
}

async fn full_updates_that_wait_for_the_manager_become_one(runtime: SharedRuntime) {
    let (say, said) = async_channel::bounded::<()>(1);
    let scripts = Scripts::default().with("told", move |_env, updates: Updates| {
        let said = said.clone();
        async move {
            updates.send(Update::full(groups("s", "0:1"))).await.ok();
            said.recv().await.ok();
            // All of them before the manager, which is polled by the same thread, gets to see the first.
            for number in 1..=200 {
                updates
                    .send(Update::full(groups("s", &format!("{number}:1"))))
                    .await
                    .ok();
            }
            pending().await
        }
    });
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle.apply([job("a", &["told"])]).await.unwrap();
    expect(&mut snapshots, "a", &["0:1"]).await;
    say.send(()).await.unwrap();
    expect(&mut snapshots, "a", &["200:1"]).await;
    let status = handle.queue();
    assert!(status.collapsed >= 100, "{status:?}");
    assert_eq!((status.reports, status.bytes), (0, 0));
    let received = handle
        .with(|manager| manager.counters().received_updates)
        .await
        .unwrap();
    assert_eq!(received + status.collapsed, 201, "nothing else is missing");
    handle.stop().await;
}

async fn options_hold_what_is_applied_after_them_and_can_be_changed(runtime: SharedRuntime) {
    let (lose, lost) = async_channel::bounded::<()>(1);
    let scripts = Scripts::default().with("loses", move |_, updates: Updates| {
        let lost = lost.clone();
        async move {
            updates.send(Update::full(groups("s", "1:1"))).await.ok();
            lost.recv().await.ok();
            updates.send(Update::full(Vec::new())).await.ok();
            pending().await
        }
    });
    let (handle, mut snapshots) = scripts.start(&runtime);
    let max_drop = Percent::new(0).expect("a percentage");
    let guarded = SetOptions {
        guard: Some(DropGuard::new(max_drop, Duration::from_secs(3_600))),
        ..SetOptions::default()
    };
    let by_set = BTreeMap::from([("a".to_owned(), guarded)]);
    handle.set_options(SetOptions::default(), by_set).await.unwrap();
    handle.apply([job("a", &["loses"])]).await.unwrap();
    expect(&mut snapshots, "a", &["1:1"]).await;
    lose.send(()).await.unwrap();
    let is_held = |manager: &Manager<Script>| manager.providers().any(|provider| provider.held.is_some());
    while !handle.with(is_held).await.unwrap() {
        runtime.sleep(Duration::from_millis(1)).await;
    }
    let nothing = SetOptions::default();
    handle.set_options(nothing, BTreeMap::new()).await.unwrap();
    expect(&mut snapshots, "a", &[]).await;
    handle.stop().await;
}
