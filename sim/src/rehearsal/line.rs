//! The line between a discoverer's `Env` and the virtual servers.
//!
//! A discoverer posts a question and holds an [`Incoming`]; the stage decides what comes of the question
//! and pushes what arrives into its [`Stream`], each piece at its time. **No server runs in a discoverer's
//! task**, so what servers do has one order, however discoverers are polled.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

/// The questions that one discoverer has asked and that no server has seen yet.
#[derive(Debug)]
pub(super) struct Line<Q, A>(Arc<Mutex<Asked<Q, A>>>);

type Asked<Q, A> = VecDeque<(Q, Stream<A>)>;

/// The servers' end of an exchange.
#[derive(Debug)]
pub(super) struct Stream<A> {
    state: Arc<Mutex<State<A>>>,
    held: Weak<()>,
}

/// The discoverer's end of it. Dropping it gives up.
#[derive(Debug)]
pub(super) struct Incoming<A> {
    state: Arc<Mutex<State<A>>>,
    /// As long as it is there, somebody waits.
    held: Arc<()>,
}

#[derive(Debug)]
struct State<A> {
    arrived: VecDeque<A>,
    waker: Option<Waker>,
}

impl<Q, A> Clone for Line<Q, A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q, A> Default for Line<Q, A> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<A> Clone for Stream<A> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            held: self.held.clone(),
        }
    }
}

impl<A> Default for State<A> {
    fn default() -> Self {
        Self {
            arrived: VecDeque::new(),
            waker: None,
        }
    }
}

impl<Q, A> Line<Q, A> {
    /// Asks.
    pub(super) fn post(&self, question: Q) -> Incoming<A> {
        let incoming = Incoming {
            state: Arc::default(),
            held: Arc::default(),
        };
        let stream = Stream {
            state: incoming.state.clone(),
            held: Arc::downgrade(&incoming.held),
        };
        lock(&self.0).push_back((question, stream));
        incoming
    }

    /// The next question that no server has seen yet.
    pub(super) fn take(&self) -> Option<(Q, Stream<A>)> {
        lock(&self.0).pop_front()
    }
}

impl<A> Stream<A> {
    /// Something arrives.
    pub(super) fn push(&self, piece: A) {
        let mut state = lock(&self.state);
        state.arrived.push_back(piece);
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Whether nobody waits any more for what arrives.
    pub(super) fn is_left(&self) -> bool {
        self.held.strong_count() == 0
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }
}

impl<A> Incoming<A> {
    /// The next thing that arrives. Dropping the future loses nothing.
    pub(super) async fn next(&self) -> A {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The same, for who polls.
    pub(super) fn poll_next(&self, context: &Context<'_>) -> Poll<A> {
        let mut state = lock(&self.state);
        match state.arrived.pop_front() {
            Some(piece) => Poll::Ready(piece),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
