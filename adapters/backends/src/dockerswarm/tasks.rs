//! Tasks: what a swarm runs, each on its node.

use std::collections::HashMap;

use headcount_discoverer::address::host_port;
use serde::Deserialize;

use super::nodes::Node;
use super::services::{Port, Service};
use super::{Targets, name};
use crate::docker_api::{Labels, Networks, Text, Texts, or_default, prefix_address};

/// A task, as `/tasks` has it: what becomes labels, and nothing else.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Task {
    #[serde(rename = "ID", deserialize_with = "or_default")]
    id: String,
    #[serde(rename = "ServiceID", deserialize_with = "or_default")]
    service_id: String,
    #[serde(rename = "NodeID", deserialize_with = "or_default")]
    node_id: String,
    #[serde(deserialize_with = "or_default")]
    slot: i64,
    #[serde(deserialize_with = "or_default")]
    desired_state: String,
    #[serde(deserialize_with = "or_default")]
    status: Status,
    #[serde(deserialize_with = "or_default")]
    spec: Spec,
    #[serde(deserialize_with = "or_default")]
    networks_attachments: Vec<Attachment>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Status {
    #[serde(deserialize_with = "or_default")]
    state: String,
    #[serde(deserialize_with = "or_default")]
    container_status: ContainerStatus,
    #[serde(deserialize_with = "or_default")]
    port_status: PortStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ContainerStatus {
    #[serde(rename = "ContainerID", deserialize_with = "or_default")]
    container_id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PortStatus {
    #[serde(deserialize_with = "or_default")]
    ports: Vec<Port>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Spec {
    #[serde(deserialize_with = "or_default")]
    container_spec: ContainerSpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ContainerSpec {
    #[serde(deserialize_with = "or_default")]
    labels: Texts,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Attachment {
    #[serde(deserialize_with = "or_default")]
    network: Network,
    #[serde(deserialize_with = "or_default")]
    addresses: Vec<Text>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Network {
    #[serde(rename = "ID", deserialize_with = "or_default")]
    id: String,
}

impl Task {
    /// The TCP ports that are published on its node.
    fn ports(&self) -> impl Iterator<Item = &Port> {
        self.status.port_status.ports.iter().filter(|port| port.is_tcp())
    }

    /// Whether it says anything of where it is reached.
    fn is_reachable(&self) -> bool {
        let has_addresses = |attachment: &Attachment| !attachment.addresses.is_empty();
        self.ports().next().is_some() || self.networks_attachments.iter().any(has_addresses)
    }
}

/// What tasks get labels of.
pub(super) struct Around<'a> {
    services: HashMap<&'a str, &'a Service>,
    nodes: HashMap<&'a str, &'a Node>,
    networks: Networks,
}

impl<'a> Around<'a> {
    pub(super) fn new(services: &'a [Service], nodes: &'a [Node], networks: Networks) -> Self {
        Self {
            services: services.iter().map(|service| (service.id.as_str(), service)).collect(),
            nodes: nodes.iter().map(|node| (node.id.as_str(), node)).collect(),
            networks,
        }
    }
}

/// Adds the targets of all tasks, whatever state they are in: those with ports on their nodes first, then those with
/// addresses of their own.
pub(super) fn add(targets: &mut Targets, tasks: &[Task], around: &Around<'_>, port: u16) {
    for task in tasks {
        let service = around.services.get(task.service_id.as_str()).copied();
        let node = around.nodes.get(task.node_id.as_str()).copied();
        let common = common(task, service, node);
        if !task.is_reachable() {
            targets.skipped += 1;
        }
        for port in task.ports() {
            let address = node.and_then(|node| node.address(port.published_port));
            targets.add(address, |labels| {
                labels.put(&name("task_port_publish_mode"), &port.publish_mode);
                labels.put_all(Some(&common));
            });
        }
        for attachment in &task.networks_attachments {
            let network = around.networks.get(&attachment.network.id);
            for address in &attachment.addresses {
                let Some(ip) = prefix_address(&address.0) else {
                    targets.skipped += 1;
                    continue;
                };
                let mut any = false;
                for port in service.into_iter().flat_map(Service::ports) {
                    any = true;
                    targets.add(Some(host_port(&ip, port.published_port)), |labels| {
                        labels.put(&name("task_port_publish_mode"), &port.publish_mode);
                        labels.put_all(Some(&common));
                        labels.put_all(network);
                    });
                }
                if !any {
                    targets.add(Some(host_port(&ip, port)), |labels| {
                        labels.put_all(Some(&common));
                        labels.put_all(network);
                    });
                }
            }
        }
    }
}

fn common(task: &Task, service: Option<&Service>, node: Option<&Node>) -> Labels {
    let mut labels = Labels::default();
    labels.put(&name("task_id"), &task.id);
    labels.put(&name("task_desired_state"), &task.desired_state);
    labels.put(&name("task_state"), &task.status.state);
    labels.put(&name("task_slot"), &task.slot.to_string());
    labels.put(&name("task_container_id"), &task.status.container_status.container_id);
    labels.put_texts(&name("container_label_"), &task.spec.container_spec.labels);
    if let Some(service) = service {
        service.put(&mut labels);
    }
    if let Some(node) = node {
        node.put(&mut labels);
    }
    labels
}
