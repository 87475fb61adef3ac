use std::collections::BTreeSet;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, World};
use serde_json::{Value, json};

use super::*;
use crate::golden::{counted, found, golden, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const UUID: &str = "11111111-1111-1111-1111-111111111111";
const SERVERS: &str = "https://api.scaleway.com/instance/v1/zones/fr-par-1/servers";
const METAL: &str = "https://api.scaleway.com/baremetal/v1/zones/fr-par-1";
const IPAM: &str = "https://api.scaleway.com/ipam/v1/regions/fr-par/ips";

/// An entry with these fields besides what each has to have.
fn entry(fields: &str) -> String {
    format!("{{project_id: {UUID}, access_key: SCWXXXXXXXXXXXXXXXXX, secret_key: {UUID}, {fields}}}")
}

fn urls(world: &World) -> Vec<String> {
    let sent = world.http.take_requests().into_iter();
    sent.map(|sent| sent.request.url.replace("https://api.scaleway.com", ""))
        .collect()
}

fn servers(servers: &Value) -> Answer {
    let count = servers.as_array().map_or(0, Vec::len).to_string();
    Answer::json(json!({ "servers": servers }).to_string()).header("x-total-count", &count)
}

#[test]
fn targets_are_those_of_prometheus() {
    let golden = golden!("scaleway");
    let mut expected = golden.expected();
    // The one without an address.
    let metal = expected.get_mut("baremetal").expect("a job");
    metal.retain(|labels| labels.contains_key("__address__"));
    assert_eq!(metal.len(), 3);
    assert_eq!(golden.found(), expected);
}

/// By Prometheus's source: addresses of private networks are newer than any Prometheus that there is a package of. The
/// answer is that of <https://www.scaleway.com/en/developers/api/ipam/#path-ips-list-existing-ips>.
#[test]
fn an_instance_that_only_a_private_network_knows_is_found_there() {
    let mut world = World::new();
    let found_there = json!([
        {"id": "a", "private_nics": [{"id": "nic 0"}, {"id": "nic-1"}], "zone": "fr-par-1"},
        {"id": "b", "private_nics": [{"id": "nic-2"}]},
        {"id": "c", "private_nics": [{"id": "nic-3"}], "private_ip": "10.0.0.3"},
        {"id": "d", "private_nics": [{"id": "nic-4"}], "public_ips": [{"address": "2001:db8::4", "family": "inet6"},
            {"address": "192.0.2.4", "family": "inet"}, {"address": "192.0.2.5", "family": "inet"}]},
        {"id": "e", "public_ip": {"address": "2001:db8::5", "family": "inet6"}},
    ]);
    world.http.at(SERVERS).then(servers(&found_there));
    let ips = json!({"total_count": 3, "ips": [
        {"id": "1", "address": "fd00::1/64", "is_ipv6": true, "resource": {"type": "instance_private_nic", "id": "nic-1"}},
        {"id": "2", "address": "172.16.4.2/22", "is_ipv6": false, "resource": {"type": "instance_private_nic", "id": "nic-1"}},
        {"id": "3", "address": "172.16.4.3/22", "is_ipv6": false, "resource": null},
    ]});
    world.http.at(IPAM).then(Answer::json(ips.to_string()));
    start::<ScalewaySd>(&mut world, &entry("role: instance, port: 9100"));
    let a = labels(&[
        ("__address__", "172.16.4.2:9100"),
        ("__meta_scaleway_instance_id", "a"),
        ("__meta_scaleway_instance_private_ipv4", "172.16.4.2"),
        ("__meta_scaleway_instance_region", "fr-par"),
        ("__meta_scaleway_instance_zone", "fr-par-1"),
    ]);
    let c = labels(&[
        ("__address__", "10.0.0.3:9100"),
        ("__meta_scaleway_instance_id", "c"),
        ("__meta_scaleway_instance_private_ipv4", "10.0.0.3"),
    ]);
    let d = labels(&[
        ("__address__", "192.0.2.4:9100"),
        ("__meta_scaleway_instance_id", "d"),
        (
            "__meta_scaleway_instance_public_ipv4_addresses",
            ",192.0.2.4,192.0.2.5,",
        ),
        ("__meta_scaleway_instance_public_ipv6_addresses", ",2001:db8::4,"),
    ]);
    let e = labels(&[
        ("__address__", "[2001:db8::5]:9100"),
        ("__meta_scaleway_instance_id", "e"),
    ]);
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([a, c, d, e]), 1.0)
    );
    let asked = "?resource_types=instance_private_nic&resource_ids=nic%200&resource_ids=nic-1&resource_ids=nic-2\
                 &resource_ids=nic-4&page=1&page_size=100";
    assert_eq!(urls(&world)[1], format!("/ipam/v1/regions/fr-par/ips{asked}"));
}

#[test]
fn a_hundred_interfaces_are_asked_for_in_portions() {
    let mut world = World::new();
    let many: Vec<Value> = (0..51)
        .map(|n| json!({"private_nics": [{"id": n.to_string()}]}))
        .collect();
    world.http.at(SERVERS).then(servers(&Value::Array(many)));
    world
        .http
        .at(IPAM)
        .then(Answer::json(r#"{"ips": [], "total_count": 0}"#));
    start::<ScalewaySd>(&mut world, &entry("role: instance"));
    assert_eq!(found(&mut world), BTreeSet::new());
    let asked = urls(&world).iter().filter(|url| url.starts_with("/ipam")).count();
    assert_eq!(asked, 2);
}

#[test]
fn the_project_filters_nothing_unless_it_is_told_to() {
    for (fields, parameter) in [
        ("role: instance", ""),
        ("role: baremetal", ""),
        ("role: instance, filter_by_project: true", "project"),
        ("role: baremetal, filter_by_project: true", "project_id"),
    ] {
        let mut world = World::new();
        start::<ScalewaySd>(&mut world, &entry(fields));
        world.settle();
        let asked = urls(&world).swap_remove(0);
        assert_eq!(
            asked.contains(&format!("&{parameter}={UUID}")),
            !parameter.is_empty(),
            "{asked}"
        );
        assert!(!parameter.is_empty() || !asked.contains(UUID), "{asked}");
    }
}

#[test]
fn names_of_offers_and_systems_are_asked_for_when_one_is_not_known() {
    let mut world = World::new();
    golden!("scaleway").serve(&world);
    let named = |offer: &str, system: &str| {
        let ips = json!([{"version": "IPv4", "address": "192.0.2.1"}, {"version": "IPv9", "address": "x"}]);
        let server = json!({"offer_id": offer, "install": {"os_id": system}, "ips": ips});
        Answer::json(json!({"servers": [server], "total_count": 1}).to_string())
    };
    let (offer, system) = (
        "0ab3b1c2-0000-0000-0000-000000000001",
        "96e5f0f2-0000-0000-0000-000000000001",
    );
    world.http.at(&format!("{METAL}/servers")).then(named(offer, system));
    start::<ScalewaySd>(&mut world, &entry("role: baremetal"));
    let one = labels(&[
        ("__address__", "192.0.2.1:80"),
        ("__meta_scaleway_baremetal_os_name", "Debian"),
        ("__meta_scaleway_baremetal_os_version", "12 (Bookworm)"),
        ("__meta_scaleway_baremetal_public_ipv4", "192.0.2.1"),
        ("__meta_scaleway_baremetal_type", "EM-A115X-SSD"),
    ]);
    assert_eq!(found(&mut world), BTreeSet::from([one]));
    assert_eq!(urls(&world).len(), 3);
    world.run_for(MINUTE * 5);
    let asked = urls(&world);
    assert!(
        asked.len() > 3 && asked.iter().all(|url| url.contains("/servers?")),
        "{asked:?}"
    );
    world.http.at(&format!("{METAL}/servers")).now(named("new", system));
    world.run_for(MINUTE * 2);
    let asked = urls(&world);
    assert!(asked.iter().any(|url| url.contains("/offers?")), "{asked:?}");
    assert!(!asked.iter().any(|url| url.contains("/os?")), "{asked:?}");
}

#[test]
fn what_is_missing_costs_a_label_and_the_key_is_read_when_it_is_needed() {
    let mut world = World::new();
    world.files.write("/etc/key", " one\n");
    let some = json!([
        {"id": 5, "private_ip": "fd00::1", "tags": ["a", null], "image": 5, "location": {}, "zone": "nowhere",
         "public_ips": null, "public_ip": {"address": null}},
        {"private_ip": 4}, {"private_nics": [null, {}]}, {}, null,
    ]);
    world.http.at(SERVERS).then(servers(&some));
    let entry = entry("role: instance").replace(&format!("secret_key: {UUID}"), "secret_key_file: key");
    start::<ScalewaySd>(&mut world, &entry);
    let only = labels(&[
        ("__address__", "[fd00::1]:80"),
        ("__meta_scaleway_instance_private_ipv4", "fd00::1"),
        ("__meta_scaleway_instance_tags", ",a,,"),
        ("__meta_scaleway_instance_zone", "nowhere"),
    ]);
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([only]), 4.0)
    );
    let token = |world: &World| {
        let sent = world.http.take_requests();
        sent[0].header("x-auth-token").map(str::to_owned)
    };
    assert_eq!(token(&world).as_deref(), Some("one"));
    world.files.write("/etc/key", "two");
    world.run_for(MINUTE * 2);
    assert_eq!(token(&world).as_deref(), Some("two"));
}

#[test]
fn a_page_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    for (answer, expected) in [
        (Answer::new(401), "status 401"),
        (Answer::new(429).header("retry-after", "40"), "status 429"),
        (Answer::new(500), "status 500"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::json("{}"), "missing field `servers`"),
        (Answer::json(r#"{"servers": null}"#), "invalid type: null"),
        (Answer::json(r#"{"servers": [{"id""#), "EOF while parsing"),
        // Of this page there is no end.
        (Answer::json(r#"{"servers": [{}]}"#), "comes a second time"),
    ] {
        let mut world = World::new();
        golden!("scaleway").serve(&world);
        start::<ScalewaySd>(&mut world, &entry("role: instance"));
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.addresses().len(), 4);
        let second = format!("{SERVERS}?order=creation_date_desc&page=2&per_page=100");
        world.http.at(&second).now(answer.clone());
        world.http.at(&second.replace("page=2&", "page=3&")).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(
            said.starts_with("listing the servers of Scaleway https://api.scaleway.com/") && said.contains(expected),
            "{said}"
        );
        assert!(!said.contains(UUID), "{said}");
        assert_eq!(collected, before);
    }
}
