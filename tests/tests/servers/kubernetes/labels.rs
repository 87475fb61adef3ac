//! The labels of each role beside those that Prometheus gives.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::support::required::is_installed_by_chance;
use crate::support::{Labels, check_service_discovery_with, prints_what_promtool_prints, until};

/// What promtool adds to each target, which is of scraping.
const OF_SCRAPING: [&str; 5] = [
    "job",
    "__scheme__",
    "__metrics_path__",
    "__scrape_interval__",
    "__scrape_timeout__",
];

/// A promtool, and the labels that only later Prometheus gives.
struct Oracle {
    promtool: &'static str,
    is_later: fn(&str, &str) -> bool,
}

/// Prometheus 2.53.
const OLDER: Oracle = Oracle {
    promtool: "promtool-2.53",
    is_later: |job, name| match job {
        "node" => name.starts_with("__meta_kubernetes_node_condition_"),
        "endpoints" | "endpointslice" => name == "__meta_kubernetes_pod_container_init",
        _ => false,
    },
};

/// Prometheus 3, of which Debian's sid has whichever version it has.
const NEWEST: Oracle = Oracle {
    promtool: "promtool-3",
    is_later: |job, name| job == "node" && name.starts_with("__meta_kubernetes_node_condition_"),
};

/// The labels that say something of where a target was found, but for those that this Prometheus does not have yet.
fn found(oracle: &Oracle, job: &str, labels: Labels) -> Labels {
    let is_of_it =
        |name: &str, value: &str| !value.is_empty() && !OF_SCRAPING.contains(&name) && !(oracle.is_later)(job, name);
    labels
        .into_iter()
        .filter(|(name, value)| is_of_it(name, value))
        .collect()
}

/// Waits until a job has the targets that promtool finds for it, with all their labels; gives how many there are. On a
/// machine that is busy promtool may end before it has found everything, so it is asked again.
fn compare(oracle: &Oracle, headcount: &Headcount, config: &Path, job: &str) -> usize {
    let promtool = oracle.promtool;
    until(&format!("{job} has what {promtool} finds"), || {
        let expected = check_service_discovery_with(promtool, config, job).into_iter();
        let expected: BTreeSet<Labels> = expected.map(|(discovered, _)| found(oracle, job, discovered)).collect();
        let targets = headcount.list(job)?.into_iter();
        let targets: BTreeSet<Labels> = targets.map(|labels| found(oracle, job, labels)).collect();
        let (more, less): (Vec<_>, Vec<_>) = (
            targets.difference(&expected).collect(),
            expected.difference(&targets).collect(),
        );
        match more.is_empty() && less.is_empty() && !expected.is_empty() {
            true => Ok(expected.len()),
            false => Err(format!("only headcount: {more:#?}\nonly {promtool}: {less:#?}")),
        }
    })
}

/// Objects of all kinds, with what becomes labels of them. The server takes no endpoint on the loopback, and nobody here
/// sends anything to a target.
fn seed(cluster: &Kubernetes) {
    let mut owned = simple_pod();
    owned["metadata"] = json!({
        "labels": {"app.kubernetes.io/name": "web", "empty": ""},
        "annotations": {"prometheus.io/scrape": "true"},
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "1", "controller": true},
        ],
    });
    owned["spec"]["initContainers"] = json!([{"name": "first", "image": "first:1"}]);
    owned["spec"]["containers"] = json!([
        {"name": "main", "image": "web:1", "ports": [
            {"name": "http", "containerPort": 8080}, {"name": "dns", "containerPort": 53, "protocol": "UDP"},
        ]},
        {"name": "side", "image": "side:1", "ports": [{"containerPort": 9000}]},
        {"name": "bare", "image": "bare:1"},
    ]);
    run_pod(cluster, "p1", "127.1.0.1", owned);
    run_pod(cluster, "p2", "fd00::2", simple_pod());
    let mut waiting = simple_pod();
    waiting["metadata"]["name"] = json!("waiting");
    cluster.create(PODS, &waiting);
    for (name, address) in [("node1", "127.0.2.1"), ("node2", "fd00::3")] {
        let metadata = json!({"name": name, "labels": {"zone": "a"}, "annotations": {"x/y": "z"}});
        cluster.create(
            NODES,
            &json!({"metadata": metadata, "spec": {"providerID": format!("cloud://{name}")}}),
        );
        let status = json!({
            "addresses": [
                {"type": "Hostname", "address": format!("{name}.example")},
                {"type": "InternalIP", "address": address},
                {"type": "InternalIP", "address": "127.0.2.99"},
                {"type": "ExternalIP", "address": "127.0.3.1"},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "Unknown"}],
        });
        cluster.change(&format!("{NODES}/{name}/status"), &json!({ "status": status }));
    }
    for (name, spec) in [
        (
            "web",
            json!({"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "dns", "port": 53, "protocol": "UDP"}]}),
        ),
        ("headless", json!({"clusterIP": "None", "ports": [{"port": 80}]})),
        (
            "outside",
            json!({"type": "ExternalName", "externalName": "db.example", "ports": [{"port": 5432}]}),
        ),
        (
            "balanced",
            json!({"type": "LoadBalancer", "loadBalancerIP": "127.9.9.9", "ports": [{"port": 80}]}),
        ),
        ("without", json!({"type": "ExternalName", "externalName": "x.example"})),
    ] {
        let metadata = json!({"name": name, "labels": {"tier": "front"}, "annotations": {"a.b/c": "d"}});
        cluster.create(SERVICES, &json!({"metadata": metadata, "spec": spec}));
    }
    let reference = |kind: &str, name: &str| json!({"kind": kind, "namespace": "prod", "name": name});
    let subsets = json!([{
        "addresses": [
            {"ip": "192.0.2.1", "nodeName": "node1", "targetRef": reference("Pod", "p1")},
            {"ip": "192.0.2.2", "targetRef": reference("Node", "node2")},
            {"ip": "192.0.2.4", "hostname": "db-0"},
        ],
        "notReadyAddresses": [{"ip": "192.0.2.7", "nodeName": "node1", "targetRef": reference("Pod", "nobody")}],
        "ports": [{"name": "http", "port": 8080}, {"name": "dns", "port": 53, "protocol": "UDP"}],
    }]);
    cluster.create(
        ENDPOINTS,
        &json!({"metadata": {"name": "web", "labels": {"e": "f"}}, "subsets": subsets}),
    );
    cluster.create(ENDPOINTS, &json!({"metadata": {"name": "alone"}, "subsets": [{"addresses": [{"ip": "192.0.2.5"}], "ports": [{"port": 1}]}]}));
    cluster.create(
        SLICES,
        &json!({
            "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"}],
            "endpoints": [
                {"addresses": ["192.0.2.1"], "conditions": {"ready": true, "serving": true, "terminating": false},
                 "nodeName": "node1", "targetRef": reference("Pod", "p1")},
                {"addresses": ["192.0.2.4"], "hostname": "db-0", "conditions": {"ready": false}},
            ],
        }),
    );
    for (name, spec) in [
        (
            "plain",
            json!({"rules": [{"host": "a.example", "http": {"paths": [path("/"), path("/x")]}}]}),
        ),
        (
            "secure",
            json!({"ingressClassName": "nginx", "tls": [{"hosts": ["*.example"]}], "rules": [{"host": "b.example", "http": {"paths": [path("/")]}}, {"host": "c.d.example"}]}),
        ),
    ] {
        cluster.create(
            INGRESSES,
            &json!({"metadata": {"name": name, "labels": {"i": "j"}}, "spec": spec}),
        );
    }
}

fn path(path: &str) -> Value {
    let service = json!({"name": "web", "port": {"number": 80}});
    json!({"path": path, "pathType": "Prefix", "backend": {"service": service}})
}

#[test]
fn labels_are_those_of_prometheus() {
    require!("promtool-2.53");
    labels_are_those_of(&OLDER);
}

#[test]
fn labels_are_those_of_prometheus_3() {
    if is_installed_by_chance(NEWEST.promtool) {
        labels_are_those_of(&NEWEST);
    }
}

/// The jobs of Prometheus's example for Kubernetes: one service's endpoints, nodes, all endpoints, services and ingresses to
/// be probed, and pods. A server on the loopback has no endpoints of its own, so the one service is another.
#[test]
fn the_example_of_prometheus_finds_what_prometheus_finds() {
    // Older ones give a target without a port one.
    if !is_installed_by_chance(NEWEST.promtool) {
        return;
    }
    let folder = Folder::new();
    let cluster = cluster!(&folder);
    seed(&cluster);
    let entry =
        |role: &str| config(&cluster, &[("JOB", &format!("role: {role}"))]).replacen("scrape_configs:\n", "", 1);
    let job = |name: &str, role: &str, more: &str, rules: &[&str]| {
        let rules: String = rules.iter().map(|rule| format!("  - {{{rule}}}\n")).collect();
        format!("{}{more}  relabel_configs:\n{rules}", entry(role).replace("JOB", name))
    };
    let probe = "  metrics_path: /probe\n  params: {module: [http_2xx]}\n";
    let blackbox = "target_label: __address__, replacement: 'blackbox-exporter.example.com:9115'";
    let instance = "source_labels: [__param_target], target_label: instance";
    let namespace = "source_labels: [__meta_kubernetes_namespace], action: replace, target_label: kubernetes_namespace";
    let map = |of: &str| format!("action: labelmap, regex: __meta_kubernetes_{of}_label_(.+)");
    let name = |of: &str| format!("source_labels: [__meta_kubernetes_{of}_name], target_label: kubernetes_name");
    let text = [
        "scrape_configs:\n".to_owned(),
        job(
            "kubernetes-apiservers",
            "endpoints",
            "  scheme: https\n",
            &[
                "source_labels: [__meta_kubernetes_namespace, __meta_kubernetes_service_name, \
             __meta_kubernetes_endpoint_port_name], action: keep, regex: prod;web;http",
            ],
        ),
        job("kubernetes-nodes", "node", "  scheme: https\n", &[&map("node")]),
        job(
            "kubernetes-cadvisor",
            "node",
            "  scheme: https\n  metrics_path: /metrics/cadvisor\n",
            &[&map("node")],
        ),
        job(
            "kubernetes-service-endpoints",
            "endpoints",
            "",
            &[&map("service"), namespace, &name("service")],
        ),
        job(
            "kubernetes-services",
            "service",
            probe,
            &[
                "source_labels: [__address__], target_label: __param_target",
                blackbox,
                instance,
                &map("service"),
                namespace,
                &name("service"),
            ],
        ),
        job(
            "kubernetes-ingresses",
            "ingress",
            probe,
            &[
                "source_labels: [__meta_kubernetes_ingress_scheme, __address__, __meta_kubernetes_ingress_path], regex: \
             '(.+);(.+);(.+)', replacement: '${1}://${2}${3}', target_label: __param_target",
                blackbox,
                instance,
                &map("ingress"),
                namespace,
                &name("ingress"),
            ],
        ),
        job(
            "kubernetes-pods",
            "pod",
            "",
            &[
                &map("pod"),
                namespace,
                "source_labels: [__meta_kubernetes_pod_name], action: replace, target_label: kubernetes_pod_name",
            ],
        ),
    ];
    let path = folder.write("prometheus.yml", text.concat());
    for (job, least) in [
        ("kubernetes-apiservers", 1),
        ("kubernetes-nodes", 2),
        ("kubernetes-cadvisor", 2),
        ("kubernetes-service-endpoints", 8),
        ("kubernetes-services", 5),
        ("kubernetes-ingresses", 4),
        ("kubernetes-pods", 5),
    ] {
        let targets = prints_what_promtool_prints(NEWEST.promtool, &path, job);
        assert!(targets >= least, "{job}: {targets}");
    }
}

fn labels_are_those_of(oracle: &Oracle) {
    let folder = Folder::new();
    let mut cluster = cluster!(&folder);
    seed(&cluster);
    cluster.serve_slices(&folder);
    let jobs = [
        ("node", "role: node"),
        (
            "pod",
            "role: pod, namespaces: {names: [prod]}, attach_metadata: {node: true}",
        ),
        (
            "chosen",
            "role: pod, selectors: [{role: pod, label: 'app.kubernetes.io/name in (web)', field: 'spec.nodeName=node1'}]",
        ),
        ("service", "role: service, namespaces: {names: [prod]}"),
        (
            "endpoints",
            "role: endpoints, namespaces: {names: [prod]}, attach_metadata: {node: true}",
        ),
        ("ingress", "role: ingress"),
        (
            "endpointslice",
            "role: endpointslice, namespaces: {names: [prod]}, attach_metadata: {node: true}",
        ),
    ];
    let path = folder.write("prometheus.yml", config(&cluster, &jobs));
    let headcount = Headcount::with_config(&folder, &path);
    for (job, least) in [
        ("node", 2),
        ("pod", 5),
        ("chosen", 4),
        ("service", 5),
        ("endpoints", 10),
        ("ingress", 4),
        ("endpointslice", 3),
    ] {
        let targets = compare(oracle, &headcount, &path, job);
        assert!(targets >= least, "{job}: {targets}");
    }
}
