//! Instances: `/instance/v1` of <https://www.scaleway.com/en/developers/api/instance/>, and where their private networks
//! have them, `/ipam/v1` of <https://www.scaleway.com/en/developers/api/ipam/>.

use std::collections::BTreeMap;
use std::fmt::Write;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::rest::ReadError;
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use super::{Asker, PLAIN};
use crate::answers::{Flag, List, Number, Object, Text, list as joined, put};

/// Of so many interfaces the addresses are asked for at a time, which makes a URL of two to three thousand letters.
const INTERFACES: usize = 50;

/// An instance.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Instance {
    id: Text,
    name: Text,
    hostname: Text,
    organization: Text,
    project: Text,
    state: Text,
    boot_type: Text,
    commercial_type: Text,
    zone: Text,
    tags: List<Text>,
    image: Object<Image>,
    location: Object<Location>,
    security_group: Object<SecurityGroup>,
    public_ips: List<Object<Address>>,
    public_ip: Object<Address>,
    ipv6: Object<Address>,
    private_ip: Text,
    private_nics: List<Object<Interface>>,
    /// The address that a private network gave it, if that is all it has.
    #[serde(skip)]
    in_network: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Image {
    id: Text,
    name: Text,
    arch: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    cluster_id: Text,
    hypervisor_id: Text,
    node_id: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SecurityGroup {
    id: Text,
    name: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    address: Text,
    family: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Interface {
    id: Text,
}

#[derive(Deserialize)]
struct Servers {
    servers: Vec<Object<Instance>>,
}

impl super::List for Servers {
    type Item = Instance;

    fn into_parts(self) -> (Vec<Object<Instance>>, Option<i64>) {
        (self.servers, None)
    }
}

/// An address that IPAM knows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Known {
    /// With the length of its network's prefix.
    address: Text,
    is_ipv6: Flag,
    resource: Object<Interface>,
}

#[derive(Deserialize)]
struct Ips {
    ips: Vec<Object<Known>>,
    #[serde(default)]
    total_count: Number,
}

impl super::List for Ips {
    type Item = Known;

    fn into_parts(self) -> (Vec<Object<Known>>, Option<i64>) {
        (self.ips, self.total_count.0)
    }
}

/// The instances that have an address, and how many have none.
pub(super) async fn list(asker: &Asker<'_>) -> Result<(Vec<Instance>, usize), ReadError> {
    let settings = asker.settings;
    let mut query = asker.filters("order=creation_date_desc", "project");
    if !settings.tags.is_empty() {
        let tags = settings.tags.join(",");
        write!(query, "&tags={}", utf8_percent_encode(&tags, PLAIN)).ok();
    }
    let path = format!("/instance/v1/zones/{}/servers", settings.zone);
    let all = asker.pages::<Servers>(&path, &query, "per_page").await?;
    let count = all.len();
    let mut instances: Vec<Instance> = all.into_iter().filter_map(|one| one.0).collect();
    let lost: Vec<&Instance> = instances.iter().filter(|one| one.legacy_address().is_empty()).collect();
    let interfaces: Vec<&str> = lost.iter().flat_map(|one| one.interfaces()).collect();
    let known = in_networks(asker, &interfaces).await?;
    for instance in &mut instances {
        if instance.legacy_address().is_empty() {
            let found = instance.interfaces().find_map(|id| known.get(id));
            instance.in_network = found.cloned().unwrap_or_default();
        }
    }
    instances.retain(|one| !one.address().is_empty());
    let skipped = count.saturating_sub(instances.len());
    Ok((instances, skipped))
}

/// The IPv4 addresses of these interfaces.
async fn in_networks(asker: &Asker<'_>, interfaces: &[&str]) -> Result<BTreeMap<String, String>, ReadError> {
    // A zone is its region and a number.
    let region = asker.settings.zone.rsplit_once('-').map_or("", |(region, _)| region);
    let path = format!("/ipam/v1/regions/{region}/ips");
    let mut found = BTreeMap::new();
    for some in interfaces.chunks(INTERFACES) {
        let mut query = "?resource_types=instance_private_nic".to_owned();
        for id in some {
            write!(query, "&resource_ids={}", utf8_percent_encode(id, PLAIN)).ok();
        }
        let ips = asker.pages::<Ips>(&path, &query, "page_size").await?;
        for ip in ips.into_iter().filter_map(|ip| ip.0).filter(|ip| !ip.is_ipv6.0) {
            let address = ip.address.as_str().split('/').next().unwrap_or_default();
            if let Some(resource) = ip.resource.0.filter(|_| !address.is_empty()) {
                found.insert(resource.id.0, address.to_owned());
            }
        }
    }
    Ok(found)
}

impl Instance {
    /// Where Prometheus finds it without IPAM.
    fn legacy_address(&self) -> &str {
        let addresses = [
            Some(self.private_ip.as_str()),
            self.public_ip.0.as_ref().map(|public| public.address.as_str()),
            self.ipv6.0.as_ref().map(|ipv6| ipv6.address.as_str()),
        ];
        let mut addresses = addresses.into_iter().flatten();
        addresses.find(|address| !address.is_empty()).unwrap_or_default()
    }

    fn address(&self) -> &str {
        let routed = ["inet", "inet6"].map(|family| self.routed(family).next().unwrap_or_default());
        let [ipv4, ipv6] = routed;
        let mut addresses = [self.legacy_address(), &self.in_network, ipv4, ipv6].into_iter();
        addresses.find(|address| !address.is_empty()).unwrap_or_default()
    }

    fn interfaces(&self) -> impl Iterator<Item = &str> {
        let interfaces = self.private_nics.0.iter().filter_map(|one| one.0.as_ref());
        interfaces.map(|one| one.id.as_str()).filter(|id| !id.is_empty())
    }

    /// The public addresses of a family.
    fn routed(&self, family: &str) -> impl Iterator<Item = &str> {
        let addresses = self.public_ips.0.iter().filter_map(|one| one.0.as_ref());
        let addresses = addresses.filter(move |one| one.family.as_str() == family);
        addresses
            .map(|one| one.address.as_str())
            .filter(|address| !address.is_empty())
    }

    /// Adds its target to the open group.
    pub(super) fn encode(&self, port: u16, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        batch.begin_target()?;
        put(batch, "__address__", &host_port(self.address(), port))?;
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_scaleway_instance_{name}"), value);
        label("boot_type", self.boot_type.as_str())?;
        label("hostname", self.hostname.as_str())?;
        label("id", self.id.as_str())?;
        if let Some(image) = &self.image.0 {
            label("image_arch", image.arch.as_str())?;
            label("image_id", image.id.as_str())?;
            label("image_name", image.name.as_str())?;
        }
        if let Some(location) = &self.location.0 {
            label("location_cluster_id", location.cluster_id.as_str())?;
            label("location_hypervisor_id", location.hypervisor_id.as_str())?;
            label("location_node_id", location.node_id.as_str())?;
        }
        label("name", self.name.as_str())?;
        label("organization_id", self.organization.as_str())?;
        let private = if self.private_ip.as_str().is_empty() {
            &self.in_network
        } else {
            self.private_ip.as_str()
        };
        label("private_ipv4", private)?;
        label("project_id", self.project.as_str())?;
        if let Some(public) = self
            .public_ip
            .0
            .as_ref()
            .filter(|public| public.family.as_str() != "inet6")
        {
            label("public_ipv4", public.address.as_str())?;
        }
        if let Some(ipv6) = &self.ipv6.0 {
            label("public_ipv6", ipv6.address.as_str())?;
        }
        label("public_ipv4_addresses", &joined(self.routed("inet")))?;
        label("public_ipv6_addresses", &joined(self.routed("inet6")))?;
        if let Some((region, _)) = self.zone.as_str().rsplit_once('-') {
            label("region", region)?;
        }
        if let Some(group) = &self.security_group.0 {
            label("security_group_id", group.id.as_str())?;
            label("security_group_name", group.name.as_str())?;
        }
        label("status", self.state.as_str())?;
        label("tags", &joined(self.tags.0.iter().map(Text::as_str)))?;
        label("type", self.commercial_type.as_str())?;
        label("zone", self.zone.as_str())
    }
}
