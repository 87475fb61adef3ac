//! Dedicated servers: `/server` of <https://robot.hetzner.com/doc/webservice/en.html>, all at once.

use std::net::Ipv6Addr;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::rest::{Ask, ReadError};
use serde::Deserialize;

use crate::answers::{Flag, List, Object, Scalar, Text, get_json, put};

const URL: &str = "https://robot-ws.your-server.de/server";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    server: Object<Server>,
}

/// A server.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Server {
    server_ip: Text,
    server_number: Scalar,
    server_name: Text,
    dc: Text,
    status: Text,
    product: Text,
    cancelled: Flag,
    subnet: List<Object<Subnet>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Subnet {
    ip: Text,
    mask: Scalar,
}

/// The servers that have an address, and how many have none.
pub(super) async fn list(ask: &Ask<'_>) -> Result<(Vec<Server>, usize), ReadError> {
    let answer = ask.get(get_json(ask, URL)).await?;
    let entries: Vec<Object<Entry>> =
        crate::json::from_slice(&answer.body).map_err(|error| ReadError::answer(URL, error))?;
    let count = entries.len();
    let servers = entries.into_iter().filter_map(|entry| entry.0?.server.0);
    let servers: Vec<Server> = servers.filter(|server| !server.server_ip.as_str().is_empty()).collect();
    let skipped = count.saturating_sub(servers.len());
    Ok((servers, skipped))
}

impl Server {
    /// Adds its target to the open group.
    pub(super) fn encode(&self, port: u16, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        let datacenter = self.dc.as_str().to_lowercase();
        let mut subnets = self.subnet.0.iter().filter_map(|subnet| subnet.0.as_ref());
        let subnet = subnets.find(|subnet| subnet.ip.as_str().parse::<Ipv6Addr>().is_ok());
        let network = subnet.map(|subnet| format!("{}/{}", subnet.ip.as_str(), subnet.mask.as_str()));
        batch.begin_target()?;
        put(batch, "__address__", &host_port(self.server_ip.as_str(), port))?;
        put(batch, "__meta_hetzner_role", "robot")?;
        put(batch, "__meta_hetzner_datacenter", &datacenter)?;
        put(batch, "__meta_hetzner_public_ipv4", self.server_ip.as_str())?;
        put(
            batch,
            "__meta_hetzner_public_ipv6_network",
            &network.unwrap_or_default(),
        )?;
        put(
            batch,
            "__meta_hetzner_robot_cancelled",
            if self.cancelled.0 { "true" } else { "false" },
        )?;
        put(batch, "__meta_hetzner_robot_datacenter", &datacenter)?;
        put(batch, "__meta_hetzner_robot_product", self.product.as_str())?;
        put(batch, "__meta_hetzner_server_id", self.server_number.as_str())?;
        put(batch, "__meta_hetzner_server_name", self.server_name.as_str())?;
        put(batch, "__meta_hetzner_server_status", self.status.as_str())
    }
}
