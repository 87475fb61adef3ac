//! When a snapshot is made, and what of (S08, S09, S10).
//!
//! The throttle knows when what changed is due, and the receiver whether it can take something. **A
//! snapshot is made at the moment at which both are so**, of the state as it is then: nothing that
//! was made for a receiver grows old while it waits.

use super::Manager;
use super::output::Output;
use super::throttles::Due;
use crate::{Instant, ProviderConfig, ProviderId, Snapshot};

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
        // If it was kept waiting, the newest state is due now.
        self.receiver = Receiver::Ready;
        planted!(self.advance(now), ReadyIsNoInput, ());
    }

    /// When what changed for everything, and for each set, is due.
    #[cfg(any(test, feature = "reference"))]
    pub(crate) fn throttle_deadlines(&self) -> (Option<Instant>, std::collections::BTreeMap<String, Instant>) {
        self.throttle.deadlines()
    }

    /// When the next snapshot is due, unless the receiver missed that already.
    pub(super) fn throttle_deadline(&self) -> Option<Instant> {
        self.throttle
            .deadline()
            .filter(|_| self.receiver != Receiver::KeptWaiting)
    }

    /// Lets go what the guard has held for long enough, no longer waits for who was waited for long enough, and hides
    /// what is too old.
    fn release_due(&mut self, now: Instant) {
        if self.registry.has_deadlines() {
            self.registry.release_due(now, &mut self.outputs);
            self.registry.wait_out(now);
            self.registry.expire(now, &mut self.outputs);
        }
        self.note_changes(now);
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
            Receiver::KeptWaiting => planted!({}, EveryDelayIsCounted, self.counters.updates_delayed += 1),
        }
    }

    fn emit(&mut self, now: Instant) {
        match self.throttle.due(now) {
            Some(Due::Sets(sets)) => {
                let mut providers = self.throttle.changed_of(&sets);
                // How providers fare is in every snapshot; what they have waits for its set.
                let waits = |id: &ProviderId| self.registry.readers(*id).any(|set| self.throttle.waits(set, *id));
                planted!(
                    providers.extend(self.registry.noted_only().filter(|id| !waits(id))),
                    NewsWaitForAll,
                    ()
                );
                self.snapshot.version = planted!(self.next_version(), SetSnapshotHasNoNumber, self.snapshot.version);
                self.snapshot.at = now;
                self.registry.show(&mut self.snapshot, &providers);
                let readers = providers
                    .iter()
                    .flat_map(|id| self.registry.readers(*id).map(move |set| (set, *id)));
                self.throttle.emitted(now, &sets, readers);
                self.registry.cleaned(&providers);
            }
            // What waited for the receiver has been due.
            Some(Due::All) | None => {
                self.snapshot = self.next_snapshot(now);
                self.registry.clean();
                self.throttle.emitted_all(now);
            }
        }
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
