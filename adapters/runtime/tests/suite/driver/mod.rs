//! The driver, with discoverers that are scripts.

mod demand;
mod overload;
mod scripts;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_lite::future::{pending, zip};
use headcount_core::{
    Backoff, DropGuard, EventKind, Failure, Manager, Percent, SetOptions, Throttle, TimeoutReason, Update,
};
use headcount_discoverer::{Env, Updates};
use headcount_runtime::{DriverGone, SharedRuntime};

use scripts::{Dropped, Script, Scripts, addresses, expect, found, groups, job, says};

use crate::harness::until;

on_each_runtime!(
    a_snapshot_arrives,
    a_slow_receiver_gets_the_newest_state,
    a_reload_keeps_what_is_unchanged,
    who_takes_a_place_knows_what_was_found_before,
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
    a_nearer_deadline_takes_the_place_of_the_one_that_is_slept_for,
    a_listener_that_never_listens_blocks_nobody,
    a_storm_of_applies_makes_neither_a_gap_nor_a_ghost,
    an_apply_while_the_driver_stops_is_answered,
);

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

async fn who_takes_a_place_knows_what_was_found_before(runtime: SharedRuntime) {
    let scripts = Scripts::default().with("old", |_, updates| says(updates, "7:1")).with(
        "new",
        |_, updates: Updates| async move {
            let before = updates.take_found_before();
            let known = before.iter().flat_map(|group| group.targets());
            let known: Vec<_> = known.filter_map(|target| target.get("__address__")).collect();
            says(updates, &format!("after {}", known.join(","))).await;
        },
    );
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle.apply([job("a", &["old"])]).await.unwrap();
    expect(&mut snapshots, "a", &["7:1"]).await;
    handle.apply([job("a", &["new"])]).await.unwrap();
    expect(&mut snapshots, "a", &["after 7:1"]).await;
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
        updates.warn("odd").await.ok();
        says(updates, "10.0.0.1:9100").await;
    });
    let (handle, mut snapshots, mut events) = scripts.start_with_events(&runtime);
    let applied = handle.apply([job("a", &["shaky", "missing"])]).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let event = events.next().await.expect("the driver runs");
        seen.push((event.provider, event.what));
    }
    let [shaky, missing] = applied.started[..] else {
        panic!("two providers")
    };
    let of = |id| move |(provider, what): &(_, EventKind)| (*provider == id).then(|| what.clone());
    let of_shaky: Vec<_> = seen.iter().filter_map(of(shaky)).collect();
    let [
        EventKind::Failing(first),
        EventKind::Warned(warning),
        EventKind::Recovered { failures: 2 },
    ] = of_shaky.as_slice()
    else {
        panic!("{of_shaky:?}")
    };
    assert_eq!((&*first.message, &**warning), ("no answer", "odd"));
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

/// The counterpart of `TestConfigReloadAndShutdownRace`: who asks when another has it stop gets an answer, or learns that
/// there is none.
async fn an_apply_while_the_driver_stops_is_answered(runtime: SharedRuntime) {
    for _ in 0..100 {
        let scripts = Scripts::default().with("one", |_, updates| says(updates, "1:1"));
        let (handle, mut snapshots) = scripts.start(&runtime);
        handle.apply([job("a", &["one"])]).await.unwrap();
        // It mostly is behind the other one.
        match zip(handle.stop(), handle.apply([job("b", &[])])).await {
            ((), Ok(applied)) => assert_eq!(applied.stopped.len(), 1),
            ((), Err(DriverGone)) => {}
        }
        assert!(matches!(handle.with(|_| ()).await, Err(DriverGone)));
        while snapshots.next().await.is_some() {}
    }
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

/// A drop is held for an hour, and what comes meanwhile is due in a moment. Nobody asks the driver for anything then.
async fn a_nearer_deadline_takes_the_place_of_the_one_that_is_slept_for(runtime: SharedRuntime) {
    let (say, said) = async_channel::unbounded::<Vec<&'static str>>();
    let scripts = Scripts::default().with("told", move |_, updates: Updates| {
        let said = said.clone();
        async move {
            while let Ok(addresses) = said.recv().await {
                let found = addresses.iter().flat_map(|address| groups(address, address));
                updates.send(Update::full(found.collect())).await.ok();
            }
        }
    });
    let (handle, mut snapshots) = scripts.start(&runtime);
    let half = Percent::new(50).expect("a percentage");
    let guarded = SetOptions {
        guard: Some(DropGuard::new(half, Duration::from_secs(3_600))),
        ..SetOptions::default()
    };
    handle.set_options(guarded, BTreeMap::new()).await.unwrap();
    let soon = Backoff {
        initial: Duration::from_millis(50),
        ..Backoff::default()
    };
    handle.set_throttle(Throttle::Backoff(soon), false).await.unwrap();
    handle.apply([job("a", &["told"])]).await.unwrap();
    say.send(vec!["1:1", "2:1", "3:1"]).await.unwrap();
    expect(&mut snapshots, "a", &["1:1", "2:1", "3:1"]).await;
    say.send(vec!["1:1"]).await.unwrap();
    let is_held = |manager: &Manager<Script>| manager.providers().any(|provider| provider.held.is_some());
    while !handle.with(is_held).await.unwrap() {
        runtime.sleep(Duration::from_millis(1)).await;
    }
    // Until all that was due before is over, and only the hold's end is slept for.
    let is_due = |manager: &Manager<Script>| {
        let due = manager.poll_timeout();
        due.is_some_and(|(_, why)| why == TimeoutReason::Throttle)
    };
    while handle.with(is_due).await.unwrap() {
        runtime.sleep(Duration::from_millis(5)).await;
    }
    say.send(vec!["1:1", "4:1"]).await.unwrap();
    loop {
        let snapshot = snapshots.next().await.expect("the driver runs");
        if addresses(&snapshot, "a").contains(&"4:1".to_owned()) {
            break;
        }
    }
    handle.stop().await;
}
