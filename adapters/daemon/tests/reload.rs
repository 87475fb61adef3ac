//! `POST /-/reload`, as a process: what it answers, and what becomes of very many at once.

#![allow(clippy::expect_used, reason = "helpers report by panicking, as tests do")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;
use support::{CONFIG, Daemon, Setup, Upstream, replace, wait_until};

const JSON: (&str, &str) = ("Accept", "text/html;q=0.1, application/json");

fn job(name: &str, target: &str) -> String {
    format!("{{job_name: {name}, static_configs: [{{targets: ['{target}']}}]}}")
}

fn config(jobs: &[String]) -> String {
    format!("scrape_configs: [{}]", jobs.join(", "))
}

fn reload(daemon: &Daemon) -> String {
    let answer = daemon.request("POST", "/-/reload", &[]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

/// Where alerts are sent, active and dropped.
fn alertmanagers(daemon: &Daemon) -> String {
    let answer = daemon.get("/api/v1/alertmanagers").json();
    answer["data"]["activeAlertmanagers"].to_string()
}

#[test]
fn it_applies_alertmanagers_as_well() {
    let setup = Setup::new();
    let with = |alertmanagers: &str| format!("{CONFIG}\nalerting: {{alertmanagers: [{alertmanagers}]}}\n");
    let one = |target: &str| format!("{{static_configs: [{{targets: ['{target}']}}]}}");
    setup.write(&with(&one("one:9093")));
    let daemon = setup.start(&[]);
    let wait = |there: &str, gone: &str| {
        wait_until(&format!("{there} to come and {gone} to go"), || {
            let seen = alertmanagers(&daemon);
            (seen.contains(there) && !seen.contains(gone)).then_some(())
        });
    };
    wait("one:9093", "two:9093");
    setup.write(&with(&format!("{}, {}", one("two:9093"), one("three:9093"))));
    reload(&daemon);
    wait("two:9093", "one:9093");
    wait("three:9093", "one:9093");
    // All of them, and those of one that stays where it is told.
    setup.write(&with(&one("three:9093")));
    reload(&daemon);
    wait("three:9093", "two:9093");
    setup.write(CONFIG);
    reload(&daemon);
    wait("[]", ":9093");
}

/// How many loads there were, by the log: with a change, and without.
fn loads(daemon: &Daemon) -> (usize, usize) {
    let said = |wanted: &'static str| {
        daemon.log_count(|entry| entry["message"].as_str().is_some_and(|message| message == wanted))
    };
    (
        said("the configuration was reloaded"),
        said("the configuration was reloaded; nothing in it has changed"),
    )
}

#[test]
fn it_answers_with_what_changed() {
    let setup = Setup::new();
    setup.write(&config(&[job("a", "a:1"), job("b", "b:1"), job("c", "c:1")]));
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/c", |list| list.contains("c:1"));
    assert_eq!(reload(&daemon), "reloaded; nothing changed\n");

    setup.write(&config(&[job("b", "b:1"), job("c", "c:2"), job("d", "d:1")]));
    let expected = "\
reloaded
  jobs       1 added, 1 removed, 1 changed, 1 kept
  providers  2 started, 2 stopped, 1 kept
+ job \"d\"
- job \"a\"
~ job \"c\"
+ provider \"static/3\"
+ provider \"static/4\"
- provider \"static/0\"
- provider \"static/2\"
";
    assert_eq!(reload(&daemon), expected);
    let again = daemon.request("POST", "/-/reload", &[JSON]).json();
    let nothing = json!({"added": [], "removed": [], "changed": [], "kept": 0});
    let expected = json!({"jobs": nothing, "alertmanagers": nothing, "providers": {"started": [], "stopped": [], "kept": 0}, "settings": false});
    assert_eq!(again, json!({"status": "success", "data": expected}));

    setup.write(
        &(config(&[job("b", "b:1")]) + "\nalerting: {alertmanagers: [{static_configs: [{targets: ['am:1']}]}]}"),
    );
    let changes = daemon.request("POST", "/-/reload", &[JSON]).json()["data"].clone();
    assert_eq!(changes["jobs"]["removed"], json!(["c", "d"]));
    assert_eq!(changes["alertmanagers"]["added"], json!(["config-0"]));
    assert_eq!(changes["providers"]["started"], json!(["static/0"]));
    assert_eq!(changes["providers"]["kept"], 1);

    // What is wrong is said in either form, and what runs is what ran.
    setup.write("scrape_configs: [{job_nam: x}]");
    for _ in 0..2 {
        let refused = daemon.request("POST", "/-/reload", &[JSON]);
        assert_eq!(refused.status, 500);
        assert!(
            refused.json()["error"]
                .as_str()
                .is_some_and(|error| error.contains("prometheus.yml:1:19"))
        );
    }
    assert!(
        daemon
            .get("/metrics")
            .text()
            .contains("\nprometheus_config_last_reload_successful 0\n")
    );
    // What is as it was before somebody broke it is well again.
    setup.write(
        &(config(&[job("b", "b:1")]) + "\nalerting: {alertmanagers: [{static_configs: [{targets: ['am:1']}]}]}"),
    );
    assert_eq!(reload(&daemon), "reloaded; nothing changed\n");
    assert!(
        daemon
            .get("/metrics")
            .text()
            .contains("\nprometheus_config_last_reload_successful 1\n")
    );
}

#[test]
fn forty_at_once_are_few_loads_and_each_is_answered_with_one_that_began_after_it() {
    let setup = Setup::new();
    // Large enough that a load takes longer than it takes to ask for it.
    let jobs = |target: &str| -> Vec<String> { (0..500).map(|number| job(&format!("j{number}"), target)).collect() };
    setup.write(&config(&jobs("a:1")));
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/j0", |list| list.contains("a:1"));
    setup.write(&config(&jobs("b:1")));
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| reload(&daemon));
        }
    });
    let (changed, unchanged) = loads(&daemon);
    assert_eq!(changed, 1);
    assert!(unchanged <= 3, "{unchanged}");
    // Each has been applied: nothing is left to be done.
    assert_eq!(reload(&daemon), "reloaded; nothing changed\n");
    daemon.wait_for("/sd/j499", |list| list.contains("b:1"));
}

/// However the configuration and its files change, and however often it is reloaded: a job that each of them has is
/// served at each moment, with a target of the one or the other.
#[test]
fn a_storm_of_reloads_makes_neither_a_gap_nor_a_ghost() {
    let setup = Setup::new();
    let lists = |round: usize| {
        let node = format!(
            "{{job_name: node, file_sd_configs: [{{files: ['list{}.json']}}]}}",
            round % 4
        );
        config(&[node, job("fixed", &format!("f:{}", round % 3))])
    };
    for number in 0..4 {
        let list = format!(r#"[{{"targets": ["n:{number}"]}}]"#);
        replace(&setup.folder.path().join(format!("list{number}.json")), &list);
    }
    setup.write(&lists(0));
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("n:0"));
    daemon.wait_for("/sd/fixed", |list| list.contains("f:0"));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = [("/sd/node", "n:"), ("/sd/fixed", "f:")]
            .into_iter()
            .map(|(path, target)| {
                let (daemon, is_over) = (&daemon, &is_over);
                scope.spawn(move || {
                    let mut looks = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        let list = daemon.get(path);
                        assert_eq!(list.status, 200, "{path}: {}", list.text());
                        assert!(list.text().contains(target), "{path}: {}", list.text());
                        looks += 1;
                    }
                    looks
                })
            })
            .collect();
        for round in 1..=30 {
            replace(&setup.config, &lists(round));
            let storm: Vec<_> = (0..4).map(|_| scope.spawn(|| reload(&daemon))).collect();
            for asked in storm {
                asked.join().expect("it was answered");
            }
        }
        is_over.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().expect("no gap") > 0);
        }
    });
    // 30 rounds: the third list, the first target.
    wait_until("the last configuration and nothing else", || {
        let (node, fixed) = (daemon.get("/sd/node").text(), daemon.get("/sd/fixed").text());
        let ghosts = ["n:0", "n:1", "n:3"].iter().any(|ghost| node.contains(ghost));
        (node.contains("n:2") && !ghosts && fixed.contains("f:0") && !fixed.contains("f:1")).then_some(())
    });
    setup.write(CONFIG);
    assert!(reload(&daemon).starts_with("reloaded\n"));
}

/// The counterpart of `TestApplyConfigDoesNotModifyStaticTargets` in Prometheus's `discovery/manager_test.go`: that other
/// jobs come and go changes nothing in static targets, neither their order nor their labels, and nobody gets their list
/// anew.
#[test]
fn static_targets_are_not_modified_by_apply() {
    let setup = Setup::new();
    let fixed = "{job_name: fixed, static_configs: [{targets: ['foo:9090', 'bar:9090'], labels: {rack: r1}}, {targets: []}, \
               {targets: ['foo:9090']}]}";
    setup.write(&config(&[fixed.to_owned()]));
    let daemon = setup.start(&[]);
    let before = daemon.wait_for("/sd/fixed", |text| text.contains("bar:9090")).text();
    let tag = |daemon: &Daemon| daemon.get("/sd/fixed").header("etag").map(str::to_owned);
    let tag_before = tag(&daemon);
    assert!(tag_before.is_some());
    let shown = daemon.get("/config").text();
    for number in 0..5 {
        let other = job(&format!("other{number}"), "x:1");
        setup.write(&config(&[other, fixed.to_owned()]));
        reload(&daemon);
        daemon.wait_for(&format!("/sd/other{number}"), |text| text.contains("x:1"));
        assert_eq!(daemon.get("/sd/fixed").text(), before);
        assert_eq!(tag(&daemon), tag_before);
    }
    setup.write(&config(&[fixed.to_owned()]));
    reload(&daemon);
    assert_eq!(daemon.get("/config").text(), shown);
    assert_eq!(daemon.get("/sd/fixed").text(), before);
}

/// B11: who asks for a reload while the configuration is being written does not mean what is in it so far.
#[test]
fn b11_a_configuration_that_is_being_written_takes_nothing_away() {
    let setup = Setup::new();
    let jobs: Vec<_> = (0..6)
        .map(|number| format!("- job_name: job{number}\n  static_configs: [{{targets: ['h{number}:1']}}]\n"))
        .collect();
    let whole = format!("scrape_configs:\n{}", jobs.concat());
    setup.write(&whole);
    let lists = setup.folder.path().join("lists");
    std::fs::create_dir(&lists).expect("made");
    let daemon = setup.start(&["--file-sd-dir", lists.to_str().expect("UTF-8")]);
    let files = || {
        let entries = std::fs::read_dir(&lists).expect("listed").flatten();
        let paths = entries.map(|entry| entry.path());
        paths
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .count()
    };
    wait_until("all lists are written", || (files() == 6).then_some(()));

    // Empty it is refused, however long it stays so.
    setup.write("");
    let answer = daemon.request("POST", "/-/reload", &[]);
    assert_eq!(answer.status, 500);
    assert!(
        answer.text().contains("it is empty, and was not before"),
        "{}",
        answer.text()
    );
    assert_eq!(files(), 6);

    // Who says so twice means it.
    setup.write(&format!("scrape_configs:\n{}", jobs[..2].concat()));
    assert!(reload(&daemon).contains("4 removed, 2 kept"));
    wait_until("the lists of jobs that are gone are, too", || {
        (files() == 2).then_some(())
    });
    setup.write("{}");
    assert!(reload(&daemon).contains("2 removed"));
}

/// B03: what is shown of a source that nobody asks any more is not said to be fresh.
#[test]
fn what_stands_in_for_a_source_that_was_not_read_is_named() {
    let setup = Setup::new();
    let (old, new) = (
        Upstream::start(200, r#"[{"targets": ["u:1"]}]"#),
        Upstream::start(500, ""),
    );
    let config = |upstream: &Upstream| {
        let url = &upstream.url;
        setup.write(&format!(
            "scrape_configs: [{{job_name: node, http_sd_configs: [{{url: '{url}', refresh_interval: 1s}}]}}]"
        ));
    };
    config(&old);
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("u:1"));
    let stale = |daemon: &Daemon| daemon.get("/api/v1/targets?state=stale").text();
    assert!(!stale(&daemon).contains("u:1"), "{}", stale(&daemon));

    config(&new);
    reload(&daemon);
    let list = daemon.get("/sd/node");
    assert!(list.text().contains("u:1"), "{}", list.text());
    let named = list.header("x-headcount-replaced").expect("it is said");
    assert!(named.starts_with("http/"), "{named}");
    let ready = daemon.get("/-/ready").text();
    assert!(ready.contains(&format!("node has what {named} (")), "{ready}");
    assert!(ready.contains("had before a reload"), "{ready}");
    let targets = stale(&daemon);
    assert!(
        targets.contains("u:1") && targets.contains("another source in its place"),
        "{targets}"
    );

    new.answer(200, r#"[{"targets": ["u:2"]}]"#);
    let list = daemon.wait_for("/sd/node", |list| list.contains("u:2"));
    assert_eq!(list.header("x-headcount-replaced"), None);
    assert!(!daemon.get("/-/ready").text().contains("before a reload"));
}
