//! What becomes of the wish that a provider asks its backend now.
//!
//! However many wish it, **one read answers all who wished it before it began**, and how soon it begins is up to the
//! discoverer, which spares its backend ([`headcount_discoverer::on_demand`]).

use std::time::Duration;

use async_channel::Receiver;
use headcount_discoverer::Requests;

/// What became of the wish at once.
#[derive(Debug)]
pub enum RefreshRequest {
    /// The provider's discoverer has said all that it has to say: there is nothing to ask.
    NothingToAsk,
    /// It found more than is taken of a provider, and is not asked before this much time has passed.
    Paused(Duration),
    /// It was asked.
    Asked(PendingRefresh),
}

/// A provider that was asked to ask its backend now.
#[derive(Debug)]
pub struct PendingRefresh {
    /// Closes when it is over.
    answered: Receiver<()>,
    requests: Requests,
}

impl PendingRefresh {
    pub(crate) fn new(answered: Receiver<()>, requests: Requests) -> Self {
        Self { answered, requests }
    }

    /// Completes when a read that began after the request has ended and the manager has what came of it; or when the
    /// provider was stopped.
    pub async fn answered(&self) {
        self.answered.recv().await.ok();
    }

    /// Whether the discoverer ever waited for a request. One that does not may still be in its first read, or never will.
    #[must_use]
    pub fn is_heeded(&self) -> bool {
        self.requests.is_heeded()
    }
}
