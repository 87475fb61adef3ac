//! What is asked of a running discoverer: to ask its backend now.
//!
//! Requests are counted, and nothing else is kept of them. **A read answers every request that came before it began**, so
//! that however many come, there is at most one read under way for them and one to come.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The requests to one discoverer. Clones are of the same one.
///
/// ```
/// use headcount_core::ProviderId;
/// use headcount_discoverer::{ReportQueue, Updates};
///
/// let updates = Updates::new(ProviderId::from_number(0), ReportQueue::unbounded());
/// let requests = updates.requests();
/// assert_eq!(requests.ask(), 1);
/// assert_eq!(requests.ask(), 2);
/// // One read is enough for both.
/// let read = updates.begin_read();
/// assert!(read.is_requested());
/// assert!(!updates.begin_read().is_requested());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Requests(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// How many there were.
    asked: u64,
    /// How many of them had come when the last read began.
    begun: u64,
    /// Whether the discoverer ever waited for one.
    is_heeded: bool,
    /// Tasks that wait for one.
    waiting: Vec<Waker>,
}

/// A read of everything that the backend has, which has begun.
#[derive(Debug)]
#[must_use = "who asked for it waits for its end"]
pub struct Read {
    /// The last request that it answers, if there was any.
    pub(crate) request: Option<u64>,
}

impl Read {
    /// Whether somebody asked for it.
    pub fn is_requested(&self) -> bool {
        self.request.is_some()
    }
}

impl Requests {
    /// Asks the discoverer to ask its backend now. Gives the request's number; it has been answered when
    /// [`Report::Answered`](crate::Report::Answered) names this number or a later one.
    pub fn ask(&self) -> u64 {
        let (number, waiting) = {
            let mut state = self.state();
            state.asked = state.asked.saturating_add(1);
            (state.asked, std::mem::take(&mut state.waiting))
        };
        waiting.into_iter().for_each(Waker::wake);
        number
    }

    /// Whether the discoverer ever waited for a request. One that never does may still be in its first read, or is none
    /// that can be asked.
    pub fn is_heeded(&self) -> bool {
        self.state().is_heeded
    }

    /// Whether there are requests since the last read began.
    pub(crate) fn poll_wanted(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        state.is_heeded = true;
        if state.asked > state.begun {
            return Poll::Ready(());
        }
        if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            state.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    pub(crate) fn begin_read(&self) -> Read {
        let mut state = self.state();
        let request = (state.asked > state.begun).then_some(state.asked);
        state.begun = state.asked;
        Read { request }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
