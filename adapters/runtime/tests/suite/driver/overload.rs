//! Providers that find too much, or more than the manager can take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_lite::future::{pending, zip};
use headcount_core::{EventKind, Update};
use headcount_discoverer::{Limits, Updates};
use headcount_runtime::{RefreshRequest, SharedRuntime};

use super::scripts::{Dropped, Hasty, Scripts, addresses, expect, found, groups, job, says};
use crate::harness::until;

on_each_runtime!(
    who_finds_too_much_fails_and_the_others_go_on,
    who_found_too_much_begins_anew_after_a_pause,
    full_updates_that_wait_for_the_manager_become_one,
    a_command_waits_for_some_of_the_reports_that_came_before_it_and_not_for_all,
);

async fn who_finds_too_much_fails_and_the_others_go_on(runtime: SharedRuntime) {
    let (say, said) = async_channel::unbounded::<usize>();
    let is_dropped = Arc::new(AtomicBool::new(false));
    let dropped = is_dropped.clone();
    let scripts = Scripts::default()
        .with("wild", move |_env, updates: Updates| {
            let (said, guard) = (said.clone(), Dropped(dropped.clone()));
            async move {
                let _guard = guard;
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
    // What it says from now on makes no sense without what was refused, so it does not run meanwhile.
    until(&runtime, || is_dropped.load(Ordering::SeqCst)).await;
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

async fn who_found_too_much_begins_anew_after_a_pause(runtime: SharedRuntime) {
    let starts = Arc::new(AtomicUsize::new(0));
    let count = starts.clone();
    let scripts = Scripts::default().with("wild", move |_env, updates: Updates| {
        let too_many = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            let sources = if too_many { 0..4 } else { 0..1 };
            let found = sources.flat_map(|source| groups(&format!("s{source}"), "1:1"));
            updates.send(Update::full(found.collect())).await.ok();
            pending().await
        }
    });
    let mut env = headcount_runtime::env(&runtime);
    env.clock = Arc::new(Hasty(env.clock));
    env.limits.targets = 3;
    let (handle, mut snapshots, _events) = scripts.start_in(&runtime, env);
    handle.apply([job("a", &["wild"])]).await.unwrap();
    expect(&mut snapshots, "a", &["1:1"]).await;
    assert_eq!(starts.load(Ordering::SeqCst), 2);
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

/// Else who has a reload to apply waits until sources that report all the time have nothing to say for a moment.
async fn a_command_waits_for_some_of_the_reports_that_came_before_it_and_not_for_all(runtime: SharedRuntime) {
    const SCRIPTS: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "8"];
    /// Less than the queue has room for.
    const EACH: usize = 60;
    let has_asked = Arc::new(AtomicBool::new(false));
    let mut scripts = Scripts::default();
    for name in SCRIPTS {
        let has_asked = has_asked.clone();
        scripts = scripts.with(name, move |_env, updates: Updates| {
            let has_asked = has_asked.clone();
            async move {
                // On a thread of its own, because the driver holds up those of the runtime.
                std::thread::spawn(move || {
                    wait_on_thread(|| has_asked.load(Ordering::SeqCst));
                    for number in 0..EACH {
                        let update = found("s", &format!("{number}:1"));
                        futures_lite::future::block_on(updates.send(update)).ok();
                    }
                });
                pending().await
            }
        });
    }
    let (handle, mut snapshots) = scripts.start(&runtime);
    handle.apply([job("a", &SCRIPTS)]).await.unwrap();
    let (queue, is_asked) = (handle.clone(), has_asked.clone());
    let busy = handle.with(move |_| {
        wait_on_thread(|| is_asked.load(Ordering::SeqCst) && queue.queue().reports == SCRIPTS.len() * EACH);
    });
    let received = handle.with(|manager| manager.counters().received_updates);
    let ask = async { has_asked.store(true, Ordering::SeqCst) };
    let (((), received), ()) = zip(
        zip(async { busy.await.unwrap() }, async { received.await.unwrap() }),
        ask,
    )
    .await;
    // Two turns were made at most.
    assert!(
        received <= 64,
        "{received} reports were handled before a command that was there"
    );
    loop {
        let snapshot = snapshots.next().await.expect("the driver runs");
        if addresses(&snapshot, "a") == ["59:1"; 8] {
            break;
        }
    }
    handle.stop().await;
}

fn wait_on_thread(condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "waited too long");
        std::thread::sleep(Duration::from_millis(1));
    }
}
