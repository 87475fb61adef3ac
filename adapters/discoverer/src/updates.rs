//! How a discoverer speaks: a handle on the manager's bounded queue of updates; and how it is asked to ask now.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};

use headcount_core::{Failure, Group, ProviderId, Update};

use crate::queue::ReportQueue;
use crate::requests::{Read, Requests};

/// What a discoverer says.
#[derive(Debug, Clone)]
pub enum Report {
    /// Groups that were found.
    Update(Update),
    /// A refresh that failed. What was found before stays.
    Failure(Failure),
    /// Something looks wrong with what was read, though it was understood as it stands.
    Warning(Arc<str>),
    /// A read has ended, and was reported: every [request](Requests) up to this number has been answered.
    Answered(u64),
}

/// A report and the provider that it comes from, as it travels to the manager.
#[derive(Debug, Clone)]
pub struct Message {
    /// The provider that speaks.
    pub provider: ProviderId,
    /// What it says.
    pub report: Report,
}

/// The manager is gone or the provider was stopped: the discoverer should return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the manager no longer listens to this discoverer")]
pub struct Stopped;

/// The handle through which one discoverer reports.
///
/// The [queue](ReportQueue) is bounded: a discoverer that is faster than the manager waits in
/// [`send`](Updates::send), and loses nothing.
#[derive(Debug, Clone)]
pub struct Updates {
    provider: ProviderId,
    queue: ReportQueue,
    requests: Requests,
    found_before: Arc<Mutex<Vec<Group>>>,
}

impl Updates {
    /// A handle that reports as `provider` into `queue`.
    pub fn new(provider: ProviderId, queue: ReportQueue) -> Self {
        Self {
            provider,
            queue,
            requests: Requests::default(),
            found_before: Arc::default(),
        }
    }

    /// The same, for a discoverer that is not the first of its kind: these groups were found by one before it.
    #[must_use]
    pub fn after(self, found_before: Vec<Group>) -> Self {
        Self {
            found_before: Arc::new(Mutex::new(found_before)),
            ..self
        }
    }

    /// What was found before this discoverer was started, and is shown until it has read everything: by the same one in
    /// another process, or by one whose settings were changed, so that sources may be others. It is there once. A
    /// discoverer that begins with it can doubt what is suddenly less (B11), and lets groups keep their sources (B13).
    pub fn take_found_before(&self) -> Vec<Group> {
        std::mem::take(&mut self.found_before.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The provider that this handle speaks for.
    pub fn provider(&self) -> ProviderId {
        self.provider
    }

    /// Reports groups.
    ///
    /// # Errors
    /// [`Stopped`] when nobody listens any more.
    pub async fn send(&self, update: Update) -> Result<(), Stopped> {
        // Whoever has not asked for it by now does not need it, and it would be kept for nothing.
        drop(self.take_found_before());
        self.report(Report::Update(update)).await
    }

    /// Reports that a refresh failed. The groups that were reported before stay.
    ///
    /// # Errors
    /// [`Stopped`] when nobody listens any more.
    pub async fn fail(&self, failure: Failure) -> Result<(), Stopped> {
        self.report(Report::Failure(failure)).await
    }

    /// Warns of something in what was read that was understood, and is probably not what its author meant. It is logged
    /// each time: who calls this says the same thing once.
    ///
    /// # Errors
    /// [`Stopped`] when nobody listens any more.
    pub async fn warn(&self, warning: impl Into<Arc<str>>) -> Result<(), Stopped> {
        self.report(Report::Warning(warning.into())).await
    }

    /// Where this discoverer is asked to ask its backend now.
    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// Completes when it was asked to since the last read began. How soon it does so is up to it;
    /// [`OnDemand`](crate::on_demand::OnDemand) knows when that is too often.
    pub async fn wanted(&self) {
        poll_fn(|context| self.requests.poll_wanted(context)).await;
    }

    /// A read of everything begins now: it answers all that was asked before.
    pub fn begin_read(&self) -> Read {
        self.requests.begin_read()
    }

    /// A read has ended, and what came of it was reported.
    ///
    /// # Errors
    /// [`Stopped`] when nobody listens any more.
    pub async fn end_read(&self, read: Read) -> Result<(), Stopped> {
        match read.request {
            Some(request) => self.report(Report::Answered(request)).await,
            None => Ok(()),
        }
    }

    async fn report(&self, report: Report) -> Result<(), Stopped> {
        self.queue.push(self.provider, report).await
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;

    #[test]
    fn what_is_said_names_the_provider_and_arrives_in_order() {
        let queue = ReportQueue::new(1 << 20);
        let updates = Updates::new(ProviderId::from_number(7), queue.clone());
        block_on(updates.send(Update::unchanged())).expect("somebody listens");
        block_on(updates.fail(Failure::new("down"))).expect("somebody listens");
        let heard = [queue.try_next(), queue.try_next()].map(|message| message.expect("two messages"));
        assert!(heard.iter().all(|message| message.provider == updates.provider()));
        assert!(matches!(&heard[0].report, Report::Update(update) if update.groups().is_empty()));
        assert!(matches!(&heard[1].report, Report::Failure(failure) if failure.message() == "down"));
        let again = updates.clone().after(vec![Group::empty("a:0")]);
        assert_eq!(again.take_found_before().len(), 1);
        assert!(again.take_found_before().is_empty());
        queue.close();
        assert_eq!(block_on(updates.send(Update::unchanged())), Err(Stopped));
    }
}
