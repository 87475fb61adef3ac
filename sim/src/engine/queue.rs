//! What will happen, in the order in which it will.
//!
//! **Events of one instant come in a seeded order**: nothing may depend on which of them was
//! scheduled first, because in the world nobody knows that either.
//!
//! Time is cut into slices. What happens in the slice that is at its turn stands in a small heap;
//! what happens in one of the next slices waits unsorted in a ring, so that a discoverer's next
//! poll costs the same however many others there are; what is further away waits in a heap of its
//! own. A queue with few events has no ring.

use headcount_core::Instant;

use super::heap::{Entry, Heap};
use crate::rng::mix;

/// How long a slice of time is, as a power of two of nanoseconds: 134 ms.
const SLICE: u32 = 27;
/// How many slices the ring has: 34 s, which is longer than most intervals.
const RING: u64 = 256;
/// A queue with no more events than this does without a ring.
const FEW: usize = 256;

/// Events by the instant at which they happen.
#[derive(Debug, Clone)]
pub(crate) struct EventQueue<E> {
    /// Everything up to the end of the slice `turn`. Empty only if the whole queue is.
    near: Heap<E>,
    turn: u64,
    /// What happens in the `RING - 1` slices after that, each in its place.
    ring: Vec<Vec<Entry<E>>>,
    /// A bit for each place of the ring that holds anything.
    filled: [u64; (RING / 64) as usize],
    /// What is further away, or was when it was scheduled.
    far: Heap<E>,
    order: u64,
    scheduled: u64,
}

impl<E: Copy> EventQueue<E> {
    /// A queue whose ties are decided by `order`.
    pub(crate) fn new(order: u64) -> Self {
        Self {
            near: Heap::default(),
            turn: 0,
            ring: Vec::new(),
            filled: [0; (RING / 64) as usize],
            far: Heap::default(),
            order,
            scheduled: 0,
        }
    }

    /// Decides ties by another seed, for what is scheduled from now on.
    pub(crate) fn shuffle(&mut self, order: u64) {
        self.order = order;
    }

    pub(crate) fn schedule(&mut self, at: Instant, event: E) {
        self.scheduled += 1;
        // A bijection of the count, so no two ties are equal.
        let tie = mix(self.scheduled ^ self.order);
        let entry = Entry { at, tie, event };
        let slice = slice(at);
        if slice <= self.turn {
            self.near.push(entry);
        } else if self.near.is_empty() {
            // There is nothing else.
            self.turn = slice;
            self.near.push(entry);
        } else if slice - self.turn >= RING || (self.ring.is_empty() && self.far.len() < FEW) {
            self.far.push(entry);
        } else {
            if self.ring.is_empty() {
                self.ring = vec![Vec::new(); RING as usize];
            }
            let place = (slice % RING) as usize;
            self.ring[place].push(entry);
            self.filled[place / 64] |= 1 << (place % 64);
        }
    }

    /// How often the times of two events were compared.
    pub(crate) fn compares(&self) -> u64 {
        self.near.compares() + self.far.compares()
    }

    /// When the next event happens.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.near.peek().map(|entry| entry.at)
    }

    pub(crate) fn pop(&mut self) -> Option<(Instant, E)> {
        let entry = self.near.pop()?;
        if self.near.is_empty() {
            self.next_turn();
        }
        Some((entry.at, entry.event))
    }

    /// The next slice in which anything happens is at its turn.
    fn next_turn(&mut self) {
        let in_ring = self.next_in_ring();
        let far = self.far.peek().map(|entry| slice(entry.at));
        let Some(turn) = in_ring.into_iter().chain(far).min() else {
            return;
        };
        self.turn = turn;
        if in_ring == Some(turn) {
            let place = (turn % RING) as usize;
            self.filled[place / 64] &= !(1 << (place % 64));
            for entry in self.ring[place].drain(..) {
                self.near.push(entry);
            }
        }
        while self.far.peek().is_some_and(|entry| slice(entry.at) == turn) {
            if let Some(entry) = self.far.pop() {
                self.near.push(entry);
            }
        }
    }

    /// The first slice after this one that has anything in the ring.
    fn next_in_ring(&self) -> Option<u64> {
        if self.ring.is_empty() {
            return None;
        }
        let words = self.filled.len() as u64;
        let first = (self.turn + 1) % RING;
        (0..=words).find_map(|step| {
            let word = (first / 64 + step) % words;
            // Of the word in which the search starts, the later part comes first and the earlier
            // one last.
            let later = u64::MAX << (first % 64);
            let part = match step {
                0 => later,
                step if step == words => !later,
                _ => u64::MAX,
            };
            let bits = self.filled[word as usize] & part;
            let place = word * 64 + u64::from(bits.trailing_zeros());
            (bits != 0).then(|| self.turn + 1 + (place + RING - first) % RING)
        })
    }
}

/// The slice of time that a moment is in.
fn slice(at: Instant) -> u64 {
    at.as_nanos() >> SLICE
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As a plain sorted list does, with waits from none to far beyond the ring.
        #[test]
        fn events_come_by_time(waits in prop::collection::vec((0..45_u32, any::<u64>(), 0..4_u8), 1..600)) {
            let mut queue = EventQueue::new(7);
            let mut list = Vec::new();
            let mut now = Instant::ZERO;
            for (event, (bits, noise, pops)) in waits.into_iter().enumerate() {
                let at = now + core::time::Duration::from_nanos(noise & ((1 << bits) - 1));
                queue.schedule(at, event);
                list.push(at);
                for _ in 0..pops / 2 {
                    list.sort_unstable_by(|one, other| other.cmp(one));
                    prop_assert_eq!(queue.next_at(), list.last().copied());
                    let popped = queue.pop().map(|(at, _)| at);
                    prop_assert_eq!(popped, list.pop());
                    now = popped.unwrap_or(now);
                }
            }
            let rest: Vec<Instant> = core::iter::from_fn(|| queue.pop()).map(|(at, _)| at).collect();
            list.sort_unstable();
            prop_assert_eq!(rest, list);
        }
    }

    #[test]
    fn time_comes_first_and_the_order_of_one_instant_is_seeded() {
        let run = |order| {
            let mut queue = EventQueue::new(order);
            for event in 0..20_u32 {
                queue.schedule(Instant::from_nanos(u64::from(event % 2)), event);
            }
            let all: Vec<_> = core::iter::from_fn(|| queue.pop()).collect();
            assert!(all.is_sorted_by_key(|(at, _)| *at));
            all.into_iter().map(|(_, event)| event).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        let orders: BTreeSet<_> = (0..10).map(run).collect();
        assert_eq!(orders.len(), 10);
        assert!(
            orders
                .iter()
                .all(|order| order.iter().collect::<BTreeSet<_>>().len() == 20)
        );
    }
}
