//! The operator's hand: `headcount guard`, `headcount refresh`, and the same over the API.

#![allow(clippy::expect_used, reason = "helpers report by panicking, as tests do")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};
use support::{Daemon, Setup, Upstream, headcount, replace, wait_until};

/// Exit code and what was printed.
fn says(daemon: &Daemon, arguments: &[&str]) -> (i32, String) {
    let output = headcount()
        .args(arguments)
        .args(["--url", &daemon.url()])
        .output()
        .expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let code = output.status.code().expect("it ended by itself");
    (code, text(output.stdout) + &text(output.stderr))
}

fn write(setup: &Setup, name: &str, hosts: &[&str]) {
    let targets: Vec<_> = hosts.iter().map(|host| format!("{host}:9100")).collect();
    let list = json!([{ "targets": targets }]).to_string();
    replace(&setup.folder.path().join(name), &list);
}

/// A job of a file and one of an HTTP server that is asked each hour.
fn with_upstream(upstream: &Upstream) -> (Setup, Daemon) {
    let setup = Setup::new();
    setup.write(&format!(
        "{{scrape_configs: [{{job_name: node, file_sd_configs: [{{files: ['targets*.json']}}]}}, \
         {{job_name: cmdb, http_sd_configs: [{{url: '{}', refresh_interval: 1h}}]}}, \
         {{job_name: fixed, static_configs: [{{targets: ['s:1']}}]}}], \
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['am:9093']}}]}}]}}}}",
        upstream.url
    ));
    let daemon = setup.start(&[]);
    (setup, daemon)
}

#[test]
fn a_provider_is_asked_when_an_operator_or_a_webhook_says_so() {
    let upstream = Upstream::start(200, r#"[{"targets": ["one:1"]}]"#);
    let (_setup, daemon) = with_upstream(&upstream);
    daemon.wait_for("/sd/cmdb", |list| list.contains("one:1"));
    upstream.answer(200, r#"[{"targets": ["two:1", "three:1"]}]"#);

    // A webhook: it is answered at once, whatever it sends along, and the name is as it is or escaped.
    let webhook = daemon.request("POST", "/api/v1/providers/http/1/refresh", &[]);
    assert_eq!(webhook.status, 202, "{}", webhook.text());
    let data = webhook.json()["data"].clone();
    assert_eq!(
        (&data["provider"], &data["refresh"]),
        (&json!("http/1"), &json!("asked"))
    );
    daemon.wait_for("/sd/cmdb", |list| list.contains("three:1"));
    let escaped = daemon.request("POST", "/api/v1/providers/http%2F1/refresh?wait=20s", &[]);
    assert_eq!(escaped.status, 200, "{}", escaped.text());
    assert_eq!(escaped.json()["data"]["refresh"], "answered");

    // The command waits for what came of it.
    let (code, text) = says(&daemon, &["refresh", "http/1"]);
    let description = format!("http/1 ({})", upstream.url);
    assert_eq!((code, &*text), (0, &*format!("{description}: 2 targets\n")));
    upstream.answer(500, "");
    let (code, text) = says(&daemon, &["refresh", "http/1"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.starts_with(&format!("{description}: fails: ")), "{text}");
    assert!(daemon.get("/sd/cmdb").text().contains("two:1"), "what it had stays");
    let (code, text) = says(&daemon, &["refresh", "file/0", "--output", "json"]);
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (code, &report["refresh"], &report["targets"]),
        (0, &json!("answered"), &json!(1))
    );

    // What is written in the configuration can't be asked.
    let (code, text) = says(&daemon, &["refresh", "static/2"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("there is nothing to ask"), "{text}");
    let (code, text) = says(&daemon, &["refresh", "static/0", "--manager", "notify"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("static/0 (am:9093)"), "{text}");
    // Nor what is not there.
    let (code, text) = says(&daemon, &["refresh", "http/7"]);
    assert_eq!(code, 2);
    assert!(text.contains("no provider is called \"http/7\""), "{text}");

    let metrics = daemon.get("/metrics").text();
    let counted = "headcount_sd_refresh_requests_total{name=\"scrape\"} 6\n";
    assert!(metrics.contains(counted), "{metrics}");
}

#[test]
fn a_storm_of_webhooks_is_a_few_requests() {
    let upstream = Upstream::start(200, r#"[{"targets": ["one:1"]}]"#);
    let (_setup, daemon) = with_upstream(&upstream);
    daemon.wait_for("/sd/cmdb", |list| list.contains("one:1"));
    let begun = std::time::Instant::now();
    for _ in 0..300 {
        let webhook = daemon.request("POST", "/api/v1/providers/http/1/refresh", &[]);
        assert_eq!(webhook.status, 202);
    }
    let last = daemon.request("POST", "/api/v1/providers/http/1/refresh?wait=20s", &[]);
    assert_eq!(last.json()["data"]["refresh"], "answered");
    // The first read, one for the first webhook, and then at most one a second.
    let most = 3 + begun.elapsed().as_secs() as usize;
    assert!(upstream.requests() <= most, "{} of {most}", upstream.requests());
}

#[test]
fn pages_of_others_have_nothing_asked() {
    let upstream = Upstream::start(200, "[]");
    let (_setup, daemon) = with_upstream(&upstream);
    wait_until("the first request", || (upstream.requests() > 0).then_some(()));
    let path = "/api/v1/providers/http/1/refresh";
    for evil in [("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site")] {
        let refused = daemon.request("POST", path, &[evil]);
        assert_eq!(refused.status, 403, "{}", refused.text());
    }
    assert_eq!(daemon.request("GET", path, &[]).status, 405);
    assert_eq!(daemon.request("POST", "/api/v1/guard", &[]).status, 405);
    assert_eq!(daemon.request("POST", &format!("{path}?wait=soon"), &[]).status, 400);
    assert_eq!(daemon.request("POST", &format!("{path}?manager=x"), &[]).status, 400);
    assert_eq!(upstream.requests(), 1);
}

#[test]
fn what_is_held_is_listed_with_its_deadline_and_confirmed_by_name() {
    let setup = Setup::new();
    setup.write(
        "scrape_configs: [{job_name: node, file_sd_configs: [{files: ['targets.json']}]}, \
         {job_name: db, file_sd_configs: [{files: ['db.json']}]}]",
    );
    write(&setup, "targets.json", &["a", "b", "c", "d"]);
    write(&setup, "db.json", &["x", "y"]);
    let daemon = setup.start(&["--max-drop", "30%", "--hold", "1h"]);
    daemon.wait_for("/sd/node", |list| list.contains("d:9100"));
    daemon.wait_for("/sd/db", |list| list.contains("y:9100"));
    assert_eq!(says(&daemon, &["guard", "list"]), (0, "no drop is held\n".to_owned()));
    assert_eq!(
        says(&daemon, &["guard", "confirm"]),
        (0, "no drop is held\n".to_owned())
    );

    write(&setup, "targets.json", &["a"]);
    daemon.wait_for("/api/v1/guard", |held| held.contains("file/0"));
    write(&setup, "db.json", &["x"]);
    daemon.wait_for("/api/v1/guard", |held| held.contains("file/1"));
    let (code, text) = says(&daemon, &["guard", "list"]);
    assert_eq!(code, 1);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["PROVIDER", "JOB", "LOST", "SINCE", "COUNTS", "TARGETS"]);
    assert_eq!(lines[1][..5], ["file/0", "node", "3", "of", "4"]);
    assert_eq!(lines[1][9..], ["b:9100,", "c:9100,", "d:9100"], "{text}");
    assert!(lines[1][6..8].concat().starts_with("agoin"), "{text}");
    let (_, text) = says(&daemon, &["guard", "list", "--output", "json"]);
    let holds: Value = serde_json::from_str(&text).expect("JSON");
    let hold = &holds["holds"][0];
    let number = |name: &str| hold[name].as_f64().expect("a number");
    assert!((number("until") - number("since") - 3_600.0).abs() < 1.0, "{hold}");
    assert!(number("left") > 3_000.0, "{hold}");

    // Which of the two has to be said.
    let (code, text) = says(&daemon, &["guard", "confirm"]);
    assert_eq!(code, 2);
    assert!(
        text.contains("several drops are held: file/0, file/1; name one, or say --all"),
        "{text}"
    );
    let (code, text) = says(&daemon, &["guard", "confirm", "file/1"]);
    assert_eq!((code, &*text), (0, "file/1: 1 target is gone now\n"));
    daemon.wait_for("/sd/db", |list| !list.contains("y:9100"));
    assert!(daemon.get("/sd/node").text().contains("b:9100"));
    let (code, text) = says(&daemon, &["guard", "confirm"]);
    assert_eq!((code, &*text), (0, "file/0: 3 targets are gone now\n"));
    daemon.wait_for("/sd/node", |list| !list.contains("b:9100"));
    assert_eq!(says(&daemon, &["guard", "list"]).0, 0);
    daemon.wait_for("/metrics", |metrics| {
        metrics.contains("headcount_sd_drops_held_total{name=\"scrape\"} 2\n")
            && metrics.contains("headcount_sd_drops_released_total{name=\"scrape\",why=\"confirmed\"} 2\n")
            && metrics.contains("headcount_sd_drops_released_total{name=\"scrape\",why=\"hold_time\"} 0\n")
    });
    let (code, text) = says(&daemon, &["guard", "confirm", "file/9"]);
    assert_eq!(code, 2);
    assert!(text.contains("no provider is called"), "{text}");
}

#[test]
fn status_is_well_until_a_source_fails_and_says_which_and_since_when() {
    let upstream = Upstream::start(200, r#"[{"targets": ["one:1"]}]"#);
    let (setup, daemon) = with_upstream(&upstream);
    write(&setup, "targets.json", &["a", "b"]);
    daemon.wait_for("/sd/cmdb", |list| list.contains("one:1"));
    daemon.wait_for("/sd/node", |list| list.contains("b:9100"));
    daemon.wait_for("/-/ready", |text| text.starts_with("headcount is ready"));
    let (code, text) = says(&daemon, &["status"]);
    assert_eq!(code, 0, "{text}");
    for part in [
        "\njobs       3: 3 whole\n",
        "\ntargets    4: 4 active\n",
        "\nproviders  4: 4 well\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("NOT WELL"), "{text}");

    upstream.answer(500, "");
    let (code, _) = says(&daemon, &["refresh", "http/1"]);
    assert_eq!(code, 1);
    // What changed after the first list is churn.
    write(&setup, "targets.json", &["a", "b", "c"]);
    daemon.wait_for("/sd/node", |list| list.contains("c:9100"));
    let (code, text) = says(&daemon, &["status"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("NOT WELL\nhttp/1 (http://127.0.0.1:"), "{text}");
    assert!(text.contains(") fails, and its 1 targets are as they were "), "{text}");
    let (code, text) = says(&daemon, &["status", "--output", "json"]);
    assert_eq!(code, 1, "{text}");
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    let provider = |name: &str| {
        let all = answer["providers"].as_array().expect("providers");
        let found = all
            .iter()
            .find(|provider| provider["name"] == name && provider["manager"] == "scrape");
        found.expect("it is there").clone()
    };
    assert_eq!(provider("http/1")["condition"], "failing");
    let file = provider("file/0");
    assert_eq!(
        (&file["condition"], &file["churn"]["changedGroups"]),
        (&json!("ok"), &json!(1))
    );
    assert!(
        file["churn"]["groupsPerMinute"].as_f64().is_some_and(|rate| rate > 0.0),
        "{file}"
    );
    let memory = &answer["memoryBytes"];
    for part in ["groups", "targets", "lists", "history"] {
        assert!(memory[part].as_u64().is_some_and(|bytes| bytes > 0), "{part}: {memory}");
    }
    let metrics = daemon.get("/metrics").text();
    for line in [
        "headcount_sd_provider_changed_groups_total{name=\"scrape\",provider=\"file/0\",mechanism=\"file\"} 1\n",
        "headcount_memory_bytes{part=\"groups\"} ",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn a_status_without_a_daemon_is_trouble() {
    let output = headcount()
        .args(["status", "--url", "http://127.0.0.1:1"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_status_that_is_watched_goes_on_until_nobody_reads_it() {
    let upstream = Upstream::start(200, "[]");
    let (_setup, daemon) = with_upstream(&upstream);
    let mut child = headcount()
        .args(["status", "--watch=20ms", "--all", "--url", &daemon.url()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let heads = lines.by_ref().map(|line| line.expect("UTF-8"));
    assert_eq!(heads.filter(|line| line.starts_with("headcount ")).take(3).count(), 3);
    drop(lines);
    let status = wait_until("the command ends", || child.try_wait().expect("a child"));
    assert_eq!(status.code(), Some(0));
}
