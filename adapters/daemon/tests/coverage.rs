//! `headcount coverage`, as a process: inventories against configurations and a running daemon.

#![allow(clippy::expect_used, reason = "a test's helper reports by panicking")]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use support::{Daemon, Upstream, folder, headcount, outcome};

const CONFIG: &str = "\
scrape_configs:
- job_name: node
  file_sd_configs: [{files: ['nodes.json']}]
  relabel_configs:
  - {source_labels: [env], regex: test, action: drop}
  - {source_labels: [asset], regex: '(.+)', target_label: asset_id}
- job_name: rack1
  file_sd_configs: [{files: ['nodes.json']}]
  relabel_configs:
  - {source_labels: [rack], regex: '1', action: keep}
- job_name: probe
  file_sd_configs: [{files: ['probes.json']}]
  relabel_configs:
  - {source_labels: [__address__], target_label: instance}
  - {target_label: __address__, replacement: 'blackbox:9115'}
- job_name: limited
  target_limit: 1
  static_configs: [{targets: ['over1:1', 'over2:1']}]
- job_name: same
  relabel_configs:
  - {target_label: __address__, replacement: 'one:1'}
  static_configs: [{targets: ['first:1', 'second:1']}]
";
const NODES: &str = r#"[
  {"targets": ["a.example.org:9100", "a.example.org:9101"], "labels": {"rack": "1", "asset": "A 1"}},
  {"targets": ["b.example.org:9100"], "labels": {"rack": "2", "asset": "B:2"}},
  {"targets": ["c.example.org:9100", "d.example.org:9100"], "labels": {"rack": "1", "env": "test", "asset": "C"}},
  {"targets": ["e.example.org:9100"], "labels": {"env": "test"}},
  {"targets": ["[2001:db8::7]:9100", "stray.example.org:9100"], "labels": {}},
  {"targets": ["http://bad/"], "labels": {}}]"#;
const PROBES: &str = r#"[{"targets": ["https://B.example.org/login", "https://www.example.org/"]}]"#;
const HOSTS: &str = "\
# What there should be.
A.example.org
b.example.org.
c.example.org
e.example.org
bad
over1
first
2001:DB8:0::7
stray
gone.example.org
";

/// A folder with the configuration and an inventory.
fn site(name: &str, inventory: &str) -> tempfile::TempDir {
    folder(&[
        ("prometheus.yml", CONFIG),
        ("nodes.json", NODES),
        ("probes.json", PROBES),
        (name, inventory),
    ])
}

fn coverage(folder: &Path, rest: &[&str]) -> String {
    outcome(folder, &[&["coverage", "--config", "prometheus.yml"], rest].concat())
}

/// The first line of the answer.
fn headline(printed: &str) -> &str {
    printed.lines().nth(2).expect("an answer")
}

#[test]
fn every_host_is_covered_or_has_a_reason() {
    let folder = site("hosts.txt", HOSTS);
    let coverage = |rest: &[&str]| coverage(folder.path(), &[&["--inventory", "hosts.txt"], rest].concat());
    insta::assert_snapshot!("coverage_table", coverage(&[]));
    insta::assert_snapshot!("coverage_json", coverage(&["--output", "json"]));
    insta::assert_snapshot!("coverage_limit", coverage(&["--limit", "1"]));
    insta::assert_snapshot!("coverage_short_names", coverage(&["--short-names", "--once"]));
    insta::assert_snapshot!("coverage_of_a_job", coverage(&["--job", "probe", "--job", "same"]));
}

#[test]
fn the_exit_code_is_that_of_what_is_asked_for() {
    let folder = site("hosts.txt", "a.example.org\nb.example.org\n");
    let code = |rest: &[&str]| {
        let printed = coverage(folder.path(), &[&["--inventory", "hosts.txt"], rest].concat());
        printed.lines().next().map(str::to_owned)
    };
    let is = |code: &str| Some(format!("exit code {code}"));
    assert_eq!(code(&["--fail-on", "uncovered"]), is("0"));
    assert_eq!(code(&["--fail-on", "repeated"]), is("1"), "two ports of a");
    assert_eq!(code(&["--fail-on", "unknown"]), is("1"));
    assert_eq!(code(&["--fail-on", "nothing"]), is("0"));
    assert_eq!(code(&[]), is("1"));
    assert_eq!(
        code(&["--job", "probe", "--fail-on", "uncovered,repeated"]),
        is("1"),
        "a is not probed"
    );
    assert_eq!(code(&["--fail-on", "sometimes"]), is("2"));
}

#[test]
fn an_inventory_may_be_written_in_many_ways() {
    for (name, inventory, rest) in [
        ("hosts.txt", "a.example.org # web\nb.example.org\nx\n", &[][..]),
        ("hosts", "a.example.org\nb.example.org\nx\n", &[]),
        ("hosts.csv", "id;FQDN\n1;a.example.org\n2;\"b.example.org\"\n3;x\n", &[]),
        (
            "hosts.csv",
            "\u{feff}Name,Address\r\nA,a.example.org\r\nB,b.example.org\r\nX,x\r\n",
            &["--field", "address"],
        ),
        ("hosts.json", r#"["a.example.org", "b.example.org", "x"]"#, &[]),
        (
            "hosts.json",
            r#"{"count": 3, "next": null, "results": [{"name": "a.example.org"}, {"name": "b.example.org"}, {"name": "x"}]}"#,
            &[],
        ),
        (
            "hosts",
            "{\"id\": 1, \"nic\": {\"dns\": \"a.example.org\"}}\n{\"id\": 2, \"nic\": {\"dns\": \"b.example.org\"}}\n{\"id\": 3, \"nic\": {\"dns\": \"x\"}}\n",
            &["--field", "nic.dns"],
        ),
        ("hosts.yml", "- a.example.org\n- {host: b.example.org}\n- x\n", &[]),
        (
            "hosts.yml",
            "- targets: ['a.example.org:1', 'b.example.org:1']\n- targets: ['x']\n",
            &[],
        ),
        (
            "targets.json",
            r#"[{"targets": ["p"], "labels": {"h": "a.example.org"}}, {"targets": ["q"], "labels": {"h": "b.example.org"}}, {"targets": [], "labels": {"h": "x"}}]"#,
            &["--field", "h"],
        ),
        (
            "export",
            "a.example.org,1\nb.example.org,1\nx,1\n",
            &["--format", "csv", "--field", "a.example.org"],
        ),
    ] {
        let folder = site(name, inventory);
        let printed = coverage(folder.path(), &[&["--inventory", name], rest].concat());
        // Of a CSV whose header was a host, one is missing.
        let expected = if name == "export" {
            "1 of the 2 hosts"
        } else {
            "2 of the 3 hosts"
        };
        assert!(headline(&printed).starts_with(expected), "{inventory}: {printed}");
    }
}

#[test]
fn an_inventory_may_come_from_a_server_or_a_pipe() {
    let upstream = Upstream::start(200, r#"["a.example.org", "b.example.org", "x"]"#);
    let folder = site("hosts.txt", HOSTS);
    let url = upstream.url.replace("http://", "http://user:hidden@");
    let printed = coverage(folder.path(), &["--inventory", &url]);
    let shown = format!("2 of the 3 hosts in {} are covered", upstream.url);
    assert_eq!(headline(&printed), shown);
    upstream.answer(404, "");
    let printed = coverage(folder.path(), &["--inventory", &url]);
    let host = upstream.url.trim_end_matches("/list");
    insta::assert_snapshot!("coverage_no_inventory_there", printed.replace(host, "http://HOST"));

    let mut child = headcount()
        .current_dir(folder.path())
        .args(["coverage", "--config", "prometheus.yml", "--inventory", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(b"a.example.org\nx\n").expect("written");
    drop(stdin);
    let printed = child.wait_with_output().expect("it ends").stdout;
    let printed = String::from_utf8(printed).expect("UTF-8");
    assert!(
        printed.starts_with("1 of the 2 hosts in standard input are covered"),
        "{printed}"
    );
}

#[test]
fn a_label_may_name_the_host() {
    let folder = site(
        "assets.json",
        r#"[{"id": "a 1"}, {"id": "b:9"}, {"id": "C"}, {"id": "Z"}]"#,
    );
    let rest = [
        "--inventory",
        "assets.json",
        "--field",
        "id",
        "--key",
        "asset_id",
        "--job",
        "node",
    ];
    insta::assert_snapshot!("coverage_key", coverage(folder.path(), &rest));
}

#[test]
fn bad_inventories_are_said_with_their_places() {
    let mut printed = String::new();
    for (name, inventory, rest) in [
        ("absent", "", &["--inventory", "nowhere.txt"][..]),
        ("hosts.txt", "# none\n", &[]),
        ("hosts.txt", "a\n10.0.0.1  b\n", &[]),
        ("hosts.txt", "[web]\na\n", &[]),
        ("hosts.txt", "a\n", &["--field", "name"]),
        ("hosts.csv", "id,owner\n1,x\n", &[]),
        ("hosts.csv", "id,host\n1,a,b\n", &[]),
        ("hosts.csv", "host,x\n\"a,1\n", &[]),
        ("hosts.json", "[\"a\",\n \"b\"", &[]),
        (
            "hosts.json",
            "[{\"name\": \"a\"}, {\"name\": {\"x\": 1}}, {\"name\": true}]",
            &[],
        ),
        (
            "hosts.json",
            "{\"next\": \"http://cmdb/?page=2\", \"results\": [{\"name\": \"a\"}]}",
            &[],
        ),
        ("hosts.yml", "- a\n- {b\n", &[]),
        ("hosts.yml", "- a\n- 'b c'\n", &[]),
    ] {
        let folder = site(name, inventory);
        let inventory = if rest.contains(&"--inventory") {
            vec![]
        } else {
            vec!["--inventory", name]
        };
        let outcome = coverage(folder.path(), &[&inventory[..], rest].concat());
        let remarks = outcome.strip_prefix("exit code 2\n--- stdout\n--- stderr\n");
        printed.push_str(remarks.unwrap_or(&outcome));
    }
    insta::assert_snapshot!("coverage_bad_inventories", printed);
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let folder = site("hosts.txt", HOSTS);
    let inventory = ["--inventory", "hosts.txt"];
    let mut printed = String::new();
    for rest in [
        &["--config", "prometheus.yml", "--job", "nodes"][..],
        &["--config", "absent.yml"],
        &["--url", "x"],
    ] {
        printed.push_str(&outcome(folder.path(), &[&["coverage"], &inventory[..], rest].concat()));
        printed.push('\n');
    }
    insta::assert_snapshot!("coverage_wrong_questions", printed);
}

#[test]
fn nobody_is_sure_while_a_backend_fails() {
    let upstream = Upstream::start(500, "");
    let config = format!(
        "scrape_configs: [{{job_name: a, http_sd_configs: [{{url: '{}'}}]}}, \
         {{job_name: b, static_configs: [{{targets: ['s:1']}}]}}]",
        upstream.url
    );
    let folder = folder(&[("prometheus.yml", &config), ("hosts.txt", "s\nt\n")]);
    let host = upstream.url.trim_end_matches("/list").trim_start_matches("http://");
    let coverage = |rest: &[&str]| {
        let printed = coverage(folder.path(), &[&["--inventory", "hosts.txt"], rest].concat());
        printed.replace(host, "HOST")
    };
    insta::assert_snapshot!("coverage_failing", coverage(&[]));
    // The other job has nothing to do with it.
    insta::assert_snapshot!("coverage_not_failing", coverage(&["--job", "b"]));
}

#[test]
fn dropped_targets_that_are_not_listed_are_counted() {
    let config = "scrape_configs: [{job_name: a, keep_dropped_targets: 1, static_configs: [{targets: ['a:1', 'b:1', \
                  'c:1']}], relabel_configs: [{source_labels: [__address__], regex: '[ab]:1', action: drop}]}]";
    let folder = folder(&[("prometheus.yml", config), ("hosts.txt", "a\nb\nc\n")]);
    let printed = coverage(folder.path(), &["--inventory", "hosts.txt"]);
    insta::assert_snapshot!("coverage_hidden", printed);
}

#[test]
fn a_large_site_is_answered_for_by_its_daemon() {
    const HOSTS: usize = 20_000;
    const JOBS: usize = 50;
    const EACH: usize = 2_000;
    let folder = folder(&[]);
    let mut config = String::from("scrape_configs:\n");
    for job in 0..JOBS {
        config.push_str(&format!(
            "- job_name: job-{job}\n  file_sd_configs: [{{files: ['{job}.json']}}]\n  \
             relabel_configs: [{{source_labels: [odd], regex: '7', action: drop}}]\n"
        ));
        // Each host is in five jobs; those from 19,900 on are not in the inventory, and 100 others are.
        let hosts = (0..EACH).map(|place| {
            let host = (job * EACH + place) % HOSTS;
            let odd = host % 1000;
            format!(r#"{{"targets":["db{host}.example.org:9100"],"labels":{{"odd":"{odd}"}}}}"#)
        });
        let list = format!("[{}]", hosts.collect::<Vec<_>>().join(","));
        fs::write(folder.path().join(format!("{job}.json")), list).expect("written");
    }
    let file = folder.path().join("prometheus.yml");
    fs::write(&file, config).expect("written");
    let inventory: String = (0..HOSTS)
        .map(|host| {
            let name = if host < 19_900 {
                format!("DB{host}.example.org.")
            } else {
                format!("new{host}")
            };
            format!("{host},{name}\n")
        })
        .collect();
    fs::write(folder.path().join("cmdb.csv"), format!("asset,hostname\n{inventory}")).expect("written");
    let daemon = Daemon::with_config(&file, &[]);
    daemon.wait_for("/-/ready", |_| true);
    daemon.wait_for("/api/v1/scrape_pools", |text| {
        text.matches("\"active\":1998,\"dropped\":2").count() == JOBS
    });
    let printed = outcome(
        folder.path(),
        &[
            "coverage",
            "--url",
            &daemon.url(),
            "--inventory",
            "cmdb.csv",
            "--limit",
            "2",
        ],
    );
    insta::assert_snapshot!("coverage_large", printed);
}

#[test]
fn help_says_what_is_reported() {
    let folder = folder(&[]);
    insta::assert_snapshot!("coverage_help", outcome(folder.path(), &["coverage", "--help"]));
}
