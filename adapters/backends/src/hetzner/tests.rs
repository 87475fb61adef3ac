use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, World};
use serde_json::{Value, json};

use super::*;
use crate::golden::{Labels, counted, found, golden, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const SERVERS: &str = "https://api.hetzner.cloud/v1/servers";
const NETWORKS: &str = "https://api.hetzner.cloud/v1/networks";
const ROBOT: &str = "https://robot-ws.your-server.de/server";

/// Without what only one of the two says: `<nil>` and a label that the cloud has no more, and newer labels.
fn common(mut labels: Labels) -> Option<Labels> {
    labels.retain(|name, value| {
        let is_later = name.starts_with("__meta_hetzner_hcloud_location") || name == "__meta_hetzner_robot_datacenter";
        let is_former = name == "__meta_hetzner_datacenter" && value.contains("-dc14");
        !is_later && !is_former && value != "<nil>"
    });
    let address = labels.get("__address__")?.clone();
    // What has no IPv4 address has another here, or is no target.
    match address.as_str() {
        "<nil>:80" | "10.1.0.3:80" | "[2001:db8:2::1]:80" => drop(labels.remove("__address__")),
        ":9100" => return None,
        _ => {}
    }
    Some(labels)
}

#[test]
fn targets_are_those_of_prometheus() {
    let golden = golden!("hetzner");
    let common = |found: BTreeMap<String, BTreeSet<Labels>>| -> BTreeMap<String, BTreeSet<Labels>> {
        let is_target = |labels: &Labels| {
            labels
                .get("__meta_hetzner_server_name")
                .is_none_or(|name| name != "nowhere")
        };
        let jobs = found.into_iter();
        jobs.map(|(job, targets)| (job, targets.into_iter().filter(is_target).filter_map(common).collect()))
            .collect()
    };
    let found = golden.found();
    let addresses: BTreeSet<&str> = found["hcloud"]
        .iter()
        .map(|labels| labels["__address__"].as_str())
        .collect();
    assert_eq!(
        addresses,
        BTreeSet::from(["10.1.0.3:80", "192.0.2.1:80", "[2001:db8:2::1]:80"])
    );
    assert_eq!(found["robot"].len(), 2);
    assert_eq!(common(found), common(golden.expected()));
}

#[test]
fn servers_are_asked_for_in_pages_of_fifty_that_have_the_labels() {
    let mut world = World::new();
    let page = |id: u32, next: Value| {
        let servers = json!([{"id": id, "public_net": {"ipv4": {"ip": format!("192.0.2.{id}")}}}]);
        Answer::json(json!({"servers": servers, "meta": {"pagination": {"next_page": next}}}).to_string())
    };
    world
        .http
        .at(SERVERS)
        .then(page(1, json!(2)))
        .then(page(2, Value::Null));
    world.http.at(NETWORKS).then(Answer::json(r#"{"networks": []}"#));
    start::<HetznerSd>(
        &mut world,
        "{role: hcloud, label_selector: 'env in (prod),!old', port: 9100, authorization: {credentials: t}}",
    );
    let one = |id: &str, address: &str| {
        labels(&[
            ("__address__", &format!("{address}:9100")),
            ("__meta_hetzner_public_ipv4", address),
            ("__meta_hetzner_role", "hcloud"),
            ("__meta_hetzner_server_id", id),
        ])
    };
    assert_eq!(
        found(&mut world),
        BTreeSet::from([one("1", "192.0.2.1"), one("2", "192.0.2.2")])
    );
    let asked: Vec<String> = world
        .http
        .take_requests()
        .into_iter()
        .map(|sent| sent.request.url)
        .collect();
    let selector = "label_selector=env%20in%20%28prod%29%2C%21old";
    assert_eq!(
        asked,
        [
            format!("{SERVERS}?{selector}&page=1&per_page=50"),
            format!("{SERVERS}?{selector}&page=2&per_page=50"),
            format!("{NETWORKS}?page=1&per_page=50"),
        ]
    );
}

#[test]
fn what_is_missing_costs_a_label_and_what_makes_no_sense_is_skipped_and_counted() {
    let mut world = World::new();
    let ip = |ip: &str| json!({"ipv4": {"ip": ip}});
    let servers = json!([
        {"public_net": ip("192.0.2.1"), "id": null, "server_type": null, "image": [], "labels": {"a": null}, "location": 5},
        {"public_net": ip("192.0.2.2"), "server_type": {"memory": "x", "cores": 4}, "private_net": [{"network": 1, "ip": "10.0.0.1"}, null],
         "datacenter": {"location": {"name": "old"}}},
        {"public_net": null}, {"public_net": {"ipv6": {"ip": "nonsense"}}}, {}, null, "server",
    ]);
    world
        .http
        .at(SERVERS)
        .then(Answer::json(json!({ "servers": servers }).to_string()));
    let networks = json!({"networks": [{"id": 1, "name": "a"}, {"id": 2}, null]});
    world.http.at(NETWORKS).then(Answer::json(networks.to_string()));
    start::<HetznerSd>(&mut world, "{role: hcloud}");
    let first = labels(&[
        ("__address__", "192.0.2.1:80"),
        ("__meta_hetzner_hcloud_labelpresent_a", "true"),
        ("__meta_hetzner_public_ipv4", "192.0.2.1"),
        ("__meta_hetzner_role", "hcloud"),
    ]);
    let second = labels(&[
        ("__address__", "192.0.2.2:80"),
        ("__meta_hetzner_hcloud_cpu_cores", "4"),
        ("__meta_hetzner_hcloud_datacenter_location", "old"),
        ("__meta_hetzner_hcloud_location", "old"),
        ("__meta_hetzner_hcloud_private_ipv4_a", "10.0.0.1"),
        ("__meta_hetzner_public_ipv4", "192.0.2.2"),
        ("__meta_hetzner_role", "hcloud"),
    ]);
    assert_eq!(found(&mut world), BTreeSet::from([first, second]));
    assert_eq!(counted(&world, SKIPPED), 5.0);

    let mut world = World::new();
    let servers = r#"[{"server": {"server_ip": "192.0.2.3", "subnet": [null, {"ip": 5}]}}, {"server": {}}, {"server": null}, null, []]"#;
    world.http.at(ROBOT).then(Answer::json(servers));
    start::<HetznerSd>(&mut world, "{role: robot}");
    let only = labels(&[
        ("__address__", "192.0.2.3:80"),
        ("__meta_hetzner_public_ipv4", "192.0.2.3"),
        ("__meta_hetzner_robot_cancelled", "false"),
        ("__meta_hetzner_role", "robot"),
    ]);
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([only]), 4.0)
    );
}

#[test]
fn a_list_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    for (entry, lists) in [
        ("{role: hcloud}", &[SERVERS, NETWORKS][..]),
        ("{role: robot}", &[ROBOT]),
    ] {
        for list in lists {
            for (answer, expected) in [
                (Answer::new(401), "status 401"),
                (Answer::new(403), "status 403"),
                (Answer::new(429).header("retry-after", "40"), "status 429"),
                (Answer::new(500), "status 500"),
                (Answer::hangs(), "no whole answer within"),
                (Answer::json("{}"), "missing field"),
                (
                    Answer::json(r#"{"servers": null, "networks": null}"#),
                    "invalid type: null",
                ),
                (Answer::json(r#"{"servers": [{"id""#), "EOF while parsing"),
                (Answer::json("<html>"), "expected value"),
            ] {
                // This one is an object where the others are lists.
                let expected = if *list == ROBOT && !expected.contains("status") && !expected.starts_with("no whole") {
                    "line 1"
                } else {
                    expected
                };
                let mut world = World::new();
                golden!("hetzner").serve(&world);
                start::<HetznerSd>(&mut world, entry);
                let mut collected = Collected::default();
                collected.receive(&world.settle());
                let before = collected.clone();
                assert!(!before.addresses().is_empty());
                world.http.at(list).now(answer);
                let received = world.run_until_received(MINUTE * 4);
                collected.receive(&received);
                let said = received[0].failure().expect("a failure");
                assert!(
                    said.starts_with("listing the servers of Hetzner https://") && said.contains(expected),
                    "{said}"
                );
                assert_eq!(collected, before);
            }
        }
    }
}
