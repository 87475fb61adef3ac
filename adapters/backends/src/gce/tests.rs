use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, ScriptedHttp, World};

use super::*;
use crate::described;
use crate::golden::{counted, found, golden, labels, start};

mod accounts;

const MINUTE: Duration = Duration::from_secs(60);
const METADATA: &str = "http://169.254.169.254/";
const LIST: &str = "https://compute.googleapis.com/compute/v1/projects/p/zones/z/instances";
const ENTRY: &str = "{project: p, zone: z}";
const FILE: &str = "/gce.json";
const TOKEN: &str = r#"{"access_token": "hunter2", "expires_in": 3600, "token_type": "Bearer"}"#;

/// A world with an instance of Google's that lends a token.
fn world() -> World {
    let world = World::new();
    world.http.keep_answers();
    world.http.at(METADATA).then(Answer::json(TOKEN));
    world
}

/// Checks what was asked and answered against Google's description of Compute Engine.
#[track_caller]
fn is_as_described(http: &ScriptedHttp) {
    let answered = http.take_answered().into_iter();
    described::check(answered.filter_map(|(request, answer)| Some((request, answer.whole_body()?))));
}

#[test]
fn targets_are_those_of_prometheus() {
    let golden = golden!("gce");
    let servers = RefCell::new(Vec::new());
    let mut found = golden.found_where(|world| {
        world.http.keep_answers();
        servers.borrow_mut().push(world.http.clone());
        world
            .files
            .write(FILE, include_str!("testdata/golden/credentials.json"));
        world.variables.set("GOOGLE_APPLICATION_CREDENTIALS", FILE);
    });
    servers.take().iter().for_each(is_as_described);
    let mut expected = golden.expected();
    // An instance without an IPv4 address is at `:80` there.
    for targets in expected.values_mut() {
        targets.retain(|labels| !labels["__address__"].starts_with(':'));
    }
    let zone = found.get_mut("zone").expect("a job");
    assert!(zone.iter().any(|labels| labels["__address__"] == "[fd20:1::5]:80"));
    zone.retain(|labels| !labels["__address__"].starts_with('['));
    assert_eq!(found, expected);
}

#[test]
fn what_is_missing_costs_a_label_and_what_has_no_address_is_skipped_and_counted() {
    let mut world = world();
    let list = r#"{"items": [
        {"networkInterfaces": [{"networkIP": "10.0.0.1", "name": 5, "accessConfigs": null}], "id": null, "metadata": {"items": [null, {"key": "a"}]},
         "labels": {"a": 1, "b": "2"}, "tags": {"items": null}},
        {"networkInterfaces": [{"ipv6AccessConfigs": [{"externalIpv6": "2001:db8::1"}]}]},
        {"networkInterfaces": [{}, {"networkIP": "10.0.0.2"}]}, {"networkInterfaces": [null]}, {"networkInterfaces": []}, {}, null, 7]}"#;
    world.http.at(LIST).then(Answer::json(list));
    start::<GceSd>(&mut world, ENTRY);
    let first = labels(&[
        ("__address__", "10.0.0.1:80"),
        ("__meta_gce_interface_ipv4_", "10.0.0.1"),
        ("__meta_gce_label_b", "2"),
        ("__meta_gce_private_ip", "10.0.0.1"),
        ("__meta_gce_project", "p"),
    ]);
    let second = labels(&[("__address__", "[2001:db8::1]:80"), ("__meta_gce_project", "p")]);
    assert_eq!(found(&mut world), BTreeSet::from([first, second]));
    assert_eq!(counted(&world, SKIPPED), 6.0);
}

#[test]
fn a_project_a_filter_and_a_page_are_escaped() {
    let mut world = world();
    let page = Answer::json(r#"{"items": [], "nextPageToken": "a=/+"}"#);
    let at = "https://compute.googleapis.com/";
    world.http.at(at).then(page).then(Answer::json(r#"{"items": []}"#));
    start::<GceSd>(
        &mut world,
        "{project: 'example.com:p', zone: 'a/b', filter: 'labels.env = \"x\"'}",
    );
    world.settle();
    let sent = world.http.take_requests();
    let urls: Vec<&str> = sent.iter().map(|sent| sent.request.url.as_str()).collect();
    let list = "https://compute.googleapis.com/compute/v1/projects/example.com:p/zones/a%2Fb/instances?alt=json&prettyPrint=false\
                &filter=labels.env%20%3D%20%22x%22";
    assert_eq!(urls[1..], [list.to_owned(), format!("{list}&pageToken=a%3D%2F%2B")]);
    assert_eq!(sent[1].header("authorization"), Some("Bearer hunter2"));
}

#[test]
fn a_list_that_cannot_be_had_as_a_whole_is_a_failure_and_all_targets_stay() {
    let disabled = r#"{"error": {"code": 403, "message": "Compute Engine API has not been used in project p before or it is disabled.", "errors": []}}"#;
    for (answer, expected) in [
        (
            Answer::new(403).body(disabled),
            "has not been used in project p before or it is disabled. (status 403)",
        ),
        (Answer::new(404), "status 404"),
        (Answer::new(429).header("retry-after", "40"), "status 429"),
        (Answer::new(500), "status 500"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::json("{}"), "the answer is no list of instances"),
        (Answer::json(r#"{"items": null}"#), "the answer is no list of instances"),
        (Answer::json(r#"{"items": {}}"#), "invalid type: map"),
        (Answer::json(r#"{"items": [{"id""#), "EOF while parsing"),
        (Answer::json("<html>"), "expected value"),
        (
            Answer::json(r#"{"items": [], "nextPageToken": "x"}"#),
            "comes a second time",
        ),
        (
            Answer::json(r#"{"items": [], "warning": {"code": "UNREACHABLE", "message": "A scope is down."}}"#),
            "the list is not whole: UNREACHABLE: A scope is down.",
        ),
    ] {
        let mut world = world();
        let list = r#"{"items": [{"networkInterfaces": [{"networkIP": "10.0.0.1"}]}]}"#;
        world.http.at(LIST).then(Answer::json(list));
        start::<GceSd>(&mut world, ENTRY);
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.addresses(), ["10.0.0.1:80"]);
        world.http.at(LIST).now(answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        let start = "listing the instances of Google Compute Engine https://compute.googleapis.com/";
        assert!(said.starts_with(start) && said.contains(expected), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(collected, before);
    }
}

#[test]
fn an_empty_zone_says_what_it_is_and_counts_when_it_is_said_twice() {
    let mut world = world();
    let list = r#"{"items": [{"networkInterfaces": [{"networkIP": "10.0.0.1"}]}]}"#;
    let empty = r#"{"kind": "compute#instanceList", "warning": {"code": "NO_RESULTS_ON_PAGE"}}"#;
    world.http.at(LIST).then(Answer::json(list)).then(Answer::json(empty));
    start::<GceSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    collected.receive(&world.run_for(MINUTE + Duration::from_secs(30)));
    assert_eq!(collected.addresses(), ["10.0.0.1:80"]);
    collected.receive(&world.run_for(MINUTE * 2));
    assert_eq!(collected.addresses(), Vec::<&str>::new());
    is_as_described(&world.http);
}
