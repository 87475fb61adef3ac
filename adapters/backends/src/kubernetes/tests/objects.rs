//! Objects as the API has them.

use serde_json::{Value, json};

pub(super) const PODS: &str = "/api/v1/pods";
pub(super) const NODES: &str = "/api/v1/nodes";
pub(super) const SERVICES: &str = "/api/v1/services";
pub(super) const ENDPOINTS: &str = "/api/v1/endpoints";
pub(super) const NAMESPACES: &str = "/api/v1/namespaces";
pub(super) const SLICES: &str = "/apis/discovery.k8s.io/v1/endpointslices";
pub(super) const INGRESSES: &str = "/apis/networking.k8s.io/v1/ingresses";
pub(super) const REPLICA_SETS: &str = "/apis/apps/v1/replicasets";
pub(super) const JOBS: &str = "/apis/batch/v1/jobs";

/// A running pod with one container that has one port.
pub(super) fn pod(namespace: &str, name: &str, ip: &str) -> Value {
    json!({
        "metadata": {
            "namespace": namespace, "name": name, "uid": format!("uid-of-{name}"),
            "labels": {"app.kubernetes.io/name": "web", "empty": ""},
            "annotations": {"prometheus.io/scrape": "true"},
            "managedFields": [{"manager": "kubelet"}],
        },
        "spec": {
            "nodeName": "n1",
            "containers": [{
                "name": "main", "image": "web:1",
                "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            }],
        },
        "status": {
            "phase": "Running", "podIP": ip, "hostIP": "10.1.0.1",
            "conditions": [{"type": "Initialized", "status": "False"}, {"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "main", "containerID": "containerd://1"}],
        },
    })
}

/// A node with one address.
pub(super) fn node(name: &str, address: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"zone": "a"}},
        "spec": {"providerID": "cloud://1"},
        "status": {
            "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        },
    })
}

/// A service with one port.
pub(super) fn service(namespace: &str, name: &str) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": name, "labels": {"tier": "front"}},
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.0.1",
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        },
    })
}

/// Endpoints of which each is a pod's: its name and its address.
pub(super) fn endpoints(namespace: &str, name: &str, pods: &[(&str, &str)]) -> Value {
    let addresses = pods.iter().map(|(pod, ip)| {
        json!({"ip": ip, "nodeName": "n1", "targetRef": {"kind": "Pod", "namespace": namespace, "name": pod}})
    });
    let addresses: Vec<Value> = addresses.collect();
    json!({
        "metadata": {"namespace": namespace, "name": name},
        "subsets": [{"addresses": addresses, "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]}],
    })
}

/// A slice of a service's endpoints.
pub(super) fn slice(namespace: &str, service: &str, name: &str, family: &str, pods: &[(&str, &str)]) -> Value {
    let endpoints = pods.iter().map(|(pod, ip)| {
        json!({
            "addresses": [ip], "conditions": {"ready": true, "serving": true, "terminating": false},
            "nodeName": "n1", "zone": "a",
            "targetRef": {"kind": "Pod", "namespace": namespace, "name": pod},
        })
    });
    let endpoints: Vec<Value> = endpoints.collect();
    json!({
        "metadata": {"namespace": namespace, "name": name, "labels": {"kubernetes.io/service-name": service}},
        "addressType": family,
        "endpoints": endpoints,
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    })
}
