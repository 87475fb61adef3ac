//! What is kept up to date is what is made anew, and what is promised holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::{Consistent, Move, TargetKey};
use crate::Random;
use crate::reference::PlainAllocation;

type Owned = BTreeMap<TargetKey, Vec<String>>;

/// The same, made anew.
fn model(members: &BTreeSet<String>, keys: &BTreeSet<u64>, replicas: usize) -> Owned {
    let plain = PlainAllocation {
        members: members.iter().map(|member| (member.clone(), None)).collect(),
        targets: keys.iter().map(|key| (*key, (String::new(), None))).collect(),
        replicas,
        is_weighted: false,
    };
    let owners = plain.owners().into_iter();
    owners
        .map(|(key, all)| (TargetKey(key), all.into_iter().collect()))
        .collect()
}

fn owned(allocation: &Consistent, keys: &BTreeSet<u64>) -> Owned {
    let owners = |key| allocation.owners(key).map(ToString::to_string).collect();
    keys.iter()
        .map(|key| (TargetKey(*key), owners(TargetKey(*key))))
        .collect()
}

/// What who follows moves believes.
fn follow(believed: &mut BTreeSet<(TargetKey, Arc<str>)>, moves: Vec<Move>) {
    for Move { key, member, came } in moves {
        let pair = (key, member);
        let is_news = if came {
            believed.insert(pair.clone())
        } else {
            believed.remove(&pair)
        };
        assert!(is_news, "{pair:?} was said before, came: {came}");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Add(Vec<u16>),
    Remove(Vec<u16>),
    Join(Vec<u8>),
    Leave(Vec<u8>),
    Copies(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop::collection::vec(0..120_u16, 1..40).prop_map(Step::Add),
        2 => prop::collection::vec(0..120_u16, 1..20).prop_map(Step::Remove),
        2 => prop::collection::vec(0..12_u8, 1..4).prop_map(Step::Join),
        2 => prop::collection::vec(0..12_u8, 1..4).prop_map(Step::Leave),
        1 => (1..4_usize).prop_map(Step::Copies),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn whatever_happens_in_whatever_order_the_end_is_that_of_the_model(
        mut replicas in 1..4_usize,
        steps in prop::collection::vec((step(), any::<bool>()), 1..40),
    ) {
        let mut allocation = Consistent::new(replicas);
        let (mut members, mut keys) = (BTreeSet::new(), BTreeSet::new());
        let mut believed = BTreeSet::new();
        for (step, is_asked) in steps {
            match step {
                Step::Add(new) => {
                    allocation.add_all(new.iter().map(|key| TargetKey(u64::from(*key))));
                    keys.extend(new.into_iter().map(u64::from));
                }
                Step::Remove(old) => {
                    allocation.remove_all(old.iter().map(|key| TargetKey(u64::from(*key))));
                    keys.retain(|key| !old.iter().any(|old| u64::from(*old) == *key));
                }
                Step::Join(new) => {
                    let names: Vec<String> = new.iter().map(|member| format!("m-{member}")).collect();
                    let joined = allocation.join_all(names.iter().map(String::as_str));
                    prop_assert_eq!(joined, names.into_iter().filter(|name| members.insert(name.clone())).count());
                }
                Step::Copies(count) => {
                    allocation.set_replicas(count);
                    replicas = count;
                }
                Step::Leave(old) => {
                    let names: Vec<String> = old.iter().map(|member| format!("m-{member}")).collect();
                    let left = allocation.leave_all(names.iter().map(String::as_str));
                    prop_assert_eq!(left, names.into_iter().filter(|name| members.remove(name)).count());
                }
            }
            let expected = model(&members, &keys, replicas);
            prop_assert_eq!(owned(&allocation, &keys), expected.clone());
            for member in &members {
                let has = expected.values().filter(|owners| owners.contains(member)).count();
                prop_assert_eq!(allocation.count(member), has);
            }
            if is_asked {
                follow(&mut believed, allocation.take_moves());
                let pairs = expected.iter().flat_map(|(key, owners)| owners.iter().map(|owner| (*key, owner.as_str().into())));
                prop_assert_eq!(&believed, &pairs.collect::<BTreeSet<(TargetKey, Arc<str>)>>());
            }
        }
    }
}

fn members(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("prometheus-{number}")).collect()
}

fn filled(replicas: usize, count: usize, targets: u64, random: &mut Random) -> (Consistent, Vec<TargetKey>) {
    let mut allocation = Consistent::new(replicas);
    let keys: Vec<TargetKey> = (0..targets).map(|_| TargetKey(random.next_u64())).collect();
    allocation.add_all(keys.iter().copied());
    members(count)
        .iter()
        .for_each(|member| assert!(allocation.join(member)));
    allocation.take_moves();
    (allocation, keys)
}

fn most(allocation: &Consistent, count: usize) -> f64 {
    let counts = allocation.members().map(|member| allocation.count(member));
    let counts: Vec<usize> = counts.collect();
    let mean = counts.iter().sum::<usize>() as f64 / count as f64;
    *counts.iter().max().unwrap() as f64 / mean
}

/// What the issue of it promises, with its numbers.
#[test]
fn what_is_promised_holds_at_a_thousand_targets_each() {
    let mut random = Random::new(17);
    // Where a member more takes a quarter of all, chance is more than 1 % of all at 1,000 each.
    for (replicas, count, each) in [
        (1, 3, 10_000),
        (1, 10, 1_000),
        (1, 50, 1_000),
        (2, 10, 1_000),
        (3, 8, 4_000),
    ] {
        let targets = (count * each / replicas) as u64;
        let (mut allocation, keys) = filled(replicas, count, targets, &mut random);
        let copies = (keys.len() * replicas) as f64;
        let is_fair = |allocation: &Consistent, count| most(allocation, count) <= 1.05;
        assert!(is_fair(&allocation, count), "{count}: {}", most(&allocation, count));

        assert!(allocation.join("another"));
        let moves = allocation.take_moves();
        let came = moves.iter().filter(|moved| moved.came).count() as f64;
        assert!(
            came <= copies * (1.0 / (count + 1) as f64 + 0.01),
            "{count}: {came} of {copies}"
        );
        assert!(is_fair(&allocation, count + 1));

        let had = allocation.count("prometheus-1") as f64;
        assert!(allocation.leave("prometheus-1"));
        let came = allocation.take_moves().iter().filter(|moved| moved.came).count() as f64;
        assert!(
            came >= had && came <= copies * (1.0 / (count + 1) as f64 * 1.05 + 0.01),
            "{count}: {came} for {had}"
        );
        assert!(is_fair(&allocation, count));

        for key in &keys {
            let owners: BTreeSet<_> = allocation.owners(*key).collect();
            assert_eq!(owners.len(), replicas, "each copy is with another member");
        }
    }
}

/// 1 % of the targets replaced a minute moves at most 0.05 % of the others.
#[test]
fn churn_moves_hardly_any_other() {
    let mut random = Random::new(5);
    let (mut allocation, mut keys) = filled(1, 20, 20_000, &mut random);
    let (mut moved, minutes) = (0, 20);
    for minute in 0..minutes {
        let begin = minute * 200;
        for key in &mut keys[begin..begin + 200] {
            assert!(allocation.remove(*key));
            *key = TargetKey(random.next_u64());
            assert!(allocation.add(*key));
        }
        let new: BTreeSet<_> = keys[begin..begin + 200].iter().collect();
        let moves = allocation.take_moves();
        moved += moves
            .iter()
            .filter(|moved| moved.came && !new.contains(&moved.key))
            .count();
    }
    let each_minute = moved as f64 / minutes as f64 / 20_000.0;
    assert!(moved > 0 && each_minute <= 0.000_5, "{each_minute}");
}

#[test]
fn a_member_that_comes_back_moves_nothing_in_the_end() {
    let (mut allocation, keys) = filled(2, 5, 500, &mut Random::new(1));
    let keys: BTreeSet<u64> = keys.into_iter().map(TargetKey::number).collect();
    let before = owned(&allocation, &keys);
    assert!(allocation.leave("prometheus-3"));
    assert!(allocation.join("prometheus-3"));
    assert_eq!(allocation.take_moves(), []);
    assert_eq!(owned(&allocation, &keys), before);
}

#[test]
fn the_same_numbers_everywhere() {
    let (allocation, keys) = filled(1, 5, 8, &mut Random::new(3));
    let owners = keys
        .iter()
        .map(|key| (key.to_string(), allocation.owners(*key).next().unwrap().to_string()));
    insta::assert_debug_snapshot!(owners.collect::<Vec<_>>());
}
