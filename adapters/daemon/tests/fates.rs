//! How many targets have which fate, wherever it is told.

#![allow(clippy::expect_used, reason = "a test's helper reports by panicking")]

mod support;

use serde_json::json;
use support::Setup;

#[test]
fn every_fate_is_counted() {
    let setup = Setup::new();
    setup.write(
        "scrape_configs:
- job_name: node
  static_configs: [{targets: ['a:1', 'a:1', 'a:1', 'b:1', 'c:1', 'd:1', 'd:1', 'http://e/']}]
  relabel_configs: [{source_labels: [__address__], regex: 'd:1', action: drop}]
- job_name: other
  static_configs: [{targets: ['a:1']}]
",
    );
    let daemon = setup.start(&[]);
    let first = |number: usize| {
        let pools = daemon.wait_for("/api/v1/scrape_pools", |body| body.contains(r#""active":3"#));
        pools.json()["data"]["pools"][number].clone()
    };
    let counts =
        |pool: &serde_json::Value| ["active", "dropped", "duplicate", "invalid"].map(|name| pool[name].clone());
    assert_eq!(counts(&first(0)), [3, 2, 2, 1].map(|count| json!(count)));
    assert_eq!(counts(&first(1)), [1, 0, 0, 0].map(|count| json!(count)));
    let metrics = daemon.get("/metrics").text();
    for (job, fate, count) in [
        ("node", "active", 3),
        ("node", "dropped", 2),
        ("node", "duplicate", 2),
        ("node", "invalid", 1),
        ("other", "active", 1),
        ("other", "duplicate", 0),
    ] {
        let sample = format!("\nheadcount_target_fates{{scrape_job=\"{job}\",fate=\"{fate}\"}} {count}\n");
        assert!(metrics.contains(&sample), "{sample} is not in\n{metrics}");
    }
    let told = daemon.get("/api/v1/targets").json();
    for (list, count) in [
        ("activeTargets", 4),
        ("droppedTargets", 2),
        ("duplicateTargets", 2),
        ("invalidTargets", 1),
    ] {
        assert_eq!(told["data"][list].as_array().map(Vec::len), Some(count), "{list}");
    }
}
