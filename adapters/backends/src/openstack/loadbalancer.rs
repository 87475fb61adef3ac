//! Octavia's load balancers: a target for each that has a listener for Prometheus, at that listener's port.

use std::collections::BTreeMap;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::rest::{Ask, ReadError};
use serde::Deserialize;

use super::session::Service;
use super::{Listed, listing, network};
use crate::answers::{List, Number, Object, Text, put};

/// The protocol of listeners that say how their load balancer is.
const PROTOCOL: &str = "PROMETHEUS";

/// A load balancer, its port and its floating address.
pub(super) struct LoadBalancer {
    balancer: Balancer,
    port: u16,
    floating: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Balancer {
    id: Text,
    name: Text,
    vip_address: Text,
    vip_port_id: Text,
    provider: Text,
    operating_status: Text,
    provisioning_status: Text,
    availability_zone: Text,
    project_id: Text,
    tags: List<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Listener {
    protocol: Text,
    protocol_port: Number,
    loadbalancers: List<Object<Owner>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Owner {
    id: Text,
}

impl Listener {
    /// Whether it says which protocol it speaks and, if that is the one for Prometheus, of which load balancer it is.
    fn says_what_and_whose_it_is(&self) -> bool {
        let has_id = |owner: &Object<Owner>| owner.0.as_ref().is_some_and(|owner| !owner.id.as_str().is_empty());
        match self.protocol.as_str() {
            PROTOCOL => self.loadbalancers.0.iter().any(has_id),
            other => is_a_protocol(other),
        }
    }
}

/// Whether it can be the name of a protocol of Octavia's, as `TERMINATED_HTTPS` is one; more may come.
fn is_a_protocol(text: &str) -> bool {
    let is_upper = |letter: u8| letter.is_ascii_uppercase();
    let is_inner = |letter: u8| is_upper(letter) || letter.is_ascii_digit() || letter == b'_';
    text.bytes().next().is_some_and(is_upper) && text.bytes().all(is_inner)
}

/// All load balancers that can be scraped.
pub(super) async fn list(
    ask: &Ask<'_>,
    balancers: &Service,
    network: &Service,
) -> Result<Listed<Vec<LoadBalancer>>, ReadError> {
    let service = balancers.below("v2.0");
    let all: Vec<Option<Balancer>> = listing::all(ask, "loadbalancers", service.get("lbaas/loadbalancers")).await?;
    let listeners: Vec<Option<Listener>> = listing::all(ask, "listeners", service.get("lbaas/listeners")).await?;
    let mut floating = network::by_port(ask, network).await?;
    let mut ports: BTreeMap<String, u16> = BTreeMap::new();
    let (mut found, mut skipped) = (Vec::new(), 0_usize);
    for listener in listeners {
        let listener = listener.unwrap_or_default();
        if !listener.says_what_and_whose_it_is() {
            skipped = skipped.saturating_add(1);
        }
        if listener.protocol.as_str() != PROTOCOL {
            continue;
        }
        let port = listener.protocol_port.0.and_then(|port| u16::try_from(port).ok());
        for owner in listener.loadbalancers.0.into_iter().filter_map(|owner| owner.0) {
            // The first one counts.
            ports.entry(owner.id.0).or_insert(port.unwrap_or_default());
        }
    }
    for balancer in all {
        // One without an id is no listener's.
        let balancer = balancer.filter(|balancer| !balancer.id.as_str().is_empty());
        let port = balancer.as_ref().map(|balancer| ports.get(balancer.id.as_str()));
        match (balancer, port) {
            // Without such a listener it is none that anybody wants.
            (Some(_), Some(None)) => {}
            (Some(balancer), Some(Some(port))) if *port > 0 && !balancer.vip_address.as_str().is_empty() => {
                found.push(LoadBalancer {
                    port: *port,
                    floating: floating.remove(balancer.vip_port_id.as_str()),
                    balancer,
                });
            }
            _ => skipped = skipped.saturating_add(1),
        }
    }
    Ok(Listed { found, skipped })
}

impl LoadBalancer {
    /// Adds its target to the open group.
    pub(super) fn encode(&self, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        let Self {
            balancer,
            port,
            floating,
        } = self;
        let tags: Vec<&str> = balancer
            .tags
            .0
            .iter()
            .map(Text::as_str)
            .filter(|tag| !tag.is_empty())
            .collect();
        batch.begin_target()?;
        put(batch, "__address__", &host_port(balancer.vip_address.as_str(), port))?;
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_openstack_{name}"), value);
        label("loadbalancer_availability_zone", balancer.availability_zone.as_str())?;
        label("loadbalancer_floating_ip", floating.as_deref().unwrap_or_default())?;
        label("loadbalancer_id", balancer.id.as_str())?;
        label("loadbalancer_name", balancer.name.as_str())?;
        label("loadbalancer_operating_status", balancer.operating_status.as_str())?;
        label("loadbalancer_provider", balancer.provider.as_str())?;
        label(
            "loadbalancer_provisioning_status",
            balancer.provisioning_status.as_str(),
        )?;
        // Unlike other lists without a comma at its ends.
        label("loadbalancer_tags", &tags.join(","))?;
        label("loadbalancer_vip", balancer.vip_address.as_str())?;
        label("project_id", balancer.project_id.as_str())
    }
}
