//! How well a member and a target fit, which is the same for both of them.
//!
//! **All that is decided by it is decided by one order of all pairs**, so there is exactly one allocation in which nobody
//! would rather be elsewhere where he is wanted.

use core::hash::{BuildHasherDefault, Hasher};

use crate::hash;

/// What a member's fits are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seed([u64; 2]);

impl Seed {
    pub(crate) fn of(member: &str) -> Self {
        Self(hash::wide(member.as_bytes()))
    }

    /// The same for whoever has a seat. No member is called like that.
    pub(crate) fn of_seat(number: u32) -> Self {
        Self(hash::wide(format!("\0seat {number}").as_bytes()))
    }

    /// How well this member and a target fit; more is better.
    #[inline]
    pub(crate) fn fit(self, key: u64) -> Fit {
        let Self([a, b]) = self;
        Fit {
            score: hash::fold(key ^ a, key.rotate_left(32) ^ b),
            seed: a,
        }
    }
}

/// How well a member and a target fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fit {
    pub(crate) score: u64,
    /// Where two scores are the same.
    pub(crate) seed: u64,
}

impl Fit {
    /// Better than any.
    pub(crate) const BEST: Self = Self {
        score: u64::MAX,
        seed: u64::MAX,
    };
}

/// Finds keys by themselves: they are hashes.
pub(super) type ByKey = BuildHasherDefault<KeyHasher>;

/// The number that it was given.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash::stable(bytes);
    }

    fn write_u64(&mut self, number: u64) {
        // Once more, since keys may be numbers that count up.
        self.0 = hash::fold(number ^ 0x9e37_79b9_7f4a_7c15, 0xf39c_c060_5ced_c835);
    }
}
