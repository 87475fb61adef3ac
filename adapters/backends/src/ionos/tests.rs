use std::collections::BTreeSet;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, World};
use serde_json::{Value, json};

use super::*;
use crate::golden::{Labels, counted, golden, start, targets};

const MINUTE: Duration = Duration::from_secs(60);
const ENTRY: &str = "{datacenter_id: dc-1, authorization: {credentials: hunter2}}";
const SERVERS: &str = "https://api.ionos.com/cloudapi/v6/datacenters/dc-1/servers";

#[test]
fn targets_are_those_of_prometheus() {
    let golden = golden!("ionos");
    assert_eq!(golden.found(), golden.expected());
}

#[test]
fn what_is_missing_costs_a_label_and_what_makes_no_sense_is_skipped_and_counted() {
    let mut world = World::new();
    let nic = |ips: Value| json!({"nics": {"items": [null, {"properties": null}, {"properties": {"ips": ips}}]}, "volumes": null});
    let items = json!([
        {"id": 5, "entities": nic(json!(["192.0.2.1", null])), "properties": null, "metadata": "x"},
        {"entities": nic(json!([]))}, {"entities": null}, {}, null, "server",
    ]);
    world
        .http
        .at(SERVERS)
        .then(Answer::json(json!({"id": "dc-1/servers", "items": items}).to_string()));
    start::<IonosSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let only: Labels = [
        ("__address__", "192.0.2.1:80"),
        ("__meta_ionos_server_ip", ",192.0.2.1,"),
        ("__meta_ionos_server_nic_ip_unnamed", ",192.0.2.1,"),
        ("__meta_ionos_server_servers_id", "dc-1/servers"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    assert_eq!(
        (targets(&collected), counted(&world, SKIPPED)),
        (BTreeSet::from([only]), 5.0)
    );
}

#[test]
fn there_is_no_end_after_a_thousand_servers() {
    let mut world = World::new();
    let page = |from: usize, to: usize| {
        let server = |number: usize| {
            let ip = format!("10.0.{}.{}", number / 250, number % 250);
            json!({"entities": {"nics": {"items": [{"properties": {"ips": [ip]}}]}}})
        };
        let items: Vec<Value> = (from..to).map(server).collect();
        Answer::json(json!({"id": "dc-1/servers", "items": items}).to_string())
    };
    world.http.at(SERVERS).then(page(0, 1000)).then(page(1000, 1001));
    start::<IonosSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.addresses().len(), 1001);
    let asked: Vec<String> = world
        .http
        .take_requests()
        .into_iter()
        .map(|sent| sent.request.url)
        .collect();
    let url = |offset: usize| format!("{SERVERS}?depth=3&limit=1000&offset={offset}");
    assert_eq!(asked, [url(0), url(1000)]);
}

#[test]
fn a_list_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    for (answer, expected) in [
        (Answer::new(401), "status 401"),
        (Answer::new(429).header("retry-after", "40"), "status 429"),
        (Answer::new(500), "status 500"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::json("{}"), "missing field `id`"),
        (Answer::json(r#"{"id": "dc", "items": null}"#), "invalid type: null"),
        (Answer::json(r#"{"id": "dc", "items": [{"id""#), "EOF while parsing"),
        (Answer::json("<html>"), "expected value"),
        // A data center without servers says so like this; it is believed when it says so again (B11).
        (Answer::json(r#"{"id": "dc"}"#), "of 2 before"),
    ] {
        let mut world = World::new();
        golden!("ionos").serve(&world);
        start::<IonosSd>(&mut world, ENTRY);
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.addresses().len(), 2);
        world.http.at(SERVERS).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(
            said.starts_with("listing the servers of IONOS ") && said.contains(expected),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(collected, before);
    }
}
