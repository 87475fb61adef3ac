//! `headcount sim`, as a process.

#![allow(clippy::expect_used, reason = "a test's helper reports by panicking")]

mod support;

use std::fs;
use std::path::Path;

use support::{folder, outcome};

#[test]
fn sim_runs_what_is_shipped_and_what_a_file_says() {
    let small = "name: small\nuntil: 10m\ncalm: 2m\nhosts: {count: 30}\nbackends: [{name: cmdb, kind: http}]\n\
                 discoverers: [{backend: cmdb}]\nchurn: [{steady: {rate: 5%, every: 1m}}]\n";
    let impossible = "expect: [{always: {stale_at_most: 1ms}}]\n";
    let folder = folder(&[
        ("small.yml", small),
        ("strict.yml", &format!("{small}{impossible}")),
        ("missed.yml", &format!("{small}expect: [{{sometimes: relisted}}]\n")),
        ("bad.yml", "name: x\nhosts: {cuont: 3}\n"),
    ]);
    let sim = |rest: &[&str]| sim_in(folder.path(), rest);
    insta::assert_snapshot!(
        "sim_run",
        sim(&["run", "--scenario", "small.yml", "--seed", "7", "--twice"])
    );
    insta::assert_snapshot!("sim_json", sim(&["run", "--scenario", "small.yml", "--output", "json"]));
    insta::assert_snapshot!("sim_broken", sim(&["run", "--scenario", "strict.yml", "--hosts", "20"]));
    insta::assert_snapshot!(
        "sim_vary",
        sim(&["run", "--scenario", "small.yml", "--vary", "refresh=15s,60s"])
    );
    insta::assert_snapshot!("sim_bad_file", sim(&["run", "--scenario", "bad.yml"]));
    insta::assert_snapshot!("sim_unknown", sim(&["run", "--scenario", "zoen-loss"]));
    insta::assert_snapshot!("sim_list", sim(&["list"]));
    insta::assert_snapshot!("sim_list_rules", sim(&["list", "rules"]));
    for (what, word) in [
        ("faults", "wall_jump"),
        ("churn", "ip_reuse"),
        ("marks", "torn_pages"),
        ("events", "suspend"),
        ("backends", "consul"),
    ] {
        assert!(sim(&["list", what]).contains(word), "{what}");
    }
    assert!(sim(&["schema"]).contains("json-schema.org"));
    insta::assert_snapshot!(
        "sim_vary_broken",
        sim(&[
            "run",
            "--scenario",
            "strict.yml",
            "--vary",
            "refresh=15s,60s",
            "--vary",
            "throttle=prometheus-2"
        ])
    );
    // Any field by its path, and a page of the comparison.
    let by_path = ["run", "--scenario", "small.yml", "--html", "page.html", "--vary"];
    insta::assert_snapshot!(
        "sim_vary_path",
        sim(&[&by_path[..], &["discoverers.cmdb.refresh=15s,60s"]].concat())
    );
    let page = fs::read_to_string(folder.path().join("page.html")).expect("the page");
    assert!(
        page.contains("--vary discoverers.cmdb.refresh=15s,60s"),
        "it says how to make it again"
    );
    insta::assert_snapshot!(
        "sim_vary_nowhere",
        sim(&[&by_path[..], &["discoverers.cmbd.refresh=15s"]].concat())
    );
    insta::assert_snapshot!(
        "sim_swarm_missed",
        sim(&["swarm", "--scenario", "missed.yml", "--seeds", "3", "--as-written"])
    );
    let traced = sim(&["run", "--scenario", "small.yml", "--until", "3m", "--trace", "-"]);
    insta::assert_snapshot!("sim_trace", traced);
    sim(&["run", "--scenario", "small.yml", "--trace", "all.jsonl"]);
    let all = fs::read_to_string(folder.path().join("all.jsonl")).expect("the trace");
    assert!(
        all.lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
            && all.lines().count() > 50
    );
}

#[test]
fn sim_writes_runs_down_and_looks_at_them_closely() {
    let small = "name: small\nuntil: 10m\ncalm: 2m\nhosts: {count: 12}\nbackends: [{name: cmdb, kind: http}]\n\
                 discoverers: [{backend: cmdb}]\nchurn: [{steady: {rate: 5%, every: 1m}}]\n";
    let impossible = "expect: [{always: {stale_at_most: 1ms}}]\n";
    let folder = folder(&[
        ("small.yml", small),
        (
            "other.yml",
            &small.replace("hosts: {count: 12}", "hosts: {count: 12, zones: 3}"),
        ),
        ("strict.yml", &format!("{small}{impossible}")),
    ]);
    let sim = |rest: &[&str]| sim_in(folder.path(), rest);
    sim(&["run", "--scenario", "strict.yml", "--log", "run.jsonl"]);
    insta::assert_snapshot!("sim_replay", sim(&["replay", "run.jsonl"]));
    insta::assert_snapshot!("sim_shrink", sim(&["shrink", "run.jsonl"]));
    insta::assert_snapshot!("sim_explain", sim(&["explain", "h3", "5m", "--scenario", "small.yml"]));
    insta::assert_snapshot!(
        "sim_explain_nobody",
        sim(&["explain", "h9999", "5m", "--scenario", "small.yml"])
    );
    insta::assert_snapshot!("sim_diff", sim(&["diff", "small.yml", "other.yml"]));
    sim(&["run", "--scenario", "small.yml", "--log", "good.jsonl"]);
    let explore = |at| sim(&["explore", "--from", "good.jsonl", "--at", at, "--futures", "5"]);
    insta::assert_snapshot!("sim_explore", explore("4m"));
    insta::assert_snapshot!("sim_explore_over", explore("1h"));
    insta::assert_snapshot!("sim_swarm", sim(&["swarm", "--scenario", "small.yml", "--seeds", "5"]));

    let log = fs::read_to_string(folder.path().join("run.jsonl")).expect("the log");
    fs::write(folder.path().join("cut.jsonl"), &log[..log.len() / 2]).expect("written");
    insta::assert_snapshot!("sim_replay_cut", sim(&["replay", "cut.jsonl"]));
}

/// What `headcount sim` prints, but for how fast it was, which is not the same twice.
/// What a command prints on its standard output alone, and how it ends.
fn printed(folder: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let output = support::headcount()
        .arg("sim")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    (text, output.status.code())
}

#[test]
fn a_night_is_one_document_for_programs() {
    let folder = folder(&[]);
    let night = |rest: &[&str]| {
        let arguments = [
            &[
                "swarm",
                "--nightly",
                "--seeds",
                "4",
                "--first",
                "1",
                "--jobs",
                "1",
                "--hosts",
                "20",
            ],
            rest,
        ];
        printed(folder.path(), &arguments.concat())
    };
    let (json, code) = night(&["--output", "json"]);
    let report: serde_json::Value = serde_json::from_str(&json).expect("one document");
    assert_eq!((&report["first"], &report["seeds"]), (&1.into(), &4.into()));
    assert_eq!(report["drawn"]["runs"], 2);
    let shipped = headcount_sim::shipped();
    let scenarios = report["scenarios"].as_object().expect("all of them");
    assert_eq!(scenarios.len(), shipped.len());
    for scenario in shipped {
        assert_eq!(scenarios[scenario.name]["runs"], 1, "{}", scenario.name);
    }
    let (table, same) = night(&[]);
    assert!(table.starts_with("4 seeds from 1 on\n"), "{table}");
    assert_eq!(code, same);

    // By itself, a swarm is one, too.
    for choice in [&["--all"][..], &["--scenario", "zone-loss", "--hosts", "20"]] {
        let swarm = [&["swarm", "--seeds", "1", "--output", "json"], choice].concat();
        let (json, _) = printed(folder.path(), &swarm);
        let report: serde_json::Value = serde_json::from_str(&json).expect("one document");
        assert_eq!(report["runs"], 1);
    }
}

#[test]
fn ways_to_share_out_are_compared_for_programs_and_people() {
    let folder = folder(&[]);
    let compare = |output: &str| {
        let sizes = ["--targets", "1000", "--members", "5", "--output", output];
        printed(folder.path(), &[&["compare-allocators"][..], &sizes].concat())
    };
    let (json, code) = compare("json");
    assert_eq!(code, Some(0));
    let compared: serde_json::Value = serde_json::from_str(&json).expect("one document");
    let (table, _) = compare("table");
    insta::assert_snapshot!("sim_allocators", table);
    insta::assert_snapshot!("sim_allocators_json", format!("{compared:#}"));
}

#[test]
fn a_shrink_that_has_no_time_ends_with_what_it_has() {
    // Something that always fails, and takes more than one run to make small.
    let failing = "name: failing\nuntil: 10m\ncalm: 2m\nhosts: {count: 30}\nbackends: [{name: cmdb, kind: http}]\n\
                   discoverers: [{backend: cmdb}]\nchurn: [{steady: {rate: 5%, every: 1m}}]\n\
                   expect: [{always: {stale_at_most: 1ms}}]\n";
    let folder = folder(&[("failing.yml", failing)]);
    let (_, code) = printed(
        folder.path(),
        &["run", "--scenario", "failing.yml", "--log", "log.jsonl"],
    );
    assert_eq!(code, Some(5));
    let shrink = |seconds: &str| printed(folder.path(), &["shrink", "log.jsonl", "--seconds", seconds]);
    let ((at_once, _), (with_time, code)) = (shrink("0"), shrink("600"));
    assert_eq!(code, Some(0));
    assert!(with_time.len() < at_once.len(), "{at_once}\n{with_time}");
}

#[test]
fn a_replay_follows_a_host() {
    let small = "name: small\nuntil: 10m\ncalm: 2m\nhosts: {count: 30}\nbackends: [{name: cmdb, kind: http}]\n\
                 discoverers: [{backend: cmdb}]\nchurn: [{steady: {rate: 5%, every: 1m}}]\n";
    let folder = folder(&[("small.yml", small)]);
    let (_, code) = printed(folder.path(), &["run", "--scenario", "small.yml", "--log", "log.jsonl"]);
    assert_eq!(code, Some(0));
    let (replayed, _) = printed(folder.path(), &["replay", "log.jsonl"]);
    let (followed, code) = printed(folder.path(), &["replay", "log.jsonl", "--host", "h3"]);
    let (explained, _) = printed(folder.path(), &["explain", "log.jsonl", "h3", "10m"]);
    assert_eq!((followed, code), (format!("{replayed}\n{explained}"), Some(0)));
    let (_, code) = printed(folder.path(), &["replay", "log.jsonl", "--host", "nobody"]);
    assert_eq!(code, Some(1));
}

#[test]
fn a_file_that_is_not_there_is_named_and_not_taken_for_a_host() {
    let folder = folder(&[]);
    let said = sim_in(folder.path(), &["explain", "incident.json", "db7"]);
    assert!(said.contains(r#"there is no file "incident.json""#), "{said}");
    let said = sim_in(folder.path(), &["explain", "incident.jsonl", "db7"]);
    assert!(said.contains("reading incident.jsonl"), "{said}");
}

fn sim_in(folder: &Path, arguments: &[&str]) -> String {
    let printed = outcome(folder, &[&["sim"], arguments].concat());
    let lines = printed
        .lines()
        .filter(|line| !line.contains("of virtual time in") && !line.ends_with(" runs per s"));
    lines.collect::<Vec<_>>().join("\n")
}
