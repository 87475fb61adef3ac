use std::collections::BTreeSet;

use headcount_discoverer::testing::{Answer, Collected, World};

use super::*;
use crate::golden::{counted, found, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const URL: &str = "http://kuma.example:5676/v3/discovery:monitoringassignments?fetch-timeout=120000ms";
const ENTRY: &str = "{server: 'http://kuma.example:5676/', client_id: prom-1}";

/// As the control plane answers: <https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#rest-json-polling-subscriptions>,
/// with the fields of <https://github.com/kumahq/kuma/blob/master/api/observability/v1/mads.proto>.
fn answer(version: &str, resources: Value) -> Answer {
    let mut answer = json!({"version_info": version, "type_url": TYPE_URL, "nonce": format!("n-{version}")});
    // A list of nothing is left out.
    if resources != json!([]) {
        answer["resources"] = resources;
    }
    Answer::json(answer.to_string())
}

fn assignments() -> Value {
    json!([
        {
            "@type": TYPE_URL, "mesh": "metrics", "service": "prometheus",
            "labels": {"kuma.io/zone": "us-east-1", "team": "infra"},
            "targets": [
                {"name": "prometheus-01", "scheme": "http", "address": "10.1.4.32:9090", "metrics_path": "/custom-metrics",
                 "labels": {"commit_hash": "620506a88", "team": "mine"}},
                {"name": "prometheus-02", "scheme": "https", "address": "10.1.4.33:9090", "metricsPath": "/m"},
            ],
        },
        {"@type": TYPE_URL, "mesh": "metrics", "service": "grafana", "targets": []},
        {"@type": TYPE_URL, "mesh": "data", "service": "elasticsearch", "targets": [{"name": "e", "address": "10.1.1.1"}]},
    ])
}

/// The bodies of the requests since this was last called.
fn questions(world: &World) -> Vec<Value> {
    let sent = world.http.take_requests().into_iter();
    let sent = sent.map(|sent| serde_json::from_slice(&sent.request.body).expect("JSON"));
    sent.collect()
}

/// By Prometheus's documentation and source: in no package of Prometheus there is this mechanism.
#[test]
fn each_target_of_an_assignment_is_one_here() {
    let mut world = World::new();
    world.http.at(URL).then(answer("1", assignments()));
    start::<KumaSd>(&mut world, ENTRY);
    let first = labels(&[
        ("__address__", "10.1.4.32:9090"),
        ("__meta_kuma_dataplane", "prometheus-01"),
        ("__meta_kuma_label_commit_hash", "620506a88"),
        ("__meta_kuma_label_kuma_io_zone", "us-east-1"),
        ("__meta_kuma_label_team", "infra"),
        ("__meta_kuma_mesh", "metrics"),
        ("__meta_kuma_service", "prometheus"),
        ("__metrics_path__", "/custom-metrics"),
        ("__scheme__", "http"),
        ("instance", "prometheus-01"),
    ]);
    let second = labels(&[
        ("__address__", "10.1.4.33:9090"),
        ("__meta_kuma_dataplane", "prometheus-02"),
        ("__meta_kuma_label_kuma_io_zone", "us-east-1"),
        ("__meta_kuma_label_team", "infra"),
        ("__meta_kuma_mesh", "metrics"),
        ("__meta_kuma_service", "prometheus"),
        ("__metrics_path__", "/m"),
        ("__scheme__", "https"),
        ("instance", "prometheus-02"),
    ]);
    let third = labels(&[
        ("__address__", "10.1.1.1"),
        ("__meta_kuma_dataplane", "e"),
        ("__meta_kuma_mesh", "data"),
        ("__meta_kuma_service", "elasticsearch"),
        ("instance", "e"),
    ]);
    assert_eq!(found(&mut world), BTreeSet::from([first, second, third]));
    assert_eq!(
        questions(&world),
        [json!({"node": {"id": "prom-1"}, "type_url": TYPE_URL})]
    );
}

#[test]
fn a_version_is_acknowledged_and_the_server_waits_with_the_next() {
    let mut world = World::new();
    world.http.serve("http://kuma.example:5676/", |request| {
        let asked: Value = serde_json::from_slice(&request.body).expect("JSON");
        match asked["version_info"].as_str() {
            None => answer("1", assignments()),
            Some("1") => answer("2", json!([])).after(MINUTE),
            Some(_) => Answer::new(304).after(MINUTE * 2),
        }
    });
    start::<KumaSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    questions(&world);
    // That there is nothing is not acknowledged before it was said twice.
    let received = world.run_until_received(MINUTE * 2);
    let said = received[0].failure().expect("a failure");
    assert!(said.contains("gave no targets any more"), "{said}");
    collected.receive(&received);
    assert_eq!(collected.addresses().len(), 3);
    collected.receive(&world.run_for(MINUTE * 4));
    assert_eq!(collected.addresses(), Vec::<&str>::new());
    world.run_for(MINUTE * 8);
    let versions: Vec<Value> = questions(&world);
    let pairs: Vec<_> = versions
        .iter()
        .map(|asked| (asked["version_info"].as_str(), asked["response_nonce"].as_str()))
        .collect();
    let of = |version, nonce| (Some(version), Some(nonce));
    assert_eq!(pairs[..3], [of("1", "n-1"), of("1", "n-1"), of("2", "n-2")]);
    assert!(pairs.len() > 4, "{pairs:?}");
    assert!(counted(&world, UNCHANGED) > 1.0);
    assert_eq!(counted(&world, FAILURES), 1.0);
    let families = world.metrics.read();
    let timed = families.iter().find(|(family, _)| *family == DURATION);
    let timed = |ending| {
        let samples = timed.map_or(&[][..], |(_, samples)| samples);
        let sample = samples.iter().find(|sample| sample.ending == ending);
        sample.map_or(0.0, |sample| sample.value)
    };
    assert!(timed("_sum") > 120.0 && timed("_count") > 4.0);
}

#[test]
fn what_makes_no_sense_is_skipped_and_counted() {
    let mut world = World::new();
    let some = json!([
        null, 5, {"@type": "type.googleapis.com/kuma.new", "targets": [{"address": "x"}]},
        {"mesh": 5, "targets": [null, {"name": "n"}, {"address": "a:1", "labels": ["x"]}], "labels": {"l": 5}}, {"targets": null},
    ]);
    world.http.at(URL).then(answer("1", some));
    start::<KumaSd>(&mut world, ENTRY);
    let only = labels(&[("__address__", "a:1")]);
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([only]), 5.0)
    );
}

#[test]
fn who_asks_is_this_machine_unless_it_is_said() {
    let id = |set: fn(&World)| {
        let mut world = World::new();
        set(&world);
        start::<KumaSd>(&mut world, "{server: 'http://kuma.example:5676'}");
        world.settle();
        questions(&world)[0]["node"]["id"].as_str().map(str::to_owned)
    };
    assert_eq!(id(|_| {}).as_deref(), Some("prometheus"));
    assert_eq!(
        id(|world| world.files.write("/proc/sys/kernel/hostname", "m1\n")).as_deref(),
        Some("m1")
    );
    assert_eq!(id(|world| world.variables.set("HOSTNAME", "m2")).as_deref(), Some("m2"));
}

#[test]
fn the_server_is_not_asked_to_wait_for_longer_than_a_dead_one_is_borne() {
    let mut world = World::new();
    start::<KumaSd>(&mut world, "{server: 'http://kuma.example:5676', fetch_timeout: 1d}");
    world.http.push(Answer::hangs());
    let received = world.run_until_received(MINUTE * 11);
    assert!(received[0].failure().is_some());
    let url = &world.http.take_requests()[0].request.url;
    assert!(url.ends_with("?fetch-timeout=585000ms"), "{url}");
}

#[test]
fn an_answer_that_cannot_be_read_is_not_acknowledged_and_all_targets_stay() {
    for (wrong, expected) in [
        (Answer::new(304), ""),
        (Answer::new(404), "status 404"),
        (Answer::new(429).header("retry-after", "40"), "status 429"),
        (Answer::new(500), "status 500"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::json("{}"), "the answer is of the type \"\""),
        (
            Answer::json(r#"{"type_url": "x", "version_info": "9"}"#),
            "the answer is of the type \"x\"",
        ),
        (answer("9", json!({"a": 1})), "invalid type: map"),
        (Answer::json("{\"resources\": [{"), "EOF while parsing"),
    ] {
        let mut world = World::new();
        world.http.at(URL).then(answer("1", assignments()));
        start::<KumaSd>(
            &mut world,
            "{server: 'http://kuma.example:5676', bearer_token: hunter2}",
        );
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        world.http.at(URL).now(wrong);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        match received[0].failure() {
            None => assert_eq!(expected, ""),
            Some(said) => {
                assert!(said.starts_with("asking Kuma http://kuma.example:5676/v3/"), "{said}");
                assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
            }
        }
        assert_eq!(collected, before);
        world.http.at(URL).now(answer("1", assignments()));
        questions(&world);
        world.run_for(MINUTE * 3);
        assert_eq!(questions(&world)[0]["version_info"], json!("1"), "{expected}");
    }
}

#[test]
fn without_a_version_it_cannot_be_the_same() {
    let mut world = World::new();
    world.http.at(URL).then(Answer::new(304));
    start::<KumaSd>(&mut world, ENTRY);
    let received = world.settle();
    let said = received[0].failure().expect("a failure");
    assert!(said.contains("status 304"), "{said}");
}
