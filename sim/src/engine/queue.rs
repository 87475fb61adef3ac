//! What will happen, in the order in which it will.
//!
//! **Events of one instant come in a seeded order**: nothing may depend on which of them was
//! scheduled first, because in the world nobody knows that either.

use core::cmp::Ordering;
use std::collections::BinaryHeap;

use headcount_core::Instant;

use crate::dice::mix;

/// Events by the instant at which they happen.
#[derive(Debug, Clone)]
pub(crate) struct EventQueue<E> {
    heap: BinaryHeap<Entry<E>>,
    order: u64,
    scheduled: u64,
}

#[derive(Debug, Clone)]
struct Entry<E> {
    at: Instant,
    /// Seeded; decides among the events of one instant.
    tie: u64,
    event: E,
}

impl<E> EventQueue<E> {
    /// A queue whose ties are decided by `order`.
    pub(crate) fn new(order: u64) -> Self {
        Self {
            heap: BinaryHeap::new(),
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
        self.heap.push(Entry { at, tie, event });
    }

    /// When the next event happens.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.at)
    }

    pub(crate) fn pop(&mut self) -> Option<(Instant, E)> {
        self.heap.pop().map(|entry| (entry.at, entry.event))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    /// Backwards, so that the heap's greatest entry is the earliest one.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.tie).cmp(&(self.at, self.tie))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

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
