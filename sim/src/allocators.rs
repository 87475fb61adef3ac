//! Ways to share targets out among members, side by side: those of others as they do it, and ours.
//!
//! **All see the same targets, members and changes**, and are asked the same: how even it is, how much moves when a member
//! joins or leaves and when targets are replaced, and how many of the targets that move miss a scrape. A few targets weigh much,
//! and most of them little, of which only one way knows. Hashes are the same good one for all, so that what differs is what is
//! made of them.

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headcount_core::allocation::{Consistent, Shares, TargetKey, WeightClass, Weighted};
use headcount_core::{Instant, Random};
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
    /// What the member whose targets weigh most has of all their weight, over the mean.
    pub heaviest: f64,
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

/// What each target weighs.
type Keys = BTreeMap<u64, u64>;

/// A way to share out: from members, which keep their numbers, and targets; and what it said before.
type Way = fn(&BTreeSet<usize>, &Keys, &Owners) -> Owners;

/// Whether, and how, a target that moves stays where it was until it has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HandsOver {
    No,
    AllAlike,
    ByWeight,
}

/// Compares all ways with so many targets and members.
pub fn compare_allocators(targets: usize, members: usize, seed: u64) -> AllocatorTable {
    let ways: [(&'static str, Way, HandsOver); 6] = [
        ("hashmod by hand, vmagent: mod N", modulo, HandsOver::No),
        ("ring of 512 tokens (Alloy)", ring, HandsOver::No),
        ("target allocator, consistent-hashing", partitions, HandsOver::No),
        ("target allocator, least-weighted", least, HandsOver::No),
        ("headcount, consistent", ours, HandsOver::AllAlike),
        ("headcount, weighted", by_weight, HandsOver::ByWeight),
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
    hands_over: HandsOver,
    targets: usize,
    count: usize,
    random: &mut Random,
) -> Allocated {
    let mut members: BTreeSet<usize> = (0..count).collect();
    let mut keys: Keys = (1..)
        .take(targets)
        .map(|rank| (random.next_u64(), zipf(rank)))
        .collect();
    let all = keys.len() as f64;
    let first = way(&members, &keys, &Owners::new());
    let counts = counts(&members, &first);
    let mean = all / count as f64;
    let (most, fewest) = (counts.values().max(), counts.values().min());
    let weights = weights(&members, &keys, &first);
    let mean_weight = weights.values().sum::<u64>() as f64 / count as f64;
    let heaviest = weights.values().max().copied().unwrap_or_default() as f64 / mean_weight;

    members.insert(count);
    let joined = way(&members, &keys, &first);
    let joiner = joined.values().filter(|owner| **owner == count).count() as f64;
    let moved = moves(&first, &joined);
    let asks = random.between(0, REFRESH) as f64;
    let released = match hands_over {
        HandsOver::No => 0.0,
        HandsOver::AllAlike | HandsOver::ByWeight => hand_over(hands_over, &members, &keys, count, asks),
    };
    let missed = (0..moved).filter(|_| misses(asks, released, random)).count();

    members.remove(&(count / 2));
    let left = way(&members, &keys, &joined);

    let replaced: Vec<(u64, u64)> = keys.iter().step_by(100).map(|(key, weight)| (*key, *weight)).collect();
    for (old, weight) in replaced {
        keys.remove(&old);
        keys.insert(random.next_u64(), weight);
    }
    let churned = way(&members, &keys, &left);
    Allocated {
        way: name,
        most: most.copied().unwrap_or_default() as f64 / mean,
        fewest: fewest.copied().unwrap_or_default() as f64 / mean,
        heaviest,
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

/// A million parts over the rank to the power of ¾, as few weigh much and many little: in whole numbers, which are the same
/// everywhere.
fn zipf(rank: u64) -> u64 {
    const SCALE: u64 = 10_000;
    let root = (rank * SCALE * SCALE).isqrt();
    let fourth = (root * SCALE).isqrt();
    1_000_000 * SCALE * SCALE / (root * fourth)
}

fn weights(members: &BTreeSet<usize>, keys: &Keys, owners: &Owners) -> BTreeMap<usize, u64> {
    let mut weights: BTreeMap<usize, u64> = members.iter().map(|member| (*member, 0)).collect();
    for (key, owner) in owners {
        *weights.entry(*owner).or_default() += keys.get(key).copied().unwrap_or_default();
    }
    weights
}

/// How many targets that are in both have another owner.
fn moves(before: &Owners, after: &Owners) -> usize {
    let both = before.iter().filter_map(|(key, old)| Some((old, after.get(key)?)));
    both.filter(|(old, new)| old != new).count()
}

/// How often targets are scraped, and how often lists are asked for, in seconds.
const INTERVAL: u64 = 15;
const REFRESH: u64 = 30;

/// How many seconds after the newest of these members joined those before it lose what is now its own, if it asks for its list
/// after `asks` seconds: what [`Shares`] does, followed with these very targets. All members ask once a [`REFRESH`] otherwise.
fn hand_over(how: HandsOver, members: &BTreeSet<usize>, keys: &Keys, newest: usize, asks: f64) -> f64 {
    let mut shares = Shares::new(1);
    let job: Arc<str> = "job".into();
    if how == HandsOver::ByWeight {
        shares.set_weights(Instant::ZERO, Some(vec![(job.clone(), classes(keys))]));
    }
    shares.set_jobs([(job.clone(), Duration::from_secs(INTERVAL))]);
    let names: Vec<String> = members.iter().map(ToString::to_string).collect();
    let joiner = newest.to_string();
    let before = names.iter().map(String::as_str).filter(|name| *name != joiner);
    shares.join(Instant::ZERO, before);
    let keys: Vec<TargetKey> = keys.keys().map(|key| TargetKey::from_number(*key)).collect();
    shares.change(Instant::ZERO, &job, &keys, &[]);
    let send = |shares: &mut Shares, at, name: &str| {
        let version = shares.list(name, &job).map(|(version, _)| version);
        version
            .into_iter()
            .for_each(|version| shares.sent(at, name, &job, version));
    };
    names.iter().for_each(|name| send(&mut shares, Instant::ZERO, name));
    shares.join(Instant::ZERO, [joiner.as_str()]);
    let others = |shares: &Shares| -> usize {
        let others = names.iter().filter(|name| **name != joiner);
        others.map(|name| shares.counts(name).1).sum()
    };
    let all = others(&shares);
    for second in 0..=u64::from(u16::MAX) {
        let now = Instant::ZERO + Duration::from_secs(second);
        if second >= asks as u64 {
            send(&mut shares, now, &joiner);
        }
        shares.handle_timeout(now);
        if others(&shares) < all {
            return second as f64;
        }
    }
    f64::INFINITY
}

/// Whether a target that moves is left alone for longer than its interval, if its new member asks for its list after `asks`
/// seconds, and it is off the list of the one before after `released` seconds. What is new in a list is scraped from ten
/// seconds after it was asked for at the latest, at its place in the interval.
fn misses(asks: f64, released: f64, random: &mut Random) -> bool {
    let mut within = |most: f64| random.between(0, 1_000_000) as f64 / 1e6 * most;
    let (interval, refresh) = (INTERVAL as f64, REFRESH as f64);
    let (lag, place) = (within(10.0), within(interval));
    let begins = asks + lag + place;
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
fn modulo(members: &BTreeSet<usize>, keys: &Keys, _: &Owners) -> Owners {
    let members: Vec<usize> = members.iter().copied().collect();
    let owner = |key: &u64| members.get((key % members.len().max(1) as u64) as usize).copied();
    keys.keys().filter_map(|key| Some((*key, owner(key)?))).collect()
}

/// The member whose token comes next on a ring, of 512 for each.
fn ring(members: &BTreeSet<usize>, keys: &Keys, _: &Owners) -> Owners {
    let mut tokens = BTreeMap::new();
    for member in members {
        tokens.extend((0..512).map(|token| (hash(*member as u64, token), *member)));
    }
    let next = |key: &u64| tokens.range(key..).chain(&tokens).next().map(|(_, member)| *member);
    keys.keys().filter_map(|key| Some((*key, next(key)?))).collect()
}

/// 1,061 partitions, each at the next of five points a member on a ring that has fewer than 1.1 times the mean of them.
fn partitions(members: &BTreeSet<usize>, keys: &Keys, _: &Owners) -> Owners {
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
    keys.keys().filter_map(|key| Some((*key, owner(key)?))).collect()
}

/// A target stays where it is, and a new one goes to the member that has the fewest.
fn least(members: &BTreeSet<usize>, keys: &Keys, before: &Owners) -> Owners {
    let stays = before
        .iter()
        .filter(|(key, owner)| keys.contains_key(key) && members.contains(owner));
    let mut owners: Owners = stays.map(|(key, owner)| (*key, *owner)).collect();
    let counts = counts(members, &owners);
    let mut by_count: BTreeSet<(usize, usize)> = counts.into_iter().map(|(member, count)| (count, member)).collect();
    for key in keys.keys() {
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
fn ours(members: &BTreeSet<usize>, keys: &Keys, _: &Owners) -> Owners {
    let mut allocation = Consistent::new(1);
    let names: Vec<String> = members.iter().map(ToString::to_string).collect();
    allocation.join_all(names.iter().map(String::as_str));
    allocation.add_all(keys.keys().map(|key| TargetKey::from_number(*key)));
    let owner = |key: &u64| allocation.owners(TargetKey::from_number(*key)).next()?.parse().ok();
    keys.keys().filter_map(|key| Some((*key, owner(key)?))).collect()
}

/// The same by classes of weight.
fn by_weight(members: &BTreeSet<usize>, keys: &Keys, _: &Owners) -> Owners {
    let mut allocation = Weighted::new(1);
    let names: Vec<String> = members.iter().map(ToString::to_string).collect();
    allocation.join_seats(names.iter().map(|name| (name.as_str(), None)));
    allocation.set_weights(Some(vec![("job".into(), classes(keys))]));
    allocation.add_all(keys.keys().map(|key| TargetKey::from_number(*key)));
    let owner = |key: &u64| allocation.owners(TargetKey::from_number(*key)).next()?.parse().ok();
    keys.keys().filter_map(|key| Some((*key, owner(key)?))).collect()
}

fn classes(keys: &Keys) -> Vec<(TargetKey, Option<WeightClass>)> {
    let class = |(key, weight): (&u64, &u64)| (TargetKey::from_number(*key), Some(WeightClass::of(*weight)));
    keys.iter().map(class).collect()
}

impl fmt::Display for AllocatorTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<37} {:>5} {:>6} {:>8} {:>7} {:>6} {:>8} {:>8} {:>6}",
            "", "most", "fewest", "heaviest", "a join", "joiner", "a leave", "churn", "missed"
        )?;
        for of in &self.0 {
            let percent = |share: f64, digits: usize| format!("{:.digits$} %", share * 100.0);
            writeln!(
                f,
                "{:<37} {:>5.2} {:>6.2} {:>8.2} {:>7} {:>6.2} {:>8} {:>8} {:>6}",
                of.way,
                of.most,
                of.fewest,
                of.heaviest,
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
            "heaviest: the most of all weight that a member has over the mean; the nth target weighs 1/n^0.75."
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
        let [modulo, ring, partitions, least, ours, weighted] = all.try_into().expect("six ways");
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
        // Their weight counts as the nearest power of two.
        assert!(
            ours.heaviest > 1.15 && weighted.heaviest < 1.13,
            "{} {}",
            ours.heaviest,
            weighted.heaviest
        );
        assert!(weighted.join_moves < 0.1 && weighted.missed == 0.0, "{weighted:?}");
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
