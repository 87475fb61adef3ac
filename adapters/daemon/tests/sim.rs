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
    insta::assert_snapshot!("sim_swarm", sim(&["swarm", "--scenario", "small.yml", "--seeds", "5"]));

    let log = fs::read_to_string(folder.path().join("run.jsonl")).expect("the log");
    fs::write(folder.path().join("cut.jsonl"), &log[..log.len() / 2]).expect("written");
    insta::assert_snapshot!("sim_replay_cut", sim(&["replay", "cut.jsonl"]));
}

/// What `headcount sim` prints, but for how fast it was, which is not the same twice.
fn sim_in(folder: &Path, arguments: &[&str]) -> String {
    let printed = outcome(folder, &[&["sim"], arguments].concat());
    let lines = printed
        .lines()
        .filter(|line| !line.contains("of virtual time in") && !line.ends_with(" runs per s"));
    lines.collect::<Vec<_>>().join("\n")
}
