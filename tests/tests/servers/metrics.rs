//! headcount's metrics and a real Prometheus's, of the same configuration: what both have is of the same type, and has all
//! labels that Prometheus gives it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::{Folder, Headcount, Prometheus, ZooKeeper, require_zookeeper, until};

/// What a family is, and what labels its samples have.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    labels: BTreeSet<String>,
    /// The samples, without their values.
    series: BTreeSet<String>,
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
        } else if let Some((series, _)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) {
            let family = families.entry(last.clone()).or_default();
            family.series.insert(with_sorted_labels(series));
            let (_, labels) = series.split_once('{').unwrap_or_default();
            let labels = labels.split("\",").filter_map(|label| label.split_once("=\""));
            family.labels.extend(labels.map(|(name, _)| name.to_owned()));
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

/// A series as it is however its labels are ordered.
fn with_sorted_labels(series: &str) -> String {
    let Some((name, labels)) = series.strip_suffix("\"}").and_then(|rest| rest.split_once('{')) else {
        return series.to_owned();
    };
    let mut labels: Vec<&str> = labels.split("\",").collect();
    labels.sort_unstable();
    format!("{name}{{{}\"}}", labels.join("\","))
}

/// Waits until headcount has each series of those families of Prometheus's, of the same type; gives the families. Both run
/// the same configuration.
#[track_caller]
pub(crate) fn has_each_series(
    headcount: &Headcount,
    prometheus: &Prometheus,
    of: impl Fn(&str) -> bool,
) -> Vec<String> {
    until("headcount has each series", || {
        let (ours, theirs) = (headcount.text("/metrics"), prometheus.get("/metrics")?.text());
        let (ours, theirs) = (families(&ours), families(&theirs));
        let mut names = Vec::new();
        for (name, theirs) in theirs.iter().filter(|(name, _)| of(name)) {
            let Some(ours) = ours.get(name) else {
                return Err(format!("{name} is not there"));
            };
            if ours.kind != theirs.kind {
                return Err(format!("{name}: {ours:#?} {theirs:#?}"));
            }
            let missing: Vec<_> = theirs.series.difference(&ours.series).collect();
            if !missing.is_empty() {
                return Err(format!("{name} lacks {missing:#?}, and has {:#?}", ours.series));
            }
            names.push(name.clone());
        }
        Ok(names)
    })
}

#[test]
fn serversets_have_each_series_of_a_real_prometheus() {
    require_zookeeper!();
    require!("prometheus");
    let folder = Folder::new();
    let mut zookeeper = ZooKeeper::start(&folder);
    let mut registrar = zookeeper.registrar();
    registrar.create("/svc/web/member_1", r#"{"serviceEndpoint": {"host": "a", "port": 1}}"#);
    registrar.create("/nerve/web/host1", r#"{"host": "a", "port": 1, "name": "b"}"#);
    let jobs = [("serverset", "/svc"), ("nerve", "/nerve")].map(|(mechanism, path)| {
        let servers = zookeeper.address();
        format!(
            "- job_name: {mechanism}\n  scrape_interval: 1h\n  \
             {mechanism}_sd_configs: [{{servers: ['{servers}'], paths: ['{path}'], timeout: 2s}}]\n"
        )
    });
    let config = folder.write("prometheus.yml", format!("scrape_configs:\n{}", jobs.concat()));
    let (headcount, prometheus) = both(&folder, &config);
    let goroutines = "prometheus_treecache_watcher_goroutines";
    let failures = "prometheus_treecache_zookeeper_failures_total";
    let values = |name: &str| -> Result<[f64; 2], String> {
        let texts = [headcount.text("/metrics"), prometheus.get("/metrics")?.text()];
        Ok(texts.map(|text| value(&text, name)))
    };
    // Each node is watched: those above, and the members.
    until("both watch as many nodes", || match values(goroutines)? {
        [ours, theirs] if ours == theirs && ours > 4.0 => Ok(()),
        [ours, theirs] => Err(format!("{ours}, and Prometheus {theirs}")),
    });
    assert_eq!(
        has_each_series(&headcount, &prometheus, |name| name
            .starts_with("prometheus_treecache_")),
        [goroutines, failures]
    );
    assert_eq!(values(failures).expect("metrics"), [0.0; 2]);
    zookeeper.kill();
    until("headcount counts a failure", || match values(failures)? {
        [ours, _] if ours > 0.0 => Ok(()),
        [ours, theirs] => Err(format!("{ours}, and Prometheus {theirs}")),
    });
}

/// A headcount and a Prometheus with the same configuration.
fn both(folder: &Folder, config: &Path) -> (Headcount, Prometheus) {
    let headcount = Headcount::with_config(folder, config);
    (headcount, Prometheus::start(folder, "prometheus", config))
}

/// The number of a series whose labels are in order; none where it is not there.
pub(crate) fn value(text: &str, series: &str) -> f64 {
    let samples = text.lines().filter_map(|line| line.rsplit_once(' '));
    let mut values = samples.filter(|(name, _)| with_sorted_labels(name) == series);
    let value = values.next().and_then(|(_, number)| number.parse().ok());
    value.unwrap_or(f64::NAN)
}
