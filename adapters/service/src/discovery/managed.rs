//! A manager on its driver, and the newest view of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use async_channel::Receiver;
use event_listener::{Event, EventListener};
use headcount_core::{DropGuard, ManagerOptions, ProviderId, Throttle, UnknownProvider};
use headcount_discoverer::Env;
use headcount_discoverer::mechanism::SdConfig;
use headcount_runtime::{DriverGone, Handle, Running};

use super::publisher::Publisher;
use super::{Observation, View};
use crate::Workers;
use crate::output::Recording;

/// A running manager.
#[derive(Debug)]
pub(crate) struct Managed {
    name: &'static str,
    handle: Handle<SdConfig>,
    env: Env,
    view: ArcSwap<View>,
    published: Event,
    /// Counts changes of what the guard holds, which make no view.
    holds: AtomicU64,
    ended: Receiver<Infallible>,
}

/// Starts the manager called `name`, and the task that publishes what it finds.
pub(crate) fn start(
    workers: &Workers,
    name: &'static str,
    throttle: Throttle,
    guard: Option<DropGuard>,
    recording: Option<&Recording>,
) -> Arc<Managed> {
    let (runtime, env) = (workers.runtime(), workers.env());
    let options = ManagerOptions {
        name: name.to_owned(),
        throttle,
        guard,
        seed: env.random.next_u64(),
        ..ManagerOptions::default()
    };
    let build = SdConfig::discoverer;
    let Running { handle, snapshots, .. } = match recording {
        Some(recording) => {
            let record = |options| recording.sink(options);
            headcount_runtime::start_recorded(runtime, options, env.clone(), build, record)
        }
        None => headcount_runtime::start(runtime, options, env.clone(), build),
    };
    let (ending, ended) = async_channel::bounded(1);
    let (env, view, published) = (env.clone(), ArcSwap::default(), Event::new());
    let managed = Arc::new(Managed {
        name,
        handle,
        env,
        view,
        published,
        holds: AtomicU64::new(0),
        ended,
    });
    let publisher = Publisher::new(managed.clone(), snapshots, workers.executor().clone());
    let publish = async move {
        publisher.run().await;
        drop(ending);
    };
    workers.executor().spawn(publish).detach();
    managed
}

impl Managed {
    /// The manager's name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The newest view.
    pub(crate) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Completes when another view is published. Get it before looking at the view, and nothing
    /// is missed.
    pub(crate) fn published(&self) -> EventListener {
        self.published.listen()
    }

    /// What the manager says of its providers now.
    pub(crate) async fn observe(&self) -> Result<Observation, DriverGone> {
        let clock = self.env.clock.clone();
        self.handle
            .with(move |manager| Observation::of(manager, clock.now()))
            .await
    }

    /// Makes `sets` all the sets there are. Gives the version of the first snapshot with them.
    pub(crate) async fn apply(&self, sets: Vec<(String, Vec<SdConfig>)>) -> Result<u64, DriverGone> {
        Ok(self.handle.apply(sets).await?.version)
    }

    /// Lets go what the guard holds of a provider. Gives how many targets that were.
    pub(crate) async fn confirm_drop(&self, id: ProviderId) -> Result<Result<usize, UnknownProvider>, DriverGone> {
        self.handle.confirm_drop(id).await
    }

    /// Completes when the manager has ended.
    pub(crate) async fn ended(&self) {
        self.ended.recv().await.ok();
    }

    /// Stops the manager and its discoverers, and waits for them.
    pub(crate) async fn stop(&self) {
        self.handle.stop().await;
    }

    /// Another number when other targets are held.
    pub(crate) fn holds(&self) -> u64 {
        self.holds.load(Ordering::Relaxed)
    }

    pub(super) fn note_other_holds(&self) {
        self.holds.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn publish(&self, view: View) {
        self.view.store(Arc::new(view));
        self.published.notify(usize::MAX);
    }
}
