//! A whole headcount with `puppetdb_sd_configs` and a real PuppetDB 7.
//!
//! Its labels are compared with those that promtool finds at the same server at the same time, field by field. promtool
//! scrapes nothing.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use crate::support::{
    Folder, Headcount, Labels, PuppetDb, check_service_discovery_with, prints_what_promtool_prints, until,
};

const EXPORTERS: &str = "resources { type = \"Class\" and title = \"Prometheus::Node_exporter\" }";

/// What discovery alone says of a target, and is not empty.
fn found(labels: Labels) -> Labels {
    let is_found = |name: &str, value: &str| {
        let is_of_it = name == "__address__" || name.starts_with("__meta_puppetdb_");
        is_of_it && !value.is_empty()
    };
    labels
        .into_iter()
        .filter(|(name, value)| is_found(name, value))
        .collect()
}

/// Waits until a job has what a promtool finds for it, and gives it.
fn compare(headcount: &Headcount, promtool: &str, config: &Path, job: &str) -> BTreeSet<Labels> {
    until(&format!("{job} has what {promtool} finds"), || {
        let expected = check_service_discovery_with(promtool, config, job).into_iter();
        let expected: BTreeSet<Labels> = expected.map(|(discovered, _)| found(discovered)).collect();
        let targets: BTreeSet<Labels> = headcount.list(job)?.into_iter().map(found).collect();
        match targets == expected && !expected.is_empty() {
            true => Ok(targets),
            false => Err(format!("headcount: {targets:#?}\n{promtool}: {expected:#?}")),
        }
    })
}

fn config(server: &PuppetDb, jobs: &[(&str, &str)]) -> String {
    let url = server.url();
    let jobs = jobs.iter().map(|(job, entry)| {
        format!("- job_name: {job}\n  puppetdb_sd_configs: [{{url: '{url}', refresh_interval: 1s, {entry}}}]\n")
    });
    format!("scrape_configs:\n{}", jobs.collect::<String>())
}

#[test]
fn resources_have_the_labels_of_prometheus_and_are_followed() {
    require!("promtool");
    if !crate::support::puppetdb::is_wanted() {
        return;
    }
    let folder = Folder::new();
    let mut server = PuppetDb::start(&folder);
    let of_exporter = json!({
        "port": 9100, "ssl": false, "list": ["a", "b", 3, null, {"c": "d"}], "nested": {"k": "v", "deep": {"n": 1.5}},
        "ratio": 1.5, "million": 1_000_000, "more": 1_234_567, "tiny": 0.000_01, "large": 1e21, "none": null, "empty": "",
        "odd-name.x": "größe",
    });
    server.compile(
        "web.example",
        &[("Prometheus::Node_exporter", of_exporter), ("Other", json!({}))],
    );
    server.compile("db.example", &[("Prometheus::Node_exporter", json!({"port": 9101}))]);
    let with = format!("query: '{EXPORTERS}', include_parameters: true, port: 9100");
    let jobs = [
        ("all", "query: 'resources { type = \"Class\" }'".to_owned()),
        ("exporters", with),
    ];
    let jobs = jobs.each_ref().map(|(job, entry)| (*job, entry.as_str()));
    let path = folder.write("prometheus.yml", config(&server, &jobs));
    let headcount = Headcount::with_config(&folder, &path);
    assert_eq!(compare(&headcount, "promtool", &path, "all").len(), 3);
    let exporters = compare(&headcount, "promtool", &path, "exporters");
    let numbers = exporters
        .iter()
        .find(|labels| labels["__address__"] == "web.example:9100");
    let numbers = numbers.expect("it is found");
    assert_eq!(numbers["__meta_puppetdb_parameter_million"], "1e+06");

    // As in the example that Prometheus has: what an exported resource of a type says becomes the target.
    let scrapes = "resources { type = \"Class\" and title = \"Scrape_job\" }";
    server.compile(
        "app.example",
        &[(
            "Scrape_job",
            json!({"targets": ["127.0.0.9:9200"], "job_name": "app", "labels": {"team": "shop"}}),
        )],
    );
    let rules = "  relabel_configs:\n  - {source_labels: [__meta_puppetdb_certname], target_label: certname}\n  - {source_labels: \
                 [__meta_puppetdb_parameter_targets], regex: '(.+),?.*', replacement: $1, target_label: __address__}\n  - \
                 {source_labels: [__meta_puppetdb_parameter_job_name], target_label: job}\n  - {regex: \
                 '__meta_puppetdb_parameter_labels_(.+)', replacement: $1, action: labelmap}\n";
    let scrape = format!("query: '{scrapes}', include_parameters: true");
    let example = config(&server, &[("puppetdb-scrape-jobs", &scrape)]) + rules;
    let exporter = config(
        &server,
        &[("puppetdb-node-exporter", &format!("query: '{EXPORTERS}', port: 9100"))],
    );
    let example = folder.write("example.yml", example + &exporter.replacen("scrape_configs:\n", "", 1));
    for (job, targets) in [("puppetdb-scrape-jobs", 1), ("puppetdb-node-exporter", 2)] {
        assert_eq!(prints_what_promtool_prints("promtool", &example, job), targets, "{job}");
    }

    // One provider, because they are asked for by their mechanism.
    let only = folder.write("followed.yml", config(&server, &jobs[1..]));
    let followed = Headcount::with_config(&folder, &only);
    followed.wait_for("exporters", &["db.example:9100", "web.example:9100"]);
    server.compile("new.example", &[("Prometheus::Node_exporter", json!({}))]);
    server.compile("db.example", &[("Prometheus::Node_exporter", json!({"port": 9200}))]);
    let all = ["db.example:9100", "new.example:9100", "web.example:9100"];
    until("the parameter has changed", || {
        let targets = followed.wait_for("exporters", &all);
        match targets
            .iter()
            .find_map(|labels| labels.get("__meta_puppetdb_parameter_port"))
        {
            Some(port) if port == "9200" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    server.deactivate("new.example");
    followed.wait_for("exporters", &["db.example:9100", "web.example:9100"]);
    // It is away, and everything stays.
    server.kill();
    followed.wait_for_failure("puppetdb", &["querying PuppetDB", "Connection refused"]);
    followed.assert_not_less("exporters", &["db.example:9100", "web.example:9100"]);
    server.restart();
    followed.wait_for_health("puppetdb");
    server.deactivate("web.example");
    followed.wait_for("exporters", &["db.example:9100"]);
    // That nothing is left is believed when it was said twice.
    server.deactivate("db.example");
    followed.wait_for("exporters", &[]);
    server.compile("db.example", &[("Prometheus::Node_exporter", json!({}))]);
    followed.wait_for("exporters", &["db.example:9100"]);
}
