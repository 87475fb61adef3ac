use std::time::Duration;

use headcount_core::{Instant, UpdateKind};
use headcount_discoverer::env::{HttpError, HttpResponse};
use headcount_discoverer::mechanism::Mechanism;
use headcount_discoverer::refresh::FIRST_RETRY;
use headcount_discoverer::testing::{Collected, Said, World};
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

fn only_failure(said: &[Said]) -> &str {
    assert_eq!(said.len(), 1, "{said:?}");
    said[0].failure().expect("a failure")
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
    assert_eq!(request.request.timeout, Duration::from_millis(90_500));
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
    let said = world.settle();
    assert_eq!(said[0].update().map(Update::kind), Some(UpdateKind::Full));
    let mut collected = Collected::default();
    collected.hear(&said);
    let source = |index: usize| format!("http://user:pass@sd.example/list:{index}");
    assert_eq!(collected.sources(), [source(0), source(1)]);
    assert_eq!(collected.addresses(), ["a:1", "b:1", "c:1"]);
    let labels = collected.group(&source(0)).expect("it is there").labels();
    assert_eq!(labels.get("__meta_url"), Some("http://user:pass@sd.example/list"));
    // A shorter list takes away what it no longer has.
    world.http.answer(200, &[JSON], list(&["c:1"]));
    collected.hear(&world.run_for(MINUTE));
    assert_eq!(collected.addresses(), ["c:1"]);
}

#[test]
fn a_body_that_is_the_same_is_not_told_again() {
    let mut world = world(MINUTE);
    world.http.answer(200, &[JSON], list(&["a:1"]));
    let said = world.run_for(MINUTE * 10);
    assert!(said.len() >= 10);
    assert!(
        said[1..]
            .iter()
            .all(|said| said.update().is_some_and(|update| update.groups().is_empty()))
    );
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
    collected.hear(&world.run_for(MINUTE * 3));
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
    collected.hear(&world.settle());
    world.http.answer(502, &[], "bad gateway");
    world.http.then_fail(refused());
    let said = world.run_for(MINUTE * 20);
    collected.hear(&said);
    assert_eq!(collected.addresses(), ["a:1", "b:1"]);
    assert!(said.len() >= 20 && said.iter().all(|said| said.failure().is_some()));
    let expected = "getting the target list http://sd.example/list: connecting to sd.example:80: connection refused";
    assert_eq!(said.last().and_then(Said::failure), Some(expected));
    assert_eq!(failures(&world), said.len() as f64);
    // It is back, with the same list: that is a success, and quickly seen.
    world.http.answer(200, &[JSON], list(&["a:1", "b:1"]));
    let back = world.run_for(MINUTE);
    assert!(
        back.last()
            .is_some_and(|said| said.update().is_some_and(|update| update.groups().is_empty()))
    );
}

#[test]
fn a_hiccup_is_tried_again_within_the_refresh() {
    let mut world = world(MINUTE);
    world.http.answer(503, &[], "");
    world.http.then_fail(refused());
    world.http.then_answer(200, &[JSON], list(&["a:1"]));
    let said = world.run_for(Duration::from_secs(1));
    assert_eq!(said.len(), 1, "nobody hears of it: {said:?}");
    assert!(said[0].update().is_some() && said[0].at <= Instant::ZERO + QUICK_RETRY * 3);
    assert_eq!((world.http.take_requests().len(), failures(&world)), (3, 0.0));
}

#[test]
fn a_server_that_is_down_is_asked_quickly_at_first_and_then_ever_less() {
    let mut world = world(MINUTE);
    let said = world.run_for(MINUTE * 60);
    let requests = world.http.take_requests();
    assert_eq!(requests.len(), said.len() * 3, "each refresh tries three times");
    assert!((60..=80).contains(&said.len()), "{}", said.len());
    let first_gap = said[1].at.saturating_duration_since(said[0].at);
    assert!(first_gap <= FIRST_RETRY + QUICK_RETRY * 3, "{first_gap:?}");
}

#[test]
fn who_says_when_to_come_again_is_obeyed() {
    for header in ["300", "Thu, 01 Jan 2026 00:05:00 GMT"] {
        let mut world = world(MINUTE);
        world.http.answer(503, &[("retry-after", header)], "");
        world.http.then_answer(200, &[JSON], list(&["a:1"]));
        let said = world.run_for(MINUTE * 6);
        assert!(said[0].failure().is_some_and(|message| message.contains("status 503")));
        assert!(
            said[1].at >= Instant::ZERO + MINUTE * 5 && said[1].update().is_some(),
            "{header}: {said:?}"
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
            "entry 0 (line 1, column 19): EOF while parsing a list",
        ),
        (
            200,
            vec![JSON],
            b"[{\"targets\": [\"a:1\"]}, {\"x\": 1}]",
            "entry 1 (line 1, column 27): unknown field `x`",
        ),
        (
            200,
            vec![JSON],
            b"[{\"targets\": [\"\xff\"]}]",
            "byte 15 (line 1) is not UTF-8",
        ),
    ];
    for (status, headers, body, expected) in answers {
        let mut world = world(MINUTE);
        world.http.answer(200, &[JSON], list(&["a:1"]));
        let mut collected = Collected::default();
        collected.hear(&world.settle());
        world.http.answer(status, &headers, body);
        let said = world.run_for(MINUTE);
        collected.hear(&said);
        assert!(only_failure(&said).contains(expected), "{}", only_failure(&said));
        assert_eq!((collected.addresses(), failures(&world)), (vec!["a:1"], 1.0));
        // What was refused is not taken for known: the good list counts again.
        world.http.answer(200, &[JSON], list(&["b:1"]));
        collected.hear(&world.run_for(MINUTE));
        assert_eq!(collected.addresses(), ["b:1"]);
    }
}

#[test]
fn a_server_that_hangs_is_given_the_interval_and_ten_minutes_at_most() {
    for (interval, limit) in [(MINUTE, MINUTE), (MINUTE * 60, LONGEST_REFRESH)] {
        let mut world = world(interval);
        let answer = HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
        };
        world.http.then(MINUTE * 600, Ok(answer));
        let said = world.run_for(limit);
        assert!(only_failure(&said).contains("no whole answer within"));
        assert_eq!(said[0].at, Instant::ZERO + limit);
    }
}

#[test]
fn a_body_over_the_limit_is_a_failure() {
    let mut world = world(MINUTE);
    world.http.then_fail(HttpError::BodyTooLarge {
        host: "sd.example:80".to_owned(),
        limit: LARGEST_BODY,
    });
    assert!(only_failure(&world.settle()).contains("larger than the limit of 268435456 bytes"));
    assert_eq!(world.http.take_requests()[0].request.body_limit, LARGEST_BODY);
}

#[test]
fn settings_that_cannot_work_yet_are_reported_and_tried_again() {
    let mut world = world(MINUTE);
    world.http.refuse_settings(Some("ca_file /etc/ca.pem: no such file"));
    world.http.answer(200, &[JSON], list(&["a:1"]));
    assert!(only_failure(&world.settle()).contains("ca_file /etc/ca.pem: no such file"));
    world.http.refuse_settings(None);
    let said = world.run_for(MINUTE);
    assert!(said.last().is_some_and(|said| said.update().is_some()));
}
