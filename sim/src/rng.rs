//! Random numbers that are asked for by name.
//!
//! A draw is a hash of (seed, who, what for, which time), so **nobody's draws depend on anybody
//! else's**: another host, another discoverer or one fault less leaves every other draw as it
//! was. Two runs that differ in one setting share their noise, and a failure survives shrinking.
//! Integers only; the hash is pinned here with test vectors.

use crate::span::{Span, SpanRange};

/// The source of every draw of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyedRng {
    seed: u64,
}

/// Who draws: the kind of thing, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entity {
    /// The run as a whole.
    Run,
    /// A host.
    Host(u32),
    /// A replica of a backend as one service sees it.
    View(u32),
    /// A discoverer.
    Discoverer(u32),
    /// The receiver of snapshots.
    Receiver,
    /// A member among those that targets are shared out to.
    Member(u32),
    /// An entry of the scenario's list of churn, and a host.
    Churn(u16, u32),
    /// An entry of the scenario's list of faults, and whom it may hit.
    Fault(u16, u32),
    /// An entry of the scenario's list of process events, and whom it may hit.
    Process(u16, u32),
}

/// What a draw is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// How long a change takes until a backend shows it.
    Propagation = 1,
    /// How long a call takes.
    Latency = 2,
    /// When a loop runs first, and by how much it is moved.
    Phase = 3,
    /// How long a watch, a stream or a session lasts.
    Lifetime = 4,
    /// Whether one is chosen.
    Choice = 5,
    /// When something happens next.
    Gap = 6,
    /// How long something lasts.
    Length = 7,
    /// Which of several.
    Pick = 8,
    /// The seed of something that has a generator of its own.
    Seed = 9,
    /// The order of what happens at one instant.
    Order = 10,
}

impl KeyedRng {
    /// The generator with this seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed.
    pub const fn seed(self) -> u64 {
        self.seed
    }

    /// 64 bits: the `counter`th draw of `entity` for `purpose`.
    pub const fn draw(self, entity: Entity, purpose: Purpose, counter: u64) -> u64 {
        let (kind, number) = entity.key();
        let stream = mix(mix(self.seed.wrapping_add(GAMMA)) ^ (kind << 8 | purpose as u64));
        let stream = mix(stream.wrapping_add(GAMMA) ^ number);
        mix(stream.wrapping_add(counter.wrapping_add(1).wrapping_mul(GAMMA)))
    }

    /// A number from `low` to `high`, both included.
    pub fn between(self, entity: Entity, purpose: Purpose, counter: u64, low: u64, high: u64) -> u64 {
        scale(self.draw(entity, purpose, counter), low, high)
    }

    /// A span of this range.
    pub fn span(self, entity: Entity, purpose: Purpose, counter: u64, range: SpanRange) -> Span {
        if range.low() == range.high() {
            return range.low();
        }
        let nanos = self.between(
            entity,
            purpose,
            counter,
            range.low().as_nanos(),
            range.high().as_nanos(),
        );
        Span::from_nanos(nanos)
    }
}

/// `bits` scaled to `low..=high`.
pub(crate) fn scale(bits: u64, low: u64, high: u64) -> u64 {
    let width = u128::from(high.saturating_sub(low)) + 1;
    // Below `width`, which is at most 2^64.
    low + ((u128::from(bits) * width) >> 64) as u64
}

/// SplitMix64's step and finaliser (Steele, Lea, Flood, OOPSLA 2014).
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads `z` over all 64 bits: SplitMix64's finaliser.
pub(crate) const fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Entity {
    const fn key(self) -> (u64, u64) {
        const fn of(entry: u16, number: u32) -> u64 {
            (entry as u64) << 32 | number as u64
        }
        match self {
            Self::Run => (1, 0),
            Self::Host(number) => (2, number as u64),
            Self::View(number) => (3, number as u64),
            Self::Discoverer(number) => (4, number as u64),
            Self::Receiver => (5, 0),
            Self::Member(number) => (9, number as u64),
            Self::Churn(entry, number) => (6, of(entry, number)),
            Self::Fault(entry, number) => (7, of(entry, number)),
            Self::Process(entry, number) => (8, of(entry, number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_finaliser_is_the_published_one() {
        // SplitMix64's first outputs for the seed 1234567.
        let outputs = [1_u64, 2, 3].map(|n| mix(1_234_567_u64.wrapping_add(n.wrapping_mul(GAMMA))));
        assert_eq!(
            outputs,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    /// The vectors of the pinned generator: who writes another implementation checks it by these.
    #[test]
    fn draws_are_pinned() {
        let vectors = [
            (0, Entity::Run, Purpose::Seed, 0),
            (7, Entity::Host(0), Purpose::Gap, 0),
            (7, Entity::Host(0), Purpose::Gap, 1),
            (7, Entity::Host(1), Purpose::Gap, 0),
            (7, Entity::Discoverer(1_999), Purpose::Latency, 5_759_999),
            (u64::MAX, Entity::Fault(3, 17), Purpose::Choice, u64::MAX),
        ];
        let lines: Vec<String> = vectors
            .iter()
            .map(|&(seed, entity, purpose, counter)| {
                let drawn = KeyedRng::new(seed).draw(entity, purpose, counter);
                format!("{seed} {entity:?} {purpose:?} {counter} = {drawn:#018x}")
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn streams_do_not_meet() {
        let rng = KeyedRng::new(1);
        let mut drawn = BTreeSet::new();
        for number in 0..50 {
            for entity in [Entity::Host(number), Entity::View(number), Entity::Fault(1, number)] {
                for purpose in [Purpose::Gap, Purpose::Length] {
                    for counter in 0..20 {
                        assert!(drawn.insert(rng.draw(entity, purpose, counter)));
                    }
                }
            }
        }
    }

    #[test]
    fn scaling_reaches_both_ends_and_no_further() {
        assert_eq!(scale(0, 3, 5), 3);
        assert_eq!(scale(u64::MAX, 3, 5), 5);
        assert_eq!(scale(u64::MAX, 0, u64::MAX), u64::MAX);
        assert_eq!(scale(u64::MAX, 9, 9), 9);
    }
}
