//! A backend that runs wild, before a daemon: it fails, it is said which knob takes more, and the others go on.

mod support;

use serde_json::json;
use support::{Setup, Upstream};

fn list(targets: usize) -> String {
    let targets: Vec<_> = (0..targets).map(|number| format!("h{number}:1")).collect();
    json!([{ "targets": targets }]).to_string()
}

#[test]
fn what_exceeds_a_bound_is_a_failure_that_names_the_knob_and_takes_nothing_away() {
    let upstream = Upstream::start(200, &list(3));
    let setup = Setup::new();
    setup.write(&format!(
        "scrape_configs: [{{job_name: node, file_sd_configs: [{{files: ['targets*.json']}}]}}, \
         {{job_name: wild, http_sd_configs: [{{url: '{}', refresh_interval: 1h}}]}}]",
        upstream.url
    ));
    let daemon = setup.start(&["--max-targets-per-provider", "10", "--max-body-per-provider", "1KiB"]);
    daemon.wait_for("/sd/wild", |list| list.contains("h2:1"));

    upstream.answer(200, &list(11));
    let path = "/api/v1/providers/http/1/refresh";
    let refreshed = daemon.request("POST", &format!("{path}?wait=20s"), &[]).json();
    let expected = "it has 11 targets, and of one provider at most 10 are taken; more with \
                    --max-targets-per-provider; it is asked again in 60s";
    assert_eq!(
        (&refreshed["data"]["state"], &refreshed["data"]["lastError"]),
        (&json!("failing"), &json!(expected))
    );
    let shown = daemon.get("/sd/wild").text();
    assert!(shown.contains("h2:1") && !shown.contains("h3:1"), "{shown}");
    daemon.logged("the failure", |entry| {
        (entry["error"] == expected && entry["provider"] == "http/1").then_some(())
    });
    // It is left alone meanwhile, and the others are not.
    let requests = upstream.requests();
    let again = daemon.request("POST", path, &[]);
    assert_eq!(again.status, 202);
    assert!(
        again.text().contains("more than is taken of one provider"),
        "{}",
        again.text()
    );
    assert_eq!(upstream.requests(), requests);
    assert_eq!(daemon.get("/sd/node").status, 200);
    let metrics = daemon.get("/metrics").text();
    for name in [
        "headcount_sd_queued_bytes",
        "headcount_sd_collapsed_reports_total",
        "headcount_sd_held_up_reports_total",
    ] {
        assert!(
            metrics.contains(&format!("\n{name}{{name=\"scrape\"}} 0\n")),
            "{metrics}"
        );
    }
}

#[test]
fn a_body_that_is_too_large_names_its_knob() {
    let upstream = Upstream::start(200, &list(1_000));
    let setup = Setup::new();
    setup.write(&format!(
        "scrape_configs: [{{job_name: wild, http_sd_configs: [{{url: '{}'}}]}}]",
        upstream.url
    ));
    let daemon = setup.start(&["--max-body-per-provider", "1KiB"]);
    let failed = daemon
        .wait_for("/api/v1/providers", |body| body.contains("\"failing\""))
        .text();
    assert!(failed.contains("larger than the limit of 1024 bytes"), "{failed}");
    assert!(failed.contains("more is read with --max-body-per-provider"), "{failed}");
}
