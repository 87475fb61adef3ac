//! `headcount sim bench`: its work is counted, and the same on every run.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

mod support;

use serde_json::Value;
use support::{folder, outcome};

/// What the bench printed on standard output, and, like how fast it was, on standard error.
fn outputs(options: &[&str]) -> (String, String) {
    let small = ["sim", "bench", "--hosts", "200", "--discoverers", "20", "--until", "1h"];
    let printed = outcome(folder(&[]).path(), &[&small, options].concat());
    let (result, remarks) = printed.split_once("--- stderr\n").expect("both outputs");
    (result.to_owned(), remarks.to_owned())
}

fn bench(options: &[&str]) -> String {
    outputs(options).0
}

/// Everything that is counted in headcount's own code is pinned, so **whoever changes how much work there
/// is sees it here, on however busy a machine**. Allocations are left out: how a vector grows and what
/// the standard library allocates is the toolchain's, and whether code is optimised shows, too.
#[test]
fn counted_work_is_pinned() {
    let (printed, remarks) = outputs(&[]);
    let is_counted = cfg!(feature = "count-allocations");
    assert_eq!(printed.contains("bytes allocated"), is_counted, "{printed}");
    assert_eq!(
        remarks.contains("--features count-allocations"),
        !is_counted,
        "{remarks}"
    );
    let pinned = printed.lines().filter(|line| !line.contains("alloca"));
    insta::assert_snapshot!("sim_bench", pinned.collect::<Vec<_>>().join("\n"));
}

#[test]
fn equal_runs_have_equal_work_allocations_and_all() {
    let printed = bench(&["--output", "json"]);
    assert_eq!(printed, bench(&["--output", "json"]));
    let json = printed.split_once("--- stdout\n").expect("an output").1;
    let json: Value = serde_json::from_str(json).expect("JSON");
    let events = json["events"].as_u64().expect("a number");
    let work = json["work"].as_object().expect("an object");
    let mut names = vec![
        "compares",
        "times_compared",
        "groups_compared",
        "differences_compared",
        "nodes_visited",
        "nodes_made",
        "backend_bytes",
        "handed_over_bytes",
    ];
    if cfg!(feature = "count-allocations") {
        names.extend(["allocations", "allocated_bytes"]);
    }
    for name in &names {
        let total = work[*name]["total"].as_u64().expect("a number");
        assert!(total > 0, "{name}");
        assert_eq!(work[*name]["per_1000_events"], total * 1_000 / events, "{name}");
    }
    assert_eq!(work.len(), names.len(), "everything is checked");
}
