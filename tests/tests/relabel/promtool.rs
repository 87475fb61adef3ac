//! What promtool makes of a configuration's targets.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::support::required::find;
use super::{LATER_LABELS, Labels, Outcome, Targets};

/// The targets of these jobs.
pub(crate) fn targets<'a>(config: &Path, jobs: impl Iterator<Item = &'a String>) -> BTreeMap<String, Targets> {
    // All at once: each waits for its whole timeout, which has to suffice on a busy machine.
    let running: Vec<(&String, Child)> = jobs.map(|job| (job, start(config, job))).collect();
    running
        .into_iter()
        .map(|(job, child)| (job.clone(), read(job, child)))
        .collect()
}

fn start(config: &Path, job: &str) -> Child {
    let mut command = Command::new(find("promtool").expect("promtool is installed"));
    // Prometheus 3 adds no ports to addresses; so does promtool 2 when asked.
    command.args([
        "--enable-feature=no-default-scrape-port",
        "check",
        "service-discovery",
        "--timeout=5s",
    ]);
    command.arg(config).arg(job);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("starting promtool")
}

fn read(job: &str, child: Child) -> Targets {
    let output = child.wait_with_output().expect("promtool's output");
    let said = String::from_utf8_lossy(&output.stdout);
    let list: Value = serde_json::from_str(&said).unwrap_or_else(|error| {
        let problems = String::from_utf8_lossy(&output.stderr);
        panic!("{error} in what promtool says of {job}: {said}\n{problems}")
    });
    list.as_array().expect("a list").iter().map(target).collect()
}

fn target(target: &Value) -> (Labels, Outcome) {
    let outcome = match labels(&target["labels"]) {
        _ if !target["error"].is_null() => Outcome::Invalid,
        kept if kept.is_empty() => Outcome::Dropped,
        kept => Outcome::Kept(kept),
    };
    (labels(&target["discoveredLabels"]), outcome)
}

fn labels(object: &Value) -> Labels {
    let labels = object.as_object().into_iter().flatten();
    let labels = labels.map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned()));
    labels
        .filter(|(name, _)| !LATER_LABELS.contains(&name.as_str()))
        .collect()
}
