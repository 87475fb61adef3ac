//! Random numbers from the thread's generator, seeded by the system.

use headcount_discoverer::env::Random;

/// Random numbers that differ from run to run.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn next_u64(&self) -> u64 {
        fastrand::u64(..)
    }
}
