//! The manager's own random numbers: SplitMix64.
//!
//! Jitter must be the same for the same seed on every platform and in every version (B08), so
//! the generator is pinned here with published test vectors. Integers only.

/// A SplitMix64 generator (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
/// OOPSLA 2014).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator that gives the same numbers for the same seed, always.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = self.state;
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included; `low` when `high` is not above it.
    ///
    /// The bias is below 2⁻⁶⁴ × the width of the range, which jitter does not notice.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        let bits = self.next_u64();
        let width = u128::from(high.saturating_sub(low)).saturating_add(1);
        let offset = u128::from(bits).saturating_mul(width) >> 64;
        low.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_published_numbers() {
        // Vectors of the reference implementation for the seed 1234567.
        let mut random = Random::new(1_234_567);
        let numbers: Vec<u64> = (0..5).map(|_| random.next_u64()).collect();
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821
            ]
        );
    }

    #[test]
    fn stays_in_its_range() {
        let mut random = Random::new(7);
        for _ in 0..1_000 {
            assert!((10..=12).contains(&random.between(10, 12)));
        }
        assert_eq!(random.between(5, 5), 5);
        assert_eq!(random.between(5, 1), 5);
        let _ = random.between(0, u64::MAX);
    }
}
