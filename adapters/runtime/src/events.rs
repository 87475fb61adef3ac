//! The queue through which events leave the driver.
//!
//! The one rule: **who listens slowly, or not at all, holds nobody up**, and does not make the queue
//! grow. When it is full, what an event says about its provider takes the place of what was said
//! about the same before; so a late listener misses what was in between, and not how it ended.

use std::collections::VecDeque;
use std::mem::discriminant;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_channel::{Receiver, Sender};
use headcount_core::{EventKind, ManagerEvent, planted};

/// Events that wait before any are merged: a reload of a thousand jobs whose backends are all away.
const WAITING: usize = 1_024;

/// Where events arrive.
#[derive(Debug)]
pub struct EventReceiver {
    waiting: Arc<Mutex<Waiting>>,
    wake: Receiver<()>,
}

/// The driver's end.
pub(crate) struct EventSender {
    waiting: Arc<Mutex<Waiting>>,
    wake: Sender<()>,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<ManagerEvent>,
    merged: u64,
}

/// A queue.
pub(crate) fn queue() -> (EventSender, EventReceiver) {
    let waiting = Arc::new(Mutex::new(Waiting::default()));
    let (wake, woken) = async_channel::bounded(1);
    let receiver = EventReceiver {
        waiting: waiting.clone(),
        wake: woken,
    };
    (EventSender { waiting, wake }, receiver)
}

impl EventReceiver {
    /// The next event, in the order in which they happened. `None` once the driver has ended and all
    /// were taken.
    ///
    /// At most 1,024 wait. Then a new one takes the place of the oldest of the same provider about the
    /// same: how it fares ([`Failing`](EventKind::Failing), [`Partial`](EventKind::Partial),
    /// [`Recovered`](EventKind::Recovered)), or what is held of it ([`DropHeld`](EventKind::DropHeld),
    /// [`DropReleased`](EventKind::DropReleased)). If there is none, it takes the place of the oldest of all.
    ///
    /// Nothing is lost when the future is dropped before it completes.
    pub async fn next(&mut self) -> Option<ManagerEvent> {
        loop {
            if let Some(event) = lock(&self.waiting).events.pop_front() {
                return Some(event);
            }
            if self.wake.recv().await.is_err() {
                return lock(&self.waiting).events.pop_front();
            }
        }
    }

    /// How many events gave their places to later ones.
    pub fn merged(&self) -> u64 {
        lock(&self.waiting).merged
    }
}

impl EventSender {
    /// Puts an event in. Never waits.
    pub(crate) fn put(&self, event: ManagerEvent) {
        if self.wake.is_closed() {
            return;
        }
        lock(&self.waiting).push(event);
        // Full means that the listener will be woken anyway.
        self.wake.try_send(()).ok();
    }
}

impl Waiting {
    fn push(&mut self, event: ManagerEvent) {
        if self.events.len() >= WAITING {
            let is_same =
                |other: &ManagerEvent| other.provider == event.provider && subject(&other.what) == subject(&event.what);
            let place = planted!(self.events.iter().position(is_same), OldestEventGoes, None::<usize>).unwrap_or(0);
            self.events.remove(place);
            self.merged = self.merged.saturating_add(1);
        }
        self.events.push_back(event);
    }
}

/// What an event is about.
#[derive(PartialEq, Eq)]
enum Subject {
    /// How the provider fares.
    Condition,
    /// What the guard holds of it.
    Hold,
    /// Something else, of which there is one kind of event.
    Other(std::mem::Discriminant<EventKind>),
}

fn subject(what: &EventKind) -> Subject {
    match what {
        EventKind::Failing(_) | EventKind::Partial(_) | EventKind::Recovered { .. } => Subject::Condition,
        EventKind::DropHeld { .. } | EventKind::DropReleased { .. } => Subject::Hold,
        other => Subject::Other(discriminant(other)),
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    // Nothing in here panics half-way, so the queue is whole also after a panic elsewhere.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{block_on, poll_once};
    use headcount_core::{Instant, ProviderId, Release};

    use super::*;

    fn event(at: u64, provider: u64, what: EventKind) -> ManagerEvent {
        ManagerEvent {
            at: Instant::from_nanos(at),
            provider: ProviderId::from_number(provider),
            what,
        }
    }

    fn recovered(at: u64, provider: u64) -> ManagerEvent {
        event(at, provider, EventKind::Recovered { failures: at })
    }

    fn released(at: u64, provider: u64) -> ManagerEvent {
        let why = Release::Confirmed;
        let held = ["a:1"].into_iter().collect();
        event(at, provider, EventKind::DropReleased { targets: 1, held, why })
    }

    #[test]
    fn events_arrive_in_their_order_and_a_dropped_next_loses_none() {
        let (sender, mut receiver) = queue();
        assert!(block_on(poll_once(receiver.next())).is_none());
        for at in 0..3 {
            sender.put(recovered(at, 0));
        }
        assert_eq!(block_on(receiver.next()), Some(recovered(0, 0)));
        drop(sender);
        assert_eq!(block_on(receiver.next()), Some(recovered(1, 0)));
        assert_eq!(block_on(receiver.next()), Some(recovered(2, 0)));
        assert_eq!(block_on(receiver.next()), None);
    }

    #[test]
    fn a_listener_that_sleeps_learns_how_it_ended_and_the_queue_does_not_grow() {
        let (sender, mut receiver) = queue();
        sender.put(released(0, 7));
        for at in 1..100_000 {
            sender.put(recovered(at, at % 100));
        }
        assert_eq!(lock(&receiver.waiting).events.len(), WAITING);
        assert_eq!(receiver.merged(), 100_000 - WAITING as u64);
        drop(sender);
        let mut all = Vec::new();
        while let Some(event) = block_on(receiver.next()) {
            all.push(event);
        }
        assert_eq!(all.first(), Some(&released(0, 7)), "it is the only one about its hold");
        assert!(all.is_sorted_by_key(|event| event.at));
        for provider in 0..100 {
            let last = all.iter().rfind(|event| event.provider.number() == provider);
            assert_eq!(last, Some(&recovered(99_900 + provider, provider)));
        }
    }

    #[test]
    fn without_a_listener_nothing_is_kept() {
        let (sender, receiver) = queue();
        drop(receiver);
        sender.put(recovered(1, 1));
        assert!(lock(&sender.waiting).events.is_empty());
    }
}
