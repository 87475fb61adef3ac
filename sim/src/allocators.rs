//! Ways to share targets out among members, side by side: those of others as they do it, and ours.
//!
//! **All see the same targets, members and changes**, and are asked the same: how even it is, how much moves when a member
//! joins or leaves and when targets are replaced, and how many of the targets that move miss a scrape. Targets weigh the
//! same. Hashes are the same good one for all, so that what differs is what is made of them.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use headcount_core::Random;
use headcount_core::allocation::{Consistent, TargetKey};
use serde::Serialize;

/// What one way comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Allocated {
    /// Which it is.
    pub way: &'static str,
    /// What the member with the most targets has, over the mean.
    pub most: f64,
    /// What the member with the fewest has, over the mean.
    pub fewest: f64,
    /// The share of the targets that moves when a member joins.
    pub join_moves: f64,
    /// What the member that joined has then, over the mean.
    pub joiner: f64,
    /// The share of the targets that moves when a member leaves.
    pub leave_moves: f64,
    /// The share of the others that moves when one target in a hundred is replaced.
    pub churn_moves: f64,
    /// The share of the targets that moved for the joiner which nobody scrapes for longer than one interval.
    pub missed: f64,
}

/// The comparison as a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AllocatorTable(pub Vec<Allocated>);

/// Who scrapes each target.
type Owners = BTreeMap<u64, usize>;

/// A way to share out: from members, which keep their numbers, and targets; and what it said before.
type Way = fn(&BTreeSet<usize>, &BTreeSet<u64>, &Owners) -> Owners;

/// Compares all ways with so many targets and members.
pub fn compare_allocators(targets: usize, members: usize, seed: u64) -> AllocatorTable {
    let ways: [(&'static str, Way, bool); 5] = [
        ("hashmod by hand, vmagent: mod N", modulo, false),
        ("ring of 512 tokens (Alloy)", ring, false),
        ("target allocator, consistent-hashing", partitions, false),
        ("target allocator, least-weighted", least, false),
        ("headcount, consistent", ours, true),
    ];
    let all = ways.into_iter().map(|(name, way, hands_over)| {
        let mut random = Random::new(seed);
        measure(name, way, hands_over, targets.max(100), members.max(2), &mut random)
    });
    AllocatorTable(all.collect())
}

fn measure(
    name: &'static str,
    way: Way,
    hands_over: bool,
    targets: usize,
    count: usize,
    random: &mut Random,
) -> Allocated {
    let mut members: BTreeSet<usize> = (0..count).collect();
    let mut keys: BTreeSet<u64> = (0..targets).map(|_| random.next_u64()).collect();
    let all = keys.len() as f64;
    let first = way(&members, &keys, &Owners::new());
    let counts = counts(&members, &first);
    let mean = all / count as f64;
    let (most, fewest) = (counts.values().max(), counts.values().min());

    members.insert(count);
    let joined = way(&members, &keys, &first);
    let joiner = joined.values().filter(|owner| **owner == count).count() as f64;
    let moved = moves(&first, &joined);
    let missed = (0..moved).filter(|_| misses(hands_over, random)).count();

    members.remove(&(count / 2));
    let left = way(&members, &keys, &joined);

    let replaced: Vec<u64> = keys.iter().step_by(100).copied().collect();
    for old in &replaced {
        keys.remove(old);
        keys.insert(random.next_u64());
    }
    let churned = way(&members, &keys, &left);
    Allocated {
        way: name,
        most: most.copied().unwrap_or_default() as f64 / mean,
        fewest: fewest.copied().unwrap_or_default() as f64 / mean,
        join_moves: moved as f64 / all,
        joiner: joiner / (all / (count as f64 + 1.0)),
        leave_moves: moves(&joined, &left) as f64 / all,
        churn_moves: moves(&left, &churned) as f64 / all,
        missed: if moved == 0 { 0.0 } else { missed as f64 / moved as f64 },
    }
}

fn counts(members: &BTreeSet<usize>, owners: &Owners) -> BTreeMap<usize, usize> {
    let mut counts: BTreeMap<usize, usize> = members.iter().map(|member| (*member, 0)).collect();
    for owner in owners.values() {
        *counts.entry(*owner).or_default() += 1;
    }
    counts
}

/// How many targets that are in both have another owner.
fn moves(before: &Owners, after: &Owners) -> usize {
    let both = before.iter().filter_map(|(key, old)| Some((old, after.get(key)?)));
    both.filter(|(old, new)| old != new).count()
}

/// Whether a target that moves is left alone for longer than its interval of 15 s. Lists are asked for each 30 s; what is new
/// in one is scraped from 10 s after that at the latest, at its place in the interval.
fn misses(hands_over: bool, random: &mut Random) -> bool {
    let mut within = |most: f64| random.between(0, 1_000_000) as f64 / 1e6 * most;
    let (interval, refresh) = (15.0, 30.0);
    let (asks_new, lag, place) = (within(refresh), within(10.0), within(interval));
    let begins = asks_new + lag + place;
    // Who hands over has the old one keep it until then, and until it asks again.
    let released = if hands_over { asks_new + 10.0 + interval } else { 0.0 };
    let stops = released + within(refresh);
    let last = stops - within(interval);
    begins - last > interval
}

/// A hash of two numbers.
fn hash(a: u64, b: u64) -> u64 {
    let mixed = Random::new(a).next_u64();
    Random::new(mixed ^ b).next_u64()
}

/// The remainder decides, over the members in their order.
fn modulo(members: &BTreeSet<usize>, keys: &BTreeSet<u64>, _: &Owners) -> Owners {
    let members: Vec<usize> = members.iter().copied().collect();
    let owner = |key: &u64| members.get((key % members.len().max(1) as u64) as usize).copied();
    keys.iter().filter_map(|key| Some((*key, owner(key)?))).collect()
}

/// The member whose token comes next on a ring, of 512 for each.
fn ring(members: &BTreeSet<usize>, keys: &BTreeSet<u64>, _: &Owners) -> Owners {
    let mut tokens = BTreeMap::new();
    for member in members {
        tokens.extend((0..512).map(|token| (hash(*member as u64, token), *member)));
    }
    let next = |key: &u64| tokens.range(key..).chain(&tokens).next().map(|(_, member)| *member);
    keys.iter().filter_map(|key| Some((*key, next(key)?))).collect()
}

/// 1,061 partitions, each at the next of five points a member on a ring that has fewer than 1.1 times the mean of them.
fn partitions(members: &BTreeSet<usize>, keys: &BTreeSet<u64>, _: &Owners) -> Owners {
    const PARTITIONS: u64 = 1_061;
    let mut points = BTreeMap::new();
    for member in members {
        points.extend((0..5).map(|point| (hash(*member as u64, point), *member)));
    }
    let most = (PARTITIONS as f64 / members.len().max(1) as f64 * 1.1).ceil() as usize;
    let mut loads: BTreeMap<usize, usize> = BTreeMap::new();
    let mut owners = Vec::new();
    for partition in 0..PARTITIONS {
        let at = hash(partition, u64::MAX);
        let mut around = points.range(at..).chain(&points).map(|(_, member)| *member);
        let owner = around.find(|member| loads.get(member).copied().unwrap_or_default() < most);
        if let Some(owner) = owner {
            *loads.entry(owner).or_default() += 1;
        }
        owners.push(owner);
    }
    let owner = |key: &u64| owners.get((key % PARTITIONS) as usize).copied().flatten();
    keys.iter().filter_map(|key| Some((*key, owner(key)?))).collect()
}

/// A target stays where it is, and a new one goes to the member that has the fewest.
fn least(members: &BTreeSet<usize>, keys: &BTreeSet<u64>, before: &Owners) -> Owners {
    let stays = before
        .iter()
        .filter(|(key, owner)| keys.contains(key) && members.contains(owner));
    let mut owners: Owners = stays.map(|(key, owner)| (*key, *owner)).collect();
    let counts = counts(members, &owners);
    let mut by_count: BTreeSet<(usize, usize)> = counts.into_iter().map(|(member, count)| (count, member)).collect();
    for key in keys {
        if owners.contains_key(key) {
            continue;
        }
        let Some((count, member)) = by_count.pop_first() else {
            break;
        };
        by_count.insert((count + 1, member));
        owners.insert(*key, member);
    }
    owners
}

/// Bounded rendezvous.
fn ours(members: &BTreeSet<usize>, keys: &BTreeSet<u64>, _: &Owners) -> Owners {
    let mut allocation = Consistent::new(1);
    let names: Vec<String> = members.iter().map(ToString::to_string).collect();
    allocation.join_all(names.iter().map(String::as_str));
    allocation.add_all(keys.iter().map(|key| TargetKey::from_number(*key)));
    let owner = |key: &u64| allocation.owners(TargetKey::from_number(*key)).next()?.parse().ok();
    keys.iter().filter_map(|key| Some((*key, owner(key)?))).collect()
}

impl fmt::Display for AllocatorTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<38} {:>6} {:>6} {:>8} {:>7} {:>8} {:>8} {:>7}",
            "", "most", "fewest", "a join", "joiner", "a leave", "churn", "missed"
        )?;
        for of in &self.0 {
            let percent = |share: f64, digits: usize| format!("{:.digits$} %", share * 100.0);
            writeln!(
                f,
                "{:<38} {:>6.2} {:>6.2} {:>8} {:>7.2} {:>8} {:>8} {:>7}",
                of.way,
                of.most,
                of.fewest,
                percent(of.join_moves, 2),
                of.joiner,
                percent(of.leave_moves, 2),
                percent(of.churn_moves, 3),
                percent(of.missed, 0)
            )?;
        }
        writeln!(
            f,
            "\nmost, fewest, joiner: a member's targets over the mean; the last that of one that joined."
        )?;
        writeln!(
            f,
            "a join, a leave: the targets that move. churn: others that move when 1 % is replaced."
        )?;
        write!(
            f,
            "missed: of those that move for a join, those that nobody scrapes for longer than an interval."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_does_what_it_is_known_for() {
        let AllocatorTable(all) = compare_allocators(50_000, 20, 7);
        let [modulo, ring, partitions, least, ours] = all.try_into().expect("five ways");
        assert!(modulo.join_moves > 0.9 && modulo.churn_moves == 0.0, "{modulo:?}");
        assert!(ring.most > 1.06 && ring.join_moves < 0.06, "{ring:?}");
        assert!(partitions.most > 1.08 && partitions.join_moves > 0.05, "{partitions:?}");
        assert!(
            least.most < 1.01 && least.joiner == 0.0,
            "what joins gets nothing: {least:?}"
        );
        assert!(ours.most <= 1.05 && ours.joiner > 0.9, "{ours:?}");
        assert!(
            ours.join_moves < 1.0 / 21.0 + 0.01 && ours.leave_moves < 1.0 / 21.0 + 0.01,
            "{ours:?}"
        );
        assert!(ours.churn_moves <= 0.000_5, "{ours:?}");
        assert_eq!(ours.missed, 0.0);
        assert!(
            modulo.missed > 0.2 && ring.missed > 0.2,
            "{} {}",
            modulo.missed,
            ring.missed
        );
        assert_eq!(
            compare_allocators(50_000, 20, 7).0[4],
            ours,
            "the same seed gives the same"
        );
    }
}
