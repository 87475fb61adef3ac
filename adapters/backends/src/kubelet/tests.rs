use std::collections::BTreeSet;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, World};
use serde_json::{Value, json};

use super::*;
use crate::golden::{Labels, counted, found, labels, start, targets};

const SECOND: Duration = Duration::from_secs(1);
const ENTRY: &str = "{url: 'https://kubelet.example:10250'}";
const PODS: &str = "https://kubelet.example:10250/pods";

fn list(pods: &[Value]) -> Answer {
    Answer::json(json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods}).to_string())
}

fn pod(namespace: &str, name: &str, ip: &str) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}, "spec": {"containers": [{"name": "c"}]}, "status": {"podIP": ip}})
}

fn world(pods: &[Value]) -> World {
    let world = World::new();
    world.http.at(PODS).then(list(pods));
    world
}

/// <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>
#[test]
fn labels_are_those_of_the_role_pod() {
    let whole = json!({
        "metadata": {
            "namespace": "shop", "name": "web-0", "uid": "u1", "labels": {"app.io/name": "web"}, "annotations": {"scrape": "yes"},
            "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}],
        },
        "spec": {
            "nodeName": "n1",
            "containers": [
                {"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}, {"containerPort": 9090, "protocol": "UDP"}]},
                {"name": "side", "image": "side:1"},
            ],
            "initContainers": [{"name": "init", "image": "init:1"}],
        },
        "status": {
            "phase": "Running", "podIP": "10.0.0.1", "hostIP": "192.0.2.1", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "web", "containerID": "containerd://1"}],
            "initContainerStatuses": [{"name": "init", "containerID": "containerd://2"}],
        },
    });
    let mut world = world(&[whole]);
    start::<KubeletSd>(&mut world, ENTRY);
    let of_pod = [
        ("__meta_kubernetes_namespace", "shop"),
        ("__meta_kubernetes_pod_annotation_scrape", "yes"),
        ("__meta_kubernetes_pod_annotationpresent_scrape", "true"),
        ("__meta_kubernetes_pod_controller_kind", "StatefulSet"),
        ("__meta_kubernetes_pod_controller_name", "web"),
        ("__meta_kubernetes_pod_host_ip", "192.0.2.1"),
        ("__meta_kubernetes_pod_ip", "10.0.0.1"),
        ("__meta_kubernetes_pod_label_app_io_name", "web"),
        ("__meta_kubernetes_pod_labelpresent_app_io_name", "true"),
        ("__meta_kubernetes_pod_name", "web-0"),
        ("__meta_kubernetes_pod_node_name", "n1"),
        ("__meta_kubernetes_pod_phase", "Running"),
        ("__meta_kubernetes_pod_ready", "true"),
        ("__meta_kubernetes_pod_uid", "u1"),
    ];
    let target = |own: &[(&str, &str)]| -> Labels {
        let mut all = labels(&of_pod);
        let named = own.iter().map(|(name, value)| match *name {
            "address" => ("__address__".to_owned(), (*value).to_owned()),
            name => (format!("__meta_kubernetes_pod_container_{name}"), (*value).to_owned()),
        });
        all.extend(named);
        all
    };
    let web = [
        ("name", "web"),
        ("image", "web:1"),
        ("id", "containerd://1"),
        ("init", "false"),
    ];
    let http = [
        ("address", "10.0.0.1:8080"),
        ("port_name", "http"),
        ("port_number", "8080"),
        ("port_protocol", "TCP"),
    ];
    let other = [
        ("address", "10.0.0.1:9090"),
        ("port_number", "9090"),
        ("port_protocol", "UDP"),
    ];
    let side = [
        ("address", "10.0.0.1"),
        ("name", "side"),
        ("image", "side:1"),
        ("init", "false"),
    ];
    let init = [
        ("address", "10.0.0.1"),
        ("name", "init"),
        ("image", "init:1"),
        ("id", "containerd://2"),
        ("init", "true"),
    ];
    let expected = BTreeSet::from([
        target(&[&web[..], &http].concat()),
        target(&[&web[..], &other].concat()),
        target(&side),
        target(&init),
    ]);
    assert_eq!(found(&mut world), expected);
}

#[test]
fn namespaces_may_be_chosen_and_a_pod_without_an_address_has_no_targets() {
    let pods = [
        pod("a", "p", "10.0.0.1"),
        pod("b", "p", "10.0.0.2"),
        pod("c", "p", ""),
        pod("a", "p", ""),
        pod("c", "q", "10.0.0.3"),
    ];
    let mut world = world(&pods);
    start::<KubeletSd>(&mut world, &ENTRY.replace('}', ", namespaces: [c, a]}"));
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.addresses(), ["10.0.0.1", "10.0.0.3"]);
    assert_eq!(collected.sources(), ["pod/a/p", "pod/c/q"]);
}

#[test]
fn a_pod_that_makes_no_sense_is_skipped_and_counted_and_one_that_is_gone_is_gone() {
    let odd = [
        json!(null),
        json!(7),
        json!({}),
        json!({"metadata": {"name": "x"}}),
        json!({"metadata": {"namespace": "a", "name": "y"}, "spec": 5}),
    ];
    let pods = [pod("a", "p", "10.0.0.1"), pod("a", "q", "10.0.0.2")];
    let mut world = world(&[&pods[..], &odd].concat());
    start::<KubeletSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.addresses(), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(counted(&world, SKIPPED), 5.0);
    world.http.at(PODS).now(list(&pods[1..]));
    collected.receive(&world.run_for(SECOND * 7));
    assert_eq!(collected.addresses(), ["10.0.0.2"]);
    // A node without pods; that has to be said twice.
    world
        .http
        .at(PODS)
        .now(Answer::json(r#"{"kind": "PodList", "items": null}"#));
    collected.receive(&world.run_for(SECOND * 6));
    assert_eq!(collected.addresses(), ["10.0.0.2"]);
    collected.receive(&world.run_for(SECOND * 10));
    assert_eq!(collected.addresses(), Vec::<&str>::new());
}

#[test]
fn the_url_may_be_a_path_and_each_setting_of_the_client_counts() {
    let mut world = World::new();
    world.http.answer(200, &[], r#"{"kind": "PodList", "items": []}"#);
    start::<KubeletSd>(&mut world, "{}");
    start::<KubeletSd>(
        &mut world,
        "{url: 'https://api.example/api/v1/nodes/n/proxy/', authorization: {credentials_file: /token}}",
    );
    world.settle();
    let sent = world.http.take_requests();
    let urls: BTreeSet<&str> = sent.iter().map(|sent| sent.request.url.as_str()).collect();
    assert_eq!(
        urls,
        BTreeSet::from([
            "https://api.example/api/v1/nodes/n/proxy/pods",
            "https://localhost:10250/pods"
        ])
    );
    assert!(sent.iter().any(|sent| sent.settings.authorization.is_some()));
}

#[test]
fn a_list_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    for (answer, expected) in [
        (Answer::new(401), "status 401"),
        (Answer::new(403), "status 403"),
        (Answer::new(429).header("retry-after", "4"), "status 429"),
        (Answer::new(500), "status 500"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::json("{}"), "the answer is no list of pods"),
        (
            Answer::json(r#"{"kind": "Status", "message": "no"}"#),
            "the answer is no list of pods",
        ),
        (Answer::json(r#"{"kind": "PodList", "items": {}}"#), "invalid type: map"),
        (
            Answer::json(r#"{"kind": "PodList", "items": [{"metadata""#),
            "EOF while parsing",
        ),
        (Answer::json("<html>"), "expected value"),
    ] {
        let mut world = world(&[pod("a", "p", "10.0.0.1")]);
        start::<KubeletSd>(
            &mut world,
            &ENTRY.replace('}', ", authorization: {credentials: hunter2}}"),
        );
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = targets(&collected);
        assert_eq!(before.len(), 1);
        world.http.at(PODS).now(answer);
        let received = world.run_until_received(SECOND * 60);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(
            said.starts_with("listing the pods of the kubelet https://kubelet.example:10250/pods: ")
                && said.contains(expected),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(targets(&collected), before);
    }
}
