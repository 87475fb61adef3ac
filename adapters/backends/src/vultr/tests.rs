use std::collections::BTreeSet;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, World};
use serde_json::json;

use super::*;
use crate::golden::{Labels, counted, golden, labels, start, targets};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn targets_are_those_of_prometheus() {
    let golden = golden!("vultr");
    let mut expected = golden.expected();
    // The addresses that are none: one instance has another, and one has nothing.
    let instances = expected.get_mut("vultr").expect("a job");
    let (nowhere, mut others): (BTreeSet<Labels>, BTreeSet<Labels>) = std::mem::take(instances)
        .into_iter()
        .partition(|labels| labels["__address__"] == "0.0.0.0:9100");
    assert_eq!(nowhere.len(), 2);
    for mut labels in nowhere {
        if let Some(internal) = labels.get("__meta_vultr_instance_internal_ip").cloned() {
            labels.insert("__address__".to_owned(), format!("{internal}:9100"));
            others.insert(labels);
        }
    }
    *instances = others;
    assert_eq!(golden.found(), expected);
}

#[test]
fn what_is_missing_costs_a_label_and_what_makes_no_sense_is_skipped_and_counted() {
    let mut world = World::new();
    let instances = json!([
        {"id": 5, "main_ip": "192.0.2.1", "ram": "2048", "os_id": null, "tags": "a", "features": [null, "ipv6"]},
        {"main_ip": null, "v6_main_ip": "2001:db8::1"}, {"main_ip": "0.0.0.0", "v6_main_ip": "::"}, {}, null, [],
    ]);
    world
        .http
        .answer(200, &[], json!({ "instances": instances }).to_string());
    start::<VultrSd>(&mut world, "{}");
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let first = labels(&[
        ("__address__", "192.0.2.1:80"),
        ("__meta_vultr_instance_features", ",ipv6,"),
        ("__meta_vultr_instance_main_ip", "192.0.2.1"),
        ("__meta_vultr_instance_ram_mb", "2048"),
    ]);
    let second = labels(&[
        ("__address__", "[2001:db8::1]:80"),
        ("__meta_vultr_instance_main_ipv6", "2001:db8::1"),
    ]);
    assert_eq!(
        (targets(&collected), counted(&world, SKIPPED)),
        (BTreeSet::from([first, second]), 4.0)
    );
}

#[test]
fn a_page_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    for (answer, expected) in [
        (Answer::new(401), "status 401"),
        (Answer::new(429).header("retry-after", "40"), "status 429"),
        (Answer::new(500), "status 500"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::json("{}"), "missing field `instances`"),
        (Answer::json(r#"{"instances": null}"#), "invalid type: null"),
        (Answer::json(r#"{"instances": [{"id""#), "EOF while parsing"),
        (Answer::json("<html>"), "expected value"),
        (
            Answer::json(r#"{"instances": [{}], "meta": {"links": {"next": "bmV4dF9f"}}}"#),
            "comes a second time",
        ),
    ] {
        let mut world = World::new();
        golden!("vultr").serve(&world);
        start::<VultrSd>(&mut world, "{authorization: {credentials: hunter2}}");
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.addresses().len(), 3);
        world.http.at(&format!("{URL}&cursor=bmV4dF9f")).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(
            said.starts_with("listing the instances of Vultr https://api.vultr.com/") && said.contains(expected),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(collected, before);
    }
}
