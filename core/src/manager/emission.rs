//! When a snapshot is made, and what of (S08, S09, S10).
//!
//! The throttle knows when what changed is due, and the receiver whether it can take something. **A
//! snapshot is made at the moment at which both are so**, of the state as it is then: nothing that
//! was made for a receiver grows old while it waits.

use super::Manager;
use super::output::Output;
use crate::{Instant, ProviderConfig, Snapshot};

/// The one who takes snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receiver {
    Ready,
    Busy,
    /// Busy, and a snapshot is due for it already (S09).
    KeptWaiting,
}

impl<C: ProviderConfig> Manager<C> {
    /// The receiver took the last snapshot and can take another.
    pub(super) fn receiver_is_ready(&mut self, now: Instant) {
        let was = core::mem::replace(&mut self.receiver, Receiver::Ready);
        match was {
            // It waited past the deadline: the newest state is due now.
            Receiver::KeptWaiting => {
                self.release_due(now);
                self.emit(now);
            }
            Receiver::Ready | Receiver::Busy => self.advance(now),
        }
    }

    /// When the next snapshot is due, unless the receiver missed that already.
    pub(crate) fn throttle_deadline(&self) -> Option<Instant> {
        self.throttle
            .deadline()
            .filter(|_| self.receiver != Receiver::KeptWaiting)
    }

    /// Lets go what the guard has held for long enough, no longer waits for who was waited for long enough, and hides
    /// what is too old.
    fn release_due(&mut self, now: Instant) {
        let released = self.registry.release_due(now, &mut self.outputs);
        let waited_out = self.registry.wait_out(now);
        let expired = self.registry.expire(now, &mut self.outputs);
        if released || waited_out || expired {
            self.throttle.changed(now);
        }
    }

    /// Emits what is due, or notes that the receiver keeps it waiting.
    pub(super) fn advance(&mut self, now: Instant) {
        self.release_due(now);
        if self.throttle.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        match self.receiver {
            Receiver::Ready => self.emit(now),
            Receiver::Busy => {
                self.receiver = Receiver::KeptWaiting;
                self.counters.updates_delayed = self.counters.updates_delayed.saturating_add(1);
            }
            Receiver::KeptWaiting => {}
        }
    }

    fn emit(&mut self, now: Instant) {
        self.snapshot = self.next_snapshot(now);
        self.registry.clean();
        self.throttle.emitted(now);
        self.receiver = Receiver::Busy;
        self.counters.updates = self.counters.updates.saturating_add(1);
        self.outputs.push(Output::Emit(self.snapshot.clone()));
    }

    pub(super) fn next_snapshot(&self, now: Instant) -> Snapshot {
        let mut snapshot = Snapshot {
            version: self.next_version(),
            at: now,
            ..self.snapshot.clone()
        };
        self.registry.bring_up_to_date(&mut snapshot);
        snapshot
    }

    pub(super) fn next_version(&self) -> u64 {
        self.snapshot.version.saturating_add(1)
    }
}
