//! `headcount events`, and what `explain` says of what is gone, as processes, of a running daemon (B12).

#![allow(clippy::expect_used, reason = "a test's helper reports by panicking")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::json;
use support::{Daemon, Setup, outcome, replace, without_times};

fn run(folder: &Path, daemon: &Daemon, arguments: &[&str]) -> String {
    let printed = outcome(folder, &[arguments, &["--url", &daemon.url()]].concat());
    without_times(&printed.replace(&daemon.url(), "URL"))
}

/// Two jobs, of which the second reads what the first reads, too.
const CONFIG: &str = "\
scrape_configs:
- job_name: node
  file_sd_configs: [{files: ['targets*.json']}]
- job_name: again
  file_sd_configs: [{files: ['targets*.json']}]
- job_name: fixed
  static_configs: [{targets: ['s:1']}]
";

#[test]
fn b12_what_is_gone_is_told_of_and_explained() {
    let setup = Setup::new();
    setup.write(CONFIG);
    fs::write(
        &setup.targets,
        r#"[{"targets": ["a:9100", "b:9100"], "labels": {"rack": "1"}}]"#,
    )
    .expect("written");
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("b:9100"));
    replace(&setup.targets, r#"[{"targets": ["a:9100"], "labels": {"rack": "2"}}]"#);
    daemon.wait_for("/api/v1/events", |text| text.contains("\"disappeared\""));
    // A reload takes a job away.
    setup.write(CONFIG.split("- job_name: fixed").next().expect("the beginning"));
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    daemon.wait_for("/api/v1/events?host=s", |text| text.contains("\"disappeared\""));
    daemon.wait_for("/api/v1/targets", |text| {
        !text.contains("b:9100") && !text.contains("s:1")
    });
    setup.write("scrape_configs: 1");
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 500);
    let folder = setup.folder.path();
    // Of one job: who is found first of two is not said.
    let told = run(folder, &daemon, &["events", "--job", "node", "--limit", "100"]);
    insta::assert_snapshot!("events_of_a_job", told);
    let told = run(folder, &daemon, &["events", "--provider", "static/1", "--limit", "1"]);
    insta::assert_snapshot!("events_of_a_provider", told);
    let told = run(
        folder,
        &daemon,
        &["events", "--host", "b", "--since", "1h", "--job", "node"],
    );
    insta::assert_snapshot!("events_of_a_host", told);
    insta::assert_snapshot!(
        "events_of_nobody",
        run(folder, &daemon, &["events", "--host", "nobody"])
    );

    insta::assert_snapshot!("explain_what_is_gone", run(folder, &daemon, &["explain", "B."]));
    insta::assert_snapshot!("explain_what_a_reload_took", run(folder, &daemon, &["explain", "s:1"]));
    let never = run(folder, &daemon, &["explain", "never.example.org"]);
    assert!(
        never.contains("was there    not kept: nothing before TIME is known"),
        "{never}"
    );
    // What is there has no past that would be told.
    assert!(!run(folder, &daemon, &["explain", "a"]).contains("was there"));

    let json = outcome(
        folder,
        &["events", "--host", "b", "--output", "json", "--url", &daemon.url()],
    );
    let json = json
        .split_once("--- stdout\n")
        .and_then(|(_, rest)| rest.split_once("--- stderr"))
        .expect("printed")
        .0;
    let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
    let gone = &json["events"][0];
    assert_eq!(
        (&gone["what"], &gone["addresses"]),
        (&json!("disappeared"), &json!(["b:9100"]))
    );
    assert_eq!((&gone["jobs"], &gone["count"]), (&json!(["again", "node"]), &json!(1)));
    assert_eq!(gone["because"], "file/0 no longer found it");

    let metrics = daemon.get("/metrics").text();
    let entries = "headcount_sd_history_entries{name=\"scrape\"} ";
    assert!(
        metrics
            .lines()
            .any(|line| line.starts_with(entries) && !line.ends_with(" 0")),
        "{metrics}"
    );
}

#[test]
fn what_makes_no_sense_is_refused_and_said() {
    let setup = Setup::new();
    let daemon = setup.start(&[]);
    for (query, message) in [
        ("since=yesterday", "since=\"yesterday\" is no time"),
        ("limit=0", "limit=\"0\" is no number from 1 to 1000"),
        ("jobs=a", "there is no parameter \"jobs\""),
    ] {
        let answer = daemon.get(&format!("/api/v1/events?{query}"));
        assert_eq!((answer.status, &answer.json()["errorType"]), (400, &json!("bad_data")));
        assert!(
            answer.text().contains(&message.replace('"', "\\\"")),
            "{}",
            answer.text()
        );
    }
    let printed = run(setup.folder.path(), &daemon, &["events", "--since", "yesterday"]);
    assert!(
        printed.starts_with("exit code 2\n") && printed.contains("is no time; write TIME"),
        "{printed}"
    );
    assert_eq!(daemon.request("POST", "/api/v1/events", &[]).status, 405);
}

/// Many at once are said once; few are not.
#[test]
fn many_targets_that_are_gone_at_once_are_in_the_log() {
    let setup = Setup::new();
    let list = |count: usize| {
        let targets: Vec<_> = (0..count).map(|number| format!("host-{number:03}:9100")).collect();
        json!([{ "targets": targets }]).to_string()
    };
    fs::write(&setup.targets, list(100)).expect("written");
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node", |text| text.contains("host-099"));
    for left in [95, 40] {
        replace(&setup.targets, &list(left));
        let gone = format!("host-{left:03}");
        daemon.wait_for("/sd/node", |text| !text.contains(&gone));
    }
    let is_said = |entry: &serde_json::Value| entry["message"] == "many targets are gone at once";
    let said = daemon.logged("a loss", |entry| is_said(entry).then(|| entry.clone()));
    assert_eq!((&said["count"], &said["sets"]), (&json!(55), &json!("node")));
    assert_eq!(
        (&said["provider"], &said["manager"]),
        (&json!("file/0"), &json!("scrape"))
    );
    assert_eq!(said["cause"], "file/0 no longer found it");
    assert_eq!(
        said["some"],
        "host-040:9100, host-041:9100, host-042:9100, host-043:9100, host-044:9100, …"
    );
    assert_eq!(daemon.log_count(is_said), 1, "five of a hundred are no news");
}

/// What stands behind a YAML list is not read, as in Prometheus; the list is served, and who looks finds why the rest is
/// not there.
#[test]
fn what_stands_behind_a_list_is_in_the_log_and_in_the_events() {
    let setup = Setup::new();
    let list = setup.targets.with_file_name("two.yml");
    fs::write(&list, "- targets: [\"a:1\"]\n---\n- targets: [\"b:1\"]\n").expect("written");
    let config = format!(
        "scrape_configs:\n- job_name: node\n  file_sd_configs: [{{files: [{}]}}]\n",
        list.display()
    );
    fs::write(&setup.config, config).expect("written");
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node", |text| text.contains("a:1") && !text.contains("b:1"));
    let warning = daemon.logged("the warning", |entry| entry["warning"].as_str().map(str::to_owned));
    let place = format!("{}:3: from here on nothing is read", list.display());
    assert!(warning.starts_with(&place), "{warning}");
    daemon.wait_for("/api/v1/events", |text| text.contains(&warning));
}
