//! AWS as moto imitates it, with signatures that are checked, and Lightsail as Prometheus sees it.

mod following;
mod once;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crate::support::{
    FaultServer, Folder, Headcount, Labels, Moto, check_service_discovery_with, prints_what_promtool_prints, until,
    whole_answer,
};

/// Labels of Prometheus 3, which older ones lack.
const LATER: [&str; 2] = ["__meta_ec2_default_ipv6_address", "__meta_ec2_primary_ipv6_addresses"];

/// What discovery alone says of a target, and is not empty.
fn found(labels: Labels) -> Labels {
    let is_found = |name: &str, value: &str| {
        let is_of_aws = ["__address__", "__meta_"].iter().any(|start| name.starts_with(start));
        is_of_aws && !value.is_empty() && !LATER.contains(&name)
    };
    labels
        .into_iter()
        .filter(|(name, value)| is_found(name, value))
        .collect()
}

/// Waits until a job has what a promtool finds for it; gives how many targets that are.
fn compare(headcount: &Headcount, promtool: &str, config: &Path, job: &str) -> usize {
    until(&format!("{job} has what {promtool} finds"), || {
        let expected = check_service_discovery_with(promtool, config, job).into_iter();
        let expected: BTreeSet<Labels> = expected.map(|(discovered, _)| found(discovered)).collect();
        let targets = headcount.list(job)?.into_iter();
        let targets: BTreeSet<Labels> = targets.map(found).collect();
        match targets == expected && !expected.is_empty() {
            true => Ok(expected.len()),
            false => Err(format!("headcount: {targets:#?}\npromtool: {expected:#?}")),
        }
    })
}

/// A job that asks moto.
fn job(config: &mut String, name: &str, mechanism: &str, entry: &str) {
    let interval = "refresh_interval: 1s";
    let line = format!("- job_name: {name}\n  {mechanism}_sd_configs: [{{region: eu-west-1, {interval}, {entry}}}]\n");
    config.push_str(&line);
}

/// Waits for a job's targets, and gives the values of a label of theirs.
fn values(headcount: &Headcount, job: &str, label: &str, count: usize) -> BTreeSet<String> {
    let targets = until(&format!("{job} has {count} targets"), || match headcount.list(job)? {
        targets if targets.len() == count => Ok(targets),
        targets => Err(format!("{} targets", targets.len())),
    });
    let values = targets.into_iter().filter_map(|mut labels| labels.remove(label));
    values.collect()
}

fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// The jobs that promtool understands, and all of them.
fn jobs(moto: &Moto) -> (String, String) {
    let (keys, other) = (moto.keys_of("allowed"), moto.keys_of("other"));
    let endpoint = format!("endpoint: '{}'", moto.url());
    let role = moto.known["role"].as_str().expect("a role");
    let mut jobs = String::from("scrape_configs:\n");
    let mut add = |name, mechanism, entry: &str| job(&mut jobs, name, mechanism, &format!("{endpoint}, {entry}"));
    let prod = "filters: [{name: 'tag:env', values: [prod]}, {name: instance-state-name, values: [running]}]";
    add("all", "ec2", &format!("{keys}, port: 9100"));
    add("some", "ec2", &format!("{keys}, {prod}"));
    let golden = jobs.clone();
    let mut add = |name, mechanism, entry: &str| job(&mut jobs, name, mechanism, &format!("{endpoint}, {entry}"));
    add(
        "by_role",
        "ec2",
        &format!("{other}, role_arn: '{role}', external_id: e1, port: 1"),
    );
    add("ecs", "ecs", &keys);
    add("rds", "rds", &format!("{keys}, clusters: [c1]"));
    add("role_rds", "aws", &format!("role: rds, {keys}"));
    add("wrong", "ec2", &keys.replace("secret_key: '", "secret_key: 'x"));
    add("forbidden", "ecs", &other);
    job(&mut jobs, "by_profile", "aws", "role: ec2, profile: dev");
    (golden, jobs)
}

/// The file of AWS's programs with the keys of who may see everything.
fn profile(moto: &Moto) -> String {
    let text = |name: &str| moto.known["allowed"][name].as_str().expect("a key");
    let mut profile = String::from("[dev]\n");
    writeln!(profile, "aws_access_key_id = {}", text("access_key")).expect("text");
    writeln!(profile, "aws_secret_access_key = {}", text("secret_key")).expect("text");
    profile
}

/// What is in moto at first is found by each job that may see it; gives how many instances there are.
fn check_found(headcount: &Headcount, golden: &Path) -> usize {
    for promtool in ["promtool", "promtool-2.53"] {
        assert!(compare(headcount, promtool, golden, "all") >= 11);
        assert!(compare(headcount, promtool, golden, "some") >= 4);
        assert!(prints_what_promtool_prints(promtool, golden, "all") >= 11);
    }
    let names = |job: &str, count| values(headcount, job, "__meta_ec2_tag_Name", count);
    let all = headcount.list("all").expect("a list").len();
    assert_eq!(names("by_role", all), names("all", all));
    assert_eq!(names("by_profile", all), names("all", all));
    let tasks = |label: &str| values(headcount, "ecs", &format!("__meta_ecs_{label}"), 2);
    assert_eq!(tasks("tag_task_task"), set(&["yes"]));
    assert_eq!(tasks("tag_cluster_team"), set(&["front"]));
    assert_eq!(tasks("ip_address").len(), 2);
    let databases = |job: &str, label: &str, count| values(headcount, job, &format!("__meta_rds_{label}"), count);
    assert_eq!(databases("rds", "instance_identifier", 2), set(&["c1-0", "c1-1"]));
    assert_eq!(databases("rds", "cluster_tag_team", 2), set(&["data"]));
    let both = set(&["c1-0", "c1-1", "c2-0", "c2-1"]);
    assert_eq!(databases("role_rds", "instance_identifier", 4), both);
    all
}

#[test]
fn what_moto_shows_is_found_by_who_may_see_it() {
    require!("moto_server-5.2", "promtool", "promtool-2.53");
    let folder = Folder::new();
    let mut moto = Moto::start(&folder);
    let (golden, jobs) = jobs(&moto);
    let (golden, config) = (
        folder.write("promtool.yml", golden),
        folder.write("prometheus.yml", jobs),
    );
    folder.write("credentials", profile(&moto));
    let (url, credentials) = (moto.url(), folder.text("credentials"));
    let variables = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_SHARED_CREDENTIALS_FILE", credentials.as_str()),
    ];
    let headcount = Headcount::with_variables(&folder, &config, &variables);
    let all = check_found(&headcount, &golden);

    // Who is not let in is told why.
    let failing = |reason: &str| {
        let providers = headcount.get("/api/v1/providers").map(|answer| answer.text());
        providers.map(|text| text.matches(reason).count())
    };
    for reason in [
        "AuthFailure: AWS was not able to validate the provided access credentials",
        "is not authorized to perform: ecs:ListClusters",
    ] {
        until(reason, || match failing(reason)? {
            0 => Err("nobody says so".to_owned()),
            _ => Ok(()),
        });
    }

    // What changes is followed, and what is gone with its server is kept.
    moto.run("client('rds').delete_db_instance(DBInstanceIdentifier='c1-1')");
    let databases = values(&headcount, "rds", "__meta_rds_instance_identifier", 1);
    assert_eq!(databases, set(&["c1-0"]));
    moto.run("client('ec2').run_instances(ImageId='ami-12c6146b', MinCount=1, MaxCount=1)");
    values(&headcount, "all", "__meta_ec2_tag_Name", all + 1);
    moto.kill();
    until("all nine fail", || match failing("Connection refused")? {
        9.. => Ok(()),
        count => Err(count.to_string()),
    });
    values(&headcount, "all", "__meta_ec2_tag_Name", all + 1);
    let said = headcount.everything_said();
    for user in ["allowed", "other"] {
        assert!(!said.contains(moto.known[user]["secret_key"].as_str().expect("a key")));
    }
}

#[test]
fn lightsail_is_what_prometheus_finds() {
    require!("promtool", "promtool-2.53");
    let folder = Folder::new();
    let server = FaultServer::start("[]");
    let instances = r#"{"instances": [
        {"name": "whole", "arn": "arn:x", "supportCode": "1/i-0", "createdAt": 1500000000.5,
         "location": {"availabilityZone": "eu-west-1a", "regionName": "eu-west-1"}, "blueprintId": "debian_12",
         "bundleId": "nano_3_0", "privateIpAddress": "10.0.0.1", "publicIpAddress": "192.0.2.1",
         "ipv6Addresses": ["fd00::1", "fd00::2"], "state": {"code": 16, "name": "running"},
         "tags": [{"key": "team x", "value": "a"}, {"key": "alone"}]},
        {"name": "waiting", "location": {"availabilityZone": "eu-west-1a"}, "state": {"name": "pending"}}]}"#;
    server.misbehave(move |stream| {
        use std::io::Write as _;
        stream.write_all(&whole_answer("application/x-amz-json-1.1", instances))
    });
    let mut config = String::from("scrape_configs:\n");
    let entry = format!(
        "endpoint: 'http://{}', access_key: a, secret_key: b, port: 9100",
        server.address()
    );
    job(&mut config, "lightsail", "lightsail", &entry);
    let config = folder.write("prometheus.yml", config);
    let headcount = Headcount::with_config(&folder, &config);
    for promtool in ["promtool", "promtool-2.53"] {
        assert_eq!(compare(&headcount, promtool, &config, "lightsail"), 1);
    }
}
