//! `headcount diff`, as a process: from one configuration to another.

#![allow(clippy::expect_used, reason = "a test's helper reports by panicking")]

mod support;

use std::fs;

use support::{Setup, Upstream, folder, headcount, outcome};

const NODES: &str = r#"[
  {"targets": ["a:9100", "b:9100"], "labels": {"rack": "1"}},
  {"targets": ["c:9100", "d:9100"], "labels": {"rack": "2", "env": "test"}},
  {"targets": ["e:9100", "http://x/"], "labels": {"rack": "3"}}]"#;

const OLD: &str = "\
scrape_configs:
- job_name: node
  file_sd_configs: [{files: ['nodes.json']}]
  relabel_configs:
  - {source_labels: [rack], regex: '1|2', action: keep}
- job_name: same
  static_configs: [{targets: ['s:1']}]
- job_name: gone
  static_configs: [{targets: ['g:1', 'g:2']}]
- job_name: moves
  static_configs: [{targets: ['m:1', 'm:2']}]
alerting: {alertmanagers: [{static_configs: [{targets: ['one:9093']}]}]}
";
const NEW: &str = "\
scrape_configs:
- job_name: node
  scrape_interval: 30s
  basic_auth: {username: u, password: hidden}
  file_sd_configs: [{files: ['nodes.json'], refresh_interval: 1m}]
  static_configs: [{targets: ['f:9100']}]
  relabel_configs:
  - {source_labels: [env], regex: test, action: drop}
  - {source_labels: [rack], target_label: row, replacement: 'r$1'}
- job_name: same
  static_configs: [{targets: ['s:1']}]
- job_name: added
  static_configs: [{targets: ['n:1', 'n:1']}]
- job_name: moves
  scheme: https
  static_configs: [{targets: ['m:1', 'm:2']}]
alerting: {alertmanagers: [{static_configs: [{targets: ['two:9093']}]}]}
";

fn diff(folder: &std::path::Path, rest: &[&str]) -> String {
    outcome(folder, &[&["diff", "old.yml", "new.yml"], rest].concat())
}

/// The difference between two lists of a job's fields, over the same file of hosts.
fn diff_of(old: &str, new: &str) -> String {
    let config = |fields: &str| format!("scrape_configs: [{{job_name: node, {fields}}}]");
    let (old, new) = (config(old), config(new));
    let folder = folder(&[("old.yml", &old), ("new.yml", &new), ("nodes.json", NODES)]);
    diff(folder.path(), &[])
}

#[test]
fn everything_that_a_reload_does_is_shown() {
    let folder = folder(&[("old.yml", OLD), ("new.yml", NEW), ("nodes.json", NODES)]);
    insta::assert_snapshot!("diff_table", diff(folder.path(), &[]));
    insta::assert_snapshot!("diff_json", diff(folder.path(), &["--output", "json"]));
    let back = outcome(folder.path(), &["diff", "new.yml", "old.yml"]);
    insta::assert_snapshot!("diff_back", back);
}

#[test]
fn the_same_and_what_only_looks_different_change_nothing() {
    let other_words = OLD.replace("- job_name: same", "# Racks.\n- job_name: 'same'") + "rule_files: ['x.yml']\n";
    let folder = folder(&[("old.yml", OLD), ("new.yml", &other_words), ("nodes.json", NODES)]);
    insta::assert_snapshot!("diff_nothing", diff(folder.path(), &[]));
}

#[test]
fn fates_that_are_no_scrapes_are_told_too() {
    // One group: which of several comes first depends on their names, and the folder is part of those.
    let hosts = "static_configs: [{targets: ['a:1', 'b:1', 'c:1']}]";
    let same = "{target_label: instance, replacement: all}, {target_label: __address__, replacement: 'one:1'}";
    insta::assert_snapshot!(
        "diff_duplicates",
        diff_of(hosts, &format!("{hosts}, relabel_configs: [{same}]"))
    );
    let files = "file_sd_configs: [{files: ['nodes.json']}]";
    let drop = |rack| format!("{files}, relabel_configs: [{{source_labels: [rack], regex: '{rack}', action: drop}}]");
    insta::assert_snapshot!("diff_dropped_to_invalid", diff_of(&drop("3"), &drop("1")));
    insta::assert_snapshot!("diff_over_limit", diff_of(files, &format!("{files}, target_limit: 2")));
    insta::assert_snapshot!(
        "diff_label_limit",
        diff_of("", &format!("{files}, label_value_length_limit: 1"))
    );
}

#[test]
fn a_provider_that_is_replaced_by_one_that_finds_the_same_stops_nothing() {
    let keep = "relabel_configs: [{source_labels: [rack], regex: '1|3', action: keep}]";
    let job = |file| format!("file_sd_configs: [{{files: ['{file}']}}], {keep}");
    let config = |file| format!("scrape_configs: [{{job_name: node, {}}}]", job(file));
    let (old, new) = (config("nodes.json"), config("moved.json"));
    let folder = folder(&[
        ("old.yml", &old),
        ("new.yml", &new),
        ("nodes.json", NODES),
        ("moved.json", NODES),
    ]);
    insta::assert_snapshot!("diff_replaced", diff(folder.path(), &[]));
}

#[test]
fn targets_that_take_the_place_of_others_are_relabelled() {
    // Both are scraped at one URL in the end, so the pool takes one for the other.
    let job = |target: &str, rack: &str| {
        format!(
            "static_configs: [{{targets: ['{target}'], labels: {{rack: '{rack}'}}}}], \
             relabel_configs: [{{target_label: __address__, replacement: 'one:1'}}]"
        )
    };
    insta::assert_snapshot!("diff_in_place_of_another", diff_of(&job("a:1", "1"), &job("b:1", "2")));
}

#[test]
fn many_targets_are_counted_and_put_together() {
    const HOSTS: usize = 3000;
    let hosts = (0..HOSTS).map(|host| {
        let rack = host % 30;
        format!(r#"{{"targets":["db{host}.example.org:9100"],"labels":{{"rack":"{rack}"}}}}"#)
    });
    let nodes = format!("[{}]", hosts.collect::<Vec<_>>().join(","));
    let config = |rules: &str| {
        format!("scrape_configs: [{{job_name: node, file_sd_configs: [{{files: ['nodes.json']}}], {rules}}}]")
    };
    let old = config("relabel_configs: [{source_labels: [rack], regex: '1', action: drop}]");
    let new = config(
        "scrape_interval: 15s, relabel_configs: [{source_labels: [rack], regex: '2', action: drop}, \
         {source_labels: [rack], target_label: row}]",
    );
    let folder = folder(&[("old.yml", &old), ("new.yml", &new), ("nodes.json", &nodes)]);
    insta::assert_snapshot!("diff_many", diff(folder.path(), &["--limit", "2"]));
    insta::assert_snapshot!("diff_many_counted", diff(folder.path(), &["--limit", "0"]));
}

#[test]
fn a_provider_of_both_sides_is_asked_once() {
    let upstream = Upstream::start(200, r#"[{"targets": ["h:1"]}]"#);
    let config = |job: &str| {
        let url = &upstream.url;
        format!("scrape_configs: [{{job_name: {job}, http_sd_configs: [{{url: '{url}'}}]}}]")
    };
    let folder = folder(&[("old.yml", &config("a")), ("new.yml", &config("b"))]);
    let printed = diff(folder.path(), &[]);
    assert!(
        printed.starts_with("exit code 1\n") && printed.contains("1 started, 1 stopped"),
        "{printed}"
    );
    assert!(printed.contains("providers  1 kept"), "{printed}");
    assert_eq!(upstream.requests(), 1);
}

#[test]
fn nothing_is_claimed_where_a_provider_could_not_be_asked() {
    let upstream = Upstream::start(500, "");
    let host = upstream.url.trim_end_matches("/list").trim_start_matches("http://");
    let failing = format!("http_sd_configs: [{{url: '{}'}}]", upstream.url);
    let stat = "static_configs: [{targets: ['a:1', 'b:1']}]";
    let printed = |old: &str, new: &str| diff_of(old, new).replace(host, "HOST");
    // What the old side had may be what the new one's provider knows.
    insta::assert_snapshot!("diff_new_fails", printed(stat, &failing));
    // What the new side has may have been there.
    insta::assert_snapshot!("diff_old_fails", printed(&failing, stat));
    // One that fails for both hides changes.
    let both = format!("{failing}, {stat}");
    insta::assert_snapshot!("diff_both_fail", printed(&both, &both));
    // Those that are found and dropped are certain.
    let rules = "relabel_configs: [{source_labels: [__address__], regex: 'a:1', action: drop}]";
    insta::assert_snapshot!("diff_certain", printed(&both, &format!("{both}, {rules}")));
}

#[test]
fn nothing_is_claimed_of_alertmanagers_that_could_not_be_asked() {
    let upstream = Upstream::start(500, "");
    let host = upstream.url.trim_end_matches("/list").trim_start_matches("http://");
    let config = |sd: &str| format!("alerting: {{alertmanagers: [{{{sd}}}]}}");
    let old = config("static_configs: [{targets: ['a:1']}]");
    let new = config(&format!("http_sd_configs: [{{url: '{}'}}]", upstream.url));
    let folder = folder(&[("old.yml", &old), ("new.yml", &new)]);
    insta::assert_snapshot!(
        "diff_alertmanagers_fail",
        diff(folder.path(), &[]).replace(host, "HOST")
    );
}

#[test]
fn who_does_not_answer_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let config = format!("scrape_configs: [{{job_name: a, http_sd_configs: [{{url: '{url}'}}]}}]");
    let folder = folder(&[("old.yml", &config), ("new.yml", &config)]);
    let printed = diff(folder.path(), &["--timeout", "200ms"]);
    insta::assert_snapshot!("diff_timeout", printed.replace(&url, "http://HOST/"));
}

#[test]
fn wrong_configurations_are_said_with_their_places() {
    let folder = folder(&[
        ("old.yml", "scrape_configs: 1"),
        ("new.yml", "scrape_configs:\n- job_name: a\n  scrape_interval: often\n"),
        ("good.yml", OLD),
    ]);
    let mut printed = diff(folder.path(), &[]);
    for arguments in [&["good.yml", "new.yml"], &["absent.yml", "good.yml"]] {
        printed.push_str("\n\n");
        printed.push_str(&outcome(folder.path(), &[&["diff"][..], arguments].concat()));
    }
    insta::assert_snapshot!("diff_wrong", printed);
}

#[test]
fn help_says_how_to_read_it() {
    let folder = folder(&[]);
    insta::assert_snapshot!("diff_help", outcome(folder.path(), &["diff", "--help"]));
    fs::remove_dir_all(folder.path()).expect("removed");
}

#[test]
fn what_a_daemon_runs_is_compared_and_its_secrets_are_no_difference() {
    let upstream = Upstream::start(200, r#"[{"targets": ["one:1", "two:1"]}]"#);
    let runs = format!(
        "{{scrape_configs: [{{job_name: cmdb, basic_auth: {{username: u, password: p1}}, http_sd_configs: \
         [{{url: '{}', authorization: {{credentials: c1}}}}]}}, {{job_name: fixed, static_configs: [{{targets: ['s:1']}}]}}]}}",
        upstream.url
    );
    let setup = Setup::new();
    setup.write(&runs);
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/cmdb", |list| list.contains("one:1"));
    let said = |new: &str| {
        fs::write(setup.folder.path().join("new.yml"), new).expect("written");
        let output = headcount()
            .current_dir(setup.folder.path())
            .args(["diff", "--url", &daemon.url(), "new.yml"])
            .output()
            .expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).expect("UTF-8"))
    };
    let (code, text) = said(&runs);
    assert_eq!(code, Some(0), "{text}");
    // Other secrets can't be told from these.
    let (code, text) = said(&runs.replace("p1", "p2").replace("c1", "c2"));
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = said(&runs.replace("s:1", "t:1"));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("- s:1") && text.contains("+ t:1"), "{text}");
    // Who is asked elsewhere can't be asked here with what is hidden.
    let (code, text) = said(&runs.replace("authorization: {credentials: c1}", "refresh_interval: 2m"));
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("does not show its secrets"), "{text}");
    let (code, text) = said("scrape_configs: 1");
    assert_eq!(code, Some(2), "{text}");
}
