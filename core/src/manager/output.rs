//! What the manager asks its driver to do.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{EventKind, ManagerEvent};
use crate::{Instant, ProviderId, Snapshot};

/// What the driver should do.
#[derive(Debug, Clone)]
#[must_use = "an output that is not carried out is lost"]
pub enum Output<C> {
    /// Build a discoverer from `config` and let it report as `provider`. If it can't be built,
    /// say so with [`Manager::handle_build_failure`](crate::Manager::handle_build_failure).
    Start {
        /// As whom it reports.
        provider: ProviderId,
        /// The provider's name, `kind/N`.
        name: Arc<str>,
        /// What to build it from.
        config: Arc<C>,
        /// The sets that subscribe, for what is logged of it.
        sets: Arc<[Arc<str>]>,
    },
    /// Stop the discoverer that reports as `provider`. What it still reports is ignored (S06).
    Stop {
        /// Which one.
        provider: ProviderId,
    },
    /// Hand this to the receiver. It is busy until
    /// [`Manager::handle_receiver_ready`](crate::Manager::handle_receiver_ready).
    Emit(Snapshot),
    /// Hand this to whoever wants to hear at once how providers fare. Nothing depends on it.
    Event(ManagerEvent),
}

/// Why the driver should wake up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TimeoutReason {
    /// What changed may be emitted then.
    Throttle,
    /// A drop that is held counts then (B05).
    Hold,
    /// A provider that was not read whole is no longer waited for then (B10).
    Incomplete,
    /// What a provider shows is too old then (B04).
    Stale,
}

/// Outputs that wait for the driver, in their order.
#[derive(Debug, Clone)]
pub(super) struct Outputs<C>(VecDeque<Output<C>>);

impl<C> Default for Outputs<C> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<C> Outputs<C> {
    pub(super) fn push(&mut self, output: Output<C>) {
        self.0.push_back(output);
    }

    pub(super) fn event(&mut self, at: Instant, provider: ProviderId, what: EventKind) {
        self.push(Output::Event(ManagerEvent { at, provider, what }));
    }

    pub(super) fn pop(&mut self) -> Option<Output<C>> {
        self.0.pop_front()
    }
}

impl<C> Extend<Output<C>> for Outputs<C> {
    fn extend<I: IntoIterator<Item = Output<C>>>(&mut self, outputs: I) {
        self.0.extend(outputs);
    }
}
