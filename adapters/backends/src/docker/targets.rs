//! From containers to targets.

use std::collections::HashMap;

use headcount_discoverer::address::host_port;

use super::container::{Attached, Container, NamedNetworks, Port};
use super::{DockerSd, PREFIX};
use crate::docker_api::{Labels, Networks, address};

/// The labels of all targets, and how many containers or networks of containers have no address, or no name.
pub(super) fn targets(settings: &DockerSd, containers: &[Container], networks: &Networks) -> (Vec<Labels>, usize) {
    let by_id: HashMap<&str, &Container> = containers
        .iter()
        .map(|container| (container.id.as_str(), container))
        .collect();
    let mut targets = Targets {
        settings,
        networks,
        found: Vec::new(),
        skipped: 0,
    };
    for container in containers {
        targets.add(container, attached(container, &by_id));
    }
    (targets.found, targets.skipped)
}

/// The networks that a container has: its own, or those of the container whose it has, and so on.
fn attached<'c>(container: &'c Container, by_id: &HashMap<&str, &'c Container>) -> &'c NamedNetworks {
    let mut at = container;
    // More steps than there are containers go round in a circle.
    for _ in 0..by_id.len() {
        if !at.networks().is_empty() {
            break;
        }
        match at.borrows_from().and_then(|id| by_id.get(id)) {
            Some(other) => at = other,
            None => break,
        }
    }
    at.networks()
}

struct Targets<'a> {
    settings: &'a DockerSd,
    networks: &'a Networks,
    found: Vec<Labels>,
    skipped: usize,
}

impl Targets<'_> {
    fn add(&mut self, container: &Container, attached: &NamedNetworks) {
        let Some(common) = common(container) else {
            self.skipped += 1;
            return;
        };
        let most = match self.settings.match_first_network {
            true => 1,
            false => usize::MAX,
        };
        let mut any = false;
        for network in attached.values().flatten().take(most) {
            any = true;
            self.add_in(container, &common, network);
        }
        if !any {
            self.skipped += 1;
        }
    }

    /// Adds the targets of a container in one network.
    fn add_in(&mut self, container: &Container, common: &Labels, network: &Attached) {
        let ip = address(&network.ip).or_else(|| address(&network.ipv6));
        let of_network = |address: String, port: Option<&Port>| {
            let mut labels = Labels::default();
            labels.put("__address__", &address);
            labels.put(&name("network_ip"), ip.as_deref().unwrap_or_default());
            if let Some(port) = port {
                put_port(&mut labels, port);
            }
            labels.put_all(Some(common));
            labels.put_all(self.networks.get(&network.network_id));
            labels
        };
        let ports = container.ports.iter().filter(|port| port.kind == "tcp" && ip.is_some());
        let mut targets: Vec<Labels> = ports
            .map(|port| {
                let ip = ip.as_deref().unwrap_or_default();
                of_network(host_port(ip, port.private_port), Some(port))
            })
            .collect();
        if targets.is_empty() {
            let address = match (&ip, container.network_mode()) {
                (_, "host") => Some(self.settings.host_networking_host.clone()).filter(|host| !host.is_empty()),
                (Some(ip), _) => Some(host_port(ip, self.settings.port)),
                (None, _) => None,
            };
            match address {
                Some(address) => targets.push(of_network(address, None)),
                None => self.skipped += 1,
            }
        }
        self.found.append(&mut targets);
    }
}

/// The labels of a container; none for one without a name, which is on its way out.
fn common(container: &Container) -> Option<Labels> {
    let mut labels = Labels::default();
    labels.put(&name("container_id"), &container.id);
    labels.put(&name("container_name"), &container.names.first()?.0);
    labels.put(&name("container_network_mode"), container.network_mode());
    labels.put(&name("container_image"), &container.image);
    labels.put(&name("container_image_id"), &container.image_id);
    labels.put_texts(&name("container_label_"), &container.labels);
    Some(labels)
}

fn put_port(labels: &mut Labels, port: &Port) {
    labels.put(&name("port_private"), &port.private_port.to_string());
    if port.public_port > 0 {
        labels.put(&name("port_public"), &port.public_port.to_string());
        labels.put(&name("port_public_ip"), &address(&port.ip).unwrap_or_default());
    }
}

fn name(of: &str) -> String {
    format!("{PREFIX}{of}")
}
