use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::testing::{Answer, Collected, World};
use headcount_reader::{Sink, read};
use serde_json::json;

use super::*;
use crate::golden::{counted, found, golden, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const API: &str = "https://eu.api.ovh.com/1.0";
const ENTRY: &str = "{application_key: APP, application_secret: hunter2, consumer_key: hunter2, service: vps}";

fn urls(world: &World) -> Vec<String> {
    let sent = world.http.take_requests().into_iter();
    sent.map(|sent| sent.request.url.replace(API, "")).collect()
}

#[test]
fn targets_are_those_of_prometheus() {
    let golden = golden!("ovhcloud");
    let mut found = golden.found();
    // Its address is a block of one, which Prometheus takes for none.
    let vps = found.get_mut("vps").expect("a job");
    let block = vps
        .iter()
        .find(|labels| labels["instance"] == "vps-3.vps.ovh.net")
        .cloned();
    let block = block.expect("a target");
    assert_eq!(block["__address__"], "2001:db8:0:3::1");
    vps.remove(&block);
    assert_eq!(found, golden.expected());
}

#[test]
fn what_is_missing_costs_a_label_and_what_has_no_address_is_counted() {
    let mut world = World::new();
    world.http.at(API).then(Answer::new(404));
    world.http.at(&format!("{API}/auth/time")).then(Answer::json("1"));
    let names = json!(["a/b", null, "", "c"]);
    world
        .http
        .at(&format!("{API}/vps"))
        .then(Answer::json(names.to_string()));
    let vps = json!({"name": 5, "model": {"datacenter": null, "version": 2019, "disk": "20"}, "vcore": 1.0});
    world
        .http
        .at(&format!("{API}/vps/a%2Fb"))
        .then(Answer::json(vps.to_string()));
    let ips = json!([null, "192.0.2.1", "nonsense"]);
    world
        .http
        .at(&format!("{API}/vps/a%2Fb/ips"))
        .then(Answer::json(ips.to_string()));
    world.http.at(&format!("{API}/vps/c")).then(Answer::json("{}"));
    world.http.at(&format!("{API}/vps/c/ips")).then(Answer::json("[]"));
    start::<OvhCloudSd>(&mut world, ENTRY);
    let only = labels(&[
        ("__address__", "192.0.2.1"),
        ("__meta_ovhcloud_vps_datacenter", "[]"),
        ("__meta_ovhcloud_vps_disk", "20"),
        ("__meta_ovhcloud_vps_ipv4", "192.0.2.1"),
        ("__meta_ovhcloud_vps_vcore", "1"),
        ("__meta_ovhcloud_vps_version", "2019"),
    ]);
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([only]), 3.0)
    );
}

#[test]
fn with_a_port_addresses_have_one() {
    let mut world = World::new();
    golden!("ovhcloud").serve(&world);
    start::<OvhCloudSd>(&mut world, &ENTRY.replace("service", "port: 9100, service"));
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(
        collected.addresses(),
        ["192.0.2.11:9100", "[2001:db8::2]:9100", "[2001:db8:0:3::1]:9100"]
    );
    assert_eq!(
        collected.sources()[..2],
        ["ovhcloud_vps/vps-1.vps.ovh.net", "ovhcloud_vps/vps-2.vps.ovh.net"]
    );
}

/// As <https://docs.ovh.com/gb/en/api/first-steps-with-ovh-api/> has it.
#[test]
fn requests_are_signed_with_the_time_of_ovhcloud_which_all_share() {
    let mut world = World::new();
    golden!("ovhcloud").serve(&world);
    let now = world.env().clock.unix_time().as_secs();
    let time = Answer::json((now + 77).to_string());
    world.http.at(&format!("{API}/auth/time")).then(time);
    start::<OvhCloudSd>(&mut world, ENTRY);
    world.settle();
    start::<OvhCloudSd>(&mut world, &ENTRY.replace("vps", "dedicated_server"));
    world.settle();
    let sent = world.http.take_requests();
    let times = sent
        .iter()
        .filter(|sent| sent.request.url.ends_with("/auth/time"))
        .count();
    assert_eq!(times, 1);
    assert_eq!(sent[0].header("x-ovh-signature"), None);
    for sent in &sent[1..] {
        assert_eq!(sent.header("x-ovh-application"), Some("APP"));
        assert_eq!(sent.header("x-ovh-consumer"), Some("hunter2"));
        assert_eq!(sent.header("x-ovh-timestamp"), Some(&*(now + 77).to_string()));
        let signature = sent.header("x-ovh-signature").expect("a signature");
        assert!(signature.starts_with("$1$") && signature.len() == 43, "{signature}");
    }
    let asked_for_time = |world: &World| urls(world).iter().filter(|url| *url == "/auth/time").count();
    world.run_for(MINUTE * 55);
    assert_eq!(asked_for_time(&world), 0);
    world.run_for(MINUTE * 10);
    assert_eq!(asked_for_time(&world), 1);
    // The clock may be why a signature is refused.
    world.http.at(&format!("{API}/vps")).now(Answer::new(403));
    world.run_for(MINUTE * 3);
    assert!(asked_for_time(&world) > 0);
}

#[test]
fn a_server_that_cannot_be_read_keeps_its_target_and_is_named() {
    for (answer, expected) in [
        (Answer::new(401), "status 401"),
        (Answer::new(404), "status 404"),
        (Answer::new(500), "status 500"),
        (Answer::hangs(), "within 5s"),
        (Answer::json("[]"), "the answer is no object"),
        (Answer::json("null"), "the answer is no object"),
        (Answer::json("{\"na"), "EOF while parsing"),
    ] {
        let mut world = World::new();
        golden!("ovhcloud").serve(&world);
        start::<OvhCloudSd>(&mut world, ENTRY);
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        let url = format!("{API}/vps/vps-1.vps.ovh.net");
        let ips = format!("{url}/ips");
        world.http.at(&ips).then(Answer::json(r#"["192.0.2.1"]"#));
        world.http.at(&url).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let update = received[0].update().expect("the others are there");
        let missing = format!("{:?}", update.missing());
        assert!(
            missing.contains("vps-1.vps.ovh.net") && missing.contains(expected) && !missing.contains("hunter2"),
            "{missing}"
        );
        assert_eq!(collected, before);
    }
}

#[test]
fn who_asks_too_much_asks_no_more_in_this_refresh() {
    let mut world = World::new();
    golden!("ovhcloud").serve(&world);
    start::<OvhCloudSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let before = collected.clone();
    urls(&world);
    for number in 1..=4 {
        let url = format!("{API}/vps/vps-{number}.vps.ovh.net");
        world.http.at(&url).now(Answer::new(429));
    }
    let more = [
        "vps-1.vps.ovh.net",
        "vps-2.vps.ovh.net",
        "vps-3.vps.ovh.net",
        "vps-4.vps.ovh.net",
        "x",
        "y",
        "z",
    ];
    world
        .http
        .at(&format!("{API}/vps"))
        .then(Answer::json(json!(more).to_string()));
    let received = world.run_until_received(MINUTE * 4);
    let said = received[0].failure().expect("a failure");
    assert!(said.contains("status 429"), "{said}");
    collected.receive(&received);
    assert_eq!(collected, before);
    let asked = urls(&world);
    assert!(
        !asked.iter().any(|url| url.ends_with("/ips") || url.ends_with("/g")),
        "{asked:?}"
    );
}

#[test]
fn a_list_that_cannot_be_had_or_is_empty_all_at_once_is_a_failure() {
    for (answer, expected) in [
        (Answer::new(403), "status 403"),
        (Answer::new(429).header("retry-after", "40"), "status 429"),
        (Answer::json("{}"), "invalid type: map"),
        (Answer::json("null"), "invalid type: null"),
        (Answer::json("[]"), "lists nothing any more, of 4 before"),
    ] {
        let mut world = World::new();
        golden!("ovhcloud").serve(&world);
        start::<OvhCloudSd>(&mut world, ENTRY);
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.addresses().len(), 3);
        world.http.at(&format!("{API}/vps")).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(
            said.starts_with("asking OVHcloud ") && said.contains(expected) && !said.contains("hunter2"),
            "{said}"
        );
        assert_eq!(collected, before);
    }
}

#[test]
fn that_a_setting_is_our_own_is_said_where_prometheus_reads_the_file_too() {
    for (is_shared, warnings) in [(true, 1), (false, 0)] {
        let sink = Sink::new(Path::new("p.yml").into());
        let document = read(&ENTRY.replace("service", "port: 80, service"), &sink).expect("YAML");
        let mut fields = document.root(&sink).and_then(|root| root.fields()).expect("a mapping");
        let place = Place::new(Path::new("/")).shared(is_shared);
        assert!(OvhCloudSd::read(&mut fields, &place).is_some());
        let findings = sink.finish();
        assert_eq!((findings.problems.len(), findings.warnings.len()), (0, warnings));
    }
}
