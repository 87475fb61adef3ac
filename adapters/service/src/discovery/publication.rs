//! What a manager has found so far, for everybody who reads it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use event_listener::{Event, EventListener};

use super::View;
use super::feed::{Feed, Follower, Jobs};
use super::view::ViewChange;

/// The newest view, and who wants to know of the next.
#[derive(Debug, Default)]
pub(super) struct Publication {
    view: ArcSwap<View>,
    published: Event,
    feed: Feed<ViewChange>,
    /// For who needs no views in between, which would keep their snapshots alive.
    jobs: Feed<Jobs>,
    /// Counts changes of what the guard holds, which make no view.
    holds: AtomicU64,
}

impl Publication {
    pub(super) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    pub(super) fn published(&self) -> EventListener {
        self.published.listen()
    }

    pub(super) fn follow(&self) -> Follower<ViewChange> {
        self.feed.follow()
    }

    pub(super) fn follow_jobs(&self) -> Follower<Jobs> {
        self.jobs.follow()
    }

    pub(super) fn holds(&self) -> u64 {
        self.holds.load(Ordering::Relaxed)
    }

    pub(super) fn note_other_holds(&self) {
        self.holds.fetch_add(1, Ordering::Relaxed);
    }

    /// Publishes the next view.
    pub(super) fn publish(&self, change: &ViewChange) {
        // Before it is told, so that who is told finds it.
        self.view.store(change.view.clone());
        self.feed.put(change);
        self.jobs.put(&change.jobs);
        self.published.notify(usize::MAX);
    }
}
