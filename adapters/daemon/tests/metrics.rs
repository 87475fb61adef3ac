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
