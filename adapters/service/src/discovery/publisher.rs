//! Makes views of snapshots.
//!
//! Besides taking snapshots it looks at the manager from time to time, because failures, and
//! first updates without groups, make no snapshot.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_core::Snapshot;
use headcount_runtime::SnapshotReceiver;
use smol::{Executor, Timer};

use super::completeness::Spoken;
use super::health_log::HealthLog;
use super::{Managed, View};

/// Time between looks at the manager when every set is complete.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The same right after a snapshot while a set is not complete; it doubles with each look.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

pub(super) struct Publisher {
    managed: Arc<Managed>,
    snapshots: SnapshotReceiver,
    executor: Arc<Executor<'static>>,
    spoken: Spoken,
    health: HealthLog,
    pause: Duration,
}

impl Publisher {
    pub(super) fn new(managed: Arc<Managed>, snapshots: SnapshotReceiver, executor: Arc<Executor<'static>>) -> Self {
        let health = HealthLog::new(managed.name());
        Self {
            managed,
            snapshots,
            executor,
            spoken: Spoken::default(),
            health,
            pause: SHORTEST_PAUSE,
        }
    }

    /// Runs until the manager ends.
    pub(super) async fn run(mut self) {
        while AssertUnwindSafe(self.publish_all()).catch_unwind().await.is_err() {
            tracing::error!("publishing what was discovered panicked and is tried again; please report this");
            Timer::after(LONGEST_PAUSE).await;
        }
    }

    async fn publish_all(&mut self) {
        while let Some(look) = self.next_look().await {
            let Ok(observation) = self.managed.observe().await else {
                return;
            };
            if self.health.note(&observation) {
                self.managed.note_other_holds();
            }
            let view = self.managed.view();
            let (snapshot, is_new) = match look {
                Look::At(snapshot) => (snapshot, true),
                Look::Again if view.is_complete() || !view.is_started() => continue,
                Look::Again => (view.snapshot.clone(), false),
            };
            self.spoken.note(&snapshot);
            let next = view.next(snapshot, &self.spoken);
            self.pace(&next, is_new);
            if is_new || is_more_complete(&next, &view) {
                self.prepare(&next, &view);
                self.managed.publish(next);
            }
        }
    }

    /// Waits for a snapshot, or until it is time to look again; `None` when the manager has ended.
    async fn next_look(&mut self) -> Option<Look> {
        let snapshot = async { self.snapshots.next().await.map(Look::At) };
        let again = async {
            Timer::after(self.pause).await;
            Some(Look::Again)
        };
        snapshot.or(again).await
    }

    fn pace(&mut self, view: &View, is_new: bool) {
        self.pause = match (view.is_complete(), is_new) {
            (true, _) => LONGEST_PAUSE,
            (false, true) => SHORTEST_PAUSE,
            (false, false) => self.pause.saturating_mul(2).min(LONGEST_PAUSE),
        };
    }

    /// Lets the lists that somebody reads be encoded before they are asked for.
    fn prepare(&self, next: &View, before: &View) {
        for (name, job) in next.changed_since(before) {
            if job.list.is_wanted()
                && let Some(offer) = next.offer(name)
            {
                self.executor.spawn(async move { offer.prepare().await }).detach();
            }
        }
    }
}

enum Look {
    At(Snapshot),
    Again,
}

fn is_more_complete(next: &View, before: &View) -> bool {
    next.jobs.iter().any(|(name, job)| {
        let before = before.jobs.get(name);
        before.is_none_or(|before| before.waiting_for.len() > job.waiting_for.len())
    })
}
