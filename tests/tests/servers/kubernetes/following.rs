//! What changes at the server, and the server's own troubles.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// Says that it is over when it goes, which it does when a test fails, too.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn pods_come_change_and_go_and_so_does_the_server() {
    let folder = Folder::new();
    let mut cluster = cluster!(&folder);
    let headcount = run(&folder, &cluster, &[("pods", "role: pod")]);
    headcount.wait_for("pods", &[]);
    run_pod(&cluster, "p1", "127.1.0.1", simple_pod());
    run_pod(&cluster, "p2", "127.1.0.2", simple_pod());
    headcount.wait_for("pods", &["127.1.0.1:8080", "127.1.0.2:8080"]);
    let ip = json!({"status": {"podIP": "127.1.0.9", "podIPs": [{"ip": "127.1.0.9"}]}});
    cluster.change(&format!("{PODS}/p1/status"), &ip);
    headcount.wait_for("pods", &["127.1.0.2:8080", "127.1.0.9:8080"]);
    cluster.delete(&format!("{PODS}/p2"));
    headcount.wait_for("pods", &["127.1.0.9:8080"]);
    cluster.kill();
    headcount.wait_for_failure("kubernetes", &["watching pods: ", "Connection refused"]);
    headcount.wait_for("pods", &["127.1.0.9:8080"]);
    cluster.restart();
    run_pod(&cluster, "p3", "127.1.0.3", simple_pod());
    cluster.delete(&format!("{PODS}/p1"));
    headcount.wait_for("pods", &["127.1.0.3:8080"]);
    headcount.wait_for_health("kubernetes");
    // It goes back in time: to its first version, at which there is nothing.
    cluster.kill();
    headcount.wait_for_failure("kubernetes", &["watching pods: ", "Connection refused"]);
    headcount.wait_for("pods", &["127.1.0.3:8080"]);
    cluster.forget(&folder);
    headcount.wait_for("pods", &[]);
    headcount.wait_for_health("kubernetes");
    cluster.create("/api/v1/namespaces", &json!({"metadata": {"name": "prod"}}));
    run_pod(&cluster, "p4", "127.1.0.4", simple_pod());
    headcount.wait_for("pods", &["127.1.0.4:8080"]);
}

/// A server whose data is that of an older day: versions that headcount has seen are yet to come there. It follows to what
/// was true then, and to what becomes of that, and what is in both is never gone.
#[test]
fn a_server_goes_back_to_older_data() {
    let folder = Folder::new();
    let mut cluster = cluster!(&folder);
    run_pod(&cluster, "kept", "127.1.0.1", simple_pod());
    run_pod(&cluster, "moved", "127.1.0.2", simple_pod());
    run_pod(&cluster, "deleted", "127.1.0.3", simple_pod());
    cluster.save(&folder);
    let saved = cluster.version();
    let jobs = [
        ("pods", "role: pod"),
        ("nodes", "role: node"),
        ("points", "role: endpoints, namespaces: {names: [prod]}"),
    ];
    let headcount = run(&folder, &cluster, &jobs);
    headcount.wait_for("pods", &["127.1.0.1:8080", "127.1.0.2:8080", "127.1.0.3:8080"]);
    let ip = json!({"status": {"podIP": "127.1.0.9", "podIPs": [{"ip": "127.1.0.9"}]}});
    cluster.change(&format!("{PODS}/moved/status"), &ip);
    cluster.delete(&format!("{PODS}/deleted"));
    for number in 0..20 {
        run_pod(
            &cluster,
            &format!("new{number}"),
            &format!("127.1.1.{number}"),
            simple_pod(),
        );
    }
    let address = json!({"ip": "192.0.2.1"});
    let subset = json!({"addresses": [address], "ports": [{"name": "http", "port": 8080}]});
    cluster.create(ENDPOINTS, &json!({"metadata": {"name": "web"}, "subsets": [subset]}));
    headcount.wait_for("points", &["192.0.2.1:8080"]);
    let mut newer = vec!["127.1.0.1:8080".to_owned(), "127.1.0.9:8080".to_owned()];
    newer.extend((0..20).map(|number| format!("127.1.1.{number}:8080")));
    newer.sort();
    let newer: Vec<&str> = newer.iter().map(String::as_str).collect();
    headcount.wait_for("pods", &newer);
    let newest = cluster.version();
    let is_kept = || {
        let targets = headcount.list("pods").expect("a list");
        let addresses = targets.iter().filter_map(|target| target.get("__address__"));
        assert!(
            addresses.into_iter().any(|address| address == "127.1.0.1:8080"),
            "{targets:?}"
        );
    };
    // Whoever looks meanwhile always finds what is in both.
    let is_over = AtomicBool::new(false);
    let looked = std::thread::scope(|scope| {
        let over = Over(&is_over);
        let looking = scope.spawn(|| {
            let mut times = 0;
            while !is_over.load(Ordering::Relaxed) {
                is_kept();
                times += 1;
                std::thread::yield_now();
            }
            times
        });
        cluster.go_back(&folder);
        assert!(
            cluster.version() < newest,
            "{} of {newest}, saved at {saved}",
            cluster.version()
        );
        headcount.wait_for("pods", &["127.1.0.1:8080", "127.1.0.2:8080", "127.1.0.3:8080"]);
        headcount.wait_for("points", &[]);
        // What comes now has versions that other objects had before.
        run_pod(&cluster, "again", "127.1.2.1", simple_pod());
        cluster.delete(&format!("{PODS}/deleted"));
        headcount.wait_for("pods", &["127.1.0.1:8080", "127.1.0.2:8080", "127.1.2.1:8080"]);
        assert!(cluster.version() < newest, "{} of {newest}", cluster.version());
        drop(over);
        looking.join()
    });
    assert!(looked.expect("it never went") > 10);
}

#[test]
fn endpoints_follow_their_pods() {
    let folder = Folder::new();
    let cluster = cluster!(&folder);
    // The server takes no endpoint on the loopback, and nobody here sends anything to a target.
    let target = json!({"kind": "Pod", "namespace": "prod", "name": "p1"});
    let address = json!({"ip": "192.0.2.1", "nodeName": "node1", "targetRef": target});
    let subset = json!({"addresses": [address], "ports": [{"name": "http", "port": 8080}]});
    cluster.create(ENDPOINTS, &json!({"metadata": {"name": "web"}, "subsets": [subset]}));
    let headcount = run(
        &folder,
        &cluster,
        &[("points", "role: endpoints, namespaces: {names: [prod]}")],
    );
    headcount.wait_for("points", &["192.0.2.1:8080"]);
    run_pod(&cluster, "p1", "127.1.0.1", simple_pod());
    let label = |name: &str, value: Option<&str>| {
        crate::support::until(&format!("{name} is {value:?}"), || {
            let targets = headcount.list("points")?;
            let name = format!("__meta_kubernetes_{name}");
            match targets.first().map(|target| target.get(&name).map(String::as_str)) {
                Some(found) if found == value => Ok(()),
                found => Err(format!("{found:?}")),
            }
        });
    };
    label("pod_phase", Some("Running"));
    cluster.change(
        &format!("{PODS}/p1"),
        &json!({"metadata": {"labels": {"version": "2"}}}),
    );
    label("pod_label_version", Some("2"));
    cluster.delete(&format!("{PODS}/p1"));
    label("pod_phase", None);
}

#[test]
fn many_jobs_share_what_they_watch() {
    let folder = Folder::new();
    let cluster = cluster!(&folder);
    for number in 1..=12 {
        run_pod(
            &cluster,
            &format!("p{number}"),
            &format!("127.1.0.{number}"),
            simple_pod(),
        );
    }
    // No two of them are the same provider.
    let entries: Vec<(String, String)> = (0..16)
        .map(|number| {
            let flag = |bit: u32| (number >> bit) & 1 == 1;
            let attach = format!(
                "job: {}, cronjob: {}, deployment: {}, namespace: {}",
                flag(0),
                flag(1),
                flag(2),
                flag(3)
            );
            (
                format!("pods-{number}"),
                format!("role: pod, attach_metadata: {{{attach}}}"),
            )
        })
        .collect();
    let jobs: Vec<(&str, &str)> = entries
        .iter()
        .map(|(job, entry)| (job.as_str(), entry.as_str()))
        .collect();
    let headcount = run(&folder, &cluster, &jobs);
    for (job, _) in &jobs {
        crate::support::until(&format!("{job} is whole"), || match headcount.list(job)?.len() {
            12 => Ok(()),
            other => Err(other.to_string()),
        });
    }
    let metrics = headcount.text("/metrics");
    let requests = |path: &str| {
        let start = format!("prometheus_sd_kubernetes_http_request_duration_seconds_count{{endpoint=\"{path}\"}} ");
        metrics
            .lines()
            .find_map(|line| line.strip_prefix(&start))
            .map(str::to_owned)
    };
    for path in [
        "/api/v1/pods",
        "/apis/batch/v1/jobs",
        "/apis/apps/v1/replicasets",
        "/api/v1/namespaces",
    ] {
        assert_eq!(
            requests(path).as_deref(),
            Some("3"),
            "a list as the beginning of a watch, which it refuses, a list and a watch of {path}:\n{metrics}"
        );
    }
    // Each of the four kinds was refused once, and nobody was told of a failure.
    assert!(
        metrics.contains("prometheus_sd_kubernetes_http_request_total{status_code=\"422\"} 4\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("prometheus_sd_kubernetes_failures_total 0\n"),
        "{metrics}"
    );
}
