//! Configurations that several tests use.

use std::path::PathBuf;

use super::folder::Folder;
use super::headcount::Headcount;

/// How often `remote_job` asks.
const INTERVAL: &str = "500ms";

/// Writes `prometheus.yml` with one job, `remote`, that gets `url` with these settings of its
/// `http_sd_configs`, a line each.
pub(crate) fn remote_job(folder: &Folder, url: &str, settings: &[String]) -> PathBuf {
    let settings: String = settings.iter().map(|line| format!("        {line}\n")).collect();
    let job = "  - job_name: remote\n    http_sd_configs:\n";
    let request = format!("      - url: {url}\n        refresh_interval: {INTERVAL}\n");
    folder.write("prometheus.yml", format!("scrape_configs:\n{job}{request}{settings}"))
}

/// Runs headcount with [`remote_job`].
pub(crate) fn run_remote(folder: &Folder, url: &str, settings: &[String]) -> Headcount {
    Headcount::with_config(folder, &remote_job(folder, url, settings))
}

/// Gives a running headcount another [`remote_job`].
pub(crate) fn change_remote(headcount: &Headcount, folder: &Folder, url: &str, settings: &[String]) {
    remote_job(folder, url, settings);
    let answer = headcount.reload();
    assert_eq!(answer.status, 200, "{}", answer.text());
}
