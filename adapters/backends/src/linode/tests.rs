use std::collections::BTreeSet;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, World};

use super::*;
use crate::golden::{counted, golden, labels, start, targets};

const MINUTE: Duration = Duration::from_secs(60);
const LISTS: [&str; 3] = ["linode/instances", "networking/ips", "networking/ipv6/ranges"];

#[test]
fn targets_are_those_of_prometheus() {
    let golden = golden!("linode");
    let mut expected = golden.expected();
    for targets in expected.values_mut() {
        // One has a private address only.
        *targets = std::mem::take(targets)
            .into_iter()
            .map(|mut labels| {
                if labels["__address__"].starts_with(':') {
                    let address = labels["__address__"].replace(':', "192.168.133.2:");
                    labels.insert("__address__".to_owned(), address);
                }
                labels
            })
            .collect();
    }
    let mut found = golden.found();
    for targets in found.values_mut() {
        // Prometheus leaves out what has no IPv4 address.
        let before = targets.len();
        targets.retain(|labels| !labels["__address__"].starts_with('['));
        assert_eq!(targets.len(), before - 1);
    }
    assert_eq!(found, expected);
}

#[test]
fn a_region_is_asked_for_and_the_environment_may_say_where_and_as_whom() {
    let mut world = World::new();
    for (name, value) in [
        ("LINODE_URL", "http://linode.example/"),
        ("LINODE_API_VERSION", "v4beta"),
        ("LINODE_TOKEN", "hunter2"),
    ] {
        world.variables.set(name, value);
    }
    world.http.answer(200, &[], r#"{"data": [], "page": 1, "pages": 1}"#);
    start::<LinodeSd>(&mut world, "{region: 'us-\"east'}");
    world.settle();
    let sent = world.http.take_requests();
    let urls: Vec<&str> = sent.iter().map(|sent| sent.request.url.as_str()).collect();
    let url = |list: &str| format!("http://linode.example/v4beta/{list}?page=1&page_size=500");
    assert_eq!(urls, LISTS.map(url));
    for sent in &sent {
        assert_eq!(sent.header("x-filter"), Some(r#"{"region":"us-\"east"}"#));
        assert_eq!(sent.header("authorization"), Some("Bearer hunter2"));
    }
    // What the entry says counts.
    start::<LinodeSd>(&mut world, "{authorization: {credentials: other}}");
    world.settle();
    let sent = world.http.take_requests();
    assert!(
        sent.iter()
            .all(|sent| sent.header("x-filter").is_none() && sent.header("authorization").is_none())
    );
}

#[test]
fn what_is_missing_costs_a_label_and_what_makes_no_sense_is_skipped_and_counted() {
    let mut world = World::new();
    let at = |list: &str| format!("https://api.linode.com/v4/{list}");
    let instances = r#"{"data": [{"ipv4": ["192.0.2.1", null, "192.0.2.9"], "specs": {"disk": null, "memory": "x", "vcpus": 2}, "backups": 5},
        {"ipv4": null, "ipv6": "2001:db8::1/128", "specs": null}, {"ipv4": ["192.0.2.8"]}, {"ipv6": null}, null, 7]}"#;
    world.http.at(&at(LISTS[0])).then(Answer::json(instances));
    let ips = r#"{"data": [{"address": "192.0.2.1", "public": true, "rdns": "null"}, null, {"public": true}]}"#;
    world.http.at(&at(LISTS[1])).then(Answer::json(ips));
    let ranges = r#"{"data": [{"range": "2001:db8:9::", "prefix": 64, "route_target": "2001:db8::1"}, {}, null]}"#;
    world.http.at(&at(LISTS[2])).then(Answer::json(ranges));
    start::<LinodeSd>(&mut world, "{tag_separator: ';'}");
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let first = labels(&[
        ("__address__", "192.0.2.1:80"),
        ("__meta_linode_backups", "disabled"),
        ("__meta_linode_public_ipv4", "192.0.2.1"),
        ("__meta_linode_specs_vcpus", "2"),
    ]);
    let second = labels(&[
        ("__address__", "[2001:db8::1]:80"),
        ("__meta_linode_backups", "disabled"),
        ("__meta_linode_ipv6_ranges", ";2001:db8:9::/64;"),
    ]);
    // It came after the addresses were listed, or before.
    let third = labels(&[("__address__", "192.0.2.8:80"), ("__meta_linode_backups", "disabled")]);
    assert_eq!(targets(&collected), BTreeSet::from([first, second, third]));
    assert_eq!((counted(&world, SKIPPED), counted(&world, FAILURES)), (3.0, 0.0));
}

#[test]
fn a_list_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    for list in LISTS {
        for (answer, expected) in [
            (Answer::new(401), "status 401"),
            (Answer::new(429).header("retry-after", "40"), "status 429"),
            (Answer::new(500), "status 500"),
            (Answer::hangs(), "no whole answer within"),
            (Answer::json("{}"), "missing field `data`"),
            (Answer::json(r#"{"data": null}"#), "invalid type: null"),
            (Answer::json(r#"{"data": [{"id""#), "EOF while parsing"),
            (Answer::json("<html>"), "expected value"),
            (
                Answer::json(r#"{"data": [{}], "page": 1, "pages": 9}"#),
                "comes a second time",
            ),
        ] {
            let mut world = World::new();
            golden!("linode").serve(&world);
            start::<LinodeSd>(&mut world, "{authorization: {credentials: hunter2}}");
            let mut collected = Collected::default();
            collected.receive(&world.settle());
            let before = collected.clone();
            assert_eq!(before.addresses().len(), 4);
            world.http.at(&format!("https://api.linode.com/v4/{list}")).now(answer);
            let received = world.run_until_received(MINUTE * 4);
            collected.receive(&received);
            let said = received[0].failure().expect("a failure");
            assert!(
                said.starts_with("listing the instances of Linode https://") && said.contains(expected),
                "{said}"
            );
            assert!(!said.contains("hunter2"), "{said}");
            assert_eq!((&collected, counted(&world, FAILURES)), (&before, 1.0));
        }
    }
}
