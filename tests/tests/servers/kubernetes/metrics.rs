//! The numbers about its watches, and those of a real Prometheus at the same server.

use super::*;
use crate::metrics::{has_each_series, value};
use crate::support::Prometheus;

#[test]
fn each_series_of_a_real_prometheus_is_there() {
    let folder = Folder::new();
    let cluster = cluster!(&folder);
    run_pod(&cluster, "p1", "127.1.0.1", simple_pod());
    run_pod(&cluster, "p2", "127.1.0.2", simple_pod());
    cluster.create(NODES, &json!({"metadata": {"name": "node1"}}));
    let roles = ["pod", "node", "service", "endpoints", "ingress"];
    let entries = roles.map(|role| (role, format!("role: {role}")));
    let jobs: Vec<(&str, &str)> = entries.iter().map(|(job, entry)| (*job, entry.as_str())).collect();
    let text = config(&cluster, &jobs);
    let config = folder.write("prometheus.yml", format!("global: {{scrape_interval: 1h}}\n{text}"));
    let headcount = Headcount::with_config(&folder, &config);
    let Some(prometheus) = Prometheus::start_newest(&folder, "prometheus", &config) else {
        return;
    };
    headcount.wait_for("pod", &["127.1.0.1:8080", "127.1.0.2:8080"]);
    let added = "prometheus_sd_kubernetes_events_total{event=\"add\",role=\"node\"}";
    let deleted = "prometheus_sd_kubernetes_events_total{event=\"delete\",role=\"node\"}";
    let wait_for = |series: &str, expected: f64| {
        crate::support::until(&format!("both have {expected} of {series}"), || {
            let texts = [headcount.text("/metrics"), prometheus.get("/metrics")?.text()];
            match texts.map(|text| value(&text, series)) {
                values if values == [expected; 2] => Ok(()),
                values => Err(format!("{values:?}")),
            }
        });
    };
    wait_for(added, 1.0);
    cluster.create(NODES, &json!({"metadata": {"name": "node2"}}));
    wait_for(added, 2.0);
    cluster.delete(&format!("{NODES}/node1"));
    wait_for(deleted, 1.0);
    // headcount has no work queues.
    let names = has_each_series(&headcount, &prometheus, |name| {
        name.starts_with("prometheus_sd_kubernetes_") && !name.contains("_workqueue_")
    });
    let expected = [
        "events_total",
        "failures_total",
        "http_request_duration_seconds",
        "http_request_total",
    ];
    assert_eq!(names, expected.map(|name| format!("prometheus_sd_kubernetes_{name}")));
}
