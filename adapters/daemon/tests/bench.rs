//! `headcount sim bench`: its work is counted, and the same on every run.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

mod support;

use serde_json::Value;
use support::{folder, outcome};

/// What the bench said on standard output; how fast it was is on standard error.
fn bench(options: &[&str]) -> String {
    let small = ["sim", "bench", "--hosts", "200", "--discoverers", "20", "--until", "1h"];
    let said = outcome(folder(&[]).path(), &[&small, options].concat());
    let (result, _) = said.split_once("--- stderr\n").expect("both outputs");
    result.to_owned()
}

/// Everything that is counted in headcount's own code is pinned, so **whoever changes how much work there
/// is sees it here, on however busy a machine**. Allocations are left out: how a vector grows and what
/// the standard library allocates is the toolchain's, and whether code is optimised shows, too.
#[test]
fn counted_work_is_pinned() {
    let said = bench(&[]);
    let pinned = said.lines().filter(|line| !line.contains("alloca"));
    insta::assert_snapshot!("sim_bench", pinned.collect::<Vec<_>>().join("\n"));
}

#[test]
fn equal_runs_have_equal_work_allocations_and_all() {
    let said = bench(&["--output", "json"]);
    assert_eq!(said, bench(&["--output", "json"]));
    let json = said.split_once("--- stdout\n").expect("an output").1;
    let json: Value = serde_json::from_str(json).expect("JSON");
    let events = json["events"].as_u64().expect("a number");
    let work = json["work"].as_object().expect("an object");
    for name in [
        "compares",
        "times_compared",
        "groups_compared",
        "differences_compared",
        "nodes_visited",
        "nodes_made",
        "allocations",
        "allocated_bytes",
        "backend_bytes",
        "handed_over_bytes",
    ] {
        let total = work[name]["total"].as_u64().expect("a number");
        assert!(total > 0, "{name}");
        assert_eq!(work[name]["per_1000_events"], total * 1_000 / events, "{name}");
    }
    assert_eq!(work.len(), 10, "everything was looked at");
}
