//! `headcount run --max-drop`, as a process: what is held, where that is said, and how it ends (B05).

#![allow(clippy::expect_used, reason = "helpers report by panicking, as tests do")]

mod support;

use serde_json::{Value, json};
use support::{Daemon, Setup, headcount, replace};

/// The job's file with targets of these names.
fn write(setup: &Setup, names: &[&str]) {
    let targets: Vec<_> = names.iter().map(|name| format!("{name}:9100")).collect();
    replace(&setup.targets, &json!([{ "targets": targets }]).to_string());
}

/// The names of the targets of a list in an answer.
fn names(answer: &Value, list: &str) -> Vec<String> {
    let targets = answer["data"][list].as_array().expect("a list").iter();
    let address = |target: &Value| {
        target["discoveredLabels"]["__address__"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    targets.map(address).collect()
}

/// What is held of the first provider.
fn held(daemon: &Daemon) -> Value {
    daemon.get("/api/v1/providers").json()["data"]["providers"][0]["held"].clone()
}

#[test]
fn a_drop_is_held_said_everywhere_and_let_go_when_it_is_confirmed() {
    let setup = Setup::new();
    write(&setup, &["a", "b", "c", "d"]);
    let daemon = setup.start(&["--max-drop", "30%", "--hold", "1h"]);
    daemon.wait_for("/api/v1/targets", |body| body.contains("d:9100"));
    assert_eq!(held(&daemon), Value::Null);
    let metric = |targets: usize| format!("headcount_sd_held_targets{{name=\"scrape\",config=\"node\"}} {targets}\n");
    assert!(daemon.get("/metrics").text().contains(&metric(0)));

    write(&setup, &["a", "new"]);
    // What is new is there at once, and what is gone still is.
    let list = daemon.wait_for("/sd/node", |list| list.contains("new:9100")).text();
    assert!(
        ["a", "b", "c", "d"]
            .iter()
            .all(|name| list.contains(&format!("{name}:9100"))),
        "{list}"
    );
    let shown = held(&daemon);
    assert_eq!(
        json!([shown["targets"], shown["before"], shown["of"], shown["set"]]),
        json!([3, 0, 4, "node"])
    );
    let (since, until) = (
        shown["since"].as_f64().expect("a time"),
        shown["until"].as_f64().expect("a time"),
    );
    assert!((until - since - 3_600.0).abs() < 1.0, "{shown}");
    assert!(daemon.get("/metrics").text().contains(&metric(3)));
    daemon.logged("a warning", |entry| {
        let is_it = entry["level"] == "WARN" && entry["provider"] == "file/0" && entry["targets"] == 3;
        is_it.then_some(())
    });

    // Each target says it of itself.
    daemon.wait_for("/api/v1/targets", |body| body.contains("new:9100"));
    let only = daemon.get("/api/v1/targets?state=held").json();
    assert_eq!(names(&only, "activeTargets"), ["b:9100", "c:9100", "d:9100"]);
    let all = daemon.get("/api/v1/targets").json();
    for target in all["data"]["activeTargets"].as_array().expect("a list") {
        let address = target["discoveredLabels"]["__address__"].as_str().expect("text");
        let expected = if ["a:9100", "new:9100"].contains(&address) {
            Value::Null
        } else {
            json!({ "since": since })
        };
        let nearly = |held: &Value| held["since"].as_f64().map(|since| since.round());
        assert_eq!(nearly(&target["held"]), nearly(&expected), "{target}");
    }
    let explained = headcount()
        .args(["explain", "--url", &daemon.url(), "b"])
        .output()
        .expect("it runs");
    let text = String::from_utf8(explained.stdout).expect("UTF-8");
    assert!(text.contains("held         file/0 lost it "), "{text}");

    // An operator's word; the method and the name have to be right.
    assert_eq!(
        daemon.request("GET", "/api/v1/providers/file/0/confirm", &[]).status,
        405
    );
    // A page that somebody has open in a browser which can reach headcount.
    for evil in [("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site")] {
        let refused = daemon.request("POST", "/api/v1/providers/file/0/confirm", &[evil]);
        assert_eq!(refused.status, 403, "{}", refused.text());
    }
    let unknown = daemon.request("POST", "/api/v1/providers/file/7/confirm", &[]);
    assert_eq!(unknown.status, 404);
    assert!(unknown.text().contains("/api/v1/providers lists those there are"));
    let confirmed = daemon.request("POST", "/api/v1/providers/file%2F0/confirm", &[]);
    assert_eq!(
        confirmed.json(),
        json!({"status": "success", "data": {"provider": "file/0", "released": 3}})
    );
    assert_eq!(held(&daemon), Value::Null);
    daemon.wait_for("/sd/node", |list| !list.contains("b:9100"));
    daemon.wait_for("/api/v1/targets?state=held", |body| {
        body.contains("\"activeTargets\":[]")
    });
    assert!(daemon.get("/metrics").text().contains(&metric(0)));
    daemon.logged("its end", |entry| {
        let message = entry["message"].as_str().or(entry["fields"]["message"].as_str());
        message
            .is_some_and(|message| message.contains("no drop is held any more"))
            .then_some(())
    });
    let again = daemon.request("POST", "/api/v1/providers/file/0/confirm", &[]);
    assert_eq!(again.json()["data"]["released"], 0);
}

#[test]
fn a_drop_that_stays_counts_after_the_hold_time() {
    let setup = Setup::new();
    write(&setup, &["a", "b", "c"]);
    let daemon = setup.start(&["--max-drop", "30%", "--hold", "1s"]);
    daemon.wait_for("/sd/node", |list| list.contains("b:9100"));
    // One comes for two that go.
    write(&setup, &["a", "new"]);
    let list = daemon.wait_for("/sd/node", |list| list.contains("new:9100")).text();
    assert!(list.contains("b:9100"), "{list}");
    daemon.wait_for("/sd/node", |list| !list.contains("b:9100"));
    assert_eq!(held(&daemon), Value::Null);
}

#[test]
fn without_a_guard_a_drop_is_a_drop() {
    let setup = Setup::new();
    write(&setup, &["a", "b", "c"]);
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("c:9100"));
    write(&setup, &["a"]);
    daemon.wait_for("/sd/node", |list| !list.contains("b:9100"));
    assert_eq!(held(&daemon), Value::Null);
}
