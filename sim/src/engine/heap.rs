//! A heap of events that counts its comparisons.
//!
//! The standard library's heap compares through a trait, which has no place to count in that belongs to
//! the heap.

use headcount_core::Instant;

/// An event, and when it happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<E> {
    pub(super) at: Instant,
    /// Seeded; decides among the events of one instant. No two are equal.
    pub(super) tie: u64,
    pub(super) event: E,
}

/// Events, of which the earliest is at hand.
#[derive(Debug, Clone)]
pub(super) struct Heap<E> {
    /// None is earlier than its parent, which is at half its place.
    entries: Vec<Entry<E>>,
    /// How often two entries were compared.
    compares: u64,
}

impl<E> Default for Heap<E> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            compares: 0,
        }
    }
}

impl<E: Copy> Heap<E> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn compares(&self) -> u64 {
        self.compares
    }

    /// The earliest entry.
    pub(super) fn peek(&self) -> Option<&Entry<E>> {
        self.entries.first()
    }

    pub(super) fn push(&mut self, entry: Entry<E>) {
        self.entries.push(entry);
        self.rise(self.entries.len() - 1, entry);
    }

    /// Takes the earliest entry.
    pub(super) fn pop(&mut self) -> Option<Entry<E>> {
        let last = self.entries.pop()?;
        let Some(first) = self.entries.first().copied() else {
            return Some(last);
        };
        // What was last belongs far down, so the gap sinks all the way, and it rises from there.
        let mut gap = 0;
        let end = self.entries.len();
        while 2 * gap + 2 < end {
            let (left, right) = (2 * gap + 1, 2 * gap + 2);
            let earlier = if self.entries[right].is_before(&self.entries[left]) {
                right
            } else {
                left
            };
            self.compares += 1;
            self.entries[gap] = self.entries[earlier];
            gap = earlier;
        }
        if 2 * gap + 1 < end {
            self.entries[gap] = self.entries[2 * gap + 1];
            gap = 2 * gap + 1;
        }
        self.rise(gap, last);
        Some(first)
    }

    /// Puts an entry at `gap`, or above it.
    fn rise(&mut self, mut gap: usize, entry: Entry<E>) {
        while gap > 0 {
            let parent = (gap - 1) / 2;
            self.compares += 1;
            if !entry.is_before(&self.entries[parent]) {
                break;
            }
            self.entries[gap] = self.entries[parent];
            gap = parent;
        }
        self.entries[gap] = entry;
    }
}

impl<E> Entry<E> {
    fn is_before(&self, other: &Self) -> bool {
        (self.at, self.tie) < (other.at, other.tie)
    }
}
