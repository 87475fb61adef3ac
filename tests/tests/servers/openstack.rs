//! A whole headcount with `openstack_sd_configs` and a real keystone and nova, in the long mode.
//!
//! Its labels are compared with those that promtool finds at the same servers at the same time, field by field. promtool
//! scrapes nothing.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{Folder, Headcount, Labels, OpenStack, printed, service_discovery_with_log, until};

/// What discovery alone says of a target.
fn found(labels: Labels) -> Labels {
    let is_found = |name: &str| name == "__address__" || name.starts_with("__meta_openstack_");
    labels.into_iter().filter(|(name, _)| is_found(name)).collect()
}

/// Waits until a job has what promtool finds for it, and gives it.
///
/// promtool logs in each time, takes all the time that it may, and has found nothing if it did not get through in it: keystone
/// and nova, a Python process each, can be slow on a busy machine. So it may have more and more.
#[track_caller]
fn compare(headcount: &Headcount, config: &Path, job: &str) -> BTreeSet<Labels> {
    let mut difference = String::new();
    for time in ["10s", "20s", "40s", "80s"] {
        let (expected, log) = service_discovery_with_log("promtool-2.53", config, job, time);
        let expected: BTreeSet<Labels> = expected.into_iter().map(|(discovered, _)| found(discovered)).collect();
        let targets = match headcount.list(job) {
            Ok(targets) => targets.into_iter(),
            Err(error) => {
                difference = error;
                continue;
            }
        };
        let targets: BTreeSet<Labels> = targets.map(found).collect();
        if targets == expected && !expected.is_empty() {
            return targets;
        }
        difference = format!("headcount: {targets:#?}\npromtool within {time}: {expected:#?}\n{log}");
    }
    panic!("{job} has other targets than promtool finds: {difference}");
}

/// Both jobs, asked for so often. Prometheus waits no longer for an answer than until it would ask again.
fn config(keystone: &str, interval: &str) -> String {
    let who = format!(
        "region: RegionOne, identity_endpoint: '{keystone}/v3', username: admin, password: pw, domain_id: default, \
         project_name: admin, refresh_interval: {interval}"
    );
    let job = |role: &str, more: &str| {
        format!("- {{job_name: {role}, openstack_sd_configs: [{{role: {role}, {who}{more}}}]}}\n")
    };
    let jobs = [
        job("instance", ", port: 9100, all_tenants: true"),
        job("hypervisor", ", availability: internal"),
    ];
    format!("scrape_configs:\n{}", jobs.concat())
}

/// The names of a job's machines.
fn names(headcount: &Headcount) -> Result<BTreeSet<String>, String> {
    let list = headcount.list("instance")?;
    let names = list
        .iter()
        .filter_map(|labels| labels.get("__meta_openstack_instance_name"));
    Ok(names.cloned().collect())
}

fn wait_for(headcount: &Headcount, expected: &[&str]) {
    until(&format!("the machines are {expected:?}"), || {
        let found = names(headcount)?;
        match found.iter().map(String::as_str).eq(expected.iter().copied()) {
            true => Ok(()),
            false => Err(format!("they are {found:?}")),
        }
    });
}

/// Waits for the next failure after this many, and gives how many there are.
fn next_failure(headcount: &Headcount, after: f64) -> f64 {
    until("a refresh fails", || {
        let failures = failures(headcount)?;
        if failures > after {
            Ok(failures)
        } else {
            Err(format!("{failures} have"))
        }
    })
}

fn failures(headcount: &Headcount) -> Result<f64, String> {
    let metrics = headcount.text("/metrics");
    let lines = metrics
        .lines()
        .filter(|line| line.starts_with("prometheus_sd_refresh_failures_total{") && line.contains("\"openstack\""));
    let counts = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    Ok(counts.sum())
}

#[test]
fn machines_have_the_labels_of_prometheus_and_are_followed() {
    require!("promtool-2.53");
    if !crate::support::openstack::is_wanted() {
        return;
    }
    let folder = Folder::new();
    let mut cloud = OpenStack::start();
    let path = folder.write("prometheus.yml", config(&cloud.keystone(), "3s"));
    let golden = folder.write("promtool.yml", config(&cloud.keystone(), "2m"));
    let headcount = Headcount::with_config(&folder, &path);
    assert_eq!(compare(&headcount, &golden, "instance").len(), 3);
    assert_eq!(compare(&headcount, &golden, "hypervisor").len(), 1);
    for (job, count) in [("instance", 3), ("hypervisor", 1)] {
        assert_eq!(printed(&path, job, &[]).expect("it discovers").len(), count);
    }

    cloud.command("add new");
    wait_for(&headcount, &["db", "new", "web"]);
    assert_eq!(compare(&headcount, &golden, "instance").len(), 4);
    cloud.command("remove db");
    wait_for(&headcount, &["new", "web"]);

    // Nova asks keystone about each token; without either nothing is known, and nothing is lost.
    for server in ["keystone", "nova"] {
        let before = failures(&headcount).expect("metrics");
        cloud.command(&format!("stop {server}"));
        next_failure(&headcount, next_failure(&headcount, before));
        wait_for(&headcount, &["new", "web"]);
        cloud.command(&format!("start {server}"));
        let name = format!("after-{server}");
        cloud.command(&format!("add {name}"));
        wait_for(&headcount, &[&*name, "new", "web"]);
        cloud.command(&format!("remove {name}"));
        wait_for(&headcount, &["new", "web"]);
    }

    // The token that it has is refused from now on; it asks for another, and nobody notices.
    cloud.command("rotate");
    cloud.command("add later");
    wait_for(&headcount, &["later", "new", "web"]);
    assert_eq!(compare(&headcount, &golden, "instance").len(), 4);
}
