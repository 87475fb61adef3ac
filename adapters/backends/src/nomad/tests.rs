use std::collections::BTreeSet;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, World};
use serde_json::{Value, json};

use super::*;
use crate::golden::{Labels, counted, found, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const NOMAD: &str = "http://localhost:4646";

/// The answers of <https://developer.hashicorp.com/nomad/api-docs/services>.
fn list(namespace: &str, services: &[&str]) -> Value {
    let services = services
        .iter()
        .map(|name| json!({"ServiceName": name, "Tags": ["metrics"]}));
    json!({"Namespace": namespace, "Services": services.collect::<Vec<_>>()})
}

fn instance(name: &str, namespace: &str, port: u16) -> Value {
    json!({
        "Address": "127.0.0.1", "AllocID": "6a1d5f0a", "CreateIndex": 226, "Datacenter": "dc1", "ID": format!("_{name}-{port}"),
        "JobID": "dashboard", "ModifyIndex": 226, "Namespace": namespace, "NodeID": "d92fdc3c", "Port": port,
        "ServiceName": name, "Tags": ["metrics", "a b"],
    })
}

fn expected(name: &str, namespace: &str, port: u16) -> Labels {
    labels(&[
        ("__address__", &format!("127.0.0.1:{port}")),
        ("__meta_nomad_address", "127.0.0.1"),
        ("__meta_nomad_dc", "dc1"),
        ("__meta_nomad_namespace", namespace),
        ("__meta_nomad_node_id", "d92fdc3c"),
        ("__meta_nomad_service", name),
        ("__meta_nomad_service_address", "127.0.0.1"),
        ("__meta_nomad_service_id", &format!("_{name}-{port}")),
        ("__meta_nomad_service_port", &port.to_string()),
        ("__meta_nomad_tags", ",metrics,a b,"),
    ])
}

/// A cluster with two services, of which one has two instances.
fn serve(world: &World) {
    let answer = |path: &str, found: Value| {
        let url = format!("{NOMAD}{path}");
        world.http.at(&url).then(Answer::json(found.to_string()));
    };
    answer("/v1/services", json!([list("default", &["web", "db"])]));
    answer(
        "/v1/service/web",
        json!([instance("web", "default", 80), instance("web", "default", 81)]),
    );
    answer("/v1/service/db", json!([instance("db", "default", 5432)]));
}

fn urls(world: &World) -> Vec<String> {
    let sent = world.http.take_requests().into_iter();
    sent.map(|sent| sent.request.url.replace(NOMAD, "")).collect()
}

/// By Prometheus's documentation and source: in no package of Prometheus there is this mechanism.
#[test]
fn each_instance_of_a_service_is_a_target() {
    let mut world = World::new();
    serve(&world);
    start::<NomadSd>(&mut world, "{}");
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let all = [
        expected("web", "default", 80),
        expected("web", "default", 81),
        expected("db", "default", 5432),
    ];
    assert_eq!(crate::golden::targets(&collected), BTreeSet::from(all));
    assert_eq!(collected.sources(), ["Nomad/default/db", "Nomad/default/web"]);
    let query = "?namespace=default&region=global&stale=";
    assert_eq!(
        urls(&world),
        ["/v1/services", "/v1/service/db", "/v1/service/web"].map(|path| format!("{path}{query}"))
    );
    assert_eq!((counted(&world, SKIPPED), counted(&world, FAILURES)), (0.0, 0.0));
}

#[test]
fn each_service_is_asked_for_in_its_own_namespace() {
    let mut world = World::new();
    world.http.serve("http://nomad.example/", |request| {
        let found = match request.url.trim_start_matches("http://nomad.example") {
            "/v1/services?namespace=%2A&region=eu%2Fwest" => {
                json!([list("a", &["web x"]), list("b", &["web x"]), list("c", &[])])
            }
            "/v1/service/web%20x?namespace=a&region=eu%2Fwest" => json!([instance("web x", "a", 1)]),
            "/v1/service/web%20x?namespace=b&region=eu%2Fwest" => json!([instance("web x", "b", 2)]),
            other => panic!("{other}"),
        };
        Answer::json(found.to_string())
    });
    let entry = "{server: 'http://nomad.example/', namespace: '*', region: eu/west, allow_stale: false}";
    start::<NomadSd>(&mut world, entry);
    let all = [expected("web x", "a", 1), expected("web x", "b", 2)];
    assert_eq!(found(&mut world), BTreeSet::from(all));
}

#[test]
fn what_is_missing_costs_a_label_and_what_has_no_address_is_counted() {
    let mut world = World::new();
    let services =
        json!([{"Services": [null, {"ServiceName": "a"}, {"Tags": []}]}, null, {"Namespace": "n", "Services": null}]);
    world
        .http
        .at(&format!("{NOMAD}/v1/services"))
        .then(Answer::json(services.to_string()));
    let found_there = json!([
        {"Address": "fd00::1", "Port": 80, "Tags": null}, {"Address": "10.0.0.1", "Tags": ["x", null]},
        {"Port": 80}, {"Address": ""}, null, 5,
    ]);
    world
        .http
        .at(&format!("{NOMAD}/v1/service/a"))
        .then(Answer::json(found_there.to_string()));
    start::<NomadSd>(&mut world, "{tag_separator: ';', namespace: '', region: ''}");
    let address = |address: &str, host: &str, port: &str| {
        labels(&[
            ("__address__", address),
            ("__meta_nomad_address", host),
            ("__meta_nomad_service_address", host),
            ("__meta_nomad_service_port", port),
        ])
    };
    let six = address("[fd00::1]:80", "fd00::1", "80");
    let mut four = address("10.0.0.1:0", "10.0.0.1", "0");
    four.insert("__meta_nomad_tags".to_owned(), ";x;;".to_owned());
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([six, four]), 7.0)
    );
    assert_eq!(urls(&world)[1], "/v1/service/a?stale=");
}

#[test]
fn a_service_that_cannot_be_read_keeps_its_targets_and_is_named() {
    for (answer, expected) in [
        (Answer::new(403), "status 403"),
        (Answer::new(404), "status 404"),
        (Answer::new(500), "status 500"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::json("{}"), "invalid type: map"),
        (Answer::json("null"), "invalid type: null"),
        (Answer::json("[{\"I"), "EOF while parsing"),
        (Answer::json("[]"), "gave no targets any more"),
    ] {
        let mut world = World::new();
        serve(&world);
        start::<NomadSd>(&mut world, "{bearer_token: hunter2}");
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        let db = json!([instance("db", "default", 5433)]);
        world
            .http
            .at(&format!("{NOMAD}/v1/service/db"))
            .now(Answer::json(db.to_string()));
        world.http.at(&format!("{NOMAD}/v1/service/web")).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let update = received[0].update().expect("the other is there");
        let missing = format!("{:?}", update.missing());
        assert!(
            missing.contains("default/web") && missing.contains(expected),
            "{missing}"
        );
        assert_eq!(collected.group("Nomad/default/web"), before.group("Nomad/default/web"));
        assert_ne!(collected.group("Nomad/default/db"), before.group("Nomad/default/db"));
        assert_eq!(counted(&world, FAILURES), 1.0);
    }
}

#[test]
fn a_list_that_cannot_be_had_or_is_empty_all_at_once_is_a_failure() {
    for (answer, expected) in [
        (Answer::new(403), "status 403"),
        (Answer::new(429).header("retry-after", "40"), "status 429"),
        (Answer::json("{}"), "invalid type: map"),
        (Answer::json("[]"), "lists nothing any more, of 2 before"),
    ] {
        let mut world = World::new();
        serve(&world);
        start::<NomadSd>(&mut world, "{bearer_token: hunter2}");
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        world.http.at(&format!("{NOMAD}/v1/services")).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(
            said.starts_with("listing the services of Nomad http://localhost:4646") && said.contains(expected),
            "{said}"
        );
        assert_eq!(collected, before);
    }
}

#[test]
fn a_service_that_is_no_longer_listed_is_gone() {
    let mut world = World::new();
    serve(&world);
    start::<NomadSd>(&mut world, "{}");
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let less = json!([list("default", &["db"])]);
    world
        .http
        .at(&format!("{NOMAD}/v1/services"))
        .now(Answer::json(less.to_string()));
    collected.receive(&world.run_for(MINUTE * 3));
    assert_eq!(collected.sources(), ["Nomad/default/db"]);
}
