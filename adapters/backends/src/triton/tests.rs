use std::collections::BTreeSet;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, World};
use serde_json::json;

use super::*;
use crate::golden::{counted, found, golden, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const URL: &str = "https://t.example:9163/v1/discover";
const ENTRY: &str = "{account: hunter2, dns_suffix: s.example, endpoint: t.example}";

#[test]
fn targets_are_those_of_prometheus() {
    let golden = golden!("triton");
    assert_eq!(golden.found(), golden.expected());
}

#[test]
fn sources_are_those_of_prometheus() {
    for (fields, source) in [
        ("", URL),
        (
            ", groups: [a, 'b c', ü]",
            "https://t.example:9163/v1/discover?groups=a%2Cb+c%2C%C3%BC",
        ),
        (", role: cn, version: 2, port: 1", "https://t.example:1/v2/gz/discover"),
    ] {
        let mut world = World::new();
        let both = json!({"containers": [{"vm_uuid": "a"}], "cns": [{"server_uuid": "a"}]});
        world.http.answer(200, &[], both.to_string());
        start::<TritonSd>(&mut world, &ENTRY.replace('}', &format!("{fields}}}")));
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        assert_eq!(collected.sources(), [source]);
        // The account is demanded, and never sent.
        let sent = world.http.take_requests().swap_remove(0);
        assert_eq!(sent.request.url, source);
        assert!(!format!("{:?}", sent.request).contains("hunter2"));
    }
}

#[test]
fn what_is_missing_costs_a_label_and_what_has_no_id_is_counted() {
    let mut world = World::new();
    let some = json!([
        {"vm_uuid": "a", "vm_alias": 5, "groups": ["x", null]}, {"vm_uuid": "b", "groups": "x"}, {"vm_alias": "c"}, {}, null, 5,
    ]);
    world
        .http
        .at(URL)
        .then(Answer::json(json!({ "containers": some }).to_string()));
    start::<TritonSd>(&mut world, ENTRY);
    let a = labels(&[
        ("__address__", "a.s.example:9163"),
        ("__meta_triton_groups", ",x,,"),
        ("__meta_triton_machine_id", "a"),
    ]);
    let b = labels(&[("__address__", "b.s.example:9163"), ("__meta_triton_machine_id", "b")]);
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([a, b]), 4.0)
    );
}

#[test]
fn an_answer_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    let error = r#"{"code": "InternalError", "message": "oops"}"#;
    for (answer, expected) in [
        (Answer::new(401).body(error), "status 401"),
        (Answer::new(500).body(error), "status 500"),
        (Answer::new(503).header("retry-after", "40"), "status 503"),
        (Answer::hangs(), "no whole answer within"),
        // As Prometheus takes it for a list of nothing.
        (Answer::json(error), "missing field `containers`"),
        (Answer::json(r#"{"containers": null}"#), "invalid type: null"),
        (Answer::json(r#"{"containers": [{"vm"#), "EOF while parsing"),
        (Answer::json(r#"{"containers": []}"#), "gave no targets any more"),
    ] {
        let mut world = World::new();
        world
            .http
            .at(URL)
            .then(Answer::json(r#"{"containers": [{"vm_uuid": "a"}]}"#));
        start::<TritonSd>(&mut world, ENTRY);
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.addresses(), ["a.s.example:9163"]);
        world.http.at(URL).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(said.starts_with("asking Triton ") && said.contains(expected), "{said}");
        assert_eq!(collected, before);
    }
}
