//! What this thread has on the heap, and how often it asked for memory, for programs whose allocator is
//! `headcount_allocations::Counting<true>`.

/// Bytes that are allocated now, as asked for.
pub fn live_bytes() -> usize {
    headcount_allocations::of_this_thread().live() as usize
}

/// Allocations made since the start.
pub fn allocations() -> usize {
    headcount_allocations::of_this_thread().count as usize
}
