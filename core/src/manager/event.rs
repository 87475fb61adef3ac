//! What happens to providers besides their groups: for logs, metrics and pages, without asking.
//!
//! A snapshot says how each provider fared when it was made. **What changes between snapshots and
//! makes none is an event**, in the order in which it happened.

use std::sync::Arc;

use super::LetGo;
use crate::{FailedConfig, FailedRefresh, Instant, Missing, ProviderId};

/// Something that happened to a provider. There are no more of them once it was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagerEvent {
    /// When.
    pub at: Instant,
    /// To whom.
    pub provider: ProviderId,
    /// What.
    pub what: EventKind,
}

/// What happened to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// It fails, and did not before (B04). Further failures in a row are no events.
    Failing(FailedRefresh),
    /// Its report does not have everything; or it lacks something else than the report before.
    Partial(Missing),
    /// Its report is without any error, and the one before it was not.
    Recovered {
        /// How often it had failed in a row; none, if something was missing only.
        failures: u64,
    },
    /// The guard holds a drop of its targets (B05); or holds other or more targets than before.
    DropHeld {
        /// The set that would lose too many.
        set: Arc<str>,
        /// Targets that are gone, and still shown.
        targets: usize,
        /// What the share is counted of.
        of: usize,
        /// Since when. The same as before, if it is the same drop that grew or shrank.
        since: Instant,
        /// When it counts if it stays so.
        until: Instant,
    },
    /// The guard holds nothing of it any more.
    DropReleased {
        /// Targets that are shown no more.
        targets: usize,
        /// Which of them were held. An update that ends a hold may bring losses that never were.
        held: LetGo,
        /// Why.
        why: Release,
    },
    /// It has failed for so long that its groups are no longer shown (B04). They are there again when it does better.
    Expired {
        /// Targets that are shown no more.
        targets: usize,
    },
    /// Its discoverer can't be built (S11). It is stopped by that.
    BuildFailed(FailedConfig),
    /// Its discoverer says of what it read that something looks wrong, though it was understood as it stands. How the
    /// provider fares is not changed by that.
    Warned(Arc<str>),
}

/// Why a drop is no longer held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    /// So much came, or was found elsewhere, that the rest is within the share.
    CameBack,
    /// It stayed so for the hold time.
    HoldTime,
    /// An operator confirmed it.
    Confirmed,
    /// Sets were configured anew, and it is not too much for those that there are now.
    Reload,
    /// All that the provider had was too old (B04).
    Expired,
}
