use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Instant, Update, UpdateKind};
use headcount_discoverer::Discoverer;
use headcount_discoverer::env::{HttpError, HttpResponse};
use headcount_discoverer::mechanism::Mechanism;
use headcount_discoverer::refresh::LONGEST_DEADLINE;
use headcount_discoverer::testing::{Collected, Received, World};
use headcount_reader::HttpClientSettings;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

fn list_at(interval: Duration) -> Box<dyn Discoverer> {
    let url = "http://user:pass@sd.example/list";
    let settings = HttpSd::new(url, interval, HttpClientSettings::default()).expect("good settings");
    Arc::new(settings).discoverer()
}

fn world(interval: Duration) -> World {
    let mut world = World::new();
    world.start(list_at(interval));
    world
}

fn list(addresses: &[&str]) -> String {
    let entries: Vec<_> = addresses
        .iter()
        .map(|address| format!(r#"{{"targets": ["{address}"]}}"#))
        .collect();
    format!("[{}]", entries.join(","))
}

fn refused() -> HttpError {
    HttpError::Connect {
        host: "sd.example:80".to_owned(),
        cause: std::io::ErrorKind::ConnectionRefused.into(),
    }
}

fn failures(world: &World) -> f64 {
    let families = world.metrics.read();
    families
        .iter()
        .find(|(definition, _)| *definition == FAILURES)
        .map_or(-1.0, |(_, samples)| samples[0].value)
}

fn only_failure(received: &[Received]) -> &str {
    assert_eq!(received.len(), 1, "{received:?}");
    received[0].failure().expect("a failure")
}

#[test]
fn asks_as_prometheus_does() {
    let mut world = world(Duration::from_millis(90_500));
    world.http.answer(200, &[JSON], "[]");
    world.settle();
    let requests = world.http.take_requests();
    let request = &requests[0];
    assert_eq!(
        (request.request.method.as_str(), request.request.url.as_str()),
        ("GET", "http://user:pass@sd.example/list")
    );
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.header("x-prometheus-refresh-interval-seconds"), Some("90.5"));
    assert!(
        request
            .header("user-agent")
            .is_some_and(|agent| agent.starts_with("headcount/"))
    );
    assert_eq!(request.header("if-none-match"), None);
    assert_eq!(request.request.limits.total, Some(Duration::from_millis(90_500)));
    assert_eq!((failures(&world), requests.len()), (0.0, 1));
}

#[test]
fn what_the_server_lists_is_said_in_full() {
    let mut world = world(MINUTE);
    world.http.answer(
        200,
        &[JSON],
        r#"[{"targets": ["a:1", "b:1"], "labels": {"rack": "1"}}, {"targets": ["c:1"]}]"#,
    );
    let received = world.settle();
    assert_eq!(received[0].update().map(Update::kind), Some(UpdateKind::Full));
    let mut collected = Collected::default();
    collected.receive(&received);
    let source = |index: usize| format!("http://sd.example/list:{index}");
    assert_eq!(collected.sources(), [source(0), source(1)]);
    assert_eq!(collected.addresses(), ["a:1", "b:1", "c:1"]);
    let labels = collected.group(&source(0)).expect("it is there").labels();
    assert_eq!(labels.get("__meta_url"), Some("http://sd.example/list"));
    // A shorter list takes away what it no longer has.
    world.http.answer(200, &[JSON], list(&["c:1"]));
    collected.receive(&world.run_for(MINUTE));
    assert_eq!(collected.addresses(), ["c:1"]);
}

/// B11: a server that has lost its data says the same as one that has none.
#[test]
fn b11_that_everything_is_gone_counts_when_it_is_said_twice() {
    for nothing in ["[]", "null", r#"[{"targets": null}]"#, r#"[{"targets": [null, ""]}]"#] {
        let mut world = world(MINUTE);
        let mut collected = Collected::default();
        world.http.answer(200, &[JSON], list(&["a:1", "b:1"]));
        collected.receive(&world.settle());
        world.http.answer(200, &[JSON], nothing);
        let received = world.run_until_received(MINUTE * 2);
        collected.receive(&received);
        let said = only_failure(&received);
        assert!(
            said.ends_with("getting the target list gave no targets any more, of 2 before; that counts if the next answer is the same"),
            "{said}"
        );
        assert_eq!(collected.addresses(), ["a:1", "b:1"], "{nothing}");
        // It was a slip.
        world.http.answer(200, &[JSON], list(&["a:1", "b:1"]));
        collected.receive(&world.run_until_received(MINUTE * 2));
        world.http.answer(200, &[JSON], nothing);
        only_failure(&world.run_until_received(MINUTE * 2));
        assert_eq!(collected.addresses(), ["a:1", "b:1"], "{nothing}");
        // It is meant.
        let received = world.run_until_received(MINUTE * 2);
        collected.receive(&received);
        assert_eq!(received.len(), 1);
        assert!(
            collected.addresses().iter().all(|address| address.is_empty()),
            "{nothing}"
        );
    }
}

/// B13: in a list that grew at its front, all that was there stays what it was.
#[test]
fn b13_an_insertion_in_front_of_twenty_thousand_groups_is_one_change() {
    let mut world = world(MINUTE);
    let group = |host: usize| format!(r#"{{"targets": ["10.0.0.1:{host}"], "labels": {{"rack": "{host}"}}}}"#);
    let list = |hosts: std::ops::Range<usize>| format!("[{}]", hosts.map(group).collect::<Vec<_>>().join(","));
    let mut collected = Collected::default();
    world.http.answer(200, &[JSON], list(1..20_001));
    collected.receive(&world.settle());
    let before = collected.clone();
    world.http.answer(200, &[JSON], list(0..20_001));
    collected.receive(&world.run_until_received(MINUTE * 2));
    let (sources, old) = (collected.sources(), before.sources());
    assert_eq!((sources.len(), old.len()), (20_001, 20_000));
    let is_other = |source: &&str| before.group(source) != collected.group(source);
    let changed: Vec<_> = sources.into_iter().filter(is_other).collect();
    assert_eq!(changed, ["http://sd.example/list:20000"]);
}

#[test]
fn a_body_that_is_the_same_is_not_told_again() {
    let mut world = world(MINUTE);
    world.http.answer(200, &[JSON], list(&["a:1"]));
    let received = world.run_for(MINUTE * 10);
    assert!(received.len() >= 10);
    assert!(
        received[1..]
            .iter()
            .all(|received| received.update().is_some_and(|update| update.groups().is_empty()))
    );
}

#[test]
fn a_body_that_is_the_same_under_another_type_is_refused() {
    let mut world = world(MINUTE);
    world.http.answer(200, &[JSON], list(&["a:1"]));
    world.settle();
    world.http.answer(200, &[("content-type", "text/html")], list(&["a:1"]));
    let received = world.run_for(MINUTE);
    assert!(only_failure(&received).contains("text/html"));
}

#[test]
fn what_the_server_said_of_its_list_is_sent_back() {
    let mut world = world(MINUTE);
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    world.http.answer(
        200,
        &[JSON, ("etag", "W/\"1\""), ("last-modified", date)],
        list(&["a:1"]),
    );
    world.http.then_answer(304, &[], "");
    let mut collected = Collected::default();
    collected.receive(&world.run_for(MINUTE * 3));
    assert_eq!(collected.addresses(), ["a:1"]);
    let requests = world.http.take_requests();
    assert!(requests.len() >= 3);
    for request in &requests[1..] {
        assert_eq!(request.header("if-none-match"), Some("W/\"1\""));
        assert_eq!(request.header("if-modified-since"), Some(date));
    }
    assert_eq!(failures(&world), 0.0);
    // The next answer has no tag: nothing is sent back any more.
    world.http.answer(200, &[JSON], list(&["b:1"]));
    world.run_for(MINUTE);
    world.http.take_requests();
    world.run_for(MINUTE);
    assert!(
        world
            .http
            .take_requests()
            .iter()
            .all(|request| request.header("if-none-match").is_none())
    );
}

/// Else a server that answers 304 to its tag is believed that the list is the one that was never understood.
#[test]
fn what_was_refused_is_not_remembered_with_its_tag() {
    let bad: [(&[(&str, &str)], &str); 3] = [
        (&[JSON, ("etag", "\"bad\""), ("last-modified", "bad")], "[{"),
        (&[("content-type", "text/html"), ("etag", "\"bad\"")], "[]"),
        (&[JSON, ("etag", "\"bad\"")], r#"[{"targets": [], "x": 1}]"#),
    ];
    for (headers, body) in bad {
        let mut world = world(MINUTE);
        let mut collected = Collected::default();
        world.http.answer(200, &[JSON, ("etag", "\"good\"")], list(&["a:1"]));
        collected.receive(&world.settle());
        world.http.answer(200, headers, body);
        collected.receive(&world.run_for(MINUTE * 3));
        let requests = world.http.take_requests();
        assert!(requests.len() >= 3, "{} requests", requests.len());
        for request in &requests[1..] {
            assert_eq!(request.header("if-none-match"), Some("\"good\""), "{body}");
            assert_eq!(request.header("if-modified-since"), None, "{body}");
        }
        assert_eq!(collected.addresses(), ["a:1"], "{body}");
        // The same bytes as before are the list that there is.
        world.http.answer(200, &[JSON, ("etag", "\"good\"")], list(&["a:1"]));
        collected.receive(&world.run_for(MINUTE * 2));
        assert_eq!(collected.addresses(), ["a:1"], "{body}");
    }
}

#[test]
fn an_answer_of_not_modified_to_a_first_question_is_a_failure() {
    let mut world = world(MINUTE);
    world.http.answer(304, &[], "");
    assert!(only_failure(&world.settle()).contains("status 304"));
}

#[test]
fn a_server_that_goes_away_loses_no_target() {
    let mut world = world(MINUTE);
    world.http.answer(200, &[JSON], list(&["a:1", "b:1"]));
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    world.http.answer(502, &[], "bad gateway");
    world.http.then_fail(refused());
    let received = world.run_for(MINUTE * 20);
    collected.receive(&received);
    assert_eq!(collected.addresses(), ["a:1", "b:1"]);
    assert!(received.len() >= 18 && received.iter().all(|received| received.failure().is_some()));
    let expected = "getting the target list http://sd.example/list: connecting to sd.example:80: connection refused";
    assert_eq!(received.last().and_then(Received::failure), Some(expected));
    assert_eq!(failures(&world), received.len() as f64);
    // It is back, with the same list: that is a success.
    world.http.answer(200, &[JSON], list(&["a:1", "b:1"]));
    let back = world.run_for(MINUTE * 2);
    assert!(
        back.last()
            .is_some_and(|received| received.update().is_some_and(|update| update.groups().is_empty()))
    );
}

#[test]
fn a_hiccup_is_tried_again_within_the_refresh() {
    let mut world = world(MINUTE);
    world.http.answer(503, &[], "");
    world.http.then_answer(200, &[JSON], list(&["a:1"]));
    let received = world.run_for(Duration::from_secs(1));
    assert_eq!(received.len(), 1, "nobody hears of it: {received:?}");
    assert!(received[0].update().is_some() && received[0].at <= Instant::ZERO + Duration::from_secs(1));
    assert_eq!((world.http.take_requests().len(), failures(&world)), (2, 0.0));
}

#[test]
fn a_server_that_fails_is_asked_twice_in_an_interval_and_each_refresh_counts_once() {
    let interval = Duration::from_secs(10);
    let answers: [fn(&World); 3] = [
        |world| world.http.answer(500, &[], ""),
        |world| world.http.answer(404, &[], ""),
        |world| world.http.then_fail(refused()),
    ];
    for (fails, tries) in answers.into_iter().zip([2, 1, 2]) {
        let mut world = world(interval);
        fails(&world);
        let received = world.run_for(Duration::from_secs(44));
        let requests = world.http.take_requests();
        assert!((4..=5).contains(&received.len()), "{}", received.len());
        assert_eq!(requests.len(), received.len() * tries);
        assert_eq!(failures(&world), received.len() as f64);
        for three in requests.windows(3) {
            let time = three[2].at.saturating_duration_since(three[0].at);
            assert!(time >= interval, "three in {time:?}");
        }
    }
}

#[test]
fn who_says_when_to_come_again_is_obeyed() {
    for header in ["300", "Thu, 01 Jan 2026 00:05:00 GMT"] {
        let mut world = world(MINUTE);
        world.http.answer(503, &[("retry-after", header)], "");
        world.http.then_answer(200, &[JSON], list(&["a:1"]));
        let received = world.run_for(MINUTE * 6);
        assert!(
            received[0]
                .failure()
                .is_some_and(|message| message.contains("status 503"))
        );
        assert!(
            received[1].at >= Instant::ZERO + MINUTE * 5 && received[1].update().is_some(),
            "{header}: {received:?}"
        );
    }
}

#[test]
fn an_answer_that_is_no_list_is_a_failure_and_changes_nothing() {
    let with_type = |content_type: &'static str| [("content-type", content_type)];
    type Answer<'a> = (u16, Vec<(&'a str, &'a str)>, &'a [u8], &'a str);
    let answers: [Answer<'_>; 6] = [
        (404, vec![JSON], b"[]", "the server answered with status 404, not 200"),
        (
            200,
            with_type("text/html").to_vec(),
            b"[]",
            "the answer's type is \"text/html\", not \"application/json\"",
        ),
        (
            200,
            vec![],
            b"[]",
            "the answer's type is \"\", not \"application/json\"",
        ),
        (
            200,
            vec![JSON],
            b"[{\"targets\": [\"a:1\"",
            "entry 0: EOF while parsing a list at line 1 column 19",
        ),
        (
            200,
            vec![JSON],
            b"[{\"targets\": [\"a:1\"]}, {\"x\": 1}]",
            "entry 1: unknown field `x`",
        ),
        (
            200,
            vec![JSON],
            b"[{\"targets\": [\xff]}]",
            "entry 0: expected value at line 1 column 15",
        ),
    ];
    for (status, headers, body, expected) in answers {
        let mut world = world(MINUTE);
        world.http.answer(200, &[JSON], list(&["a:1"]));
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        world.http.answer(status, &headers, body);
        let received = world.run_for(MINUTE);
        collected.receive(&received);
        assert!(
            only_failure(&received).contains(expected),
            "{}",
            only_failure(&received)
        );
        assert_eq!((collected.addresses(), failures(&world)), (vec!["a:1"], 1.0));
        // What was refused is not taken for known: the good list counts again.
        world.http.answer(200, &[JSON], list(&["b:1"]));
        collected.receive(&world.run_for(MINUTE * 2));
        assert_eq!(collected.addresses(), ["b:1"]);
    }
}

#[test]
fn a_server_that_hangs_is_given_the_interval_and_ten_minutes_at_most() {
    for (interval, limit) in [(MINUTE, MINUTE), (MINUTE * 60, LONGEST_DEADLINE)] {
        let mut world = world(interval);
        let answer = HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
        };
        world.http.then(MINUTE * 600, Ok(answer));
        let received = world.run_for(limit);
        assert!(only_failure(&received).contains("no whole answer within"));
        assert_eq!(received[0].at, Instant::ZERO + limit);
    }
}

#[test]
fn a_body_over_the_limit_is_a_failure() {
    let mut world = world(MINUTE);
    world.http.then_fail(HttpError::BodyTooLarge {
        host: "sd.example:80".to_owned(),
        limit: 256 << 20,
    });
    let received = world.settle();
    let failure = only_failure(&received);
    assert!(
        failure.contains("larger than the limit of 268435456 bytes"),
        "{failure}"
    );
    assert!(failure.contains("--max-body-per-provider"), "{failure}");
    assert_eq!(world.http.take_requests()[0].request.limits.body, 256 << 20);
}

#[test]
fn settings_that_cannot_work_yet_are_reported_and_tried_again() {
    let mut world = world(MINUTE);
    world.http.refuse_settings(Some("ca_file /etc/ca.pem: no such file"));
    world.http.answer(200, &[JSON], list(&["a:1"]));
    assert!(only_failure(&world.settle()).contains("ca_file /etc/ca.pem: no such file"));
    world.http.refuse_settings(None);
    let received = world.run_for(MINUTE * 2);
    assert!(received.last().is_some_and(|received| received.update().is_some()));
}

/// B11, B13: what was there before a restart is what the first answer is compared with.
#[test]
fn b11_a_list_that_is_empty_after_a_restart_is_doubted_and_groups_keep_their_sources() {
    let mut first = world(MINUTE);
    first.http.answer(200, &[JSON], list(&["a:1", "b:1"]));
    let received = first.settle();
    let found: Vec<Group> = received
        .iter()
        .filter_map(Received::update)
        .flat_map(|update| update.groups().to_vec())
        .collect();
    assert_eq!(found.len(), 2);

    let mut world = World::new();
    world.start_after(found.clone(), list_at(MINUTE));
    world.http.answer(200, &[JSON], "[]");
    let received = world.settle();
    assert!(only_failure(&received).contains("of 2 before"), "{received:?}");
    world.http.answer(200, &[JSON], "[]");
    let received = world.run_for(MINUTE * 2);
    assert_eq!(
        received[0].update().map(Update::kind),
        Some(UpdateKind::Full),
        "said twice"
    );

    let mut world = World::new();
    world.start_after(found.clone(), list_at(MINUTE));
    world.http.answer(200, &[JSON], list(&["new:1", "a:1", "b:1"]));
    let received = world.settle();
    let groups = received[0].update().expect("an update").groups();
    assert!(groups[1].same_content(&found[0]) && groups[1].source() == found[0].source());
}
