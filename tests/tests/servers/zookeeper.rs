//! A whole headcount with `serverset_sd_configs` and `nerve_sd_configs`, and a real ZooKeeper 3.8.
//!
//! Its labels are compared with those that promtool 2.42 finds in the same tree, field by field. promtool scrapes nothing.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{
    Folder, Headcount, Labels, ZooKeeper, check_service_discovery, free_port, printed, prints_what_promtool_prints,
    require_zookeeper, until,
};

/// A configuration with these jobs: a name, a mechanism and a path each.
fn config(zookeeper: &ZooKeeper, jobs: &[(&str, &str, &str)]) -> String {
    let server = zookeeper.address();
    let jobs = jobs.iter().map(|(job, mechanism, path)| {
        format!(
            "- job_name: {job}\n  {mechanism}_sd_configs: [{{servers: ['{server}'], paths: ['{path}'], timeout: 2s}}]\n"
        )
    });
    format!("scrape_configs:\n{}", jobs.collect::<String>())
}

fn run(folder: &Folder, zookeeper: &ZooKeeper, jobs: &[(&str, &str, &str)]) -> Headcount {
    Headcount::with_config(folder, &folder.write("prometheus.yml", config(zookeeper, jobs)))
}

fn member(address: &str) -> String {
    let (host, port) = address.rsplit_once(':').expect("host:port");
    format!(r#"{{"serviceEndpoint": {{"host": "{host}", "port": {port}}}, "status": "ALIVE", "shard": 0}}"#)
}

/// What discovery alone says of each target that has a host; what has none is no target of ours.
fn found(targets: impl Iterator<Item = Labels>) -> BTreeSet<Labels> {
    let is_found = |name: &str, value: &str| {
        let is_of_it =
            name == "__address__" || name.starts_with("__meta_serverset_") || name.starts_with("__meta_nerve_");
        is_of_it && !value.is_empty()
    };
    targets
        .filter(|labels| !labels["__address__"].starts_with(':'))
        .map(|labels| {
            labels
                .into_iter()
                .filter(|(name, value)| is_found(name, value))
                .collect()
        })
        .collect()
}

/// Waits until a job has what promtool finds for it, and gives how many targets that are.
fn compare(headcount: &Headcount, config: &Path, job: &str) -> usize {
    until(&format!("{job} has what promtool finds"), || {
        let expected = found(
            check_service_discovery(config, job)
                .into_iter()
                .map(|(discovered, _)| discovered),
        );
        let targets = found(headcount.list(job)?.into_iter());
        match !expected.is_empty() && targets == expected {
            true => Ok(expected.len()),
            false => Err(format!("headcount: {targets:#?}\npromtool: {expected:#?}")),
        }
    })
}

#[test]
fn labels_are_those_of_prometheus() {
    require_zookeeper!();
    require!("promtool");
    let folder = Folder::new();
    let zookeeper = ZooKeeper::start(&folder);
    let mut registrar = zookeeper.registrar();
    for (path, data) in [
        ("/svc/web/member_1", member("127.0.0.1:9100")),
        (
            "/svc/web/member_2",
            r#"{"serviceEndpoint": {"host": "fd00::1", "port": 31943}, "additionalEndpoints": {"http-admin":
               {"host": "127.0.0.2", "port": 8080}, "größe": {"host": "b", "port": 0}, "c": null}, "status": "DEAD",
               "shard": 7, "metadata": {"a": ["b"]}}"#
                .to_owned(),
        ),
        ("/svc/db/deep/down", r#"{"ServiceEndpoint": {"HOST": "db", "Port": null}}"#.to_owned()),
        ("/svc/odd/empty", "{}".to_owned()),
        ("/svc/odd/text", r#"{"serviceEndpoint": {"host": "a", "port": "80"}}"#.to_owned()),
        ("/svc/odd/fraction", r#"{"serviceEndpoint": {"host": "a", "port": 80.0}}"#.to_owned()),
        ("/svc/odd/half", r#"{"serviceEndpoint": {"host": "a""#.to_owned()),
        ("/svc/odd/list", "[]".to_owned()),
        ("/svc/odd/null", "null".to_owned()),
        ("/svc/odd/two", r#"{"serviceEndpoint": {"host": "a"}} {}"#.to_owned()),
        (
            "/svc/odd/twice",
            r#"{"serviceEndpoint": {"host": "a", "port": 1}, "serviceendpoint": {"port": 2}, "shard": 1, "SHARD": null}"#
                .to_owned(),
        ),
        (
            "/nerve/services/db/host1",
            r#"{"host": "127.0.0.1", "port": 5432, "name": "host1", "weight": 3, "labels": {"a": "b"}}"#.to_owned(),
        ),
        ("/nerve/services/db", r#"{"host": "above", "port": -1}"#.to_owned()),
        ("/nerve/services/db/host2", r#"{"host": "fd00::2", "port": 5432, "name": ""}"#.to_owned()),
        ("/nerve/services/db/host3", r#"{"host": "a", "port": 5432, "name": 5}"#.to_owned()),
    ] {
        // The one above others is there when it comes.
        match path {
            "/nerve/services/db" => registrar.set(path, data),
            _ => registrar.create(path, data),
        }
    }
    let jobs = [
        ("serverset", "serverset", "/svc"),
        ("nerve", "nerve", "/nerve/services/db"),
    ];
    let path = folder.write("prometheus.yml", config(&zookeeper, &jobs));
    let headcount = Headcount::with_config(&folder, &path);
    assert_eq!(compare(&headcount, &path, "serverset"), 4);
    assert_eq!(compare(&headcount, &path, "nerve"), 3);
    for (job, targets) in [("serverset", 4), ("nerve", 3)] {
        assert_eq!(prints_what_promtool_prints("promtool", &path, job), targets, "{job}");
    }
    let metrics = headcount.text("/metrics");
    for line in [
        "prometheus_treecache_zookeeper_failures_total 0",
        "headcount_sd_serverset_skipped_nodes_total 7",
        "headcount_sd_nerve_skipped_nodes_total 1",
        "prometheus_treecache_watcher_goroutines 20",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} is not in:\n{metrics}"
        );
    }
}

/// Each setting once: of two servers the first is not there, and of two paths neither is below the other.
#[test]
fn sd_prints_with_each_setting_what_promtool_prints() {
    require_zookeeper!();
    require!("promtool");
    let folder = Folder::new();
    let zookeeper = ZooKeeper::start(&folder);
    let mut registrar = zookeeper.registrar();
    for service in ["web", "db"] {
        registrar.create(
            &format!("/svc/{service}/member_1"),
            member(&format!("{service}.example:9100")),
        );
        let host = format!(r#"{{"host": "{service}.example", "port": 5432, "name": "{service} 1"}}"#);
        registrar.create(&format!("/nerve/{service}/host1"), host);
    }
    registrar.create("/svc/hidden/member_1", member("hidden.example:1"));
    let servers = format!("['127.0.0.1:{}', '{}']", free_port(), zookeeper.address());
    let jobs = [("serverset", "/svc"), ("nerve", "/nerve")].map(|(mechanism, above)| {
        format!(
            "- job_name: {mechanism}\n  {mechanism}_sd_configs: [{{servers: {servers}, paths: ['{above}/web', \
             '{above}/db'], timeout: 2s}}]\n  relabel_configs: [{{action: labelmap, regex: '__meta_(.+)'}}, \
             {{source_labels: [__address__], target_label: address}}]\n"
        )
    });
    let path = folder.write("prometheus.yml", format!("scrape_configs:\n{}", jobs.concat()));
    for mechanism in ["serverset", "nerve"] {
        assert_eq!(
            prints_what_promtool_prints("promtool", &path, mechanism),
            2,
            "{mechanism}"
        );
        let printed = printed(&path, mechanism, &[]).expect("it discovers");
        let paths = printed
            .iter()
            .filter_map(|labels| labels.get(&format!("{mechanism}_path")));
        assert_eq!(paths.count(), 2, "{printed:?}");
    }
}

#[test]
fn members_are_followed_as_they_come_change_and_go() {
    require_zookeeper!();
    follow("serverset", member);
}

#[test]
fn what_nerve_registers_is_followed_as_it_comes_changes_and_goes() {
    require_zookeeper!();
    follow("nerve", |address| {
        let (host, port) = address.rsplit_once(':').expect("host:port");
        format!(r#"{{"host": "{host}", "port": {port}, "name": "{host}"}}"#)
    });
}

/// A mechanism follows members, of which each is registered with what its address becomes.
fn follow(mechanism: &str, member: fn(&str) -> String) {
    let folder = Folder::new();
    let mut zookeeper = ZooKeeper::start(&folder);
    let headcount = run(&folder, &zookeeper, &[("web", mechanism, "/svc/web")]);
    // The path comes later.
    headcount.wait_for("web", &[]);
    let mut registrar = zookeeper.registrar();
    registrar.create("/svc/web", "");
    registrar.announce("/svc/web/member_1", member("a:1"));
    headcount.wait_for("web", &["a:1"]);
    let mut other = zookeeper.registrar();
    other.announce("/svc/web/member_2", member("a:2"));
    other.create("/svc/web/rack/member_3", member("a:3"));
    headcount.wait_for("web", &["a:1", "a:2", "a:3"]);
    registrar.set("/svc/web/member_1", member("a:9"));
    headcount.wait_for("web", &["a:2", "a:3", "a:9"]);
    other.leave();
    headcount.wait_for("web", &["a:3", "a:9"]);
    assert_eq!(headcount.counted(mechanism, "failures"), Ok(0));

    // It hangs for longer than the discoverer's session lasts, and something has happened when it goes on.
    zookeeper.hang();
    headcount.wait_for_failure(mechanism, &["asking ZooKeeper: "]);
    headcount.assert_not_less("web", &["a:3", "a:9"]);
    zookeeper.go_on();
    registrar.delete("/svc/web/rack/member_3");
    registrar.create("/svc/web/rack/member_4", member("a:4"));
    headcount.wait_for("web", &["a:4", "a:9"]);
    headcount.wait_for_health(mechanism);

    // It is away, and everything stays.
    zookeeper.kill();
    headcount.wait_for_failure(mechanism, &["connecting to 127.0.0.1:", "Connection refused"]);
    headcount.assert_not_less("web", &["a:4", "a:9"]);
    zookeeper.restart();
    headcount.wait_for_health(mechanism);
    let mut registrar = zookeeper.registrar();
    registrar.set("/svc/web/rack/member_4", member("a:5"));
    headcount.wait_for("web", &["a:5", "a:9"]);

    // It goes back in time: it comes back without its data. Until that was looked at twice everything stays.
    zookeeper.forget();
    zookeeper.restart();
    headcount.assert_not_less("web", &["a:5", "a:9"]);
    let mut registrar = zookeeper.registrar();
    registrar.create("/svc/web/member_1", member("a:6"));
    headcount.wait_for("web", &["a:6"]);
    headcount.wait_for_health(mechanism);
}
