//! `headcount explain`, as a process: of a configuration, and of a running daemon.

#![allow(clippy::expect_used, reason = "a test's helper reports by panicking")]

mod support;

use std::fs;

use support::{Daemon, Upstream, folder, outcome, without_times};

const CONFIG: &str = "\
scrape_configs:
- job_name: node
  file_sd_configs: [{files: ['targets.json']}]
  relabel_configs:
  - {source_labels: [rack], regex: '[12]', action: keep}
  - {source_labels: [__meta_os], regex: linux, target_label: os}
  - {source_labels: [__meta_n], target_label: n}
  - {regex: tmp_.*, action: labeldrop}
- job_name: fixed
  static_configs: [{targets: ['s:1', 'DB7.example.org:9100']}]
";
const TARGETS: &str = r#"[
  {"targets": ["b:9100", "b:9100", "http://x/"], "labels": {"rack": "1", "__meta_n": "7", "tmp_a": "z"}},
  {"targets": ["c:9100"], "labels": {"rack": "3"}}]"#;

/// Runs with ages hidden.
fn explained(folder: &std::path::Path, arguments: &[&str]) -> String {
    let printed = outcome(folder, &[&["explain"], arguments].concat());
    let lines = printed.lines().map(|line| match line.split_once(", changed ") {
        Some((before, _)) => format!("{before}, changed AGE"),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_fate_is_explained_from_a_configuration() {
    let folder = folder(&[("prometheus.yml", CONFIG), ("targets.json", TARGETS)]);
    let explained = |rest: &[&str]| explained(folder.path(), &[&["--config", "prometheus.yml"], rest].concat());
    insta::assert_snapshot!("explain_active_and_duplicate", explained(&["node", "b"]));
    insta::assert_snapshot!("explain_dropped", explained(&["c:9100"]));
    insta::assert_snapshot!("explain_invalid", explained(&["node", "__address__=http://x/"]));
    insta::assert_snapshot!("explain_by_label", explained(&["n=7", "--limit", "1"]));
    insta::assert_snapshot!("explain_other_case", explained(&["db7.Example.org."]));
}

#[test]
fn a_host_that_is_nowhere_is_answered_too() {
    let folder = folder(&[("prometheus.yml", CONFIG), ("targets.json", TARGETS)]);
    let explained = |rest: &[&str]| explained(folder.path(), &[&["--config", "prometheus.yml"], rest].concat());
    insta::assert_snapshot!("explain_nowhere", explained(&["db77.example.org"]));
    insta::assert_snapshot!("explain_other_port", explained(&["b:9101"]));
    insta::assert_snapshot!("explain_other_job", explained(&["fixed", "b"]));
    insta::assert_snapshot!("explain_other_value", explained(&["node", "os=7"]));
    insta::assert_snapshot!("explain_only_a_job", explained(&["node"]));
}

#[test]
fn nobody_is_sure_while_a_backend_fails() {
    let upstream = Upstream::start(500, "");
    let config = format!(
        "scrape_configs: [{{job_name: a, http_sd_configs: [{{url: '{}'}}], static_configs: [{{targets: ['s:1']}}]}}]",
        upstream.url
    );
    let folder = folder(&[("prometheus.yml", &config)]);
    let host = upstream.url.trim_end_matches("/list");
    let explained = |what: &str| {
        let printed = explained(folder.path(), &["--config", "prometheus.yml", what]);
        printed.replace(host.trim_start_matches("http://"), "HOST")
    };
    insta::assert_snapshot!("explain_nowhere_but_failing", explained("t"));
    insta::assert_snapshot!("explain_found_but_failing", explained("s"));
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let folder = folder(&[
        ("prometheus.yml", CONFIG),
        ("targets.json", TARGETS),
        ("bad.yml", "scrape_configs: 1"),
    ]);
    // A port that is free now, and that nobody takes: it was bound to another address.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let mut printed = String::new();
    for arguments in [
        &["--config", "prometheus.yml", "nodes", "a"][..],
        &["--config", "prometheus.yml", "zzzzzz", "a=1"],
        &["--config", "prometheus.yml", "node", "=1"],
        &["--config", "prometheus.yml", "node", "a", "b"],
        &["--config", "bad.yml", "a"],
        &["--url", "127.0.0.1", "a"],
        &["--url", &url, "a"],
    ] {
        printed.push_str(&explained(folder.path(), arguments));
        printed.push_str("\n\n");
    }
    let address = url.trim_start_matches("http://");
    insta::assert_snapshot!("explain_wrong_questions", printed.replace(address, "HOST"));
}

#[test]
fn json_says_the_same() {
    let folder = folder(&[("prometheus.yml", CONFIG), ("targets.json", TARGETS)]);
    let arguments = ["explain", "--config", "prometheus.yml", "c", "--output", "json"];
    let printed = outcome(folder.path(), &arguments);
    let json = printed
        .lines()
        .filter(|line| !line.contains("\"now\"") && !line.contains("\"changed\":"));
    insta::assert_snapshot!("explain_json", json.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_daemon_with_many_hosts_answers_for_each() {
    const JOBS: usize = 50;
    const HOSTS: usize = 400;
    let mut config = String::from("scrape_configs:\n");
    let folder = folder(&[]);
    for job in 0..JOBS {
        config.push_str(&format!(
            "- job_name: job-{job}\n  file_sd_configs: [{{files: ['{job}.json']}}]\n  \
             relabel_configs: [{{source_labels: [rack], regex: '9', action: drop}}]\n"
        ));
        let hosts = (0..HOSTS).map(|host| {
            let rack = host % 10;
            format!(r#"{{"targets":["db{host}.row{job}.example.org:9100"],"labels":{{"rack":"{rack}"}}}}"#)
        });
        let list = format!("[{}]", hosts.collect::<Vec<_>>().join(","));
        fs::write(folder.path().join(format!("{job}.json")), list).expect("written");
    }
    let file = folder.path().join("prometheus.yml");
    fs::write(&file, config).expect("written");
    let daemon = Daemon::with_config(&file, &[]);
    daemon.wait_for("/-/ready", |_| true);
    daemon.wait_for("/api/v1/scrape_pools", |text| {
        text.matches("\"active\":360,\"dropped\":40").count() == JOBS
    });
    let url = daemon.url();
    let explained = |what: &[&str]| explained(folder.path(), &[&["--url", &url], what].concat());
    let active = explained(&["db7.row49.example.org"]);
    assert!(
        active.starts_with("exit code 0\n") && active.contains("in job \"job-49\" is active"),
        "{active}"
    );
    let dropped = explained(&["job-3", "db19.row3.example.org:9100"]);
    assert!(
        dropped.starts_with("exit code 1\n") && dropped.contains("dropped it, looking at \"9\""),
        "{dropped}"
    );
    let nowhere = explained(&["db401.row7.example.org"]);
    insta::assert_snapshot!("explain_nowhere_among_many", without_times(&nowhere));
    let all = explained(&["rack=9", "--limit", "0"]);
    assert!(all.contains("0 of 2000 are shown (2000 dropped)"), "{all}");
}
