//! Lists that are the beginning of a watch, and servers that can't do that.

use headcount_discoverer::testing::{Answer, BodyPipe};
use serde_json::{Value, json};

use super::server::Streams;
use super::*;

/// A story with a server that streams, with two pods.
fn story() -> Story {
    let story = Story::new();
    story.server.stream(Streams::Given);
    story.server.put(PODS, pod("a", "p1", "10.0.0.1"));
    story.server.put(PODS, pod("a", "p2", "10.0.0.2"));
    story
}

fn is_stream(request: &str) -> bool {
    request.contains("sendInitialEvents=true")
}

fn event(what: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": what, "object": object}))
}

/// What says that this was all.
fn end(version: &str) -> String {
    let annotations = json!({"k8s.io/initial-events-end": "true"});
    event(
        "BOOKMARK",
        &json!({"metadata": {"resourceVersion": version, "annotations": annotations}}),
    )
}

/// An object at a version.
fn at(version: &str, mut object: Value) -> Value {
    object["metadata"]["resourceVersion"] = json!(version);
    object
}

/// The next stream is answered by who holds this.
fn piped(server: &VirtualServer) -> BodyPipe {
    let (answer, pipe) = Answer::piped(200);
    server.fail(move |request| is_stream(&request.url).then(|| answer.clone()));
    pipe
}

#[test]
fn one_request_lists_and_watches() {
    let mut story = story();
    story.start("role: pod");
    assert_eq!(kinds(&story.run(SOON)), [UpdateKind::Full]);
    story.server.put(PODS, pod("a", "p3", "10.0.0.3"));
    story.server.delete(PODS, "a/p1");
    let received = story.run(SOON);
    assert_eq!(failures(&received), Vec::<&str>::new());
    assert_eq!(story.addresses(), ["10.0.0.2:8080", "10.0.0.3:8080"]);
    let requests = story.server.take_requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let query =
        "/api/v1/pods?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&";
    assert!(requests[0].starts_with(query), "{requests:?}");
    // The next one goes on where it ended.
    story.run(MINUTE);
    story.server.break_watches();
    story.server.put(PODS, pod("a", "p4", "10.0.0.4"));
    story.run(SOON);
    assert_eq!(story.addresses().len(), 3);
    let requests = story.server.take_requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(
        requests[0].ends_with("?limit=1") && requests[1].contains("resourceVersion=104"),
        "{requests:?}"
    );
    // What was forgotten is listed, without a gap, in the same way.
    story.run(MINUTE);
    story.server.break_watches();
    story.server.delete(PODS, "a/p2");
    story.server.compact();
    let received = story.run(SOON);
    assert_eq!(
        (kinds(&received), failures(&received)),
        (vec![UpdateKind::Delta], vec![])
    );
    assert_eq!(story.addresses(), ["10.0.0.3:8080", "10.0.0.4:8080"]);
    let requests = story.server.take_requests();
    assert!(requests.len() == 3 && is_stream(&requests[2]), "{requests:?}");
    assert_eq!(story.metric("prometheus_sd_kubernetes_failures_total"), 0.0);
}

#[test]
fn an_empty_cluster_is_told_at_once() {
    let mut story = Story::new();
    story.server.stream(Streams::Given);
    story.start("role: pod");
    assert_eq!(kinds(&story.run(SOON)), [UpdateKind::Full]);
}

#[test]
fn what_was_not_said_to_be_all_is_not_told() {
    let mut story = story();
    let pipe = piped(&story.server);
    story.start("role: pod");
    pipe.send(event("ADDED", &at("101", pod("a", "p1", "10.0.0.1"))));
    assert!(story.run(SOON).is_empty());
    // What changes meanwhile is a part of it. An ordinary bookmark ends nothing.
    pipe.send(event("ADDED", &at("102", pod("a", "p2", "10.0.0.2"))));
    pipe.send(event("MODIFIED", &at("103", pod("a", "p1", "10.0.0.9"))));
    pipe.send(event("DELETED", &at("104", pod("a", "p2", "10.0.0.2"))));
    pipe.send(event("BOOKMARK", &json!({"metadata": {"resourceVersion": "104"}})));
    assert!(story.run(Duration::from_secs(20)).is_empty());
    // What follows in the same piece comes after it.
    let third = event("ADDED", &at("106", pod("a", "p3", "10.0.0.3")));
    let fourth = event("ADDED", &at("107", pod("a", "p4", "10.0.0.4")));
    pipe.send(format!("{}{third}{}", end("105"), &fourth[..50]));
    let received = story.run(SOON);
    assert_eq!(failures(&received), Vec::<&str>::new());
    assert_eq!(kinds(&received)[0], UpdateKind::Full);
    assert_eq!(story.addresses(), ["10.0.0.9:8080", "10.0.0.3:8080"]);
    // So does a line of which only the beginning was in it.
    pipe.send(&fourth[50..]);
    story.run(SOON);
    assert_eq!(story.addresses().len(), 3);
    // The server itself is as far as what it said.
    for number in 0..5 {
        story.server.put(SERVICES, service("a", &format!("s{number}")));
    }
    story.server.take_requests();
    pipe.breaks(std::io::ErrorKind::ConnectionReset);
    story.run(MINUTE);
    assert!(story.server.take_requests()[1].contains("resourceVersion=107"));
}

#[test]
fn one_that_breaks_off_is_no_list_and_the_next_one_is_in_pages() {
    for breaks in [true, false] {
        let mut story = story();
        story.start("role: pod");
        story.run(MINUTE);
        story.server.take_requests();
        // Everything has to be listed, and of two pods one is told.
        let pipe = piped(&story.server);
        story.server.break_watches();
        story.server.put(PODS, pod("a", "p3", "10.0.0.3"));
        story.server.compact();
        pipe.send(event("ADDED", &at("101", pod("a", "p1", "10.0.0.1"))));
        match breaks {
            true => pipe.breaks(std::io::ErrorKind::ConnectionReset),
            false => pipe.end(),
        }
        let received = story.run(SOON);
        assert_eq!(failures(&received).len(), 1, "{received:?}");
        assert_eq!(story.addresses().len(), 2);
        story.run(MINUTE);
        assert_eq!(story.addresses().len(), 3);
        let requests = story.server.take_requests();
        assert_eq!(requests.iter().filter(|request| is_stream(request)).count(), 1);
        assert!(
            requests.iter().any(|request| request.contains("limit=500")),
            "{requests:?}"
        );
        // That was a mishap: the next one is a stream again.
        story.server.mend();
        story.run(MINUTE * 61);
        assert!(story.server.take_requests().iter().any(|request| is_stream(request)));
    }
}

#[test]
fn a_server_that_refuses_is_listed_in_pages_and_asked_again_after_hours() {
    for code in [400, 405, 422, 501] {
        let mut story = story();
        story
            .server
            .fail(move |request| is_stream(&request.url).then(|| status(code, "Invalid", "no")));
        story.start("role: pod");
        let received = story.run(SOON);
        assert_eq!(
            (kinds(&received), failures(&received)),
            (vec![UpdateKind::Full], vec![])
        );
        let requests = story.server.take_requests();
        assert_eq!(requests.len(), 3, "{code}: {requests:?}");
        assert!(
            is_stream(&requests[0]) && requests[1].contains("limit=500"),
            "{requests:?}"
        );
        // It is listed each hour.
        story.run(MINUTE * 60 * 5);
        let requests = story.server.take_requests();
        assert!(!requests.iter().any(|request| is_stream(request)), "{requests:?}");
        assert!(requests.iter().filter(|request| request.contains("limit=500")).count() >= 5);
        // It was replaced by a newer one.
        story.server.mend();
        story.run(MINUTE * 60 * 2);
        let requests = story.server.take_requests();
        assert_eq!(requests.iter().filter(|request| is_stream(request)).count(), 1);
        assert_eq!(story.metric("prometheus_sd_kubernetes_failures_total"), 0.0);
    }
}

#[test]
fn a_server_that_never_says_that_it_was_all_is_listed_in_pages() {
    let mut story = story();
    story.server.stream(Streams::Unknown);
    story.start("role: pod");
    for _ in 0..2 {
        // Its bookmarks are no sign that more of the list comes.
        assert!(story.run(Duration::from_secs(14)).is_empty());
        story
            .server
            .say(&event("BOOKMARK", &json!({"metadata": {"resourceVersion": "102"}})));
    }
    let received = story.run(Duration::from_secs(5));
    assert_eq!(
        (kinds(&received), failures(&received)),
        (vec![UpdateKind::Full], vec![])
    );
    assert_eq!(story.addresses(), ["10.0.0.1:8080", "10.0.0.2:8080"]);
    assert_eq!(story.server.open_watches(), 1, "what was of no use is closed");
    story.server.take_requests();
    story.run(MINUTE * 60 * 5);
    assert!(!story.server.take_requests().iter().any(|request| is_stream(request)));
}

#[test]
fn trouble_is_no_refusal() {
    for code in [401, 403, 404, 410, 429, 500, 503] {
        let mut story = story();
        story.server.fail(move |_| Some(status(code, "x", "y")));
        story.start("role: pod");
        let received = story.run(SOON);
        assert_eq!(failures(&received).len(), 1, "{code}");
        assert_eq!(
            story.server.take_requests().len(),
            1,
            "{code}: who is in trouble is asked once"
        );
        story.server.mend();
        story.run(MINUTE);
        assert_eq!(story.addresses().len(), 2, "{code}");
    }
}

#[test]
fn an_object_that_makes_no_sense_stays_what_it_was() {
    let mut story = story();
    story.start("role: pod");
    story.run(MINUTE);
    let mut wrong = pod("a", "p2", "10.0.0.8");
    wrong["spec"]["containers"] = json!("none");
    story.server.break_watches();
    story.server.put(PODS, wrong);
    story.server.delete(PODS, "a/p1");
    story.server.compact();
    story.run(SOON);
    assert_eq!(story.addresses(), ["10.0.0.2:8080"]);
    assert_eq!(story.metric("headcount_sd_kubernetes_skipped_objects_total"), 1.0);
}

#[test]
fn an_end_without_a_version_is_no_end() {
    let mut story = story();
    let pipe = piped(&story.server);
    story.start("role: pod");
    pipe.send(event("ADDED", &at("101", pod("a", "p1", "10.0.0.1"))));
    pipe.send(end(""));
    let received = story.run(SOON);
    assert!(
        failures(&received)[0].contains("does not say its version"),
        "{received:?}"
    );
    assert!(story.addresses().is_empty());
}
