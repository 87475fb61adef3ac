//! Who is woken for what.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// Those who look at something that is watched. Being woken means that there is work, which any one of them does.
#[derive(Default)]
pub(super) struct Subscribers(Mutex<State>);

struct State {
    next: u64,
    wakers: BTreeMap<u64, Option<Waker>>,
    is_work_due: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            next: 0,
            wakers: BTreeMap::new(),
            // It has to be begun.
            is_work_due: true,
        }
    }
}

impl Subscribers {
    /// Another one; gives its number.
    pub(super) fn add(&self) -> u64 {
        self.with(|state| {
            let number = state.next;
            state.next = state.next.wrapping_add(1);
            state.wakers.insert(number, None);
            number
        })
    }

    /// One that goes. If there is work to be done, it is another's now.
    pub(super) fn remove(&self, number: u64) {
        let heir = self.with(|state| {
            state.wakers.remove(&number);
            state.first().filter(|_| state.is_work_due)
        });
        heir.iter().for_each(Waker::wake_by_ref);
    }

    /// Notes how one is woken. Whether there is work to be done: who is told so does it.
    pub(super) fn register(&self, number: u64, waker: &Waker) -> bool {
        self.with(|state| {
            let place = state.wakers.entry(number).or_default();
            match place {
                Some(known) if known.will_wake(waker) => {}
                other => *other = Some(waker.clone()),
            }
            std::mem::take(&mut state.is_work_due)
        })
    }

    /// Wakes all: there is something new.
    pub(super) fn tell_all(&self) {
        let wakers: Vec<Waker> = self.with(|state| state.wakers.values().flatten().cloned().collect());
        wakers.iter().for_each(Waker::wake_by_ref);
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn first(&self) -> Option<Waker> {
        self.wakers.values().flatten().next().cloned()
    }
}

impl Wake for Subscribers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let first = self.with(|state| {
            state.is_work_due = true;
            state.first()
        });
        first.iter().for_each(Waker::wake_by_ref);
    }
}
