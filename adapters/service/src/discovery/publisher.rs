//! Makes views of snapshots, and has events logged.
//!
//! The one rule: **it asks the manager nothing.** What there is to know comes with snapshots and events, so
//! it costs what changes, and sleeps while nothing does. It has no way to ask, either.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_lite::FutureExt;
use futures_lite::future::{pending, poll_once};
use headcount_core::{EventKind, ManagerEvent, Readers, Snapshot, SnapshotDiff};
use headcount_runtime::{EventReceiver, SnapshotReceiver};
use smol::{Executor, Timer};

use super::churn::ChurnLog;
use super::delivery_log::DeliveryLog;
use super::feed::Jobs;
use super::health_log::HealthLog;
use super::history::SharedHistory;
use super::hold_counts::HoldCounts;
use super::publication::Publication;
use super::removal_log;
use super::view::ViewChange;
use super::{ServeIncomplete, View};

/// Time before it goes on after a panic.
const PAUSE: Duration = Duration::from_secs(1);

/// Events that are taken before a snapshot that came after them: as many as can wait.
const EVENTS_AT_ONCE: usize = 1_024;

pub(super) struct Publisher {
    manager: &'static str,
    publication: Arc<Publication>,
    serve: Arc<ArcSwap<ServeIncomplete>>,
    snapshots: SnapshotReceiver,
    events: EventReceiver,
    executor: Arc<Executor<'static>>,
    readers: Readers,
    health: HealthLog,
    deliveries: DeliveryLog,
    history: Arc<SharedHistory>,
    churn: Arc<ChurnLog>,
    /// The snapshot that history and churn have: when publishing it panicked, it is published again, and happened once.
    recorded: Snapshot,
    /// A snapshot that is being published. A panic on the way does not lose it.
    pending: Option<Snapshot>,
    /// An event of a provider that no snapshot has shown yet. It waits for one that does, and further events
    /// wait for it.
    early: Option<ManagerEvent>,
}

/// What a publisher and those who ask have in common.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared {
    pub(super) publication: Arc<Publication>,
    pub(super) serve: Arc<ArcSwap<ServeIncomplete>>,
    pub(super) hold_counts: Arc<HoldCounts>,
    pub(super) churn: Arc<ChurnLog>,
}

impl Publisher {
    pub(super) fn new(
        manager: &'static str,
        shared: Shared,
        history: Arc<SharedHistory>,
        snapshots: SnapshotReceiver,
        events: EventReceiver,
        executor: Arc<Executor<'static>>,
    ) -> Self {
        Self {
            manager,
            publication: shared.publication,
            serve: shared.serve,
            snapshots,
            events,
            executor,
            readers: Readers::default(),
            health: HealthLog::new(manager, shared.hold_counts),
            deliveries: DeliveryLog::new(manager),
            history,
            churn: shared.churn,
            recorded: Snapshot::default(),
            pending: None,
            early: None,
        }
    }

    /// Runs until the manager ends.
    pub(super) async fn run(mut self) {
        while AssertUnwindSafe(self.publish_all()).catch_unwind().await.is_err() {
            tracing::error!("publishing what was discovered panicked and is tried again; please report this");
            Timer::after(PAUSE).await;
        }
    }

    async fn publish_all(&mut self) {
        if let Some(pending) = self.pending.take() {
            // A newer one has all that it has.
            let newer = poll_once(self.snapshots.next()).await.flatten();
            self.publish(newer.unwrap_or(pending)).await;
        }
        while let Some(news) = self.next().await {
            match news {
                News::Snapshot(snapshot) => self.publish(snapshot).await,
                News::Event(event) => self.hear(event, &self.publication.view().snapshot),
            }
        }
    }

    /// Waits for what comes next; `None` when the manager has ended.
    async fn next(&mut self) -> Option<News> {
        let snapshot = async { self.snapshots.next().await.map(News::Snapshot) };
        let event = async {
            match &self.early {
                None => self.events.next().await.map(News::Event),
                Some(_) => pending().await,
            }
        };
        snapshot.or(event).await
    }

    async fn publish(&mut self, snapshot: Snapshot) {
        self.pending = Some(snapshot.clone());
        self.take(&snapshot).await;
        self.pending = None;
    }

    async fn take(&mut self, snapshot: &Snapshot) {
        let before = self.publication.view();
        let diff = Arc::new(snapshot.diff(&before.snapshot));
        self.readers.take(&diff);
        self.hear_earlier(snapshot).await;
        self.health.take(&diff, &self.readers);
        let (view, jobs) = before.next(&diff, &self.readers, &self.serve.load());
        let change = ViewChange {
            view: Arc::new(view),
            diff: diff.clone(),
            jobs: Jobs(Arc::new(jobs)),
        };
        self.deliveries.take(&before, &change);
        self.prepare(&change, &before);
        self.publication.publish(&change);
        // Nobody who waits for a list has to wait for what it is compared with.
        self.record(&diff);
    }

    /// Has history and churn take what was not taken before.
    fn record(&mut self, diff: &SnapshotDiff) {
        let recorded = std::mem::replace(&mut self.recorded, diff.newer().clone());
        let own = (!diff.begins_with(&recorded)).then(|| diff.newer().diff(&recorded));
        let diff = own.as_ref().unwrap_or(diff);
        self.churn.take(diff);
        let removals = self.history.write(|history| history.take(diff, &self.readers));
        removal_log::log(self.manager, diff.older(), &removals);
    }

    /// Takes the events that came before a snapshot; it says who they are about.
    async fn hear_earlier(&mut self, snapshot: &Snapshot) {
        if let Some(event) = self.early.take() {
            self.hear(event, snapshot);
        }
        for _ in 0..EVENTS_AT_ONCE {
            if self.early.is_some() {
                return;
            }
            match poll_once(self.events.next()).await {
                Some(Some(event)) => self.hear(event, snapshot),
                _ => return,
            }
        }
    }

    fn hear(&mut self, event: ManagerEvent, snapshot: &Snapshot) {
        match event.what {
            // Configs that can't be run stand in snapshots, all of them.
            EventKind::BuildFailed(_) => {
                self.history
                    .write(|history| history.hear(&event, snapshot, &self.readers));
                return;
            }
            EventKind::DropHeld { .. } | EventKind::DropReleased { .. } => self.publication.note_other_holds(),
            _ => {}
        }
        match snapshot.provider(event.provider) {
            Some(provider) => {
                self.history
                    .write(|history| history.hear(&event, snapshot, &self.readers));
                self.health.hear(&event, provider, &self.readers);
            }
            // It was stopped since.
            None if snapshot.at() > event.at => {}
            None => self.early = Some(event),
        }
    }

    /// Lets the lists that somebody reads be encoded before they are asked for.
    fn prepare(&self, change: &ViewChange, before: &View) {
        for (name, job) in change.view.other_lists(before, &change.jobs.0) {
            if job.list.is_wanted()
                && let Some(handle) = change.view.handle(name)
            {
                self.executor.spawn(async move { handle.prepare().await }).detach();
            }
        }
    }
}

enum News {
    Snapshot(Snapshot),
    Event(ManagerEvent),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workers;
    use crate::discovery::Sets;
    use headcount_core::{EventKind, Failure, Instant, ManagerOptions, ProviderId};
    use headcount_discoverer::mechanism::SdConfig;

    /// One that gets what a test gives it.
    fn publisher(workers: &Workers) -> Publisher {
        let (runtime, env) = (workers.runtime(), workers.env());
        let running = headcount_runtime::start(runtime, ManagerOptions::default(), env.clone(), SdConfig::discoverer);
        let executor = workers.executor().clone();
        let history = Arc::new(SharedHistory::new(Instant::ZERO));
        Publisher::new(
            "scrape",
            Shared::default(),
            history,
            running.snapshots,
            running.events,
            executor,
        )
    }

    #[test]
    fn a_difference_is_made_once_however_many_follow() {
        let workers = Workers::start().expect("threads");
        let mut publisher = publisher(&workers);
        let follow = || publisher.publication.follow();
        let (followers, slow) = ([follow(), follow(), follow()], follow());
        let follow_jobs = || publisher.publication.follow_jobs();
        let (jobs, all_jobs) = (follow_jobs(), follow_jobs());
        let mut sets = Sets::new(&["a", "b"]);
        for number in 0..4 {
            let rack = number.to_string();
            let targets = vec![vec![("__address__", "h:1")]];
            sets.update(number % 2, vec![("s", vec![("rack", &rack)], targets)]);
            smol::block_on(publisher.take(&sets.snapshot()));
            let changes = followers.each_ref().map(|follower| follower.take().expect("a change"));
            for change in &changes {
                assert!(Arc::ptr_eq(&change.diff, &changes[0].diff), "not one of its own");
                assert!(Arc::ptr_eq(&change.view, &publisher.publication.view()));
            }
            let Jobs(jobs) = jobs.take().expect("a change");
            let jobs: Vec<_> = jobs.iter().map(|job| &**job).collect();
            match number {
                0 => assert_eq!(jobs, ["a", "b"]),
                _ => assert_eq!(jobs, [if number % 2 == 0 { "a" } else { "b" }], "cost follows change"),
            }
        }
        let missed = slow.take().expect("all of it");
        assert!(missed.diff.begins_with(&Snapshot::default()));
        assert_eq!(missed.diff.providers().count(), 2);
        assert_eq!(missed.view.snapshot.version(), sets.snapshot().version());
        assert_eq!(all_jobs.take().map(|Jobs(jobs)| jobs.len()), Some(2));
    }

    #[test]
    fn a_snapshot_on_which_it_panicked_is_published_all_the_same() {
        let workers = Workers::start().expect("threads");
        let mut publisher = publisher(&workers);
        let mut sets = Sets::new(&["a"]);
        sets.update(0, vec![("s", vec![], vec![vec![("__address__", "h:1")]])]);
        // As it is left when publishing panics.
        publisher.pending = Some(sets.snapshot());
        smol::block_on(poll_once(publisher.publish_all()));
        assert_eq!(publisher.publication.view().jobs["a"].targets, 1);
        assert!(publisher.pending.is_none(), "published, and not once more");
        // It came as far as the history, and is published again.
        publisher.publication = Arc::default();
        smol::block_on(publisher.take(&sets.snapshot()));
        assert_eq!(publisher.history.past().len(), 1, "it happened once");
    }

    #[test]
    fn events_of_providers_that_nobody_has_seen_wait_until_they_are_seen() {
        let workers = Workers::start().expect("threads");
        let mut publisher = publisher(&workers);
        let event = |at, provider| ManagerEvent {
            at: Instant::from_nanos(at),
            provider: ProviderId::from_number(provider),
            what: EventKind::Recovered { failures: 1 },
        };
        publisher.hear(event(0, 0), &Snapshot::default());
        assert!(publisher.early.is_some());
        let mut sets = Sets::new(&["a"]);
        smol::block_on(publisher.take(&sets.snapshot()));
        assert!(publisher.early.is_none());
        sets.at = Instant::from_nanos(7);
        sets.fails(0, Failure::new("down"));
        let newer = sets.snapshot();
        publisher.hear(event(6, 9), &newer);
        assert!(publisher.early.is_none(), "it was stopped before the snapshot was made");
        publisher.hear(event(8, 9), &newer);
        assert!(publisher.early.is_some(), "it was started since");
    }
}
