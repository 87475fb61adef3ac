//! Services: what a swarm is to run, and where it is reached.

use headcount_discoverer::address::host_port;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Targets, name};
use crate::docker_api::{Labels, Networks, Texts, or_default, prefix_address};

/// A service, as `/services` has it: what becomes labels, and nothing else.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Service {
    #[serde(rename = "ID", deserialize_with = "or_default")]
    pub(super) id: String,
    #[serde(deserialize_with = "or_default")]
    spec: Spec,
    #[serde(deserialize_with = "or_default")]
    endpoint: Endpoint,
    update_status: Option<UpdateStatus>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Spec {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    labels: Texts,
    #[serde(deserialize_with = "or_default")]
    task_template: TaskTemplate,
    #[serde(deserialize_with = "or_default")]
    mode: Mode,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct TaskTemplate {
    /// A service of plugins, or of attachments to a network, has none.
    container_spec: Option<ContainerSpec>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ContainerSpec {
    #[serde(deserialize_with = "or_default")]
    image: String,
    #[serde(deserialize_with = "or_default")]
    hostname: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Mode {
    global: Option<IgnoredAny>,
    replicated: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Endpoint {
    #[serde(deserialize_with = "or_default")]
    ports: Vec<Port>,
    #[serde(rename = "VirtualIPs", deserialize_with = "or_default")]
    virtual_ips: Vec<VirtualIp>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct VirtualIp {
    #[serde(rename = "NetworkID", deserialize_with = "or_default")]
    network_id: String,
    #[serde(rename = "Addr", deserialize_with = "or_default")]
    address: String,
}

/// A port of a service, or of a task on its node.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Port {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    protocol: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) published_port: u16,
    #[serde(deserialize_with = "or_default")]
    pub(super) publish_mode: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct UpdateStatus {
    #[serde(deserialize_with = "or_default")]
    state: String,
}

impl Port {
    pub(super) fn is_tcp(&self) -> bool {
        self.protocol == "tcp"
    }
}

impl Service {
    /// The TCP ports under which it is reached.
    pub(super) fn ports(&self) -> impl Iterator<Item = &Port> {
        self.endpoint.ports.iter().filter(|port| port.is_tcp())
    }

    /// The labels that its tasks have, too.
    pub(super) fn put(&self, labels: &mut Labels) {
        let mode = match &self.spec.mode {
            Mode { global: Some(_), .. } => "global",
            Mode {
                replicated: Some(_), ..
            } => "replicated",
            _ => "",
        };
        labels.put(&name("service_id"), &self.id);
        labels.put(&name("service_name"), &self.spec.name);
        labels.put(&name("service_mode"), mode);
        labels.put_texts(&name("service_label_"), &self.spec.labels);
    }

    /// The labels of the service itself.
    fn put_own(&self, labels: &mut Labels) {
        if let Some(container) = &self.spec.task_template.container_spec {
            labels.put(&name("service_task_container_hostname"), &container.hostname);
            labels.put(&name("service_task_container_image"), &container.image);
        }
        if let Some(update) = &self.update_status {
            labels.put(&name("service_updating_status"), &update.state);
        }
    }
}

/// Adds a target for each virtual address of each service and each of its TCP ports.
pub(super) fn add(targets: &mut Targets, services: &[Service], networks: &Networks, port: u16) {
    for service in services {
        let mut common = Labels::default();
        service.put(&mut common);
        service.put_own(&mut common);
        if service.endpoint.virtual_ips.is_empty() {
            targets.skipped += 1;
        }
        for virtual_ip in &service.endpoint.virtual_ips {
            let ip = prefix_address(&virtual_ip.address);
            let of_network = |labels: &mut Labels| {
                labels.put_all(Some(&common));
                labels.put_all(networks.get(&virtual_ip.network_id));
            };
            let mut ports = service.ports().peekable();
            let Some(ip) = ip.filter(|_| ports.peek().is_some()) else {
                let ip = prefix_address(&virtual_ip.address);
                targets.add(ip.map(|ip| host_port(&ip, port)), of_network);
                continue;
            };
            for port in ports {
                targets.add(Some(host_port(&ip, port.published_port)), |labels| {
                    labels.put(&name("service_endpoint_port_name"), &port.name);
                    labels.put(&name("service_endpoint_port_publish_mode"), &port.publish_mode);
                    of_network(labels);
                });
            }
        }
    }
}
