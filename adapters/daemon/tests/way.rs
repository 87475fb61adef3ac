//! The way to a Prometheus: what it overwrites when it reads a list, and names of labels that a Prometheus 2 refuses.

#![allow(clippy::expect_used, reason = "a test's helper reports by panicking")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Daemon, Setup, outcome, wait_until};

const RULES: &str = "scrape_configs:
- job_name: node
  file_sd_configs: [{files: ['targets*.json']}]
  relabel_configs:
  - {source_labels: [__meta_url], target_label: url}
  - {source_labels: [__meta_filepath], target_label: file}
- job_name: plain
  file_sd_configs: [{files: ['targets*.json']}]
";

/// What was said of jobs that are misread: each with the label.
fn said(daemon: &Daemon) -> Vec<(String, String)> {
    let said = std::cell::RefCell::new(Vec::new());
    daemon.log_count(|entry| {
        let message = entry["message"].as_str().unwrap_or_default();
        let is_it = message.contains("which a Prometheus overwrites");
        if is_it {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            said.borrow_mut().push((text("job"), text("label")));
        }
        is_it
    });
    said.into_inner()
}

/// What the page is told of the job.
fn on_page(daemon: &Daemon) -> Value {
    let pools = daemon.get("/api/v1/scrape_pools").json();
    pools["data"]["pools"][0]["overwritten"].clone()
}

#[test]
fn who_reads_a_list_of_which_a_label_is_overwritten_is_warned_once() {
    let setup = Setup::new();
    setup.write(RULES);
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node?relabelled=true", |list| list.contains("a:9100"));
    let tag = |daemon: &Daemon| {
        let pools = daemon.get("/api/v1/scrape_pools");
        pools.header("etag").expect("a tag").to_owned()
    };
    assert_eq!(
        (said(&daemon), on_page(&daemon)),
        (vec![], Value::Null),
        "nobody reads it so"
    );
    let before = tag(&daemon);
    daemon.wait_for("/sd/plain", |list| list.contains("a:9100"));
    daemon.get("/sd/node");
    daemon.get("/sd/node");
    let once = vec![("node".to_owned(), "__meta_url".to_owned())];
    wait_until("the warning", || (!said(&daemon).is_empty()).then_some(()));
    assert_eq!(on_page(&daemon), json!({"rule": 0, "label": "__meta_url"}));
    assert_ne!(tag(&daemon), before, "or the page would not ask again");

    // Another job changes, and then this one's rules.
    setup.write(&RULES.replace("job_name: plain", "job_name: other"));
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    daemon.wait_for("/sd/other", |list| list.contains("a:9100"));
    daemon.get("/sd/node");
    setup.write(&RULES.replace("target_label: url", "target_label: from"));
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    assert_eq!((said(&daemon), on_page(&daemon)), (once.clone(), Value::Null));
    daemon.get("/sd/node");
    wait_until("the second warning", || (said(&daemon).len() > 1).then_some(()));
    assert_eq!(said(&daemon), [once.clone(), once].concat());
}

#[test]
fn files_of_which_a_label_is_overwritten_are_warned_of() {
    let setup = Setup::new();
    setup.write(RULES);
    let out = setup.folder.path().join("out");
    let out = out.to_str().expect("UTF-8");
    let daemon = setup.start(&["--file-sd-dir", out]);
    wait_until("the warning", || (!said(&daemon).is_empty()).then_some(()));
    assert_eq!(said(&daemon), [("node".to_owned(), "__meta_filepath".to_owned())]);
    drop(daemon);
    let daemon = setup.start(&["--file-sd-dir", out, "--file-sd-relabelled"]);
    daemon.wait_for("/sd/node?relabelled=true", |list| list.contains("a:9100"));
    let file = setup.folder.path().join("out/node.json");
    wait_until("the file", || {
        fs::read_to_string(&file).ok().filter(|list| list.contains("instance"))
    });
    assert_eq!(said(&daemon), []);
}

#[test]
fn a_list_for_a_prometheus_2_is_one_of_its_own_and_who_is_left_out_is_explained() {
    let setup = Setup::new();
    let targets = |more: &str| {
        format!(
            r#"[{{"targets": ["a:1", "b"], "labels": {{"k8s.app": "x"{more}}}}},
                {{"targets": ["c:1"], "labels": {{"k8s.app": "x", "k8s_app": "y"}}}}]"#
        )
    };
    fs::write(&setup.targets, targets("")).expect("written");
    let daemon = setup.start(&[]);
    let path = "/sd/node?relabelled=true&names=underscores";
    let first = daemon.wait_for(path, |list| list.contains("a:1"));
    let list = first.json();
    assert_eq!(list.as_array().map(Vec::len), Some(2), "{list}");
    assert_eq!(
        (&list[0]["labels"]["k8s_app"], &list[0]["labels"]["k8s.app"]),
        (&json!("x"), &Value::Null)
    );
    assert_eq!(
        list[1]["labels"]["instance"],
        Value::Null,
        "Prometheus 2 adds a port before it fills that in"
    );
    let other = daemon.get("/sd/node?relabelled=true");
    assert_eq!(other.json().as_array().map(Vec::len), Some(3));
    let tags = [&first, &other].map(|answer| answer.header("etag").expect("a tag").to_owned());
    assert_ne!(tags[0], tags[1]);
    assert_eq!(daemon.request("GET", path, &[("If-None-Match", &tags[0])]).status, 304);
    assert_eq!(daemon.request("GET", path, &[("If-None-Match", &tags[1])]).status, 200);
    assert_eq!(daemon.get("/sd/node?names=underscores").status, 400);

    // Why one is not in it.
    let told = daemon.get("/api/v1/targets").json();
    let errors = told["data"]["activeTargets"].as_array().expect("targets").iter();
    let errors: Vec<_> = errors
        .filter_map(|target| target["underscoresError"].as_str())
        .collect();
    assert_eq!(
        errors,
        [r#"the names "k8s.app" and "k8s_app" both become "k8s_app"; rename one of them by a rule"#]
    );
    let explained = outcome(setup.folder.path(), &["explain", "--url", &daemon.url(), "c:1"]);
    let expected = "left out     of the list for Prometheus 2 (?relabelled=true&names=underscores): the names";
    assert!(explained.contains(expected), "{explained}");

    // It follows what changes.
    support::replace(&setup.targets, &targets(r#", "é": "z""#));
    let second = daemon.wait_for(path, |list| list.contains(r#""_":"z""#));
    assert_ne!(second.header("etag"), Some(&*tags[0]));
}
