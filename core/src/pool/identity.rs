//! Identities are told apart by all of their bits, whatever a hash table makes of them.

use super::identify::term;
use super::owners::{Added, Owners, Place, Removed};
use super::tests::{PROVIDER, address, drain, group, job};
use super::{JobOptions, PoolOutput, TargetId, TargetPool};
use crate::Encoder;

/// The worked example in `identify`.
#[test]
fn the_example_s_sums_are_right() {
    let (a1, node, instance, job) = ([3, 5], [7, 2], [9, 4], [1, 12]);
    assert_eq!(term(a1, instance) + term(node, job), 94);
    assert_eq!(term(node, instance) + term(a1, job), 102);
}

fn place(index: u32) -> Place {
    Place {
        provider: 0,
        key: 0,
        index,
        slot: 0,
    }
}

/// As if half of the hash were the same for all: tables then find nothing by it.
#[test]
fn identities_that_meet_in_one_half_stay_two_targets() {
    for half in [0, 1] {
        let ids: Vec<TargetId> = (0..200)
            .map(|number| {
                let mut halves = [7; 2];
                halves[half] = number;
                TargetId(halves)
            })
            .collect();
        let mut owners = Owners::default();
        for (id, index) in ids.iter().zip(0..) {
            assert_eq!(
                owners.add(*id, place(index), |_, index| place(index)),
                Added::New,
                "{id}"
            );
        }
        assert_eq!(owners.len(), ids.len());
        for (id, index) in ids.iter().zip(0..) {
            assert_eq!(owners.get(*id), Some((0, index)));
        }
        for (id, index) in ids.iter().zip(0..) {
            let another = owners.remove(TargetId([9; 2]), place(index));
            assert_eq!(another, Removed::Another, "nothing has that identity");
            assert_eq!(owners.remove(*id, place(index)), Removed::Only, "{id}");
            assert_eq!(owners.get(*id), None);
        }
        assert_eq!(owners.len(), 0);
    }
}

/// Every label counts with its name, however it is encoded and wherever it comes from.
#[test]
fn an_identity_follows_from_the_labels_alone() {
    let identity = |labels: &[(&str, &str)], targets: &[Vec<(&str, &str)>]| {
        let mut pool = TargetPool::new(job(vec![]));
        pool.put_group(PROVIDER, &group("s", labels, targets));
        match drain(&mut pool).as_slice() {
            [PoolOutput::Started(id), ..] => *id,
            other => panic!("{other:?}"),
        }
    };
    let with = |labels: &[(&'static str, &'static str)]| {
        let mut target = address("h:1");
        target.extend(labels);
        target
    };
    let one = identity(&[], &[with(&[("a", "x"), ("b", "y")])]);
    for (labels, target) in [
        (vec![("a", "x")], with(&[("b", "y")])),
        (vec![("a", "x"), ("b", "y")], with(&[])),
        (vec![("b", "z")], with(&[("b", "y"), ("a", "x")])),
        (vec![("__meta_c", "c")], with(&[("a", "x"), ("b", "y")])),
        (vec![], with(&[("a", "x"), ("b", "y"), ("__scheme__", "http")])),
        (vec![], with(&[("a", "x"), ("b", "y"), ("instance", "h:1")])),
    ] {
        assert_eq!(identity(&labels, &[target]), one, "{labels:?}");
    }
    for labels in [
        &[("a", "y"), ("b", "x")][..],
        &[("a", "x")],
        &[("a", "xy")],
        &[("ax", "b"), ("y", "")],
        &[("a", "x"), ("b", "y"), ("instance", "h:2")],
        &[("a", "x"), ("b", "y"), ("__scheme__", "https")],
        &[("a", "x"), ("b", "y"), ("__tmp", "y")],
    ] {
        assert_ne!(identity(&[], &[with(labels)]), one, "{labels:?}");
    }
    // Of two alike the values are written once, and have a number.
    let twice = [
        with(&[("a", "x"), ("b", "y")]),
        with(&[("a", "x"), ("b", "y"), ("c", "z")]),
    ];
    assert_eq!(identity(&[], &twice), one);
}

#[test]
fn parameters_of_the_job_are_part_of_an_identity() {
    let with = |params: Vec<(String, Vec<String>)>| {
        let mut pool = TargetPool::new(JobOptions { params, ..job(vec![]) });
        pool.put_group(PROVIDER, &group("s", &[], &[address("h:1")]));
        drain(&mut pool)
    };
    let param = |values: &[&str]| vec![("x".to_owned(), values.iter().map(|value| (*value).to_owned()).collect())];
    let all = [
        with(vec![]),
        with(param(&[])),
        with(param(&["a"])),
        with(param(&["a", "b"])),
    ];
    for (place, one) in all.iter().enumerate() {
        assert!(!all[..place].contains(one), "{place}");
    }
}

/// Far more kinds of labels and values than are remembered.
#[test]
fn what_is_forgotten_is_worked_out_again_to_the_same() {
    let many = |generation: usize| {
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        batch.begin("s").unwrap();
        for number in 0..40_000 {
            batch.begin_target().unwrap();
            batch.label("__address__", &format!("h:{number}")).unwrap();
            // Each value stands twice, so it is shared and has a number.
            batch.label("half", &format!("value {}", number / 2)).unwrap();
            batch.label(&format!("name{}", number % 3_000), "x").unwrap();
            if generation > 0 {
                batch.label("__meta_generation", "1").unwrap();
            }
        }
        batch.end().unwrap();
        batch.finish().remove(0)
    };
    let mut pool = TargetPool::new(job(vec![]));
    pool.put_group(PROVIDER, &many(0));
    assert_eq!(drain(&mut pool).len(), 40_000);
    pool.put_group(PROVIDER, &many(1));
    assert_eq!(drain(&mut pool), []);
}

/// What a target is allocated by is what decides its scrape, and no more.
#[test]
fn the_key_is_of_what_decides_the_scrape() {
    let key_of = |options: JobOptions, labels: &[(&str, &str)]| {
        let mut pool = TargetPool::new(options);
        pool.put_group(PROVIDER, &group("s", &[], &[labels.to_vec()]));
        let Some(PoolOutput::Started(id)) = pool.poll_output() else {
            panic!("one target is new")
        };
        (pool.key(id).expect("it is there"), id)
    };
    let plain = [("__address__", "a:1"), ("rack", "1")];
    let with = |name, value| [plain.to_vec(), vec![(name, value)]].concat();
    let (key, id) = key_of(job(vec![]), &plain);
    for same in ["__meta_x", "__scrape_interval__"] {
        assert_eq!(key_of(job(vec![]), &with(same, "2m")).0, key, "{same}");
    }
    assert_ne!(key_of(job(vec![]), &with("__scrape_interval__", "2m")).1, id);
    for other in ["__scheme__", "__metrics_path__", "__param_x", "pod"] {
        assert_ne!(key_of(job(vec![]), &with(other, "2m")).0, key, "{other}");
    }
    assert_ne!(
        key_of(
            job(vec![]),
            &[("__address__", "b:1"), ("instance", "a:1"), ("rack", "1")]
        )
        .0,
        key
    );
    // Two jobs may give their targets the same label `job`.
    let (name, parameters) = (JobOptions::new("other"), ("x".to_owned(), vec!["1".to_owned()]));
    assert_ne!(
        key_of(name.clone(), &with("job", "node")).0,
        key_of(job(vec![]), &with("job", "node")).0
    );
    assert_eq!(
        key_of(name, &with("job", "node")).1,
        key_of(job(vec![]), &with("job", "node")).1
    );
    let params = JobOptions {
        params: vec![parameters],
        ..job(vec![])
    };
    assert_ne!(key_of(params, &plain).0, key);
}
