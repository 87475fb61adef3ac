//! Who owns which target, made anew from what there is: what [`Weighted`](crate::allocation::Weighted) and
//! [`Consistent`](crate::allocation::Consistent) keep up to date.
//!
//! Nothing is remembered and nothing is clever here: **all pairs of a target and a member are sorted by how well they fit, and
//! taken one by one.**

use std::collections::{BTreeMap, BTreeSet};

use crate::allocation::{Fit, Seed};

/// Members, targets, and what is said of both.
///
/// ```
/// use headcount_core::reference::PlainAllocation;
///
/// let mut plain = PlainAllocation { replicas: 1, ..PlainAllocation::default() };
/// plain.members.insert("a".to_owned(), None);
/// plain.targets.insert(7, ("job".to_owned(), None));
/// assert!(plain.owners()[&7].contains("a"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlainAllocation {
    /// Each with its seat, if it has one.
    pub members: BTreeMap<String, Option<u32>>,
    /// Each with its job, and what it weighs, if that is known.
    pub targets: BTreeMap<u64, (String, Option<u64>)>,
    /// How many members each target is to have.
    pub replicas: usize,
    /// Whether what targets weigh counts.
    pub is_weighted: bool,
}

/// By target: the members that own it.
pub type PlainOwners = BTreeMap<u64, BTreeSet<String>>;

impl PlainAllocation {
    /// What each target counts as: the power of two that is nearest to what it weighs. One of which that is not known counts
    /// as is typical of its job, or else of all.
    pub fn weights(&self) -> BTreeMap<u64, u64> {
        let known = |of: Option<&str>| -> Vec<u32> {
            let of_job = self.targets.values().filter(|(job, _)| of.is_none_or(|of| of == job));
            of_job.filter_map(|(_, weight)| weight.map(exponent)).collect()
        };
        let weight = |(job, weight): &(String, Option<u64>)| {
            let typical = || median(known(Some(job))).or_else(|| median(known(None)));
            let exponent = weight.map(exponent).or_else(typical).unwrap_or_default();
            1_u64 << if self.is_weighted { exponent } else { 0 }
        };
        self.targets
            .iter()
            .map(|(key, target)| (*key, weight(target)))
            .collect()
    }

    /// What a member may have: a twentieth over the mean, or a tenth by weight; never less than the mean.
    pub fn most(&self) -> u64 {
        let all: u64 = self
            .weights()
            .values()
            .map(|weight| weight * self.copies() as u64)
            .sum();
        let count = self.members.len().max(1) as u64;
        let hundredths = if self.is_weighted { 110 } else { 105 };
        (all * hundredths / (100 * count)).max(all.div_ceil(count))
    }

    /// Who owns each target: class by class of weight, the heaviest first, what is lacking in a class going where it fits best.
    pub fn owners(&self) -> PlainOwners {
        let (weights, most) = (self.weights(), self.most());
        let mut loads: BTreeMap<&str, u64> = self.members.keys().map(|member| (&**member, 0)).collect();
        let mut owners: PlainOwners = weights.keys().map(|key| (*key, BTreeSet::new())).collect();
        let classes: BTreeSet<u64> = weights.values().copied().collect();
        for class in classes.into_iter().rev() {
            let of_class = weights.iter().filter(|(_, weight)| **weight == class);
            let keys: Vec<u64> = of_class.map(|(key, _)| *key).collect();
            self.share_class(class, &keys, most, &mut loads, &mut owners);
        }
        owners
    }

    /// How many members each target has.
    fn copies(&self) -> usize {
        self.replicas.min(self.members.len())
    }

    /// Of all pairs in the order of their fit, best first, a pair is one if the target wants another member and the member has
    /// room. What is lacking then is given where it fits best.
    fn share_class<'a>(
        &'a self,
        class: u64,
        keys: &[u64],
        most: u64,
        loads: &mut BTreeMap<&'a str, u64>,
        owners: &mut PlainOwners,
    ) {
        if self.copies() == 0 {
            return;
        }
        let room_at = |level: u64, load: u64| level.saturating_sub(load) / class;
        // The least level that has room for all copies, tried one by one.
        let has_room = |level: &u64| {
            let rooms = loads.values().map(|load| room_at(*level, *load).min(keys.len() as u64));
            rooms.sum::<u64>() >= (keys.len() * self.copies()) as u64
        };
        let level = (most..).find(has_room).unwrap_or(u64::MAX);
        let room: BTreeMap<&str, u64> = loads
            .iter()
            .map(|(member, load)| (*member, room_at(level, *load)))
            .collect();
        let mut pairs: Vec<(Fit, u64, &str)> = Vec::new();
        for (member, seat) in &self.members {
            let seed = seat.map_or_else(|| Seed::of(member), Seed::of_seat);
            pairs.extend(keys.iter().map(|key| (seed.fit(*key), *key, &**member)));
        }
        pairs.sort();
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for is_bounded in [true, false] {
            for (_, key, member) in pairs.iter().rev() {
                let (of_key, count) = (owners.entry(*key).or_default(), counts.entry(member).or_default());
                let has_room = !is_bounded || *count < room[member];
                if of_key.len() < self.copies() && has_room && of_key.insert((*member).to_owned()) {
                    *count += 1;
                }
            }
        }
        for (member, count) in counts {
            *loads.entry(member).or_default() += count * class;
        }
    }
}

/// Of which power of two it is nearest, by ratio: 2 to the half of an odd number is between two of them.
fn exponent(weight: u64) -> u32 {
    let doubled_square = u128::from(weight.max(1)).saturating_pow(2).saturating_mul(2);
    (0..32)
        .find(|exponent| doubled_square < 4_u128.pow(exponent + 1))
        .unwrap_or(32)
}

/// Of two the lesser.
fn median(mut exponents: Vec<u32>) -> Option<u32> {
    exponents.sort_unstable();
    exponents.get(exponents.len().saturating_sub(1) / 2).copied()
}
