//! What a cluster has for each host: a node, and a namespace with a pod on it, a service, endpoints, a slice and an ingress.
//!
//! **Objects of one kind only have the stamp**, which changes with the host, so that the others don't change with it: who
//! joins them has to notice that one.

use std::collections::BTreeMap;

use headcount_sim::ShownHost;
use serde_json::{Value, json};

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Nodes,
    Namespaces,
    Pods,
    Services,
    Endpoints,
    Slices,
    Ingresses,
}

impl Kind {
    /// Where it is listed.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Nodes => "/api/v1/nodes",
            Self::Namespaces => "/api/v1/namespaces",
            Self::Pods => "/api/v1/pods",
            Self::Services => "/api/v1/services",
            Self::Endpoints => "/api/v1/endpoints",
            Self::Slices => "/apis/discovery.k8s.io/v1/endpointslices",
            Self::Ingresses => "/apis/networking.k8s.io/v1/ingresses",
        }
    }

    /// What an object of it says of a host, beside its metadata.
    fn body(self, host: &ShownHost) -> Value {
        let (ip, port) = host.address.split_once(':').unwrap_or((&host.address, "0"));
        let port: u16 = port.parse().unwrap_or_default();
        let name = host.host.to_string();
        let pod = json!({"kind": "Pod", "namespace": namespace(host), "name": name});
        match self {
            Self::Nodes => json!({"status": {
                "addresses": [{"type": "InternalIP", "address": ip}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            }}),
            Self::Namespaces => json!({}),
            Self::Pods => json!({
                "spec": {
                    "nodeName": name,
                    "containers": [{"name": "main", "ports": [{"containerPort": port, "protocol": "TCP"}]}],
                },
                "status": {"phase": "Running", "podIP": ip},
            }),
            Self::Services => json!({"spec": {"type": "ClusterIP", "clusterIP": ip, "ports": [{"port": port}]}}),
            Self::Endpoints => json!({"subsets": [{
                "addresses": [{"ip": ip, "nodeName": name, "targetRef": pod}],
                "ports": [{"port": port, "protocol": "TCP"}],
            }]}),
            Self::Slices => json!({
                "addressType": "IPv4",
                "endpoints": [{"addresses": [ip], "nodeName": name, "targetRef": pod}],
                "ports": [{"port": port, "protocol": "TCP"}],
            }),
            Self::Ingresses => json!({"spec": {"rules": [{"host": format!("{ip}.example")}]}}),
        }
    }
}

/// A host in another zone is another object in another namespace.
fn namespace(host: &ShownHost) -> String {
    format!("{}-{}", host.looks.zone, host.host)
}

/// The objects of these hosts, by what they are known by.
pub(crate) fn objects(kind: Kind, hosts: &[ShownHost], have_stamps: bool) -> BTreeMap<String, Value> {
    let objects = hosts.iter().map(|host| {
        let (namespace, name) = (namespace(host), host.host.to_string());
        let (key, mut metadata) = match kind {
            Kind::Nodes => (name.clone(), json!({"name": name})),
            Kind::Namespaces => (namespace.clone(), json!({"name": namespace})),
            _ => (
                format!("{namespace}/{name}"),
                json!({"namespace": namespace, "name": name, "labels": {"kubernetes.io/service-name": name}}),
            ),
        };
        if have_stamps {
            metadata["annotations"] = json!({"stamp": host.stamp});
        }
        let mut object = kind.body(host);
        object["metadata"] = metadata;
        (key, object)
    });
    objects.collect()
}
