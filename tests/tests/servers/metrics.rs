//! headcount's metrics and a real Prometheus's, of the same configuration: what both have is of the same type, and has all
//! labels that Prometheus gives it.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Folder, Headcount, Prometheus, until};

/// What a family is, and what labels its samples have.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    labels: BTreeSet<String>,
}

/// What discovery has to have.
const OF_DISCOVERY: [&str; 6] = [
    "prometheus_sd_discovered_targets",
    "prometheus_sd_failed_configs",
    "prometheus_sd_received_updates_total",
    "prometheus_sd_updates_",
    "prometheus_sd_refresh_",
    "prometheus_sd_file_",
];

fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            name.clone_into(&mut last);
            families.entry(last.clone()).or_default().kind = kind.to_owned();
        } else if let Some((_, labels)) = line.split_once('{').filter(|_| !line.starts_with('#')) {
            let labels = labels.split("\",").filter_map(|label| label.split_once("=\""));
            let labels = labels.map(|(name, _)| name.to_owned());
            families.entry(last.clone()).or_default().labels.extend(labels);
        }
    }
    families
}

#[test]
fn what_both_have_is_of_one_type_and_has_prometheus_s_labels() {
    require!("prometheus");
    let folder = Folder::new();
    folder.write("sd/a.json", r#"[{"targets": ["127.0.0.1:1"]}]"#);
    let config = format!(
        "scrape_configs:\n- job_name: node\n  scrape_interval: 1h\n  \
         file_sd_configs: [{{files: ['{}'], refresh_interval: 1s}}]\n  \
         http_sd_configs: [{{url: 'http://127.0.0.1:1/', refresh_interval: 1s}}]\n  \
         dns_sd_configs: [{{names: [localhost], type: A, port: 1, refresh_interval: 1s}}]\n",
        folder.text("sd/*.json")
    );
    let config = folder.write("prometheus.yml", config);
    let headcount = Headcount::with_config(&folder, &config);
    let prometheus = Prometheus::start(&folder, "prometheus", &config);
    let [ours, theirs] = until("both have seen the target and a refresh", || {
        let texts = [headcount.text("/metrics"), prometheus.get("/metrics")?.text()];
        let is_there = |text: &&String| {
            let has = |line: &str| text.lines().any(|other| other.starts_with(line));
            has("prometheus_sd_file_mtime_seconds{")
                && has("prometheus_sd_refresh_duration_seconds{")
                && has("prometheus_sd_discovered_targets{")
        };
        match texts.iter().all(|text| is_there(&text)) {
            true => Ok(texts.map(|text| families(&text))),
            false => Err(texts.concat()),
        }
    });
    for name in theirs.keys() {
        let is_of_discovery = OF_DISCOVERY.iter().any(|begins| name.starts_with(begins));
        assert!(!is_of_discovery || ours.contains_key(name), "{name} is not there");
    }
    let both: Vec<_> = theirs
        .iter()
        .filter_map(|(name, theirs)| Some((name, theirs, ours.get(name)?)))
        .collect();
    assert!(both.len() >= 20, "{both:#?}");
    for (name, theirs, ours) in both {
        assert_eq!(ours.kind, theirs.kind, "{name}");
        assert!(ours.labels.is_superset(&theirs.labels), "{name}: {ours:?} {theirs:?}");
    }
}
