//! headcount's API and a real Prometheus's, of the same configuration, compared field by field.
//!
//! Whatever Prometheus tells has to be told alike by headcount, which may tell more. What only a
//! scrape can tell is left out, and so is what the version at hand does not know yet: labels that
//! came with Prometheus 3, and paths that it answers with 404.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::{Folder, Headcount, LATER_LABELS, Prometheus, until};

/// Fields that only a scrape can fill.
const OF_A_SCRAPE: [&str; 4] = ["lastError", "lastScrape", "lastScrapeDuration", "health"];

/// The jobs without rules: version 2.42 shows others' labels as discovered wrongly.
const WITHOUT_RULES: [&str; 3] = ["plain", "crowded", "here"];

fn config(folder: &Folder) -> String {
    let config = r#"
global: {scrape_interval: 1h, scrape_timeout: 5s}
alerting:
  alertmanagers:
  - static_configs: [{targets: ['am-1:9093', 'am-2:9093', 'am-1:9093'], labels: {dc: a}}, {targets: ['am-3:9093'], labels: {dc: b}}]
    path_prefix: /alerts/../to/
    scheme: https
    relabel_configs:
    - {source_labels: [dc], regex: b, action: drop}
    - {source_labels: [__address__], regex: 'am-2:(.*)', target_label: __address__, replacement: 'am-two:$1'}
  - file_sd_configs: [{files: ['@SD@/am.json'], refresh_interval: 1s}]
scrape_configs:
- job_name: plain
  params: {module: [http 2xx, 'a&b'], target: ['x/y']}
  metrics_path: /probe it
  static_configs: [{targets: ['10.0.0.1:80', '10.0.0.2:80'], labels: {env: prod, leer: ''}}, {targets: ['[2001:db8::1]:80']}]
- job_name: rules
  scheme: https
  params: {module: [one, two]}
  file_sd_configs: [{files: ['@SD@/hosts.json'], refresh_interval: 1s}]
  relabel_configs:
  - {source_labels: [env, rack], separator: /, regex: '(prod|test)/[0-9]+', action: keep}
  - {source_labels: [drop_me], regex: 'yes', action: drop}
  - {source_labels: [__meta_module], regex: (.+), target_label: __param_module}
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [env], regex: test, target_label: __scheme__, replacement: http}
  - {source_labels: [env], regex: test, target_label: __metrics_path__, replacement: 'no/slash?(x)'}
  - {source_labels: [env], regex: test, target_label: __scrape_interval__, replacement: 2h}
  - {source_labels: [__address__], modulus: 16, target_label: shard, action: hashmod}
  - {regex: '__meta_tag_(.+)', action: labelmap, replacement: 'tag_$1'}
  - {source_labels: [tag_color], target_label: color, action: uppercase}
  - {regex: 'tag_.*', action: labeldrop}
  - {source_labels: [rack], target_label: 'rack_${1}', regex: '(\d+)', replacement: 'r$1'}
- job_name: doubles
  static_configs: [{targets: ['10.2.0.1:1'], labels: {a: '1'}}, {targets: ['10.2.0.1:1', 'http://10.2.0.2/'], labels: {a: '2'}}]
  relabel_configs: [{regex: a, action: labeldrop}]
- job_name: nothing
  static_configs: [{targets: ['10.3.0.1:1', '10.3.0.2:1']}]
  relabel_configs: [{action: drop}]
- job_name: crowded
  target_limit: 1
  static_configs: [{targets: ['10.4.0.1:1', '10.4.0.2:1']}]
- job_name: here
  static_configs: [{targets: ['localhost:1', '127.0.0.1:2', '[::1]:3', '127.0.0.2:4']}]
- job_name: empty
"#;
    config.replace("@SD@", &folder.text("sd"))
}

fn write_lists(folder: &Folder) {
    folder.write(
        "sd/hosts.json",
        r#"[
            {"targets": ["10.1.0.1:1", "10.1.0.2:1"], "labels": {"env": "prod", "rack": "7", "__meta_tag_color": "blau"}},
            {"targets": ["10.1.0.3:1"], "labels": {"env": "test", "rack": "12", "__meta_module": "ä b"}},
            {"targets": ["10.1.0.4:1"], "labels": {"env": "stage", "rack": "1"}},
            {"targets": ["10.1.0.5:1"], "labels": {"env": "prod", "rack": "x"}},
            {"targets": ["10.1.0.6:1"], "labels": {"env": "prod", "rack": "1", "drop_me": "yes", "job": "other"}}
        ]"#,
    );
    folder.write("sd/am.json", r#"[{"targets": ["am-4:9093"], "labels": {"dc": "c"}}]"#);
}

/// Asks both for a path until what they say is alike.
fn wait_until_alike<T: PartialEq + std::fmt::Debug>(
    what: &str,
    path: &str,
    headcount: &Headcount,
    prometheus: &Prometheus,
    comparable: impl Fn(&Value, &Value) -> Result<(T, T), String>,
) -> T {
    until(what, || {
        let theirs = prometheus.get(path)?.json()?;
        let ours = headcount.get(path)?.json()?;
        let (ours, theirs) = comparable(&ours["data"], &theirs["data"])?;
        if ours == theirs {
            Ok(ours)
        } else {
            Err(format!("headcount says {ours:#?}, Prometheus {theirs:#?}"))
        }
    })
}

/// A target as text, with the fields that both have to have.
fn comparable_target(target: &Value, fields: &BTreeSet<String>) -> Result<String, String> {
    let mut told = BTreeMap::new();
    for field in fields {
        let value = target.get(field).ok_or_else(|| format!("no {field} in {target}"))?;
        told.insert(field.as_str(), value.clone());
    }
    if let Some(labels) = told.get_mut("discoveredLabels").and_then(Value::as_object_mut) {
        let shows_all = target["scrapePool"]
            .as_str()
            .is_some_and(|job| WITHOUT_RULES.contains(&job));
        labels.retain(|name, _| !LATER_LABELS.contains(&name.as_str()) && (shows_all || name == "__address__"));
    }
    Ok(json!(told).to_string())
}

fn comparable_list(ours: &Value, theirs: &Value) -> Result<(Vec<String>, Vec<String>), String> {
    let (ours, theirs) = (list(ours)?, list(theirs)?);
    // What Prometheus tells of any target, headcount has to tell of each.
    let fields = theirs
        .iter()
        .filter_map(Value::as_object)
        .flat_map(|target| target.keys().cloned());
    let fields: BTreeSet<String> = fields.filter(|field| !OF_A_SCRAPE.contains(&field.as_str())).collect();
    let told = |list: &[Value]| -> Result<Vec<String>, String> {
        let told: Result<Vec<_>, _> = list.iter().map(|target| comparable_target(target, &fields)).collect();
        let mut told = told?;
        told.sort();
        Ok(told)
    };
    Ok((told(ours)?, told(theirs)?))
}

fn list(value: &Value) -> Result<&[Value], String> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| format!("not a list: {value}"))
}

#[test]
fn headcount_and_prometheus_say_the_same_of_targets() {
    require!("prometheus");
    let folder = Folder::new();
    write_lists(&folder);
    let config = folder.write("prometheus.yml", config(&folder));
    let headcount = Headcount::with_config(&folder, &config);
    let prometheus = Prometheus::start(&folder, "prometheus", &config);

    // Everything is there when the last list is.
    let active = wait_until_alike(
        "active targets are alike",
        "/api/v1/targets",
        &headcount,
        &prometheus,
        |ours, theirs| {
            if !theirs.to_string().contains("10.1.0.3") || !theirs.to_string().contains("10.4.0.2") {
                return Err(format!("Prometheus has {theirs}"));
            }
            comparable_list(&ours["activeTargets"], &theirs["activeTargets"])
        },
    );
    assert_eq!(active.len(), 13, "{active:#?}");
    let dropped = wait_until_alike(
        "dropped targets are alike",
        "/api/v1/targets",
        &headcount,
        &prometheus,
        |ours, theirs| comparable_list(&ours["droppedTargets"], &theirs["droppedTargets"]),
    );
    assert_eq!(dropped.len(), 5, "{dropped:#?}");
    wait_until_alike(
        "dropped targets are counted alike",
        "/api/v1/targets",
        &headcount,
        &prometheus,
        |ours, theirs| {
            let of = |data: &Value| data.get("droppedTargetCounts").cloned();
            // Version 2.42 does not count.
            Ok(if of(theirs).is_some() {
                (of(ours), of(theirs))
            } else {
                (None, None)
            })
        },
    );
    for query in [
        "state=active&scrapePool=rules",
        "state=dropped&scrapePool=nothing",
        "state=DROPPED",
        "scrapePool=none",
    ] {
        let path = format!("/api/v1/targets?{query}");
        wait_until_alike(query, &path, &headcount, &prometheus, |ours, theirs| {
            let mut both = (Vec::new(), Vec::new());
            for field in ["activeTargets", "droppedTargets"] {
                let (ours, theirs) = comparable_list(&ours[field], &theirs[field])?;
                both.0.push(ours);
                both.1.push(theirs);
            }
            Ok(both)
        });
    }
    wait_until_alike(
        "the jobs are alike",
        "/api/v1/scrape_pools",
        &headcount,
        &prometheus,
        |ours, theirs| Ok((ours["scrapePools"].clone(), theirs["scrapePools"].clone())),
    );
    compare_steps(&headcount, &prometheus);

    // What Prometheus does not tell: why there are no more.
    let fates = headcount.get("/api/v1/targets").unwrap().json().unwrap()["data"].take();
    assert_eq!(fates["duplicateTargets"].as_array().map(Vec::len), Some(1));
    assert_eq!(fates["invalidTargets"].as_array().map(Vec::len), Some(1));
}

/// The steps of every target of the job `rules`, where Prometheus has them.
fn compare_steps(headcount: &Headcount, prometheus: &Prometheus) {
    let data = headcount
        .get("/api/v1/targets?scrapePool=rules")
        .unwrap()
        .json()
        .unwrap()["data"]
        .take();
    let targets = [&data["activeTargets"], &data["droppedTargets"]];
    for target in targets.into_iter().flat_map(|list| list.as_array().expect("a list")) {
        let labels = target["discoveredLabels"].to_string();
        let escaped: String = labels.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/api/v1/targets/relabel_steps?scrapePool=rules&labels={escaped}");
        if prometheus.get(&path).unwrap().status == 404 {
            println!("this Prometheus does not tell relabelling steps");
            return;
        }
        wait_until_alike("the steps are alike", &path, headcount, prometheus, |ours, theirs| {
            let steps = list(&ours["steps"])?.iter();
            let steps = steps.map(|step| json!({"rule": step["rule"], "output": step["output"], "keep": step["keep"]}));
            Ok((json!(steps.collect::<Vec<_>>()), theirs["steps"].clone()))
        });
    }
}

#[test]
fn headcount_and_prometheus_say_the_same_of_alertmanagers() {
    require!("prometheus");
    let folder = Folder::new();
    write_lists(&folder);
    let config = folder.write("prometheus.yml", config(&folder));
    let headcount = Headcount::with_config(&folder, &config);
    let prometheus = Prometheus::start(&folder, "prometheus", &config);
    let path = "/api/v1/alertmanagers";
    let urls = wait_until_alike(
        "Alertmanagers are alike",
        path,
        &headcount,
        &prometheus,
        |ours, theirs| {
            if !theirs.to_string().contains("am-4") {
                return Err(format!("Prometheus has {theirs}"));
            }
            let urls = |data: &Value| -> Result<[Vec<String>; 2], String> {
                let sorted = |field: &str| {
                    let mut urls: Vec<_> = list(&data[field])?
                        .iter()
                        .map(|entry| entry["url"].to_string())
                        .collect();
                    urls.sort();
                    Ok::<_, String>(urls)
                };
                Ok([sorted("activeAlertmanagers")?, sorted("droppedAlertmanagers")?])
            };
            Ok((urls(ours)?, urls(theirs)?))
        },
    );
    assert_eq!(urls.map(|urls| urls.len()), [3, 1]);
}
