//! Two targets that end with the same labels and are scraped at different URLs (Prometheus's issue 5136): it is said in the
//! log, in the API, in the metrics and by `explain`.

mod support;

use support::{Setup, outcome};

#[test]
fn of_two_targets_with_the_same_labels_each_is_told_and_the_log_says_it_once() {
    let setup = Setup::new();
    let config = |rules: &str| {
        format!(
            "scrape_configs: [{{job_name: web, relabel_configs: [{rules}], \
             static_configs: [{{targets: ['127.0.0.1:1', '127.0.0.1:2']}}]}}]"
        )
    };
    let shared = config("{source_labels: [__address__], regex: '(.+):.+', target_label: instance}");
    setup.write(&shared);
    let daemon = setup.start(&[]);
    let warned = |entry: &serde_json::Value| {
        let message = entry["message"].as_str().unwrap_or_default();
        message.contains("http://127.0.0.1:1/metrics and http://127.0.0.1:2/metrics")
    };
    daemon.logged("the warning", |entry| {
        (warned(entry) && entry["level"] == "WARN").then_some(())
    });
    daemon.wait_for("/metrics", |text| {
        text.contains("\nheadcount_target_shared_labels{scrape_job=\"web\"} 1\n")
    });
    let told = daemon.get("/api/v1/targets?state=same_labels").json()["data"]["activeTargets"].clone();
    let urls = told.as_array().into_iter().flatten().map(|target| {
        let [url, other] = [&target["scrapeUrl"], &target["sameLabels"][0]["scrapeUrl"]];
        (url.to_string(), other.to_string())
    });
    let mut urls: Vec<_> = urls.collect();
    urls.sort();
    let [one, other] = [1, 2].map(|port| format!("\"http://127.0.0.1:{port}/metrics\""));
    assert_eq!(urls, [(one.clone(), other.clone()), (other, one)]);
    let url = daemon.url();
    let explained = outcome(setup.folder.path(), &["explain", "--url", &url, "127.0.0.1:1"]);
    assert!(
        explained.contains("beware") && explained.contains("scraped at http://127.0.0.1:2/metrics"),
        "{explained}"
    );

    // Another reload that changes nothing about it says nothing of it; neither does one that mends it.
    setup.write(&format!("global: {{scrape_interval: 30s}}\n{shared}"));
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    setup.write(&config(""));
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    daemon.wait_for("/metrics", |text| {
        text.contains("\nheadcount_target_shared_labels{scrape_job=\"web\"} 0\n")
    });
    assert_eq!(daemon.log_count(warned), 1);
}
