use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::testing::{Answer, Collected, Received, World};
use headcount_reader::{Sink, read};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const BASE: &str = "http://manager.example";
const MINUTE: Duration = Duration::from_secs(60);

fn start(world: &mut World, role: &str) {
    let entry = format!("[{{host: '{BASE}', role: {role}, port: 9100}}]");
    let sink = Sink::new(std::path::Path::new("a.yml").into());
    let document = read(&entry, &sink).expect("YAML");
    let root = document.root(&sink).expect("a list");
    let config = DockerSwarmSd::read_field(&root, &Place::new("/".as_ref())).pop();
    assert_eq!(sink.finish().problems, []);
    world.start(Arc::new(config.expect("an entry")).discoverer());
}

/// A swarm that has these objects, by the ends of their paths.
fn swarm(world: &World, lists: &[(&str, Value)]) {
    let ping = Answer::new(200).header("api-version", "1.41").body("OK");
    world.http.at(&format!("{BASE}/_ping")).now(ping);
    for (path, list) in lists {
        world
            .http
            .at(&format!("{BASE}/v1.41/{path}"))
            .now(Answer::json(list.to_string()));
    }
}

type Labels = BTreeMap<String, String>;

fn found(role: &str, lists: &[(&str, Value)]) -> (Vec<Labels>, f64) {
    let mut world = World::new();
    swarm(&world, lists);
    start(&mut world, role);
    let received = world.settle();
    assert_eq!(
        received.iter().filter_map(Received::failure).collect::<Vec<_>>(),
        [""; 0]
    );
    let mut collected = Collected::default();
    collected.receive(&received);
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let group = collected.group("DockerSwarm").into_iter();
    let targets = group.flat_map(|group| {
        group
            .targets()
            .map(|target| target.iter().map(owned).collect())
            .collect::<Vec<_>>()
    });
    let families = world.metrics.read();
    let family = families.iter().find(|(definition, _)| *definition == SKIPPED);
    (targets.collect(), family.map_or(-1.0, |(_, samples)| samples[0].value))
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    let full = |name: &str| match name {
        "__address__" => name.to_owned(),
        name => format!("__meta_dockerswarm_{name}"),
    };
    pairs
        .iter()
        .map(|(name, value)| (full(name), (*value).to_owned()))
        .collect()
}

fn addresses(targets: &[Labels]) -> Vec<&str> {
    targets.iter().map(|target| target["__address__"].as_str()).collect()
}

fn node() -> Value {
    json!({
        "ID": "node1",
        "Spec": {"Role": "manager", "Availability": "active", "Labels": {"disk.kind": "ssd"}},
        "Description": {
            "Hostname": "host1", "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Engine": {"EngineVersion": "20.10.24", "Plugins": []},
        },
        "Status": {"State": "ready", "Addr": "10.0.0.1"},
        "ManagerStatus": {"Leader": true, "Reachability": "reachable", "Addr": "10.0.0.1:2377"},
    })
}

const OF_NODE: [(&str, &str); 9] = [
    ("node_address", "10.0.0.1"),
    ("node_availability", "active"),
    ("node_hostname", "host1"),
    ("node_id", "node1"),
    ("node_label_disk_kind", "ssd"),
    ("node_platform_architecture", "x86_64"),
    ("node_platform_os", "linux"),
    ("node_role", "manager"),
    ("node_status", "ready"),
];

fn network() -> Value {
    json!({"Id": "n1", "Name": "front", "Scope": "swarm", "Internal": false, "Ingress": false, "Labels": {"a": "b"}})
}

const OF_NETWORK: [(&str, &str); 6] = [
    ("network_id", "n1"),
    ("network_ingress", "false"),
    ("network_internal", "false"),
    ("network_label_a", "b"),
    ("network_name", "front"),
    ("network_scope", "swarm"),
];

fn service(ports: &Value) -> Value {
    json!({
        "ID": "s1",
        "Spec": {
            "Name": "web", "Labels": {"team-name": "shop"}, "Mode": {"Replicated": {"Replicas": 2}},
            "TaskTemplate": {"ContainerSpec": {"Image": "web:1", "Hostname": "h"}, "Runtime": "container"},
        },
        "Endpoint": {
            "Ports": ports,
            "VirtualIPs": [{"NetworkID": "n1", "Addr": "10.1.0.2/24"}, {"NetworkID": "n2", "Addr": "nonsense"},
                           {"NetworkID": "n3"}],
        },
        "UpdateStatus": {"State": "completed"},
    })
}

fn ports() -> Value {
    json!([
        {"Name": "http", "Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"},
        {"Protocol": "udp", "TargetPort": 53, "PublishedPort": 53, "PublishMode": "ingress"},
    ])
}

const OF_SERVICE: [(&str, &str); 4] = [
    ("service_id", "s1"),
    ("service_label_team_name", "shop"),
    ("service_mode", "replicated"),
    ("service_name", "web"),
];

fn task() -> Value {
    json!({
        "ID": "t1", "ServiceID": "s1", "NodeID": "node1", "Slot": 2, "DesiredState": "running",
        "Status": {
            "State": "running", "ContainerStatus": {"ContainerID": "c1", "PID": 5, "ExitCode": 0},
            "PortStatus": {"Ports": [
                {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 30080, "PublishMode": "host"},
                {"Protocol": "udp", "TargetPort": 53, "PublishedPort": 30053, "PublishMode": "host"},
            ]},
        },
        "Spec": {"ContainerSpec": {"Labels": {"tier": "front"}}},
        "NetworksAttachments": [{"Network": {"ID": "n1"}, "Addresses": ["10.1.0.3/24", "10.1.0.x/24", "fd00::3/64"]}],
    })
}

#[test]
fn a_node_has_the_labels_that_prometheus_gives_it() {
    let mut worker = node();
    worker["ID"] = json!("node2");
    worker["ManagerStatus"] = Value::Null;
    worker["Status"]["Addr"] = json!("fd00::2");
    let (found, skipped) = found("nodes", &[("nodes", json!([node(), worker, {"ID": "unknown"}]))]);
    let mut manager = labels(&OF_NODE);
    manager.extend(labels(&[
        ("__address__", "10.0.0.1:9100"),
        ("node_engine_version", "20.10.24"),
        ("node_manager_address", "10.0.0.1:2377"),
        ("node_manager_leader", "true"),
        ("node_manager_reachability", "reachable"),
    ]));
    let mut worker = labels(&OF_NODE);
    worker.extend(labels(&[
        ("__address__", "[fd00::2]:9100"),
        ("node_address", "fd00::2"),
        ("node_engine_version", "20.10.24"),
        ("node_id", "node2"),
    ]));
    assert_eq!((found, skipped), (vec![manager, worker], 1.0));
}

#[test]
fn a_service_has_the_labels_that_prometheus_gives_it() {
    let networks = ("networks", json!([network()]));
    let (with_ports, skipped) = found(
        "services",
        &[("services", json!([service(&ports())])), networks.clone()],
    );
    let mut common = labels(&OF_SERVICE);
    common.extend(labels(&OF_NETWORK));
    common.extend(labels(&[
        ("service_task_container_hostname", "h"),
        ("service_task_container_image", "web:1"),
        ("service_updating_status", "completed"),
    ]));
    let mut expected = common.clone();
    expected.extend(labels(&[
        ("__address__", "10.1.0.2:8080"),
        ("service_endpoint_port_name", "http"),
        ("service_endpoint_port_publish_mode", "ingress"),
    ]));
    assert_eq!((with_ports, skipped), (vec![expected], 2.0));
    let (without, _) = found("services", &[("services", json!([service(&json!(null))])), networks]);
    common.extend(labels(&[("__address__", "10.1.0.2:9100")]));
    assert_eq!(without, [common]);
}

#[test]
fn a_service_that_runs_no_containers_is_no_trouble() {
    let mut plugin = service(&json!([]));
    plugin["Spec"]["TaskTemplate"] = json!({"PluginSpec": {"Name": "p"}, "Runtime": "plugin"});
    plugin["Spec"]["Mode"] = json!({"Global": {}});
    plugin["UpdateStatus"] = Value::Null;
    let (found, skipped) = found(
        "services",
        &[("services", json!([plugin, {"ID": "empty"}])), ("networks", json!([]))],
    );
    let expected = labels(&[
        ("__address__", "10.1.0.2:9100"),
        ("service_id", "s1"),
        ("service_label_team_name", "shop"),
        ("service_mode", "global"),
        ("service_name", "web"),
    ]);
    // Two virtual addresses that make no sense, and a service that has none.
    assert_eq!((found, skipped), (vec![expected], 3.0));
}

#[test]
fn a_task_has_the_labels_that_prometheus_gives_it() {
    let lists = |tasks: Value, ports: Value| {
        [
            ("tasks", tasks),
            ("services", json!([service(&ports)])),
            ("nodes", json!([node()])),
            ("networks", json!([network()])),
        ]
    };
    let (found_ones, skipped) = found("tasks", &lists(json!([task()]), ports()));
    let mut common = labels(&OF_SERVICE);
    common.extend(labels(&OF_NODE));
    common.extend(labels(&[
        ("container_label_tier", "front"),
        ("task_container_id", "c1"),
        ("task_desired_state", "running"),
        ("task_id", "t1"),
        ("task_slot", "2"),
        ("task_state", "running"),
    ]));
    let mut on_node = common.clone();
    on_node.extend(labels(&[
        ("__address__", "10.0.0.1:30080"),
        ("task_port_publish_mode", "host"),
    ]));
    let mut in_network = common.clone();
    in_network.extend(labels(&OF_NETWORK));
    let at = |address: &str, mode: Option<&str>| {
        let mut labels_at = in_network.clone();
        labels_at.extend(labels(&[("__address__", address)]));
        labels_at.extend(
            mode.map(|mode| labels(&[("task_port_publish_mode", mode)]))
                .into_iter()
                .flatten(),
        );
        labels_at
    };
    let expected = vec![
        on_node.clone(),
        at("10.1.0.3:8080", Some("ingress")),
        at("[fd00::3]:8080", Some("ingress")),
    ];
    assert_eq!((found_ones, skipped), (expected, 1.0));

    let (without, _) = found("tasks", &lists(json!([task()]), json!([])));
    assert_eq!(
        without,
        [on_node, at("10.1.0.3:9100", None), at("[fd00::3]:9100", None)]
    );

    let mut stray = task();
    (stray["NodeID"], stray["ServiceID"]) = (json!("gone"), json!("gone"));
    let nonsense = json!([stray, {"ID": "bare"}, {"ID": 5}, {"Slot": "1"}, null]);
    let (found, skipped) = found("tasks", &lists(nonsense, ports()));
    assert_eq!(addresses(&found), ["10.1.0.3:9100", "[fd00::3]:9100"]);
    assert_eq!(skipped, 6.0);
}

#[test]
fn filters_are_for_the_role_itself() {
    let mut world = World::new();
    world.http.answer(200, &[("api-version", "1.41")], "[]");
    let entry = format!("[{{host: '{BASE}', role: tasks, filters: [{{name: id, values: [a]}}]}}]");
    let sink = Sink::new(std::path::Path::new("a.yml").into());
    let document = read(&entry, &sink).expect("YAML");
    let root = document.root(&sink).expect("a list");
    let config = DockerSwarmSd::read_field(&root, &Place::new("/".as_ref())).pop();
    world.start(Arc::new(config.expect("an entry")).discoverer());
    world.settle();
    let urls: Vec<String> = world
        .http
        .take_requests()
        .into_iter()
        .map(|sent| sent.request.url)
        .collect();
    let expected = [
        "/_ping",
        "/v1.41/tasks?filters=%7B%22id%22%3A%7B%22a%22%3Atrue%7D%7D",
        "/v1.41/services",
        "/v1.41/nodes",
        "/v1.41/networks",
    ];
    assert_eq!(urls, expected.map(|path| format!("{BASE}{path}")));
}

#[test]
fn nothing_that_fails_takes_a_target_away() {
    let lists = [
        ("tasks", json!([task()])),
        ("services", json!([service(&ports())])),
        ("nodes", json!([node()])),
        ("networks", json!([network()])),
    ];
    let mut world = World::new();
    swarm(&world, &lists);
    start(&mut world, "tasks");
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let before = collected.clone();
    assert_eq!(before.addresses().len(), 3);
    for (path, _) in &lists {
        let url = format!("{BASE}/v1.41/{path}");
        for answer in [
            Answer::new(503).body(r#"{"message": "This node is not a swarm manager."}"#),
            Answer::json("{}"),
            Answer::json("[{\"ID\": "),
            Answer::hangs(),
        ] {
            world.http.at(&url).now(answer);
            let received = world.run_for(MINUTE * 3);
            collected.receive(&received);
            let said: Vec<&str> = received.iter().filter_map(Received::failure).collect();
            assert!(
                !said.is_empty() && said.iter().all(|said| said.contains(path)),
                "{path}: {said:?}"
            );
            assert_eq!(collected, before, "{path}");
        }
        swarm(&world, &lists);
        let received = world.run_for(MINUTE * 3);
        assert!(received.iter().any(|received| received.update().is_some()), "{path}");
    }
}

proptest! {
    /// Whatever addresses a swarm says, there is no target without a host.
    #[test]
    fn any_addresses_are_answered(addresses in prop::collection::vec("[0-9a-f:./]{0,12}", 0..5), node_address in "([0-9.]{7}|)") {
        let mut known = node();
        known["Status"]["Addr"] = json!(node_address);
        let mut one = task();
        one["NetworksAttachments"][0]["Addresses"] = json!(addresses);
        let lists = [
            ("tasks", json!([one])),
            ("services", json!([service(&ports())])),
            ("nodes", json!([known])),
            ("networks", json!([network()])),
        ];
        for role in ["tasks", "nodes", "services"] {
            let (found, _) = found(role, &lists);
            prop_assert!(found.iter().all(|target| !target["__address__"].starts_with(':')));
        }
    }
}
