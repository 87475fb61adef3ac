//! What `headcount sd` prints, beside what promtool prints of the same configuration.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::binary::headcount_binary;
use super::process::Process;
use super::prometheus::check_service_discovery_with;
use super::targets::{Labels, labels};
use super::wait::until;

/// Waits until both find the same to scrape in a job, after relabelling; gives how many that are. On a machine that is busy
/// promtool may end before it has found everything, so both are asked again.
#[track_caller]
pub(crate) fn prints_what_promtool_prints(promtool: &str, config: &Path, job: &str) -> usize {
    until(&format!("sd prints of {job} what {promtool} prints"), || {
        let ours = printed(config, job, &[])?;
        let theirs = check_service_discovery_with(promtool, config, job).into_iter();
        let theirs: BTreeSet<Labels> = theirs.map(|(_, kept)| visible(kept)).collect();
        // What has no host is no target of ours, on purpose.
        let has_host = |labels: &Labels| {
            labels
                .get("instance")
                .is_some_and(|instance| !instance.starts_with(':'))
        };
        let theirs: BTreeSet<Labels> = theirs.into_iter().filter(has_host).collect();
        match ours == theirs && !ours.is_empty() {
            true => Ok(ours.len()),
            false => Err(format!("headcount: {ours:#?}\n{promtool}: {theirs:#?}")),
        }
    })
}

/// The labels of what `headcount sd` says would be scraped, with these variables in its environment.
pub(crate) fn printed(config: &Path, job: &str, variables: &[(&str, &str)]) -> Result<BTreeSet<Labels>, String> {
    let mut command = Process::command(headcount_binary());
    command
        .arg("sd")
        .arg(config)
        .args([job, "--targets", "--output", "json"])
        .env_clear()
        .envs(variables.iter().copied());
    let output = command.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(format!("{}: {said}", output.status));
    }
    let printed: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {said}"))?;
    let jobs = printed.as_array().into_iter().flatten();
    let targets = jobs.flat_map(|job| job["targets"].as_array().into_iter().flatten());
    targets.map(|target| Ok(visible(labels(&target["labels"])?))).collect()
}

/// Without the labels that end with relabelling.
fn visible(mut labels: Labels) -> Labels {
    labels.retain(|name, value| !name.starts_with("__") && !value.is_empty());
    labels
}
