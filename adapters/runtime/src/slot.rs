//! The slot through which snapshots leave the driver: it holds one, the newest.
//!
//! The one rule: **the manager is asked for a snapshot when somebody waits for it**, not before.
//! So a receiver that was busy for a while gets the state of now, never one that grew old in a
//! queue (S09).

use async_channel::{Receiver, Sender};
use headcount_core::Snapshot;

/// Where snapshots arrive.
#[derive(Debug)]
pub struct SnapshotReceiver {
    snapshots: Receiver<Snapshot>,
    ready: Sender<()>,
    /// The manager knows that a snapshot is wanted; one is in the slot or will come.
    asked: bool,
}

/// The driver's end.
pub(crate) struct SnapshotSlot {
    snapshots: Sender<Snapshot>,
    ready: Receiver<()>,
}

/// A slot. The manager takes its receiver for ready at first, so it is not asked the first time.
pub(crate) fn slot() -> (SnapshotSlot, SnapshotReceiver) {
    let (sender, snapshots) = async_channel::bounded(1);
    let (asking, ready) = async_channel::bounded(1);
    (
        SnapshotSlot {
            snapshots: sender,
            ready,
        },
        SnapshotReceiver {
            snapshots,
            ready: asking,
            asked: true,
        },
    )
}

impl SnapshotReceiver {
    /// The next snapshot: the newest state, as soon as it differs from the one before and the
    /// throttle allows. `None` once the driver has ended.
    ///
    /// Nothing is lost when the future is dropped before it completes.
    pub async fn next(&mut self) -> Option<Snapshot> {
        if !self.asked {
            self.ready.try_send(()).ok();
            self.asked = true;
        }
        let snapshot = self.snapshots.recv().await.ok()?;
        self.asked = false;
        Some(snapshot)
    }
}

impl SnapshotSlot {
    /// Puts a snapshot in, in place of one that was not taken.
    pub(crate) fn put(&self, snapshot: Snapshot) {
        // An error means that the receiver is gone; the manager runs on for those who ask it.
        self.snapshots.force_send(snapshot).ok();
    }

    /// Completes when the receiver wants the next snapshot; never, when it is gone.
    pub(crate) async fn wanted(&self) {
        if self.ready.recv().await.is_err() {
            futures_lite::future::pending::<()>().await;
        }
    }
}
