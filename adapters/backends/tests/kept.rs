//! What is kept of a cluster that many jobs look at, counted in bytes: each object and each group is there once, however
//! many entries show it.

#![allow(clippy::expect_used, clippy::panic, reason = "a panic is a test's report")]

use std::path::Path;
use std::time::Duration;

use headcount_allocations::{Counting, of_this_thread};
use headcount_backends::registry;
use headcount_core::Group;
use headcount_discoverer::mechanism::Place;
use headcount_discoverer::testing::{Answer, World};
use headcount_discoverer::{Discoverer, Totals};
use headcount_reader::{Sink, read};
use serde_json::json;

#[global_allocator]
static ALLOCATOR: Counting<true> = Counting;

const NAMESPACES: usize = 10;
const PODS_EACH: usize = 200;
const JOBS: usize = 100;

/// A pod with as many labels as is usual.
fn pod(namespace: usize, number: usize) -> serde_json::Value {
    json!({
        "metadata": {
            "namespace": format!("team-{namespace}"), "name": format!("web-{number}-5d4f8c7b9-x7k2p"),
            "uid": format!("5f0c{namespace:04}-{number:04}-4c1e-9d3b-0d5a6e7f8a9b"), "resourceVersion": "5",
            "labels": {
                "app.kubernetes.io/name": format!("web-{number}"), "app.kubernetes.io/part-of": "shop",
                "app.kubernetes.io/version": "1.14.2", "pod-template-hash": "5d4f8c7b9", "team": "checkout",
            },
            "annotations": {"prometheus.io/scrape": "true", "checksum/config": format!("{number:064x}")},
            "ownerReferences": [{"kind": "ReplicaSet", "name": format!("web-{number}-5d4f8c7b9"), "controller": true}],
        },
        "spec": {
            "nodeName": format!("node-{}", number % 50),
            "containers": [
                {"name": "web", "image": "registry.example/shop/web:1.14.2",
                    "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"},
                        {"name": "metrics", "containerPort": 9090, "protocol": "TCP"}]},
                {"name": "proxy", "image": "registry.example/mesh/proxy:2.1", "ports": [{"containerPort": 15020}]},
            ],
        },
        "status": {
            "phase": "Running", "podIP": format!("10.{namespace}.{}.{}", number / 250, number % 250),
            "hostIP": format!("192.168.0.{}", number % 50), "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

/// A cluster whose pods are listed, and whose watches are silent.
fn cluster(world: &World) {
    world.http.serve("http://k8s.example/", |request| {
        if request.url.contains("watch=") {
            return match request.url.contains("sendInitialEvents") {
                true => Answer::new(400),
                false => Answer::new(200).never_ends(),
            };
        }
        let namespace = request
            .url
            .split("team-")
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        let namespace: usize = namespace.and_then(|name| name.parse().ok()).expect("a namespace");
        let items: Vec<_> = (0..PODS_EACH).map(|number| pod(namespace, number)).collect();
        let list = json!({"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": items});
        Answer::json(list.to_string())
    });
}

/// An entry that looks at all namespaces but some; each number leaves out others.
fn entry(number: usize) -> Box<dyn Discoverer> {
    let left_out = [number % NAMESPACES, (number * 3 + number / NAMESPACES) % NAMESPACES];
    let names = (0..NAMESPACES).filter(|name| number == 0 || !left_out.contains(name));
    let names: Vec<String> = names.map(|name| format!("team-{name}")).collect();
    let attach = format!("{{job: {}}}", number % 2 == 1);
    let names = names.join(", ");
    let entry = format!(
        "[{{role: pod, api_server: 'http://k8s.example', namespaces: {{names: [{names}]}}, attach_metadata: {attach}}}]"
    );
    let registry = registry();
    let sink = Sink::new(Path::new("prometheus.yml").into());
    let document = read(&entry, &sink).expect("YAML");
    let root = document.root(&sink).expect("a list");
    let kubernetes = registry.get("kubernetes").expect("it is built in");
    let config = kubernetes.read(&root, &Place::new(Path::new("/"))).pop();
    config.expect("an entry").discoverer().expect("it is supported")
}

#[test]
fn a_hundred_jobs_keep_each_group_of_a_cluster_once() {
    let mut world = World::new();
    cluster(&world);
    let live = || of_this_thread().live();
    let start = |world: &mut World, numbers: std::ops::Range<usize>| -> Vec<Group> {
        for number in numbers {
            world.start(entry(number));
        }
        let received = world.run_for(Duration::from_secs(5));
        received
            .iter()
            .filter_map(|received| received.update())
            .flat_map(|update| update.groups().to_vec())
            .collect()
    };
    let before = live();
    let first = start(&mut world, 0..1);
    world.http.take_requests();
    let of_one = live() - before;
    let second = start(&mut world, 1..2);
    world.http.take_requests();
    let of_two = live() - before;
    let others = start(&mut world, 2..JOBS);
    world.http.take_requests();
    let of_all = live() - before;
    assert_eq!(first.len(), NAMESPACES * PODS_EACH);
    let shown = |groups: &[Group]| Totals::of(groups).memory as u64;
    let (of_second, of_others) = (shown(&second), shown(&others));
    // What each keeps for itself is which groups it shows, with the list of them in here.
    let (second_keeps, others_keep) = (of_two - of_one, of_all - of_two);
    let kept = format!("{of_one} bytes of one; {second_keeps} of {of_second}, {others_keep} of {of_others}");
    let each = (second.len() as u64, others.len() as u64);
    assert!(second_keeps < each.0 * 96 && others_keep < each.1 * 96, "{kept}");
    assert!(second_keeps * 3 < of_second && others_keep * 3 < of_others, "{kept}");
}
