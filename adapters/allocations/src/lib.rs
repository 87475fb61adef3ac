//! A global allocator that counts what each thread allocates, for `benches`, and for `headcount sim bench` in
//! builds with the feature `count-allocations`.
//!
//! **Counting is an addition or two to memory of the thread's own**, without a lock, a branch or a flag; and
//! what other threads do meanwhile does not show, so the same work gives the same counts. What is freed is
//! counted only for who asks for it, because the size of what is freed is otherwise never worked out. Targets
//! without thread-locals of the linker's kind would need another way; headcount runs on none.

#![allow(
    unsafe_code,
    reason = "a global allocator can't be written without; it only forwards and counts"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::{AddAssign, Sub};

/// Forwards to the system's allocator and counts; what is freed only if `FREED`.
#[derive(Debug)]
pub struct Counting<const FREED: bool>;

/// What a thread allocated and freed. All of it only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allocations {
    /// How often memory was asked for, or for another size of it.
    pub count: u64,
    /// How many bytes were asked for; for another size, all of the new one.
    pub bytes: u64,
    /// How many bytes were given back, whoever asked for them; zero where that is not counted.
    pub freed: u64,
}

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<u64> = const { Cell::new(0) };
    static FREED_BYTES: Cell<u64> = const { Cell::new(0) };
}

/// What this thread has allocated since it started. Zero, if [`Counting`] is not the global allocator.
pub fn of_this_thread() -> Allocations {
    Allocations {
        count: COUNT.get(),
        bytes: BYTES.get(),
        freed: FREED_BYTES.get(),
    }
}

/// What this thread allocates while something is done.
pub fn during<T>(what: impl FnOnce() -> T) -> (T, Allocations) {
    let before = of_this_thread();
    let result = what();
    (result, of_this_thread() - before)
}

impl Allocations {
    /// Bytes that are allocated now, where what is freed is counted, and as far as the thread that allocates
    /// also frees.
    pub fn live(&self) -> u64 {
        self.bytes.saturating_sub(self.freed)
    }
}

#[inline]
fn made(bytes: usize) {
    COUNT.set(COUNT.get().wrapping_add(1));
    BYTES.set(BYTES.get().wrapping_add(bytes as u64));
}

#[inline]
fn freed(bytes: usize) {
    FREED_BYTES.set(FREED_BYTES.get().wrapping_add(bytes as u64));
}

// SAFETY: every call is forwarded unchanged to the system's allocator.
unsafe impl<const FREED: bool> GlobalAlloc for Counting<FREED> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        made(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        made(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if FREED {
            freed(layout.size());
        }
        made(new_size);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if FREED {
            freed(layout.size());
        }
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

impl Sub for Allocations {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            count: self.count.wrapping_sub(earlier.count),
            bytes: self.bytes.wrapping_sub(earlier.bytes),
            freed: self.freed.wrapping_sub(earlier.freed),
        }
    }
}

impl AddAssign for Allocations {
    fn add_assign(&mut self, other: Self) {
        self.count = self.count.wrapping_add(other.count);
        self.bytes = self.bytes.wrapping_add(other.bytes);
        self.freed = self.freed.wrapping_add(other.freed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: Counting<true> = Counting;

    #[test]
    fn what_this_thread_asks_for_counts_and_nothing_else() {
        let other = std::thread::spawn(|| {
            (0..1_000_usize)
                .map(|size| std::hint::black_box(vec![0_u8; size]).len())
                .sum::<usize>()
        });
        let (kept, made) = during(|| {
            let mut list = std::hint::black_box(Vec::<u8>::with_capacity(100));
            list.reserve_exact(1_000);
            drop(std::hint::black_box(vec![0_u8; 50]));
            list
        });
        let expected = Allocations {
            count: 3,
            bytes: 100 + 1_000 + 50,
            freed: 100 + 50,
        };
        assert_eq!((made, made.live()), (expected, 1_000));
        assert_eq!(during(|| drop(kept)).1.freed, 1_000);
        assert_eq!(other.join().ok(), Some(499_500));
    }
}
