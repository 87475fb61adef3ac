//! What `/metrics` says of jobs that come and go, as Prometheus's own metrics do: the counterparts of
//! `TestMetricsCleanupAfterConfigReload`, `TestGaugeFailedConfigs` and `TestGaugeLastUpdateTimestamp` of its manager.

#![allow(clippy::expect_used, reason = "a test's helper reports by panicking")]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use support::{Daemon, LACKING, Setup};

/// The value of a series, without its name's labels in any order but that in which they are written.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().expect("a number"))
}

fn metrics(daemon: &Daemon) -> String {
    daemon.get("/metrics").text()
}

/// Nobody listens there.
const REFUSED: &str = "http_sd_configs: [{url: 'http://127.0.0.1:1/', refresh_interval: 1s}]";

#[test]
fn series_of_a_job_go_when_it_is_applied_away_and_not_when_that_is_seen() {
    let setup = Setup::new();
    let job = |name: &str| format!("{{job_name: {name}, {REFUSED}, static_configs: [{{targets: ['h:1']}}]}}");
    setup.write(&format!(
        "scrape_configs: [{}, {}]",
        job("goes"),
        job("stays").replace("1/'", "1/other'")
    ));
    let config = setup.config.to_str().expect("UTF-8");
    // A reload is not seen before a tick.
    let daemon = Daemon::start(&["--config", config, "--throttle", "ticker:3s"]);
    let series = [
        "prometheus_sd_discovered_targets{name=\"scrape\",config=\"goes\"}",
        "prometheus_sd_last_update_timestamp_seconds{name=\"scrape\",config=\"goes\"}",
        "prometheus_sd_refresh_failures_total{mechanism=\"http\",config=\"goes\"}",
        "prometheus_sd_refresh_duration_seconds{mechanism=\"http\",config=\"goes\",quantile=\"0.5\"}",
        "prometheus_sd_refresh_duration_seconds_count{mechanism=\"http\",config=\"goes\"}",
        "headcount_sd_set_complete{name=\"scrape\",config=\"goes\"}",
    ];
    let is_there = |text: &str, job: &str| {
        series
            .iter()
            .all(|series| value(text, &series.replace("goes", job)).is_some())
    };
    daemon.wait_for("/metrics", |text| {
        is_there(text, "goes") && is_there(text, "stays") && value(text, series[4]) > Some(0.0)
    });
    let text = metrics(&daemon);
    let all = "prometheus_sd_refresh_duration_histogram_seconds_count{mechanism=\"http\"}";
    let before = value(&text, all).expect("a histogram");
    assert!(before >= 2.0, "{text}");
    let bounds = ["0.01", "0.1", "1", "10", "+Inf"];
    let buckets = bounds.map(|bound| {
        let bucket =
            format!("prometheus_sd_refresh_duration_histogram_seconds_bucket{{mechanism=\"http\",le=\"{bound}\"}}");
        value(&text, &bucket).expect("a bucket")
    });
    assert!(buckets.is_sorted() && buckets[4] == before, "{buckets:?}");

    setup.write(&format!(
        "scrape_configs: [{}]",
        job("stays").replace("1/'", "1/other'")
    ));
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    let text = metrics(&daemon);
    for series in series {
        assert_eq!(value(&text, series), None, "{series}");
    }
    assert!(is_there(&text, "stays"), "{text}");
    assert!(
        value(&text, all) >= Some(before),
        "what is counted for all does not go back"
    );
}

#[test]
fn configs_that_can_not_be_run_count_once_for_each_job_until_they_are_mended() {
    let setup = Setup::new();
    let job = |name: &str| format!("{{job_name: {name}, marathon_sd_configs: [{{servers: ['http://127.0.0.1:1']}}]}}");
    setup.write(&format!("scrape_configs: [{}, {}]", job("a"), job("b")));
    let daemon = setup.start(&["--allow-unsupported", LACKING]);
    let failed = "prometheus_sd_failed_configs{name=\"scrape\"}";
    daemon.wait_for("/metrics", |text| value(text, failed) == Some(2.0));
    setup.write("scrape_configs: [{job_name: a, static_configs: [{targets: ['h:1']}]}]");
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    assert_eq!(value(&metrics(&daemon), failed), Some(0.0));
}

#[test]
fn the_time_of_the_last_update_is_that_at_which_it_was_seen() {
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock")
            .as_secs_f64()
    };
    let setup = Setup::new();
    let before = now();
    let daemon = setup.start(&[]);
    let series = "prometheus_sd_last_update_timestamp_seconds{name=\"scrape\",config=\"node\"}";
    let discovered = "prometheus_sd_discovered_targets{name=\"scrape\",config=\"node\"}";
    daemon.wait_for("/metrics", |text| value(text, discovered) == Some(1.0));
    let first = value(&metrics(&daemon), series).expect("the series");
    let between = now();
    assert!(before <= first && first <= between, "{before} {first} {between}");
    support::replace(&setup.targets, r#"[{"targets": ["a:9100", "b:9100"]}]"#);
    daemon.wait_for("/metrics", |text| value(text, discovered) == Some(2.0));
    let second = value(&metrics(&daemon), series).expect("the series");
    assert!(between <= second && second <= now(), "{between} {second}");
}

/// A torn file of two was in none of the numbers that an alert looks at, and the last success went on.
#[test]
fn a_source_that_gets_a_part_only_is_seen_in_its_numbers() {
    let setup = Setup::new();
    let lists = setup.folder.path().join("lists");
    std::fs::create_dir(&lists).expect("a folder");
    let (a, b) = (lists.join("a.json"), lists.join("b.json"));
    support::replace(&a, r#"[{"targets": ["a:1"]}, {"targets": ["a:2"]}]"#);
    support::replace(&b, r#"[{"targets": ["b:1"]}]"#);
    setup.write(
        "scrape_configs: [{job_name: node, file_sd_configs: [{files: ['lists/*.json'], refresh_interval: 200ms}]}]",
    );
    let daemon = setup.start(&[]);
    let series =
        |name: &str| format!("headcount_sd_provider_{name}{{name=\"scrape\",provider=\"file/0\",mechanism=\"file\"}}");
    let (partial, success) = (series("partial"), series("last_success_timestamp_seconds"));
    daemon.wait_for("/metrics", |text| value(text, &series("targets")) == Some(3.0));
    let text = metrics(&daemon);
    assert_eq!(value(&text, &partial), Some(0.0));
    assert_eq!(value(&text, &series("stale_groups")), Some(0.0));
    support::replace(&a, "[{\"targets\": [");
    daemon.wait_for("/metrics", |text| value(text, &partial) == Some(1.0));
    let torn = metrics(&daemon);
    assert_eq!(value(&torn, &series("stale_groups")), Some(2.0), "those of a.json");
    assert_eq!(value(&torn, &series("failing")), Some(0.0));
    let updates = |daemon: &Daemon| {
        let answer = daemon.get("/api/v1/providers").json();
        let provider = &answer["data"]["providers"][0];
        let health = &provider["health"];
        assert_eq!(provider["staleGroups"], 2, "{provider}");
        assert_eq!(health["consecutiveFailures"], 0, "{provider}");
        assert!(
            health["lastSuccess"].as_f64() < health["lastUpdate"].as_f64(),
            "{provider}"
        );
        health["updates"].as_u64().expect("a number")
    };
    // Some reads later it is still that of the last whole one.
    let before = updates(&daemon);
    daemon.wait_for("/api/v1/providers", |_| updates(&daemon) > before + 2);
    assert_eq!(value(&metrics(&daemon), &success), value(&torn, &success));
    support::replace(&a, "[]");
    daemon.wait_for("/metrics", |text| value(text, &partial) == Some(0.0));
    daemon.wait_for("/metrics", |text| value(text, &success) > value(&torn, &success));
}

/// How often in a row a source failed, which decides whether somebody has to look, was nowhere.
#[test]
fn failures_in_a_row_are_counted_and_all_that_it_has_is_stale() {
    let setup = Setup::new();
    setup.write(&format!(
        "scrape_configs: [{{job_name: node, {REFUSED}, static_configs: [{{targets: ['h:1']}}]}}]"
    ));
    let daemon = setup.start(&[]);
    let failures = "headcount_sd_provider_consecutive_failures{name=\"scrape\",provider=\"http/0\",mechanism=\"http\"}";
    daemon.wait_for("/metrics", |text| value(text, failures) > Some(1.0));
    // A job is withheld for it: that is said once, and where it is asked whether headcount is ready, all the same.
    let ready = daemon.get("/-/ready");
    assert_eq!(ready.status, 200);
    let text = ready.text();
    assert!(
        text.contains("\nnode is not served (503), and waits for http/0 (http://127.0.0.1:1/"),
        "{text}"
    );
    daemon.logged("that the job is withheld", |entry| {
        let is_withheld = entry["message"].as_str()?.starts_with("the list is not served until");
        (is_withheld && entry["set"] == "node" && entry["lacking"].as_str()?.starts_with("http/0 (")).then_some(())
    });
}
