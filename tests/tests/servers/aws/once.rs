//! `headcount sd` with each setting once, of the mechanisms that Prometheus's documentation has no example of: EC2, ECS and RDS
//! as moto imitates them, and Lightsail, ElastiCache and MSK after botocore's descriptions.
//!
//! All are asked through a proxy, with keys that may do nothing but take on a role.

use std::fmt::Write;
use std::path::Path;

use super::LATER;
use crate::support::{FakeAws, Folder, Labels, Moto, Tinyproxy, check_service_discovery_with, printed, until};

/// A configuration with a job for each mechanism, and the fields that only it has. What is found is what is shown.
fn config(endpoint: &str, keys: &str, role: &str, proxy: &Tinyproxy, jobs: &[(&str, &str)]) -> String {
    let mut config = String::from("scrape_configs:\n");
    for (mechanism, fields) in jobs {
        let entry = format!(
            "region: eu-west-1, endpoint: '{endpoint}', {keys}, profile: other, role_arn: '{role}', external_id: e1, \
             refresh_interval: 1m, port: 9100, proxy_url: 'http://proxy-user:proxy-password@127.0.0.1:{}', \
             tls_config: {{insecure_skip_verify: true}}, follow_redirects: false{fields}",
            proxy.port()
        );
        writeln!(
            config,
            "- job_name: {mechanism}\n  {mechanism}_sd_configs: [{{{entry}}}]\n  relabel_configs: [{{action: labelmap, regex: \
             '__meta_(.+)'}}, {{source_labels: [__address__], target_label: address}}]"
        )
        .expect("text");
    }
    config
}

/// What `sd` prints of a job. An entry's `endpoint` is neither that of STS nor, for ECS, that of EC2.
fn found(config: &Path, job: &str, others: &str) -> Vec<Labels> {
    let variables = [("AWS_ENDPOINT_URL", others)];
    let printed = until(&format!("sd prints {job}"), || printed(config, job, &variables));
    printed.into_iter().collect()
}

fn values<'l>(found: &'l [Labels], label: &str) -> Vec<&'l str> {
    found
        .iter()
        .map(|labels| labels.get(label).map_or("", String::as_str))
        .collect()
}

#[test]
fn sd_prints_of_each_service_that_moto_lacks_what_it_answers() {
    require!("moto_server-5.2", "tinyproxy");
    let folder = Folder::new();
    let (aws, proxy) = (FakeAws::start(&folder), Tinyproxy::start(&folder, &[]));
    let caches = ["replicationgroup:rg", "cluster:alone", "serverlesscache:s1"]
        .map(|name| format!("'arn:aws:elasticache:eu-west-1:1:{name}'"));
    let elasticache = format!(", request_concurrency: 2, clusters: [{}]", caches.join(", "));
    let msk = ", request_concurrency: 2, clusters: ['arn:aws:kafka:eu-west-1:1:cluster/one/uuid']";
    let role = "arn:aws:iam::123456789012:role/reader";
    let jobs = [("lightsail", ""), ("elasticache", elasticache.as_str()), ("msk", msk)];
    let config = config(&aws.url(), "access_key: AKID, secret_key: hunter2", role, &proxy, &jobs);
    let config = folder.write("prometheus.yml", config);
    for (job, _) in jobs {
        insta::assert_debug_snapshot!(job, found(&config, job, &aws.url()));
    }
    assert!(proxy.log().contains(&aws.url()), "{}", proxy.log());
}

#[test]
fn sd_prints_of_ecs_and_rds_what_moto_has() {
    require!("moto_server-5.2", "tinyproxy");
    let folder = Folder::new();
    let (moto, proxy) = (Moto::start(&folder), Tinyproxy::start(&folder, &[]));
    let role = moto.known["role"].as_str().expect("a role");
    let rds = ", request_concurrency: 2, clusters: [c1, c2], filters: [{name: engine, values: [aurora-mysql]}]";
    let jobs = [("ecs", ", request_concurrency: 2, clusters: [web]"), ("rds", rds)];
    let config = config(&moto.url(), &moto.keys_of("other"), role, &proxy, &jobs);
    let config = folder.write("prometheus.yml", config);
    let tasks = found(&config, "ecs", &moto.url());
    assert_eq!(tasks.len(), 2, "{tasks:?}");
    for (label, expected) in [
        ("ecs_cluster", "web"),
        ("ecs_tag_task_task", "yes"),
        ("ecs_tag_cluster_team", "front"),
        ("ecs_launch_type", "FARGATE"),
    ] {
        assert_eq!(values(&tasks, label), [expected; 2], "{label}");
    }
    assert!(
        values(&tasks, "address")
            .iter()
            .all(|address| address.ends_with(":9100"))
    );
    let databases = found(&config, "rds", &moto.url());
    assert!(proxy.log().contains(&moto.url()), "{}", proxy.log());
    let mut names = values(&databases, "rds_instance_identifier");
    names.sort_unstable();
    assert_eq!(names, ["c1-0", "c1-1", "c2-0", "c2-1"]);
    for (label, expected) in [
        ("rds_cluster_tag_team", "data"),
        ("rds_instance_engine", "aurora-mysql"),
    ] {
        assert_eq!(values(&databases, label), [expected; 4], "{label}");
    }
}

#[test]
fn sd_prints_of_ec2_what_promtool_prints_of_moto() {
    require!("moto_server-5.2", "tinyproxy", "promtool-2.53");
    let folder = Folder::new();
    let (moto, proxy) = (Moto::start(&folder), Tinyproxy::start(&folder, &[]));
    let role = moto.known["role"].as_str().expect("a role");
    let filters =
        ", filters: [{name: 'tag:env', values: [prod, none]}, {name: instance-state-name, values: [running]}]";
    let whole = config(&moto.url(), &moto.keys_of("other"), role, &proxy, &[("ec2", filters)]);
    // It knows no external id yet.
    let theirs = whole.replace("external_id: e1, ", "");
    assert_ne!(whole, theirs);
    let (whole, theirs) = (
        folder.write("prometheus.yml", whole),
        folder.write("promtool.yml", theirs),
    );
    let found = found(&whole, "ec2", &moto.url());
    assert!(found.len() >= 4, "{found:?}");
    assert!(
        values(&found, "address")
            .iter()
            .all(|address| address.ends_with(":9100"))
    );
    let compared = until("sd prints what promtool prints", || {
        let expected = check_service_discovery_with("promtool-2.53", &theirs, "ec2").into_iter();
        let mut expected: Vec<Labels> = expected.map(|(_, kept)| without_hidden(kept)).collect();
        let mut found: Vec<Labels> = found.iter().cloned().map(without_hidden).collect();
        expected.sort();
        found.sort();
        match expected == found {
            true => Ok(expected.len()),
            false => Err(format!("headcount: {found:#?}\npromtool: {expected:#?}")),
        }
    });
    assert_eq!(compared, found.len());
    assert!(proxy.log().contains(&moto.url()), "{}", proxy.log());
}

/// What is shown, but for labels that only Prometheus 3 has.
fn without_hidden(mut labels: Labels) -> Labels {
    labels.retain(|name, value| {
        !name.starts_with("__") && !value.is_empty() && !LATER.contains(&&*format!("__meta_{name}"))
    });
    labels
}
