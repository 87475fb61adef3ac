//! Nodes: the machines of a swarm.

use headcount_discoverer::address::host_port;
use serde::Deserialize;

use super::{Targets, name};
use crate::docker_api::{Labels, Texts, boolean, or_default};

/// A node, as `/nodes` has it: what becomes labels, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Node {
    #[serde(rename = "ID", deserialize_with = "or_default")]
    pub(super) id: String,
    #[serde(deserialize_with = "or_default")]
    spec: Spec,
    #[serde(deserialize_with = "or_default")]
    description: Description,
    #[serde(deserialize_with = "or_default")]
    status: Status,
    manager_status: Option<ManagerStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Spec {
    #[serde(deserialize_with = "or_default")]
    role: String,
    #[serde(deserialize_with = "or_default")]
    availability: String,
    #[serde(deserialize_with = "or_default")]
    labels: Texts,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Description {
    #[serde(deserialize_with = "or_default")]
    hostname: String,
    #[serde(deserialize_with = "or_default")]
    platform: Platform,
    #[serde(deserialize_with = "or_default")]
    engine: EngineInfo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
struct Platform {
    #[serde(rename = "Architecture", deserialize_with = "or_default")]
    architecture: String,
    #[serde(rename = "OS", deserialize_with = "or_default")]
    os: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct EngineInfo {
    #[serde(deserialize_with = "or_default")]
    engine_version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Status {
    #[serde(deserialize_with = "or_default")]
    state: String,
    #[serde(deserialize_with = "or_default")]
    addr: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ManagerStatus {
    #[serde(deserialize_with = "or_default")]
    leader: bool,
    #[serde(deserialize_with = "or_default")]
    reachability: String,
    #[serde(deserialize_with = "or_default")]
    addr: String,
}

impl Node {
    /// Where it is reached with this port, if it says where.
    pub(super) fn address(&self, port: u16) -> Option<String> {
        let host = &self.status.addr;
        (!host.is_empty()).then(|| host_port(host, port))
    }

    /// The labels that everything on it has, too.
    pub(super) fn put(&self, labels: &mut Labels) {
        let mut put = |of: &str, value: &str| labels.put(&name(&format!("node_{of}")), value);
        put("id", &self.id);
        put("role", &self.spec.role);
        put("address", &self.status.addr);
        put("availability", &self.spec.availability);
        put("hostname", &self.description.hostname);
        put("platform_architecture", &self.description.platform.architecture);
        put("platform_os", &self.description.platform.os);
        put("status", &self.status.state);
        labels.put_texts(&name("node_label_"), &self.spec.labels);
    }
}

/// Adds a target for each node.
pub(super) fn add(targets: &mut Targets, nodes: &[Node], port: u16) {
    for node in nodes {
        targets.add(node.address(port), |labels| {
            node.put(labels);
            labels.put(&name("node_engine_version"), &node.description.engine.engine_version);
            if let Some(manager) = &node.manager_status {
                labels.put(&name("node_manager_leader"), boolean(manager.leader));
                labels.put(&name("node_manager_reachability"), &manager.reachability);
                labels.put(&name("node_manager_address"), &manager.addr);
            }
        });
    }
}
