//! The labels of each role, as Prometheus's documentation has them.

use insta::assert_snapshot;
use serde_json::json;

use super::*;

/// A story that has told everything of some objects.
fn told(entry: &str, objects: Vec<(&str, serde_json::Value)>) -> Story {
    let mut story = Story::new();
    for (path, object) in objects {
        story.server.put(path, object);
    }
    story.start(entry);
    story.run(SOON);
    story
}

#[test]
fn of_a_node() {
    let mut machine = node("n1", "fd00::1");
    machine["status"]["addresses"] = json!([
        {"type": "Hostname", "address": "n1.example"},
        {"type": "ExternalIP", "address": "192.0.2.1"},
        {"type": "InternalIP", "address": "fd00::1"},
        {"type": "InternalIP", "address": "10.1.0.1"},
    ]);
    machine["status"]["conditions"] =
        json!([{"type": "Ready", "status": "True"}, {"type": "Disk-Pressure", "status": "Unknown"}]);
    let mut without = node("n2", "");
    without["status"]["addresses"] = json!(null);
    let story = told("role: node", vec![(NODES, machine), (NODES, without)]);
    assert_eq!(story.collected.sources(), ["node/n1"]);
    assert_snapshot!(shown(story.collected.group("node/n1")), @r"
    node_condition_disk_pressure=unknown node_condition_ready=true node_label_zone=a node_labelpresent_zone=true node_name=n1 node_provider_id=cloud://1
    __address__=[fd00::1]:10250 node_address_ExternalIP=192.0.2.1 node_address_Hostname=n1.example node_address_InternalIP=fd00::1 instance=n1
    ");
}

#[test]
fn of_a_pod_with_all_that_can_be_attached() {
    let mut web = pod("a", "p1", "fd00::2");
    web["metadata"]["ownerReferences"] = json!([{"kind": "Job", "name": "j-1", "controller": true}]);
    web["spec"]["containers"] = json!([
        {"name": "main", "image": "web:1", "ports": [
            {"name": "http", "containerPort": 8080, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]},
        {"name": "side", "image": "side:1"},
    ]);
    web["spec"]["initContainers"] = json!([{"name": "first", "image": "first:1", "ports": [{"containerPort": 1}]}]);
    web["status"]["initContainerStatuses"] = json!([{"name": "first", "containerID": "containerd://0"}]);
    let mut job = json!({"metadata": {"namespace": "a", "name": "j-1"}});
    job["metadata"]["ownerReferences"] = json!([{"kind": "CronJob", "name": "j", "controller": true}]);
    let namespace = json!({"metadata": {"name": "a", "annotations": {"owner": "x"}}});
    let story = told(
        "role: pod, attach_metadata: {node: true, namespace: true, job: true, cronjob: true}",
        vec![
            (PODS, web),
            (JOBS, job),
            (NAMESPACES, namespace),
            (NODES, node("n1", "10.1.0.1")),
        ],
    );
    assert_snapshot!(shown(story.collected.group("pod/a/p1")), @r"
    namespace=a namespace_annotation_owner=x namespace_annotationpresent_owner=true node_label_zone=a node_labelpresent_zone=true node_name=n1 pod_annotation_prometheus_io_scrape=true pod_annotationpresent_prometheus_io_scrape=true pod_controller_kind=Job pod_controller_name=j-1 pod_cronjob_name=j pod_host_ip=10.1.0.1 pod_ip=fd00::2 pod_job_name=j-1 pod_label_app_kubernetes_io_name=web pod_labelpresent_app_kubernetes_io_name=true pod_labelpresent_empty=true pod_name=p1 pod_node_name=n1 pod_phase=Running pod_ready=true pod_uid=uid-of-p1
    __address__=[fd00::2]:1 pod_container_id=containerd://0 pod_container_image=first:1 pod_container_init=true pod_container_name=first pod_container_port_number=1
    __address__=[fd00::2]:53 pod_container_id=containerd://1 pod_container_image=web:1 pod_container_init=false pod_container_name=main pod_container_port_number=53 pod_container_port_protocol=UDP
    __address__=[fd00::2]:8080 pod_container_id=containerd://1 pod_container_image=web:1 pod_container_init=false pod_container_name=main pod_container_port_name=http pod_container_port_number=8080 pod_container_port_protocol=TCP
    __address__=fd00::2 pod_container_image=side:1 pod_container_init=false pod_container_name=side
    ");
}

#[test]
fn of_pods_whose_node_is_not_among_those_that_are_selected() {
    let mut elsewhere = pod("a", "p2", "10.0.0.2");
    elsewhere["spec"]["nodeName"] = json!("n2");
    let objects = vec![
        (PODS, pod("a", "p1", "10.0.0.1")),
        (PODS, elsewhere),
        (NODES, node("n1", "10.1.0.1")),
    ];
    let mut story = told("role: pod, attach_metadata: {node: true}", objects);
    assert_eq!(story.addresses(), ["10.0.0.1:8080"]);
    story.server.put(NODES, node("n2", "10.1.0.2"));
    story.run(SOON);
    assert_eq!(story.addresses().len(), 2);
    story.server.delete(NODES, "n1");
    story.run(SOON);
    assert_eq!(story.addresses(), ["10.0.0.2:8080"]);
}

#[test]
fn of_services() {
    let mut balanced = service("a", "lb");
    balanced["spec"]["type"] = json!("LoadBalancer");
    balanced["spec"]["loadBalancerIP"] = json!("192.0.2.9");
    let mut named = service("a", "ext");
    named["spec"] = json!({"type": "ExternalName", "externalName": "db.example", "ports": [{"port": 5432}]});
    let mut story = told("role: service", vec![(SERVICES, balanced.clone()), (SERVICES, named)]);
    assert_snapshot!(shown(story.collected.group("svc/a/lb")), @r"
    namespace=a service_label_tier=front service_labelpresent_tier=true service_name=lb
    __address__=lb.a.svc:80 service_cluster_ip=10.96.0.1 service_loadbalancer_ip=192.0.2.9 service_port_name=http service_port_number=80 service_port_protocol=TCP service_type=LoadBalancer
    ");
    assert_snapshot!(shown(story.collected.group("svc/a/ext")), @r"
    namespace=a service_label_tier=front service_labelpresent_tier=true service_name=ext
    __address__=ext.a.svc:5432 service_external_name=db.example service_port_number=5432 service_type=ExternalName
    ");
    balanced["status"]["loadBalancer"]["ingress"] =
        json!([{"ip": "192.0.2.1"}, {"hostname": "x"}, {"ip": "192.0.2.2"}]);
    story.server.put(SERVICES, balanced);
    story.run(SOON);
    let group = story.collected.group("svc/a/lb").expect("it is there");
    let address = group
        .targets()
        .next()
        .and_then(|target| target.get("__meta_kubernetes_service_loadbalancer_ip"));
    assert_eq!(address, Some("192.0.2.1,192.0.2.2"));
}

#[test]
fn of_endpoints_with_pods_and_without() {
    let mut web = pod("a", "p1", "10.0.0.1");
    web["spec"]["containers"][0]["ports"] = json!([
        {"name": "http", "containerPort": 8080, "protocol": "TCP"}, {"name": "admin", "containerPort": 9000, "protocol": "TCP"}]);
    let mut points = endpoints("a", "web", &[("p1", "10.0.0.1")]);
    points["metadata"]["labels"] = json!({"endpoints.kubernetes.io/x": "y"});
    points["subsets"][0]["notReadyAddresses"] = json!([
        {"ip": "10.0.0.5", "hostname": "h"}, {"ip": "10.1.0.7", "targetRef": {"kind": "Node", "name": "n1"}}]);
    let story = told(
        "role: endpoints, attach_metadata: {node: true}",
        vec![
            (PODS, web),
            (SERVICES, service("a", "web")),
            (ENDPOINTS, points),
            (NODES, node("n1", "10.1.0.1")),
        ],
    );
    assert_snapshot!(shown(story.collected.group("endpoints/a/web")), @r"
    endpoints_label_endpoints_kubernetes_io_x=y endpoints_labelpresent_endpoints_kubernetes_io_x=true endpoints_name=web namespace=a service_label_tier=front service_labelpresent_tier=true service_name=web
    __address__=10.0.0.1:8080 endpoint_address_target_kind=Pod endpoint_address_target_name=p1 endpoint_node_name=n1 endpoint_port_name=http endpoint_port_protocol=TCP endpoint_ready=true node_label_zone=a node_labelpresent_zone=true node_name=n1 pod_annotation_prometheus_io_scrape=true pod_annotationpresent_prometheus_io_scrape=true pod_container_image=web:1 pod_container_init=false pod_container_name=main pod_container_port_name=http pod_container_port_number=8080 pod_container_port_protocol=TCP pod_host_ip=10.1.0.1 pod_ip=10.0.0.1 pod_label_app_kubernetes_io_name=web pod_labelpresent_app_kubernetes_io_name=true pod_labelpresent_empty=true pod_name=p1 pod_node_name=n1 pod_phase=Running pod_ready=true pod_uid=uid-of-p1
    __address__=10.0.0.1:9000 pod_annotation_prometheus_io_scrape=true pod_annotationpresent_prometheus_io_scrape=true pod_container_image=web:1 pod_container_init=false pod_container_name=main pod_container_port_name=admin pod_container_port_number=9000 pod_container_port_protocol=TCP pod_host_ip=10.1.0.1 pod_ip=10.0.0.1 pod_label_app_kubernetes_io_name=web pod_labelpresent_app_kubernetes_io_name=true pod_labelpresent_empty=true pod_name=p1 pod_node_name=n1 pod_phase=Running pod_ready=true pod_uid=uid-of-p1
    __address__=10.0.0.5:8080 endpoint_hostname=h endpoint_port_name=http endpoint_port_protocol=TCP endpoint_ready=false
    __address__=10.1.0.7:8080 endpoint_address_target_kind=Node endpoint_address_target_name=n1 endpoint_port_name=http endpoint_port_protocol=TCP endpoint_ready=false node_label_zone=a node_labelpresent_zone=true node_name=n1
    ");
}

#[test]
fn of_slices() {
    let mut piece = slice("a", "web", "web-1", "IPv4", &[("p1", "10.0.0.1")]);
    piece["ports"] = json!([{"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"}, {"name": null}]);
    piece["endpoints"][0]["deprecatedTopology"] = json!({"topology.kubernetes.io/region": "eu"});
    piece["endpoints"][0]["hostname"] = json!("h");
    piece["endpoints"][0]["conditions"] = json!({"ready": true, "serving": null});
    let story = told(
        "role: endpointslice",
        vec![
            (PODS, pod("a", "p1", "10.0.0.1")),
            (SERVICES, service("a", "web")),
            (SLICES, piece),
        ],
    );
    assert_snapshot!(shown(story.collected.group("endpointslice/a/web-1")), @r"
    endpointslice_address_type=IPv4 endpointslice_label_kubernetes_io_service_name=web endpointslice_labelpresent_kubernetes_io_service_name=true endpointslice_name=web-1 namespace=a service_label_tier=front service_labelpresent_tier=true service_name=web
    __address__=10.0.0.1 endpointslice_address_target_kind=Pod endpointslice_address_target_name=p1 endpointslice_endpoint_conditions_ready=true endpointslice_endpoint_hostname=h endpointslice_endpoint_node_name=n1 endpointslice_endpoint_topology_present_topology_kubernetes_io_region=true endpointslice_endpoint_topology_topology_kubernetes_io_region=eu endpointslice_endpoint_zone=a pod_annotation_prometheus_io_scrape=true pod_annotationpresent_prometheus_io_scrape=true pod_host_ip=10.1.0.1 pod_ip=10.0.0.1 pod_label_app_kubernetes_io_name=web pod_labelpresent_app_kubernetes_io_name=true pod_labelpresent_empty=true pod_name=p1 pod_node_name=n1 pod_phase=Running pod_ready=true pod_uid=uid-of-p1
    __address__=10.0.0.1:8080 endpointslice_address_target_kind=Pod endpointslice_address_target_name=p1 endpointslice_endpoint_conditions_ready=true endpointslice_endpoint_hostname=h endpointslice_endpoint_node_name=n1 endpointslice_endpoint_topology_present_topology_kubernetes_io_region=true endpointslice_endpoint_topology_topology_kubernetes_io_region=eu endpointslice_endpoint_zone=a endpointslice_port=8080 endpointslice_port_app_protocol=http endpointslice_port_name=http endpointslice_port_protocol=TCP pod_annotation_prometheus_io_scrape=true pod_annotationpresent_prometheus_io_scrape=true pod_container_image=web:1 pod_container_init=false pod_container_name=main pod_container_port_name=http pod_container_port_number=8080 pod_container_port_protocol=TCP pod_host_ip=10.1.0.1 pod_ip=10.0.0.1 pod_label_app_kubernetes_io_name=web pod_labelpresent_app_kubernetes_io_name=true pod_labelpresent_empty=true pod_name=p1 pod_node_name=n1 pod_phase=Running pod_ready=true pod_uid=uid-of-p1
    ");
}

#[test]
fn of_slices_of_both_families() {
    let mut both = service("a", "web");
    both["spec"]["ipFamilyPolicy"] = json!("PreferDualStack");
    both["spec"]["ipFamilies"] = json!(["IPv4", "IPv6"]);
    let second = slice("a", "web", "web-6", "IPv6", &[("p1", "fd00::1")]);
    let mut story = told("role: endpointslice", vec![(SERVICES, both.clone()), (SLICES, second)]);
    // Where only the second one is used, it is what there is; an empty slice does not count.
    assert_eq!(story.addresses(), ["[fd00::1]:8080"]);
    story.server.put(SLICES, slice("a", "web", "web-4", "IPv4", &[]));
    assert!(story.run(SOON).is_empty());
    story
        .server
        .put(SLICES, slice("a", "web", "web-4", "IPv4", &[("p1", "10.0.0.1")]));
    story.run(SOON);
    assert_eq!(story.addresses(), ["10.0.0.1:8080"]);
    story
        .server
        .put(SLICES, slice("a", "web", "web-5", "IPv4", &[("p2", "10.0.0.2")]));
    story.server.delete(SLICES, "a/web-4");
    story.run(SOON);
    assert_eq!(story.addresses(), ["10.0.0.2:8080"]);
    story.server.delete(SLICES, "a/web-5");
    story.run(SOON);
    assert_eq!(story.addresses(), ["[fd00::1]:8080"]);
    // Without the policy each family is by itself.
    both["spec"]["ipFamilyPolicy"] = json!("SingleStack");
    story
        .server
        .put(SLICES, slice("a", "web", "web-4", "IPv4", &[("p1", "10.0.0.1")]));
    story.server.put(SERVICES, both);
    story.run(SOON);
    assert_eq!(story.addresses(), ["10.0.0.1:8080", "[fd00::1]:8080"]);
}

#[test]
fn of_an_ingress() {
    let entrance = json!({
        "metadata": {"namespace": "a", "name": "front", "labels": {"x": "y"}},
        "spec": {
            "ingressClassName": "nginx",
            "tls": [{"hosts": ["*.example"]}, {}],
            "rules": [
                {"host": "a.example", "http": {"paths": [{"path": "/x"}, {"pathType": "Prefix"}]}},
                {"host": "a.b.example"},
                {"host": "none.example", "http": {"paths": []}},
            ],
        },
    });
    let story = told(
        "role: ingress, attach_metadata: {namespace: true}",
        vec![(INGRESSES, entrance)],
    );
    assert_snapshot!(shown(story.collected.group("ingress/a/front")), @r"
    ingress_class_name=nginx ingress_label_x=y ingress_labelpresent_x=true ingress_name=front namespace=a
    __address__=a.b.example ingress_host=a.b.example ingress_path=/ ingress_scheme=http
    __address__=a.example ingress_host=a.example ingress_path=/ ingress_scheme=https
    __address__=a.example ingress_host=a.example ingress_path=/x ingress_scheme=https
    ");
}
