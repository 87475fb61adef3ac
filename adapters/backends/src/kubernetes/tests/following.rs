//! What changes is followed, and what that costs.

use super::*;

#[test]
fn what_there_is_is_told_once_as_a_whole_and_then_what_changes() {
    let mut story = Story::new();
    story.server.put(PODS, pod("a", "p1", "10.0.0.1"));
    story.server.put(PODS, pod("b", "p2", "10.0.0.2"));
    story.start("role: pod");
    let received = story.run(SOON);
    assert_eq!(kinds(&received), [UpdateKind::Full]);
    assert_eq!(story.collected.sources(), ["pod/a/p1", "pod/b/p2"]);
    story.server.put(PODS, pod("a", "p3", "10.0.0.3"));
    story.server.delete(PODS, "b/p2");
    story.server.put(PODS, pod("a", "p1", "10.0.0.9"));
    let received = story.run(SOON);
    assert_eq!(kinds(&received), [UpdateKind::Delta]);
    assert_eq!(story.addresses(), ["10.0.0.9:8080", "10.0.0.3:8080"]);
    // A pod without an address is no target, and one that was told is gone.
    story.server.put(PODS, pod("a", "p3", ""));
    story.server.put(PODS, pod("a", "p4", ""));
    let received = story.run(SOON);
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].update().map(|update| update.groups().len()), Some(1));
    assert_eq!(story.addresses(), ["10.0.0.9:8080"]);
    // What becomes no label is no change.
    let mut heartbeat = pod("a", "p1", "10.0.0.9");
    heartbeat["status"]["conditions"][1]["lastProbeTime"] = serde_json::json!("2026-11-29T05:00:00Z");
    story.server.put(PODS, heartbeat);
    assert!(story.run(SOON).is_empty());
    assert_eq!(story.metric("prometheus_sd_kubernetes_failures_total"), 0.0);
}

#[test]
fn an_empty_cluster_is_told() {
    let mut story = Story::new();
    story.start("role: node");
    assert_eq!(kinds(&story.run(SOON)), [UpdateKind::Full]);
    story.server.put(NODES, node("n1", "10.1.0.1"));
    story.run(SOON);
    assert_eq!(story.addresses(), ["10.1.0.1:10250"]);
}

#[test]
fn a_list_comes_in_pages_of_one_version() {
    let mut story = Story::new();
    for number in 0..1_201 {
        story.server.put(
            PODS,
            pod(
                "a",
                &format!("p{number:04}"),
                &format!("10.0.{}.{}", number / 250, number % 250),
            ),
        );
    }
    story.start("role: pod");
    let received = story.run(SOON);
    assert_eq!(kinds(&received), [UpdateKind::Full]);
    assert_eq!(story.addresses().len(), 1_201);
    let requests = story.server.take_requests();
    assert_eq!(
        requests.len(),
        5,
        "what is refused, three pages and a watch: {requests:?}"
    );
    assert_eq!(requests[1], "/api/v1/pods?limit=500");
    assert!(requests[2].starts_with("/api/v1/pods?limit=500&continue="));
    assert!(requests[4].contains("watch=1&allowWatchBookmarks=true&resourceVersion=1301&timeoutSeconds=2"));
}

#[test]
fn a_quiet_cluster_costs_a_few_watches_an_hour() {
    let mut story = Story::new();
    story.server.put(PODS, pod("a", "p1", "10.0.0.1"));
    story.start("role: pod");
    story.run(SOON);
    story.server.take_requests();
    for _ in 0..50 {
        // As a real one: a bookmark each minute.
        let bookmark = serde_json::json!({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "150"}}});
        story.server.say(&format!("{bookmark}\n"));
        assert!(story.run(MINUTE).is_empty());
    }
    assert_eq!(story.server.take_requests(), Vec::<String>::new());
    // The bookmark counts: what was before it is not asked for again.
    for number in 0..50 {
        story.server.put(SERVICES, service("a", &format!("s{number}")));
    }
    story.server.break_watches();
    story.run(SOON);
    let requests = story.server.take_requests();
    assert!(requests[1].contains("resourceVersion=150"), "{requests:?}");
    // Everything is listed once an hour.
    story.run(MINUTE * 30);
    let lists = story.server.take_requests();
    assert!(lists.iter().any(|request| request.contains("limit=500")), "{lists:?}");
}

#[test]
fn endpoints_follow_their_pods_services_nodes_and_namespaces() {
    let mut story = Story::new();
    story
        .server
        .put(ENDPOINTS, endpoints("a", "web", &[("p1", "10.0.0.1")]));
    story
        .server
        .put(ENDPOINTS, endpoints("a", "other", &[("p9", "10.0.0.9")]));
    story.start("role: endpoints, attach_metadata: {node: true, namespace: true, deployment: true, cronjob: true}");
    story.run(SOON);
    let label = |story: &Story, name: &str| {
        let group = story.collected.group("endpoints/a/web").expect("it is there");
        let target = group.targets().next().expect("a target");
        let name = format!("__meta_kubernetes_{name}");
        let found = target
            .get(&name)
            .or_else(|| group.labels().get(&name))
            .map(str::to_owned);
        found.unwrap_or_default()
    };
    assert_eq!(label(&story, "pod_name"), "");
    // Whatever comes after it makes one group anew, and no other.
    let mut owned = pod("a", "p1", "10.0.0.1");
    owned["metadata"]["ownerReferences"] = serde_json::json!([{"kind": "Other", "name": "o"}, {"kind": "ReplicaSet", "name": "web-1", "controller": true}]);
    let mut set = serde_json::json!({"metadata": {"namespace": "a", "name": "web-1"}});
    set["metadata"]["ownerReferences"] = serde_json::json!([{"kind": "Deployment", "name": "web", "controller": true}]);
    let namespace = serde_json::json!({"metadata": {"name": "a", "labels": {"team": "x"}}});
    for (path, object, name, value, groups) in [
        (PODS, owned.clone(), "pod_name", "p1", 1),
        (SERVICES, service("a", "web"), "service_label_tier", "front", 1),
        (NODES, node("n1", "10.1.0.1"), "node_label_zone", "a", 2),
        (NAMESPACES, namespace, "namespace_label_team", "x", 2),
        (REPLICA_SETS, set, "pod_deployment_name", "web", 1),
    ] {
        assert_eq!(label(&story, name), "");
        story.server.put(path, object);
        let received = story.run(SOON);
        assert_eq!(label(&story, name), value, "{name}");
        let told: usize = received
            .iter()
            .filter_map(Received::update)
            .map(|update| update.groups().len())
            .sum();
        assert_eq!(told, groups, "{name}");
    }
    let mut failed = owned;
    failed["status"]["phase"] = serde_json::json!("Failed");
    failed["metadata"]["labels"]["version"] = serde_json::json!("2");
    story.server.put(PODS, failed);
    story.run(SOON);
    assert_eq!(
        (label(&story, "pod_phase"), label(&story, "pod_label_version")),
        ("Failed".into(), "2".into())
    );
    for (path, key, name) in [
        (REPLICA_SETS, "a/web-1", "pod_deployment_name"),
        (NAMESPACES, "a", "namespace_label_team"),
        (NODES, "n1", "node_label_zone"),
        (SERVICES, "a/web", "service_label_tier"),
        (PODS, "a/p1", "pod_name"),
    ] {
        story.server.delete(path, key);
        story.run(SOON);
        assert_eq!(label(&story, name), "", "{name}");
    }
    story.server.delete(ENDPOINTS, "a/web");
    story.run(SOON);
    assert_eq!(story.collected.sources(), ["endpoints/a/other"]);
}

#[test]
fn who_asks_has_everything_listed_and_hears_of_it() {
    let mut story = Story::new();
    story
        .server
        .put(ENDPOINTS, endpoints("a", "web", &[("p1", "10.0.0.1")]));
    let provider = story.start("role: endpoints");
    story.run(SOON);
    story.server.take_requests();
    let request = story.world.ask(provider);
    let received = story.run(SOON);
    assert_eq!(
        received.iter().filter_map(Received::answered).collect::<Vec<_>>(),
        [request]
    );
    let lists = story.server.take_requests();
    let lists = lists.iter().filter(|request| request.contains("limit="));
    assert_eq!(lists.count(), 3);
    // While nothing answers, it is answered, too.
    story.server.fail(|_| Some(status(500, "InternalError", "down")));
    story.run(MINUTE);
    let request = story.world.ask(provider);
    let received = story.run(MINUTE);
    assert_eq!(
        received.iter().filter_map(Received::answered).collect::<Vec<_>>(),
        [request]
    );
}

#[test]
fn namespaces_are_watched_by_themselves_and_each_once() {
    let mut story = Story::new();
    for (namespace, name, ip) in [
        ("a", "p1", "10.0.0.1"),
        ("b", "p2", "10.0.0.2"),
        ("c", "p3", "10.0.0.3"),
    ] {
        story.server.put(PODS, pod(namespace, name, ip));
    }
    story.start(
        "role: pod, namespaces: {names: [b, a, b]}, selectors: [{role: pod, label: 'app in (x,y)', field: 'a=b'}]",
    );
    story.run(SOON);
    assert_eq!(story.addresses(), ["10.0.0.1:8080", "10.0.0.2:8080"]);
    let requests = story.server.take_requests();
    let selectors = "labelSelector=app%20in%20%28x%2Cy%29&fieldSelector=a%3Db";
    assert_eq!(requests.len(), 6, "{requests:?}");
    assert!(
        requests.iter().all(|request| request.ends_with(selectors)),
        "{requests:?}"
    );
    assert_eq!(
        requests
            .iter()
            .filter(|request| request.starts_with("/api/v1/namespaces/b/pods?"))
            .count(),
        3
    );
}
