//! Discoverers that are scripts, and what their driver shows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_lite::future::pending;
use headcount_core::{Backoff, Encoder, Group, Instant, ManagerOptions, ProviderConfig, Snapshot, Throttle, Update};
use headcount_discoverer::env::Clock;
use headcount_discoverer::{BoxFuture, BuildError, Discoverer, Env, Limits, Updates};
use headcount_runtime::{EventReceiver, Handle, SharedRuntime, SnapshotReceiver};

/// A provider config: the name of a script.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Script(pub(super) &'static str);

impl ProviderConfig for Script {
    fn kind(&self) -> &str {
        "script"
    }

    fn describe(&self) -> String {
        self.0.to_owned()
    }
}

pub(super) type Play = Arc<dyn Fn(Env, Updates) -> BoxFuture<'static, ()> + Send + Sync>;

/// The scripts by name. One that is missing can't be built; `"bomb"` panics while built.
#[derive(Default, Clone)]
pub(super) struct Scripts {
    plays: HashMap<&'static str, Play>,
    pub(super) started: Arc<Mutex<Vec<&'static str>>>,
}

impl Scripts {
    pub(super) fn with<F>(
        mut self,
        name: &'static str,
        play: impl Fn(Env, Updates) -> F + Send + Sync + 'static,
    ) -> Self
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

    pub(super) fn start(self, runtime: &SharedRuntime) -> (Handle<Script>, SnapshotReceiver) {
        let (handle, snapshots, _) = self.start_with_events(runtime);
        (handle, snapshots)
    }

    pub(super) fn start_with_events(
        self,
        runtime: &SharedRuntime,
    ) -> (Handle<Script>, SnapshotReceiver, EventReceiver) {
        self.start_limited(runtime, Limits::default())
    }

    pub(super) fn start_limited(
        self,
        runtime: &SharedRuntime,
        limits: Limits,
    ) -> (Handle<Script>, SnapshotReceiver, EventReceiver) {
        let mut env = headcount_runtime::env(runtime);
        env.limits = limits;
        self.start_in(runtime, env)
    }

    pub(super) fn start_in(
        self,
        runtime: &SharedRuntime,
        env: Env,
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
        let running = headcount_runtime::start(runtime, options, env, move |script: &Script| self.build(script));
        (running.handle, running.snapshots, running.events)
    }
}

/// One group, called `source`, with one target.
pub(super) fn found(source: &str, address: &str) -> Update {
    Update::delta(groups(source, address))
}

pub(super) fn groups(source: &str, address: &str) -> Vec<Group> {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    batch
        .group(source, [("from", "script")], [[("__address__", address)]])
        .unwrap();
    batch.finish()
}

/// Reports one target as all there is, and runs on.
pub(super) async fn says(updates: Updates, address: &str) {
    updates.send(Update::full(groups("s", address))).await.ok();
    pending().await
}

pub(super) fn job(name: &str, scripts: &[&'static str]) -> (String, Vec<Script>) {
    (name.to_owned(), scripts.iter().map(|name| Script(name)).collect())
}

pub(super) fn addresses(snapshot: &Snapshot, set: &str) -> Vec<String> {
    let set = snapshot.set(set).expect("the set is in the snapshot");
    let targets = set.groups().flat_map(|(_, stored)| stored.group().targets());
    targets
        .map(|target| target.get("__address__").unwrap().to_owned())
        .collect()
}

/// Takes snapshots until `set` has exactly these addresses.
pub(super) async fn expect(snapshots: &mut SnapshotReceiver, set: &str, expected: &[&str]) -> Snapshot {
    loop {
        let snapshot = snapshots.next().await.expect("the driver runs");
        if snapshot.set(set).is_some() && addresses(&snapshot, set) == expected {
            return snapshot;
        }
    }
}

/// A clock on which a minute takes 300 ms.
pub(super) struct Hasty(pub(super) Arc<dyn Clock>);

impl Hasty {
    const TIMES: u32 = 200;
}

impl Clock for Hasty {
    fn now(&self) -> Instant {
        let since = self.0.now().saturating_duration_since(Instant::ZERO);
        Instant::ZERO + since * Self::TIMES
    }

    fn unix_time(&self) -> Duration {
        self.0.unix_time()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration / Self::TIMES)
    }
}

/// Says when it is dropped.
pub(super) struct Dropped(pub(super) Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
