//! One state twice, so that reading never waits for a change.
//!
//! Readers read the front side. A change is made to the back side, the sides are swapped, and the
//! change is made to the other side when its last readers are gone. **A reader sees a state from
//! before a change or from after it, never one in between, and waits for neither**; what is paid
//! is the state's memory twice, and each change's time, where what came of it can't be copied.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::thread;

/// A state that is read while it is changed.
#[derive(Debug, Default)]
pub(crate) struct Sides<T> {
    sides: [RwLock<T>; 2],
    front: AtomicUsize,
    /// One change at a time.
    turn: Mutex<()>,
}

impl<T> Sides<T> {
    /// Reads the newest state. A change can't end before this does, so it should be short.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        loop {
            match self.side(self.front.load(Ordering::Acquire)) {
                Some(state) => return read(&state),
                None => thread::yield_now(),
            }
        }
    }

    /// The side that was said to be the front one, unless it is not any more.
    fn side(&self, number: usize) -> Option<RwLockReadGuard<'_, T>> {
        let [left, right] = &self.sides;
        let side = if number == 0 { left } else { right };
        let state = match side.try_read() {
            Ok(state) => state,
            // Whoever panicked makes the state anew.
            Err(TryLockError::Poisoned(state)) => state.into_inner(),
            // The sides were swapped since: the other one is free.
            Err(TryLockError::WouldBlock) => return None,
        };
        // Who comes late finds it free when it is the back side, too, with a change that nobody is to see yet.
        (self.front.load(Ordering::Acquire) == number).then_some(state)
    }

    /// Changes the state; `change` is called for each side, and has to do the same to both. Gives
    /// what it gave the first time.
    #[cfg(test)]
    pub(crate) fn change<R>(&self, change: impl Fn(&mut T) -> R) -> R {
        self.change_after(&change, |_, _| (), |side, _| drop(change(side)))
    }

    /// Changes the state: `change` one side, and `follow` the other, which is given the first as it is then, and has to
    /// make the same of its own. Gives what `change` gave. Before anybody can read the changed side, `before` looks at it and
    /// at what `change` gave; what that gives is kept until it can be read, and dropped then.
    pub(crate) fn change_after<R, G>(
        &self,
        change: impl FnOnce(&mut T) -> R,
        before: impl FnOnce(&T, &R) -> G,
        follow: impl FnOnce(&mut T, &T),
    ) -> R {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let [left, right] = &self.sides;
        let (back, front, number) = if self.front.load(Ordering::Acquire) == 0 {
            (right, left, 1)
        } else {
            (left, right, 0)
        };
        let result = change(&mut back.write().unwrap_or_else(PoisonError::into_inner));
        let kept = before(&back.read().unwrap_or_else(PoisonError::into_inner), &result);
        self.front.store(number, Ordering::Release);
        drop(kept);
        let mut front = front.write().unwrap_or_else(PoisonError::into_inner);
        follow(&mut front, &back.read().unwrap_or_else(PoisonError::into_inner));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn a_state_is_read_while_it_is_changed() {
        let sides = Sides::<u64>::default();
        let read_inside = sides.change(|state| {
            *state += 1;
            sides.read(|state| *state)
        });
        assert_eq!((read_inside, sides.read(|state| *state)), (0, 1));
        sides.change(|state| *state += 1);
        assert_eq!(sides.read(|state| *state), 2);
    }

    #[test]
    fn what_is_kept_meanwhile_is_kept_until_the_change_can_be_read() {
        let (sides, open) = (Sides::<u64>::default(), Mutex::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                let keep = |state: &u64, _: &()| {
                    let mut open = open.lock().expect("not poisoned");
                    *open = *state;
                    assert_eq!(sides.read(|state| *state), *state - 1, "nobody can read it yet");
                    open
                };
                for _ in 0..500 {
                    sides.change_after(|state| *state += 1, keep, |state, first| *state = *first);
                }
            });
            loop {
                let open = open.lock().expect("not poisoned");
                let (kept, read) = (*open, sides.read(|state| *state));
                drop(open);
                assert_eq!(kept, read, "who holds it reads the state that it is of");
                if read == 500 {
                    return;
                }
                thread::yield_now();
            }
        });
    }

    /// A reader learns which side is the front one, and sleeps until that is the back side, and was changed again: it read what
    /// was not to be seen yet, and then what was before it.
    #[test]
    fn who_comes_late_to_a_side_reads_the_other() {
        let sides = Sides::<u64>::default();
        let known = sides.front.load(Ordering::Acquire);
        sides.change(|state| *state += 1);
        let late = |state: &u64, _: &()| (*state, sides.side(known).map(|state| *state));
        let mut seen = None;
        sides.change_after(
            |state| *state += 1,
            |state, result| seen = Some(late(state, result)),
            |state, first| *state = *first,
        );
        assert_eq!(seen, Some((2, None)), "it is not the front side");
        assert_eq!(sides.side(known).map(|state| *state), Some(2), "now it is");
    }

    #[test]
    fn no_reader_sees_a_change_that_is_half_made() {
        let (sides, is_done) = (Sides::<(u64, u64)>::default(), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut last = 0;
                    while !is_done.load(Ordering::Relaxed) {
                        let (one, two) = sides.read(|state| *state);
                        assert_eq!(one, two);
                        assert!(one >= last, "time goes on");
                        last = one;
                    }
                });
            }
            for _ in 0..2_000 {
                sides.change(|(one, two)| {
                    *one += 1;
                    thread::yield_now();
                    *two += 1;
                });
            }
            is_done.store(true, Ordering::Relaxed);
        });
        assert_eq!(sides.read(|state| *state), (2_000, 2_000));
    }

    #[test]
    fn a_change_that_panics_leaves_the_state_usable() {
        let sides = Sides::<u64>::default();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            sides.change(|_| panic!("on purpose"));
        }));
        assert!(panicked.is_err());
        sides.change(|state| *state = 7);
        assert_eq!(sides.read(|state| *state), 7);
    }
}
