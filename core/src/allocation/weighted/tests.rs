//! What is kept up to date is what is made anew, the bound holds, and what moves is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::{Consistent, Move, TargetKey, WeightClass};
use super::{JobWeights, Weighted};
use crate::Random;
use crate::reference::{PlainAllocation, PlainOwners};

const JOBS: [&str; 2] = ["a", "b"];

#[derive(Debug, Clone)]
enum Step {
    Add(Vec<(u64, Option<u64>)>),
    Weigh(Vec<(u64, Option<u64>)>),
    Remove(Vec<u64>),
    Join(Vec<u8>),
    Leave(Vec<u8>),
    Copies(usize),
    Weighted(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let weight = || prop_oneof![3 => (0..40_u64).prop_map(Some), 1 => (1..3_000_u64).prop_map(Some), 1 => Just(None)];
    let targets = move || prop::collection::vec((0..60_u64, weight()), 1..20);
    prop_oneof![
        4 => targets().prop_map(Step::Add),
        2 => targets().prop_map(Step::Weigh),
        2 => prop::collection::vec(0..60_u64, 1..12).prop_map(Step::Remove),
        2 => prop::collection::vec(0..8_u8, 1..4).prop_map(Step::Join),
        2 => prop::collection::vec(0..8_u8, 1..4).prop_map(Step::Leave),
        1 => (1..3_usize).prop_map(Step::Copies),
        1 => prop::bool::weighted(0.8).prop_map(Step::Weighted),
    ]
}

/// Which job a target is of.
fn job_of(key: u64) -> usize {
    (key % 3 % 2) as usize
}

fn weights(weights: &[(u64, Option<u64>)]) -> JobWeights {
    let of_job = |(job, name): (usize, &&str)| {
        let of_job = weights.iter().filter(|(key, _)| job_of(*key) == job);
        let of_job = of_job.map(|(key, weight)| (TargetKey(*key), weight.map(WeightClass::of)));
        (Arc::from(*name), of_job.collect())
    };
    JOBS.iter().enumerate().map(of_job).collect()
}

fn say(allocation: &mut Weighted, said: &[(u64, Option<u64>)]) {
    for (job, of_job) in weights(said) {
        allocation.weigh(&job, of_job);
    }
}

fn take(allocation: &mut Weighted, facts: &mut PlainAllocation, step: Step) {
    let names = |numbers: &[u8]| numbers.iter().map(|number| format!("m-{number}")).collect::<Vec<_>>();
    match step {
        Step::Add(targets) => {
            if facts.is_weighted {
                say(allocation, &targets);
            }
            allocation.add_all(targets.iter().map(|(key, _)| TargetKey(*key)));
            let targets = targets
                .into_iter()
                .map(|(key, weight)| (key, (JOBS[job_of(key)].to_owned(), weight)));
            facts.targets.extend(targets);
        }
        Step::Weigh(targets) => {
            let there = targets.into_iter().filter(|(key, _)| facts.targets.contains_key(key));
            let there: Vec<(u64, Option<u64>)> = there.collect();
            if facts.is_weighted {
                say(allocation, &there);
            }
            facts.targets.extend(
                there
                    .into_iter()
                    .map(|(key, weight)| (key, (JOBS[job_of(key)].to_owned(), weight))),
            );
        }
        Step::Remove(keys) => {
            allocation.remove_all(keys.iter().map(|key| TargetKey(*key)));
            facts.targets.retain(|key, _| !keys.contains(key));
        }
        Step::Join(numbers) => {
            let names = names(&numbers);
            allocation.join_seats(names.iter().map(|name| (name.as_str(), None)));
            facts.members.extend(names.into_iter().map(|name| (name, None)));
        }
        Step::Leave(numbers) => {
            let names = names(&numbers);
            allocation.leave_all(names.iter().map(String::as_str));
            facts.members.retain(|name, _| !names.contains(name));
        }
        Step::Copies(replicas) => {
            allocation.set_replicas(replicas);
            facts.replicas = replicas;
        }
        Step::Weighted(is_weighted) => {
            // What was said is forgotten, and said anew.
            let all = facts.targets.iter().map(|(key, (_, weight))| (*key, *weight));
            allocation.set_weights(is_weighted.then(|| weights(&all.collect::<Vec<_>>())));
            facts.is_weighted = is_weighted;
        }
    }
}

/// What who follows moves believes.
fn follow(believed: &mut BTreeSet<(u64, String)>, moves: Vec<Move>) {
    assert!(moves.is_sorted_by_key(|moved| (moved.key, moved.member.clone())));
    for Move { key, member, came } in moves {
        let pair = (key.number(), member.to_string());
        let is_news = if came {
            believed.insert(pair.clone())
        } else {
            believed.remove(&pair)
        };
        assert!(is_news, "{pair:?} was said before, came: {came}");
    }
}

/// Nobody has more than a tenth over the mean, or than that and one target.
fn is_within_the_bound(facts: &PlainAllocation, owned: &PlainOwners) -> bool {
    let (weights, most) = (facts.weights(), facts.most());
    facts.members.keys().all(|member| {
        let of_member = owned.iter().filter(|(_, owners)| owners.contains(member));
        let of_member: Vec<u64> = of_member.map(|(key, _)| weights[key]).collect();
        let load: u64 = of_member.iter().sum();
        let lightest = of_member.iter().min().copied().unwrap_or_default();
        load <= most || load - lightest < most
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn whatever_happens_in_whatever_order_the_end_is_that_of_the_model(
        steps in prop::collection::vec((step(), any::<bool>()), 1..30),
    ) {
        let mut allocation = Weighted::new(1);
        allocation.set_weights(Some(Vec::new()));
        let mut facts = PlainAllocation { replicas: 1, is_weighted: true, ..PlainAllocation::default() };
        let mut believed = BTreeSet::new();
        for (step, is_asked) in steps {
            take(&mut allocation, &mut facts, step);
            let expected = facts.owners();
            let weights = facts.weights();
            let owners = |key: u64| allocation.owners(TargetKey(key)).map(ToString::to_string).collect::<BTreeSet<_>>();
            for (key, expected) in &expected {
                prop_assert_eq!(&owners(*key), expected, "of {}", key);
                prop_assert_eq!(allocation.class(TargetKey(*key)).map(WeightClass::weight), Some(weights[key]));
            }
            prop_assert_eq!(allocation.len(), expected.len());
            for member in facts.members.keys() {
                let of_member = expected.iter().filter(|(_, owners)| owners.contains(member));
                let of_member: Vec<u64> = of_member.map(|(key, _)| weights[key]).collect();
                prop_assert_eq!(allocation.count(member), of_member.len());
                prop_assert_eq!(allocation.weight(member), of_member.iter().sum::<u64>());
            }
            let copies = facts.replicas.min(facts.members.len());
            prop_assert!(expected.values().all(|owners| owners.len() == copies), "everything is owned, and by different members");
            if facts.replicas == 1 && facts.is_weighted {
                prop_assert!(is_within_the_bound(&facts, &expected), "{facts:?} {expected:?}");
            }
            if is_asked {
                follow(&mut believed, allocation.take_moves());
                let pairs = expected.iter().flat_map(|(key, owners)| owners.iter().map(|owner| (*key, owner.clone())));
                prop_assert_eq!(&believed, &pairs.collect::<BTreeSet<_>>());
            }
        }
    }
}

/// Where all weigh the same, whatever that is, it is the one that knows no weights.
#[test]
fn without_weights_it_is_the_consistent_one() {
    let mut random = Random::new(11);
    let keys: Vec<TargetKey> = (0..3_000).map(|_| TargetKey(random.next_u64())).collect();
    let (mut weighted, mut consistent) = (Weighted::new(2), Consistent::new(2));
    let members = ["a", "b", "c", "d", "e"];
    weighted.add_all(keys.iter().copied());
    consistent.add_all(keys.iter().copied());
    weighted.join_seats(members.map(|name| (name, None)));
    consistent.join_all(members);
    assert_eq!(weighted.take_moves(), consistent.take_moves());
    weighted.leave_all(["b"]);
    consistent.leave("b");
    assert_eq!(weighted.take_moves(), consistent.take_moves());
}

#[test]
fn what_nothing_is_said_of_counts_as_a_typical_one_of_its_job() {
    let mut allocation = Weighted::new(1);
    allocation.set_weights(Some(Vec::new()));
    let class = |weight| Some(WeightClass::of(weight));
    let key = TargetKey::from_number;
    let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
    allocation.weigh(
        &a,
        [
            (key(1), class(8)),
            (key(2), class(64)),
            (key(3), class(1_024)),
            (key(4), None),
        ],
    );
    allocation.weigh(&b, [(key(5), None)]);
    allocation.add_all((1..6).map(key));
    let weight = |allocation: &Weighted, number| allocation.class(key(number)).map(WeightClass::weight);
    assert_eq!((weight(&allocation, 4), weight(&allocation, 5)), (Some(64), Some(64)));
    allocation.weigh(&b, [(key(6), class(2))]);
    assert_eq!(weight(&allocation, 6), None, "it is not there");
    // The median of all four is lower than that of a's.
    assert_eq!((weight(&allocation, 4), weight(&allocation, 5)), (Some(64), Some(2)));
    allocation.remove_all([key(6), key(3)]);
    assert_eq!((weight(&allocation, 4), weight(&allocation, 5)), (Some(8), Some(8)));
}

/// A tenth over the mean where there are many, and some move that another one moved aside: measured, not promised.
#[test]
fn heavy_and_light_ones_are_shared_out_evenly() {
    let mut random = Random::new(3);
    let job: Arc<str> = "job".into();
    let keys: Vec<TargetKey> = (0..20_000).map(|_| TargetKey(random.next_u64())).collect();
    // Zipf's: the heaviest is a thousandth part of all.
    let weights = keys.iter().zip(1_u64..);
    let weights = weights.map(|(key, rank)| (*key, Some(WeightClass::of(1_000_000 / rank.isqrt()))));
    let mut allocation = Weighted::new(1);
    allocation.set_weights(Some(Vec::new()));
    allocation.weigh(&job, weights);
    allocation.add_all(keys.iter().copied());
    let names: Vec<String> = (0..20).map(|number| format!("prometheus-{number}")).collect();
    allocation.join_seats(names.iter().map(|name| (name.as_str(), None)));
    allocation.take_moves();
    let most = |allocation: &Weighted| {
        let weights: Vec<u64> = allocation.members().map(|member| allocation.weight(member)).collect();
        let mean = weights.iter().sum::<u64>() as f64 / weights.len() as f64;
        *weights.iter().max().unwrap() as f64 / mean
    };
    assert!(most(&allocation) <= 1.1, "{}", most(&allocation));
    allocation.join_seats([("another", None)]);
    let moved = allocation.take_moves().iter().filter(|moved| moved.came).count();
    assert!((900..2_000).contains(&moved), "{moved} of 20,000 for a twenty-first");
    assert!(most(&allocation) <= 1.1);
    allocation.leave_all(["another"]);
    let back = allocation.take_moves().iter().filter(|moved| moved.came).count();
    assert_eq!(back, moved, "who leaves again leaves all as it was");
}
