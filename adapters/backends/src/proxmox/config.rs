//! What is set for a guest: its network interfaces, with the addresses that are given to it, and its operating system
//! (<https://pve.proxmox.com/pve-docs/qm.conf.5.html>, <https://pve.proxmox.com/pve-docs/pct.conf.5.html>).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::address::Addresses;
use crate::answers::Scalar;

/// The most interfaces that a guest can have is 32; numbers beyond that name something else.
const MOST: u32 = 32;

/// A guest's settings, by name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Config(BTreeMap<String, Scalar>);

impl Config {
    /// The same without what nobody asks for, as it is kept.
    pub(super) fn of_interest(mut self) -> Self {
        let starts = ["agent", "hostname", "ipconfig", "net", "ostype"];
        self.0
            .retain(|name, _| starts.iter().any(|start| name.starts_with(start)));
        self
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map(Scalar::as_str).unwrap_or_default()
    }

    /// Whether the agent of a virtual machine is said to be there (`1`, `enabled=1,type=virtio`).
    pub(super) fn has_agent(&self) -> bool {
        let mut options = self.text("agent").split(',');
        options.any(|option| matches!(option, "1" | "enabled=1"))
    }

    /// The hardware addresses of its interfaces, in their order and in small letters.
    pub(super) fn hardware(&self) -> Vec<String> {
        let nets = self.numbered("net").map(|(_, text)| text);
        nets.filter_map(hardware_address).collect()
    }

    /// The addresses that are set for it: in `net0` of a container, in `ipconfig0` of a machine that cloud-init sets up.
    pub(super) fn addresses(&self) -> Addresses {
        let mut addresses = Addresses::default();
        for (number, net) in self.numbered("net") {
            let name = option(net, "name").map_or_else(|| format!("net{number}"), str::to_owned);
            let ipconfig = self.text(&format!("ipconfig{number}"));
            for text in [net, ipconfig] {
                for option_name in ["ip", "ip6"] {
                    let address = option(text, option_name).unwrap_or_default();
                    // `dhcp`, `auto` and `manual` are none.
                    addresses.add(&name, address.split('/').next().unwrap_or_default());
                }
            }
        }
        addresses
    }

    fn numbered<'a>(&'a self, name: &'static str) -> impl Iterator<Item = (u32, &'a str)> {
        (0..MOST).filter_map(move |number| Some((number, self.0.get(&format!("{name}{number}"))?.as_str())))
    }
}

/// An option in a text such as `name=eth0,bridge=vmbr0`.
fn option<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut options = text.split(',').filter_map(|option| option.split_once('='));
    options.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// `virtio=BC:24:11:2E:C9:5A,bridge=vmbr0` of a machine, `hwaddr=BC:…` of a container.
fn hardware_address(text: &str) -> Option<String> {
    let is_address = |value: &str| value.len() == 17 && value.split(':').count() == 6;
    let mut values = text
        .split(',')
        .filter_map(|option| option.split_once('='))
        .map(|(_, value)| value);
    values.find(|value| is_address(value)).map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> Config {
        serde_json::from_str(json).expect("it can be read")
    }

    #[test]
    fn a_machine_has_its_addresses_from_cloud_init() {
        let found = config(
            r#"{"agent": "enabled=1,fstrim_cloned_disks=1", "net0": "virtio=BC:24:11:2E:C9:5A,bridge=vmbr0,firewall=1", "net10": "e1000=BC:24:11:00:00:01",
                "ipconfig0": "ip=10.0.0.5/24,gw=10.0.0.1,ip6=2001:db8::5/64", "ipconfig10": "ip=dhcp,ip6=auto", "sockets": 1, "net": {}}"#,
        );
        assert!(found.has_agent());
        assert_eq!(found.hardware(), ["bc:24:11:2e:c9:5a", "bc:24:11:00:00:01"]);
        let addresses = found.addresses();
        assert_eq!(
            (addresses.first_v4(), addresses.first_v6()),
            (Some("10.0.0.5"), Some("2001:db8::5"))
        );
        assert!(!config(r#"{"agent": 0}"#).has_agent() && config(r#"{"agent": 1}"#).has_agent());
    }

    #[test]
    fn a_container_has_its_addresses_in_its_interfaces() {
        let found = config(
            r#"{"net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:2E:C9:5B,ip=10.0.0.6/24,ip6=dhcp,type=veth", "ostype": "debian"}"#,
        );
        assert_eq!(found.hardware(), ["bc:24:11:2e:c9:5b"]);
        assert_eq!(found.addresses().first_v4(), Some("10.0.0.6"));
        assert_eq!(found.addresses().first_v6(), None);
    }
}
