//! Providers that are asked because somebody asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_lite::future::poll_once;
use headcount_core::Update;
use headcount_discoverer::Updates;
use headcount_runtime::{RefreshRequest, SharedRuntime};

use super::scripts::{Scripts, expect, groups, job, says};
use crate::harness::until;

on_each_runtime!(
    who_asks_a_provider_hears_when_the_manager_has_its_answer,
    a_read_answers_nobody_who_asked_after_it_began,
    a_provider_that_has_said_all_has_nothing_to_be_asked,
);

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

/// Else who changed something meanwhile would take for new what is old.
async fn a_read_answers_nobody_who_asked_after_it_began(runtime: SharedRuntime) {
    let (begins, has_begun) = async_channel::unbounded::<()>();
    let (go_on, may_go_on) = async_channel::unbounded::<()>();
    let scripts = Scripts::default().with("asked", move |_env, updates: Updates| {
        let (begins, may_go_on) = (begins.clone(), may_go_on.clone());
        async move {
            loop {
                let read = updates.begin_read();
                begins.send(()).await.ok();
                may_go_on.recv().await.ok();
                if updates.end_read(read).await.is_err() {
                    return;
                }
                updates.wanted().await;
            }
        }
    });
    let (handle, _snapshots) = scripts.start(&runtime);
    let provider = handle.apply([job("a", &["asked"])]).await.unwrap().started[0];
    let ask = async || match handle.refresh(provider).await.unwrap().unwrap() {
        RefreshRequest::Asked(pending) => pending,
        other => panic!("it can be asked: {other:?}"),
    };
    has_begun.recv().await.unwrap();
    let first = [ask().await, ask().await];
    go_on.send(()).await.unwrap();
    has_begun.recv().await.unwrap();
    let second = ask().await;
    go_on.send(()).await.unwrap();
    for both in first {
        both.answered().await;
    }
    assert!(poll_once(second.answered()).await.is_none());
    has_begun.recv().await.unwrap();
    go_on.send(()).await.unwrap();
    second.answered().await;
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
