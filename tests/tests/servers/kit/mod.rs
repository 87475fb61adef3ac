//! What is delivered beside the binary (`kit/`): alert rules and a dashboard.
//!
//! The one rule: **a kit is held against what it is for**. What names a metric is compared with a running daemon's
//! `/metrics`, what names a command is given to the binary, and what another program reads is read by that program.

mod alerts;
mod cluster;
mod dashboard;
mod description;
mod expressions;
mod image;
mod package;
mod unit;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Folder, Headcount, until};

/// Labels that Prometheus adds to everything that it scrapes.
const TARGET_LABELS: [&str; 2] = ["job", "instance"];

/// A file of the kit.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../kit").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("kit/{name}: {error}"))
}

fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&text(name)).unwrap_or_else(|error| panic!("kit/{name}: {error}"))
}

/// Metrics by name, with what each of their labels was seen to be.
struct Served(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl Served {
    /// What a daemon serves with a job that is well, one that can't be read, and one of files, and with a member.
    fn by_a_daemon() -> Self {
        let folder = Folder::new();
        folder.write("targets.json", r#"[{"targets": ["c:1"]}]"#);
        let config = folder.write(
            "prometheus.yml",
            format!(
                "scrape_configs:\n\
                 - {{job_name: node, target_limit: 1, static_configs: [{{targets: ['a:1', 'b:2']}}]}}\n\
                 - {{job_name: files, file_sd_configs: [{{files: ['{}']}}]}}\n\
                 - {{job_name: down, http_sd_configs: [{{url: 'http://127.0.0.1:1/'}}]}}\n",
                folder.text("targets.json")
            ),
        );
        folder.write("headcount.yml", "members: {names: [a]}");
        let (config, state) = (config.to_str().unwrap(), folder.text("state"));
        let headcount = Headcount::start(&folder, &["--config", config, "--state-dir", &state]);
        headcount.wait_for_failure("http", &[]);
        headcount.wait_for("files", &["c:1"]);
        until(
            "the targets of the limited job are counted and the state was written",
            || {
                let served = Self::read(&headcount.text("/metrics"));
                let has = |name: &str| served.0.contains_key(name);
                match has("prometheus_target_scrape_pool_targets")
                    && has("headcount_state_last_write_timestamp_seconds")
                {
                    true => Ok(served),
                    false => Err(served.0.keys().cloned().collect::<Vec<_>>().join(" ")),
                }
            },
        )
    }

    fn read(exposition: &str) -> Self {
        let mut metrics: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for line in exposition.lines().filter(|line| !line.starts_with('#')) {
            let name_ends = line.find(['{', ' ']).expect("a sample");
            let labels = metrics.entry(line[..name_ends].to_owned()).or_default();
            for (label, value) in expressions::matchers(&line[name_ends..]) {
                labels.entry(label).or_default().insert(value);
            }
        }
        Self(metrics)
    }

    /// Checks that everything that an expression names is served; gives the labels of its metrics.
    #[track_caller]
    fn check(&self, of: &str, expression: &str) -> BTreeSet<String> {
        let read = expressions::read(expression);
        assert!(!read.metrics.is_empty(), "{of}: no metric is in {expression}");
        let mut known: BTreeSet<String> = TARGET_LABELS.map(str::to_owned).into();
        for metric in &read.metrics {
            // The one that Prometheus makes itself.
            if metric.name == "up" {
                continue;
            }
            let labels = self.0.get(&metric.name);
            let labels = labels.unwrap_or_else(|| panic!("{of}: /metrics has no {}", metric.name));
            known.extend(labels.keys().cloned());
            for (label, value) in &metric.matchers {
                let values = labels.get(label);
                let is_chosen = value.contains('$');
                assert!(
                    TARGET_LABELS.contains(&label.as_str())
                        || values.is_some_and(|values| is_chosen || values.contains(value)),
                    "{of}: {} has no {label}={value:?} but {labels:?}",
                    metric.name
                );
            }
        }
        for label in &read.grouped {
            assert!(
                known.contains(label),
                "{of}: no metric of {expression} has the label {label}"
            );
        }
        known
    }
}

/// Runs a promtool, which has to be content.
#[track_caller]
fn promtool(program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect("running promtool");
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
