//! Neutron: which floating address leads to which fixed one.

use std::collections::{BTreeMap, BTreeSet};

use headcount_discoverer::rest::{Ask, ReadError};
use serde::Deserialize;

use super::listing;
use super::session::Service;
use crate::answers::{Object, Text};

/// The floating addresses that lead somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Floating {
    /// By the device and its fixed address.
    by_device: BTreeMap<(String, String), String>,
    all: BTreeSet<String>,
}

impl Floating {
    /// The floating address of a device's fixed one.
    pub(super) fn of(&self, device: &str, fixed: &str) -> Option<&str> {
        let key = (device.to_owned(), fixed.to_owned());
        self.by_device.get(&key).map(String::as_str)
    }

    /// Whether this is a floating address.
    pub(super) fn has(&self, address: &str) -> bool {
        self.all.contains(address)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Address {
    floating_ip_address: Text,
    fixed_ip_address: Text,
    port_id: Text,
    /// Newer clouds say this.
    port_details: Object<Port>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Port {
    id: Text,
    device_id: Text,
}

/// By device and fixed address.
pub(super) async fn by_device(ask: &Ask<'_>, network: &Service) -> Result<Floating, ReadError> {
    let mut addresses = addresses(ask, network).await?;
    addresses.retain(|address| !address.port_id.as_str().is_empty() && !address.fixed_ip_address.as_str().is_empty());
    let mut devices = BTreeMap::new();
    if addresses.iter().any(|address| address.port_details.0.is_none()) {
        let ports = network.below("v2.0").get("ports?fields=id&fields=device_id");
        let ports: Vec<Option<Port>> = listing::all(ask, "ports", ports).await?;
        devices = ports
            .into_iter()
            .flatten()
            .map(|port| (port.id.0, port.device_id.0))
            .collect();
    }
    let mut floating = Floating::default();
    for address in addresses {
        let device = match address.port_details.0 {
            Some(port) => Some(port.device_id.0),
            None => devices.get(address.port_id.as_str()).cloned(),
        };
        // A port that nobody knows is one of another project, or is gone by now.
        let Some(device) = device else { continue };
        let key = (device, address.fixed_ip_address.0);
        floating.all.insert(address.floating_ip_address.0.clone());
        floating.by_device.insert(key, address.floating_ip_address.0);
    }
    Ok(floating)
}

/// By port.
pub(super) async fn by_port(ask: &Ask<'_>, network: &Service) -> Result<BTreeMap<String, String>, ReadError> {
    let addresses = addresses(ask, network).await?.into_iter();
    let addresses = addresses.filter(|address| !address.port_id.as_str().is_empty());
    Ok(addresses
        .map(|address| (address.port_id.0, address.floating_ip_address.0))
        .collect())
}

async fn addresses(ask: &Ask<'_>, network: &Service) -> Result<Vec<Address>, ReadError> {
    let request = network.below("v2.0").get("floatingips");
    let found: Vec<Option<Address>> = listing::all(ask, "floatingips", request).await?;
    Ok(found.into_iter().flatten().collect())
}
