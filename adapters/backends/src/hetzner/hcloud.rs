//! The cloud: `/v1/servers` and `/v1/networks` of <https://docs.hetzner.cloud>, fifty a page, which is the most.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::rest::{Ask, Page, ReadError};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::answers::{List, Number, Object, Scalar, ShortMap, ShortScalar, ShortText, Text, get_json, put};
use crate::label_name::label_name;

const API: &str = "https://api.hetzner.cloud/v1";

/// All servers, and what their networks are called.
pub(super) struct Servers {
    servers: Vec<Option<Server>>,
    /// By id.
    networks: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Server {
    id: ShortScalar,
    name: ShortText,
    status: ShortText,
    public_net: Object<PublicNet>,
    private_net: List<Object<PrivateNet>>,
    server_type: Object<ServerType>,
    location: Object<Location>,
    /// In answers of before July 2026.
    datacenter: Object<Datacenter>,
    image: Object<Image>,
    labels: ShortMap,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PublicNet {
    ipv4: Object<Address>,
    ipv6: Object<Address>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    ip: ShortText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PrivateNet {
    network: ShortScalar,
    ip: ShortText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ServerType {
    name: ShortText,
    cores: ShortScalar,
    cpu_type: ShortText,
    memory: Number,
    disk: ShortScalar,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Datacenter {
    location: Object<Location>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    name: ShortText,
    network_zone: ShortText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Image {
    name: ShortText,
    description: ShortText,
    os_flavor: ShortText,
    os_version: ShortText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Network {
    id: Scalar,
    name: Text,
}

#[derive(Deserialize)]
struct ServerPage {
    servers: Vec<Object<Server>>,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct NetworkPage {
    networks: Vec<Object<Network>>,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    pagination: Option<Pagination>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pagination {
    next_page: Option<i64>,
}

/// All servers that have these labels.
pub(super) async fn list(ask: &Ask<'_>, label_selector: &str) -> Result<Servers, ReadError> {
    let mut url = format!("{API}/servers?");
    if !label_selector.is_empty() {
        url.push_str(&format!(
            "label_selector={}&",
            utf8_percent_encode(label_selector, NON_ALPHANUMERIC)
        ));
    }
    let servers = ask.pages(page(ask, &url, 1), |answer| {
        let found = server_page(&answer.body)?;
        Ok::<_, serde_json::Error>(Page {
            items: found.servers,
            next: next(ask, &url, found.meta),
        })
    });
    let servers = servers.await?.into_iter().map(|server| server.0).collect();
    let url = format!("{API}/networks?");
    let networks = ask.pages(page(ask, &url, 1), |answer| {
        let found: NetworkPage = crate::json::from_slice(&answer.body)?;
        Ok::<_, serde_json::Error>(Page {
            items: found.networks,
            next: next(ask, &url, found.meta),
        })
    });
    let networks = networks.await?.into_iter().filter_map(|network| network.0);
    let networks = networks.map(|network| (network.id.0, network.name.0)).collect();
    Ok(Servers { servers, networks })
}

fn server_page(body: &[u8]) -> serde_json::Result<ServerPage> {
    crate::json::from_slice(body)
}

/// What a page decodes to.
#[cfg(feature = "decoding")]
pub(crate) fn servers(body: &[u8]) -> serde_json::Result<Vec<impl Sized + use<>>> {
    server_page(body).map(|page| page.servers)
}

fn page(ask: &Ask<'_>, url: &str, number: i64) -> HttpRequest {
    get_json(ask, format!("{url}page={number}&per_page=50"))
}

fn next(ask: &Ask<'_>, url: &str, meta: Option<Meta>) -> Option<HttpRequest> {
    let number = meta?.pagination?.next_page?;
    Some(page(ask, url, number))
}

impl Servers {
    /// How many make no target.
    pub(super) fn skipped(&self) -> usize {
        let servers = self.servers.iter();
        servers
            .filter(|server| server.as_ref().and_then(Server::address).is_none())
            .count()
    }

    /// Adds the targets to the open group.
    pub(super) fn encode(&self, port: u16, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        for server in self.servers.iter().flatten() {
            if let Some(address) = server.address() {
                batch.begin_target()?;
                put(batch, "__address__", &host_port(&address, port))?;
                server.encode(batch)?;
                for network in server.private_net.0.iter().filter_map(|network| network.0.as_ref()) {
                    if let Some(name) = self.networks.get(network.network.as_str()) {
                        let label = label_name("__meta_hetzner_hcloud_private_ipv4_", name);
                        put(batch, &label, network.ip.as_str())?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Server {
    fn public(&self, version: impl Fn(&PublicNet) -> &Object<Address>) -> Option<&str> {
        let address = version(self.public_net.0.as_ref()?).0.as_ref()?;
        Some(address.ip.as_str()).filter(|ip| !ip.is_empty())
    }

    /// The public IPv4 address, the first private one, or the first one of the IPv6 network.
    fn address(&self) -> Option<String> {
        let private = || {
            let mut addresses = self.private_net.0.iter().filter_map(|network| network.0.as_ref());
            addresses.find_map(|network| Some(network.ip.as_str()).filter(|ip| !ip.is_empty()))
        };
        if let Some(address) = self.public(|net| &net.ipv4).or_else(private) {
            return Some(address.to_owned());
        }
        let network = self.public(|net| &net.ipv6)?;
        let start: Ipv6Addr = network.split('/').next()?.parse().ok()?;
        Some(Ipv6Addr::from_bits(start.to_bits() | 1).to_string())
    }

    fn encode(&self, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        put(batch, "__meta_hetzner_role", "hcloud")?;
        put(batch, "__meta_hetzner_server_id", self.id.as_str())?;
        put(batch, "__meta_hetzner_server_name", self.name.as_str())?;
        put(batch, "__meta_hetzner_server_status", self.status.as_str())?;
        put(
            batch,
            "__meta_hetzner_public_ipv4",
            self.public(|net| &net.ipv4).unwrap_or_default(),
        )?;
        let network = self.public(|net| &net.ipv6).unwrap_or_default();
        put(batch, "__meta_hetzner_public_ipv6_network", network)?;
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_hetzner_hcloud_{name}"), value);
        let former = self
            .datacenter
            .0
            .as_ref()
            .and_then(|datacenter| datacenter.location.0.as_ref());
        if let Some(location) = self.location.0.as_ref().or(former) {
            for prefix in ["location", "datacenter_location"] {
                label(prefix, location.name.as_str())?;
                label(&format!("{prefix}_network_zone"), location.network_zone.as_str())?;
            }
        }
        if let Some(kind) = &self.server_type.0 {
            label("server_type", kind.name.as_str())?;
            label("cpu_cores", kind.cores.as_str())?;
            label("cpu_type", kind.cpu_type.as_str())?;
            label(
                "memory_size_gb",
                &kind.memory.0.map(|memory| memory.to_string()).unwrap_or_default(),
            )?;
            label("disk_size_gb", kind.disk.as_str())?;
        }
        if let Some(image) = &self.image.0 {
            label("image_name", image.name.as_str())?;
            label("image_description", image.description.as_str())?;
            label("image_os_flavor", image.os_flavor.as_str())?;
            label("image_os_version", image.os_version.as_str())?;
        }
        for (key, value) in &self.labels.0 {
            label(&label_name("label_", key), value.as_str())?;
            label(&label_name("labelpresent_", key), "true")?;
        }
        Ok(())
    }
}
