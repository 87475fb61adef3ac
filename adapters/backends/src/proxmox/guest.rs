//! Guests, as the cluster lists them, and their labels.

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use serde::Deserialize;

use super::address::Addresses;
use super::config::Config;
use crate::answers::{List, Object, Scalar, Text, list, put};
use crate::label_name::label_name;

/// A virtual machine or container
/// (<https://pve.proxmox.com/pve-docs/api-viewer/index.html#/cluster/resources>).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Guest {
    pub(super) r#type: Text,
    pub(super) vmid: Scalar,
    pub(super) node: Text,
    pub(super) status: Text,
    pub(super) template: Scalar,
    name: Text,
    pool: Text,
    /// Divided by `;`, or by what else the cluster was told to.
    tags: Text,
    maxcpu: Scalar,
    maxmem: Scalar,
}

/// What a guest's agent, or the container itself, says of an interface.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Interface {
    name: Text,
    #[serde(alias = "hwaddr", rename = "hardware-address")]
    hardware: Text,
    /// With a prefix, of older containers.
    inet: Text,
    inet6: Text,
    #[serde(rename = "ip-addresses")]
    addresses: List<Object<Address>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    #[serde(rename = "ip-address")]
    address: Text,
}

/// A guest with what is known of it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) guest: Guest,
    pub(super) addresses: Addresses,
    pub(super) config: Config,
}

impl Guest {
    /// Whether it is a machine and not what machines are made of.
    pub(super) fn is_machine(&self) -> bool {
        matches!(self.r#type.as_str(), "qemu" | "lxc") && self.template.as_str() != "1"
    }

    /// Whether it does not say what it is.
    pub(super) fn is_nonsense(&self) -> bool {
        self.r#type.as_str().is_empty()
    }

    pub(super) fn is_running(&self) -> bool {
        self.status.as_str() == "running"
    }

    pub(super) fn is_container(&self) -> bool {
        self.r#type.as_str() == "lxc"
    }
}

/// The addresses of the interfaces with these hardware addresses, in that order, and where there are none of all. What a
/// guest makes within itself, such as the bridges of its containers, is not what it is reached at.
pub(super) fn addresses(interfaces: &[Interface], hardware: &[String]) -> Addresses {
    let is = |interface: &&Interface, wanted: &String| interface.hardware.as_str().eq_ignore_ascii_case(wanted);
    let own = hardware
        .iter()
        .flat_map(|wanted| interfaces.iter().filter(move |interface| is(interface, wanted)));
    let mut found = of_interfaces(own);
    if found.is_empty() {
        found = of_interfaces(interfaces.iter());
    }
    found
}

fn of_interfaces<'a>(interfaces: impl Iterator<Item = &'a Interface>) -> Addresses {
    let mut found = Addresses::default();
    for interface in interfaces {
        let listed = interface.addresses.0.iter().filter_map(|address| address.0.as_ref());
        let listed = listed.map(|address| address.address.as_str());
        for text in listed.chain([interface.inet.as_str(), interface.inet6.as_str()]) {
            found.add(interface.name.as_str(), text.split('/').next().unwrap_or_default());
        }
    }
    found
}

impl Known {
    /// Adds it to the open group, if it has an address.
    pub(super) fn encode(&self, port: u16, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        let Some(address) = self.addresses.first() else {
            return Ok(());
        };
        let (guest, config) = (&self.guest, &self.config);
        batch.begin_target()?;
        put(batch, "__address__", &host_port(address, port))?;
        let tags = guest.tags.as_str().split([';', ',', ' ']).filter(|tag| !tag.is_empty());
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_proxmox_{name}"), value);
        label("vmid", guest.vmid.as_str())?;
        label("name", guest.name.as_str())?;
        label("type", guest.r#type.as_str())?;
        label("node", guest.node.as_str())?;
        label("status", guest.status.as_str())?;
        label("pool", guest.pool.as_str())?;
        label("tags", &list(tags))?;
        label("cpus", guest.maxcpu.as_str())?;
        label("memory_bytes", guest.maxmem.as_str())?;
        label("os_type", config.text("ostype"))?;
        label("hostname", config.text("hostname"))?;
        label("ipv4", self.addresses.first_v4().unwrap_or_default())?;
        label("ipv6", self.addresses.first_v6().unwrap_or_default())?;
        for (family, is_v4) in [("ipv4", true), ("ipv6", false)] {
            let all = self.addresses.of_family(is_v4).map(|(_, address)| address);
            label(&format!("{family}_addresses"), &list(all))?;
            // The first of each interface.
            let mut last = None;
            for (interface, address) in self.addresses.of_family(is_v4) {
                if last.replace(interface) != Some(interface) {
                    label(&label_name(&format!("interface_{family}_"), interface), address)?;
                }
            }
        }
        Ok(())
    }
}
