use std::collections::BTreeSet;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, World};
use serde_json::json;

use super::*;
use crate::golden::{counted, found, golden, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const DROPLETS: &str = "https://api.digitalocean.com/v2/droplets";
const DATABASES: &str = "https://api.digitalocean.com/v2/databases";

#[test]
fn targets_are_those_of_prometheus() {
    let golden = golden!("digitalocean");
    let mut expected = golden.expected();
    // The one address that is no address.
    let droplets = expected.get_mut("droplets").expect("a job");
    let nowhere = droplets.iter().find(|labels| labels["__address__"] == ":9100").cloned();
    let mut private = nowhere.expect("a droplet with a private address only");
    droplets.remove(&private);
    private.insert("__address__".to_owned(), "10.128.0.2:9100".to_owned());
    droplets.insert(private);
    assert_eq!(golden.found(), expected);
}

/// By Prometheus's documentation: this role is newer than any Prometheus that there is a package of.
#[test]
fn databases_are_targets_at_their_private_host_or_the_public_one() {
    let mut world = World::new();
    let databases = json!([
        {"id": "9cc1", "name": "main", "engine": "pg", "version": "16", "status": "online", "region": "fra1",
         "size": "db-s-1vcpu-1gb", "num_nodes": 2, "tags": ["env:prod", null],
         "connection": {"host": "main.example", "port": 25060, "user": "u", "password": "hunter2"},
         "private_connection": {"host": "private-main.example", "password": "hunter2"}},
        {"id": "9cc2", "connection": {"host": "other.example"}, "private_connection": null, "tags": null},
        {"id": "9cc3", "connection": null}, {"connection": {"host": ""}}, null,
    ]);
    world
        .http
        .at(DATABASES)
        .then(Answer::json(json!({ "databases": databases }).to_string()));
    start::<DigitalOceanSd>(&mut world, "{role: databases, port: 9273}");
    let main = labels(&[
        ("__address__", "private-main.example:9273"),
        ("__meta_digitalocean_db_engine", "pg"),
        ("__meta_digitalocean_db_host", "main.example"),
        ("__meta_digitalocean_db_id", "9cc1"),
        ("__meta_digitalocean_db_name", "main"),
        ("__meta_digitalocean_db_num_nodes", "2"),
        ("__meta_digitalocean_db_private_host", "private-main.example"),
        ("__meta_digitalocean_db_region", "fra1"),
        ("__meta_digitalocean_db_size", "db-s-1vcpu-1gb"),
        ("__meta_digitalocean_db_status", "online"),
        ("__meta_digitalocean_db_tag_env:prod", "true"),
        ("__meta_digitalocean_db_version", "16"),
    ]);
    let other = labels(&[
        ("__address__", "other.example:9273"),
        ("__meta_digitalocean_db_host", "other.example"),
        ("__meta_digitalocean_db_id", "9cc2"),
    ]);
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([main, other]), 3.0)
    );
    let asked: Vec<String> = world
        .http
        .take_requests()
        .into_iter()
        .map(|sent| sent.request.url)
        .collect();
    assert_eq!(asked, [format!("{DATABASES}?page=1&per_page=200")]);
}

#[test]
fn what_is_missing_costs_a_label_and_what_makes_no_sense_is_skipped_and_counted() {
    let mut world = World::new();
    let droplets = json!([
        {"id": "7", "networks": {"v4": [null, {"type": "public", "ip_address": "192.0.2.1"}], "v6": null}, "region": null, "image": 5,
         "tags": "a", "features": [null]},
        {"networks": {"v4": []}}, {"networks": null}, {"networks": {"v4": [{"type": "public", "ip_address": null}]}}, null, 5,
    ]);
    let links = json!({"pages": {"next": null}});
    world
        .http
        .at(DROPLETS)
        .then(Answer::json(json!({"droplets": droplets, "links": links}).to_string()));
    start::<DigitalOceanSd>(&mut world, "{}");
    let only = labels(&[
        ("__address__", "192.0.2.1:80"),
        ("__meta_digitalocean_droplet_id", "7"),
        ("__meta_digitalocean_public_ipv4", "192.0.2.1"),
    ]);
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([only]), 5.0)
    );
}

#[test]
fn a_page_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    for (answer, expected) in [
        (Answer::new(401), "status 401"),
        (Answer::new(404), "status 404"),
        (Answer::new(429).header("retry-after", "40"), "status 429"),
        (Answer::new(500), "status 500"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::json("{}"), "missing field `droplets`"),
        (Answer::json(r#"{"droplets": null}"#), "invalid type: null"),
        (Answer::json(r#"{"droplets": [{"id""#), "EOF while parsing"),
        (Answer::json("<html>"), "expected value"),
        // Where it goes on makes no sense, which is not the end.
        (
            Answer::json(r#"{"droplets": [{}], "links": {"pages": {"next": "nonsense?page=x"}}}"#),
            "the next page has no number",
        ),
        (
            Answer::json(r#"{"droplets": [{}], "links": {"pages": {"next": 2}}}"#),
            "invalid type: integer",
        ),
        // It is there again, and leads nowhere but to itself.
        (
            Answer::json(r#"{"droplets": [{}], "links": {"pages": {"next": "https://x/?page=2"}}}"#),
            "comes a second time",
        ),
    ] {
        let mut world = World::new();
        golden!("digitalocean").serve(&world);
        start::<DigitalOceanSd>(&mut world, "{authorization: {credentials: hunter2}}");
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.addresses().len(), 3);
        world.http.at(&format!("{DROPLETS}?page=2&per_page=200")).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(
            said.starts_with("asking DigitalOcean https://api.digitalocean.com/") && said.contains(expected),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(collected, before);
    }
}
