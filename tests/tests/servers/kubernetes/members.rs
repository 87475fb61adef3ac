//! Members that are the pods of a real Kubernetes: shares follow as one comes, goes and is replaced.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{PODS, cluster, run_pod};
use crate::support::{ADMIN, Folder, Headcount, Kubernetes, until};

const TARGETS: usize = 30;

/// Targets on these nodes by turns, and among whom they are shared out: pods that say that they are Prometheus.
fn start(folder: &Folder, cluster: &Kubernetes, nodes: &[&str], members: &str) -> Headcount {
    let targets = (0..TARGETS).map(|number| {
        let node = nodes[number % nodes.len()];
        format!(
            "  - {{targets: ['127.0.0.1:{}'], labels: {{host: {node}}}}}\n",
            9_000 + number
        )
    });
    let config = format!(
        "scrape_configs:\n- job_name: node\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  static_configs:\n{}",
        targets.collect::<String>()
    );
    let (server, ca) = (cluster.address(), cluster.certificates().path("ca", "crt"));
    let access = format!("api_server: '{server}', bearer_token: {ADMIN}, tls_config: {{ca_file: '{ca}'}}");
    let selector = "selectors: [{role: pod, label: app=prometheus}], namespaces: {names: [prod]}";
    folder.write(
        "headcount.yml",
        format!(
            "members:\n  kubernetes_sd_configs: [{{role: pod, {access}, {selector}}}]\n  grace: 2s\n  relabel_configs:\n  \
             - {{source_labels: [__meta_kubernetes_pod_phase], regex: 'Succeeded|Failed', action: drop}}\n  \
             - {{source_labels: [__meta_kubernetes_pod_name], target_label: instance}}\n{members}"
        ),
    );
    Headcount::with_config(folder, &folder.write("prometheus.yml", config))
}

fn member_pod(node: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "prometheus"}},
        "spec": {"nodeName": node, "containers": [
            {"name": "main", "image": "prometheus:3", "ports": [{"name": "http", "containerPort": 9090}]},
        ]},
    })
}

/// The members that there are, each with its seat.
fn members(headcount: &Headcount) -> Result<BTreeMap<String, Option<u64>>, String> {
    let overview = headcount.get("/api/v1/members")?.json()?;
    let members = overview["data"]["members"].as_array().ok_or("no members")?.iter();
    let there = members.filter(|member| member["retired"] == false && member["missing"].is_null());
    let there = there.map(|member| {
        (
            member["name"].as_str().unwrap_or_default().to_owned(),
            member["seat"].as_u64(),
        )
    });
    Ok(there.collect())
}

/// The addresses on a member's list, which has been sent it then.
fn list(headcount: &Headcount, member: &str) -> Result<BTreeSet<String>, String> {
    let answer = headcount.get(&format!("/sd/node?member={member}"))?;
    if answer.status != 200 {
        return Err(format!("{member}: {} {}", answer.status, answer.text()));
    }
    let list = answer.json()?;
    let entries = list.as_array().ok_or("no list")?.iter();
    Ok(entries
        .filter_map(|entry| entry["targets"][0].as_str().map(str::to_owned))
        .collect())
}

/// Waits until these, and no others, are members, and each target is on the list of one of them.
#[track_caller]
fn shared_among(headcount: &Headcount, names: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut shares = BTreeMap::new();
    until(&format!("targets are shared among {names:?}"), || {
        let there = members(headcount)?;
        if !there.keys().map(String::as_str).eq(names.iter().copied()) {
            return Err(format!("{there:?}"));
        }
        shares.clear();
        for name in names {
            shares.insert((*name).to_owned(), list(headcount, name)?);
        }
        let counts: Vec<usize> = shares.values().map(BTreeSet::len).collect();
        let all: BTreeSet<&String> = shares.values().flatten().collect();
        match all.len() == TARGETS && counts.iter().sum::<usize>() == TARGETS {
            true => Ok(()),
            false => Err(format!("{counts:?}")),
        }
    });
    shares
}

/// A Deployment's pods have other names after each restart.
#[test]
fn a_pod_that_replaces_another_takes_its_seat_and_its_targets() {
    let folder = Folder::new();
    let cluster = cluster!(&folder);
    // One that is no member, and one that has come to its end.
    run_pod(&cluster, "web-1", "10.0.0.1", super::simple_pod());
    for (number, name) in ["prom-a", "prom-b", "prom-x"].iter().enumerate() {
        run_pod(&cluster, name, &format!("10.0.1.{number}"), member_pod("node1"));
    }
    cluster.change(
        &format!("{PODS}/prom-x/status"),
        &json!({"status": {"phase": "Succeeded"}}),
    );
    let headcount = start(&folder, &cluster, &["node1"], "  identity: seat\n");
    let first = shared_among(&headcount, &["prom-a", "prom-b"]);
    assert!(first.values().all(|share| share.len() >= 10), "{first:?}");
    let seats = members(&headcount).expect("members");
    assert_eq!(
        seats.values().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from([Some(0), Some(1)])
    );

    // The new one comes before the old one is gone, as in a rolling restart: it waits, and then has what that had.
    run_pod(&cluster, "prom-c", "10.0.1.7", member_pod("node2"));
    until("prom-c waits", || {
        let overview = headcount.get("/api/v1/members")?.json()?;
        let members = overview["data"].to_string();
        match overview["data"]["waiting"] == json!(["prom-c"]) {
            true => Ok(()),
            false => Err(members),
        }
    });
    cluster.delete(&format!("{PODS}/prom-b"));
    let second = shared_among(&headcount, &["prom-a", "prom-c"]);
    assert_eq!(second["prom-a"], first["prom-a"], "nothing moved but what prom-b had");
    assert_eq!(second["prom-c"], first["prom-b"]);
    assert_eq!(members(&headcount).expect("members")["prom-c"], seats["prom-b"]);

    // A third one opens a seat, and when it is gone again all is as it was.
    run_pod(&cluster, "prom-d", "10.0.1.8", member_pod("node2"));
    let third = shared_among(&headcount, &["prom-a", "prom-c", "prom-d"]);
    assert!(third["prom-d"].len() >= 6, "{third:?}");
    cluster.delete(&format!("{PODS}/prom-d"));
    assert_eq!(shared_among(&headcount, &["prom-a", "prom-c"]), second);
}

/// A DaemonSet's pods scrape what is on their nodes, and ask by the names of those.
#[test]
fn a_pod_on_each_node_scrapes_what_is_there() {
    let folder = Folder::new();
    let cluster = cluster!(&folder);
    for (number, node) in ["node1", "node2"].iter().enumerate() {
        run_pod(
            &cluster,
            &format!("agent-{number}"),
            &format!("10.0.2.{number}"),
            member_pod(node),
        );
    }
    let nodes = ["node1", "node2", "node3"];
    let members = "  identity: node\n  strategy: per_node\n  node_labels: [host, __meta_kubernetes_pod_node_name]\n";
    let headcount = start(&folder, &cluster, &nodes, members);
    let of_node = |node: usize| -> BTreeSet<String> {
        let ports = (0..TARGETS).filter(|number| number % nodes.len() == node);
        ports.map(|number| format!("127.0.0.1:{}", 9_000 + number)).collect()
    };
    let first = shared_among(&headcount, &["node1", "node2"]);
    assert!(
        of_node(0).is_subset(&first["node1"]) && of_node(1).is_subset(&first["node2"]),
        "{first:?}"
    );

    // A node more; and a pod that is replaced on its node, under another name: the grace is longer than that takes.
    run_pod(&cluster, "agent-2", "10.0.2.9", member_pod("node3"));
    let second = shared_among(&headcount, &nodes);
    assert_eq!(second["node3"], of_node(2));
    cluster.delete(&format!("{PODS}/agent-2"));
    run_pod(&cluster, "agent-3", "10.0.2.10", member_pod("node3"));
    let third = shared_among(&headcount, &nodes);
    assert_eq!(third, second);
    cluster.delete(&format!("{PODS}/agent-0"));
    let last = shared_among(&headcount, &["node2", "node3"]);
    assert!(
        of_node(1).is_subset(&last["node2"]) && of_node(2).is_subset(&last["node3"]),
        "{last:?}"
    );
}
