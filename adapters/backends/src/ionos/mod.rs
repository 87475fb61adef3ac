//! `ionos_sd_configs`: the servers of a virtual data center of IONOS Cloud.
//!
//! Each `refresh_interval` all of them are listed with their network interfaces and volumes
//! (`/datacenters/ID/servers?depth=3` of <https://api.ionos.com/docs/cloud/v6/>), in pages of 1,000. Labels and the one
//! source, `ionos`, are Prometheus's, and relabelling rules may depend on its order of addresses: **the address is the first
//! one of the last interface**, and `server_ip` names those of the last interface first. A list that can't be had as a
//! whole changes nothing.
//!
//! Otherwise than in Prometheus there is no end after 1,000 servers, and a server without an address, which makes no
//! target there either, is counted.

mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, Page, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::answers::{List, Object, Scalar, Text, get_json, put};
use crate::label_name::label_name;

pub use settings::IonosSd;

const API: &str = "https://api.ionos.com/cloudapi/v6";
/// What the targets' group is known by.
const SOURCE: &str = "ionos";
/// As many servers as a page has.
const PAGE: usize = 1000;
/// What Prometheus calls an interface that has no name.
const UNNAMED: &str = "unnamed";

const SKIPPED: Definition = Definition {
    name: "headcount_sd_ionos_skipped_servers_total",
    help: "Servers that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct Ionos(Arc<IonosSd>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Server {
    id: Text,
    metadata: Object<Metadata>,
    properties: Object<Properties>,
    entities: Object<Entities>,
    /// The id of the list that it stands in.
    #[serde(skip)]
    servers_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    state: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Properties {
    name: Text,
    availability_zone: Text,
    cpu_family: Text,
    vm_state: Text,
    r#type: Text,
    boot_cdrom: Object<Reference>,
    boot_volume: Object<Reference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reference {
    id: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entities {
    nics: Object<Collection<Nic>>,
    volumes: Object<Collection<Volume>>,
}

#[derive(Debug, Deserialize)]
struct Collection<T> {
    #[serde(default)]
    items: List<Object<Entity<T>>>,
}

#[derive(Debug, Deserialize)]
struct Entity<T> {
    #[serde(default)]
    properties: Object<T>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Nic {
    name: Option<Text>,
    ips: List<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Volume {
    image: Text,
}

#[derive(Deserialize)]
struct Answer {
    id: Scalar,
    /// Absent where there are none.
    #[serde(default)]
    items: Vec<Object<Server>>,
}

impl Rest for Ionos {
    type Part = Whole;
    type Found = Vec<Server>;
    const READING: &'static str = "listing the servers of IONOS";

    fn client(&self) -> &HttpClientSettings {
        &self.0.common.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Vec<Server>>, ReadError> {
        let datacenter = utf8_percent_encode(&self.0.datacenter_id, NON_ALPHANUMERIC).to_string();
        let datacenter = datacenter.replace("%2D", "-");
        let page = |offset: usize| -> HttpRequest {
            let url = format!("{API}/datacenters/{datacenter}/servers?depth=3&limit={PAGE}&offset={offset}");
            get_json(ask, url)
        };
        let mut count = 0_usize;
        let all = ask.pages(page(0), |answer| {
            let found: Answer = crate::json::from_slice(&answer.body)?;
            let is_full = found.items.len() >= PAGE;
            count = count.saturating_add(found.items.len());
            let servers = found.items.into_iter().map(|mut server| {
                if let Some(server) = &mut server.0 {
                    server.servers_id.clone_from(&found.id.0);
                }
                server
            });
            Ok::<_, serde_json::Error>(Page {
                items: servers.collect(),
                next: is_full.then(|| page(count)),
            })
        });
        let servers = all.await?.into_iter().filter_map(|server| server.0);
        let servers: Vec<Server> = servers.filter(|server| !server.addresses().is_empty()).collect();
        let skipped = count.saturating_sub(servers.len());
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(servers))
    }

    fn encode(&self, _part: &Whole, found: Vec<Server>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(SOURCE)?;
        for server in &found {
            server.encode(self.0.common.port, batch)?;
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == SOURCE
    }
}

impl Server {
    /// The interfaces' names and addresses, the last one first.
    fn interfaces(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        let nics = self.entities.0.iter().filter_map(|entities| entities.nics.0.as_ref());
        let nics = nics.flat_map(|nics| nics.items.0.iter().rev());
        let nics = nics.filter_map(|nic| nic.0.as_ref()?.properties.0.as_ref());
        nics.map(|nic| {
            let name = nic.name.as_ref().map_or(UNNAMED, Text::as_str);
            let addresses = nic.ips.0.iter().map(Text::as_str).filter(|address| !address.is_empty());
            (name, addresses.collect())
        })
    }

    fn addresses(&self) -> Vec<&str> {
        self.interfaces().flat_map(|(_, addresses)| addresses).collect()
    }

    /// Adds its target to the open group.
    fn encode(&self, port: u16, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        let addresses = self.addresses();
        let Some(first) = addresses.first() else {
            return Ok(());
        };
        batch.begin_target()?;
        put(batch, "__address__", &host_port(first, port))?;
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_ionos_server_{name}"), value);
        label("id", self.id.as_str())?;
        label("ip", &joined(&addresses))?;
        label("servers_id", &self.servers_id)?;
        let state = self.metadata.0.as_ref().map(|metadata| metadata.state.as_str());
        label("lifecycle", state.unwrap_or_default())?;
        if let Some(properties) = &self.properties.0 {
            let id = |reference: &Object<Reference>| reference.0.as_ref().map(|it| it.id.0.clone()).unwrap_or_default();
            label("availability_zone", properties.availability_zone.as_str())?;
            label("boot_cdrom_id", &id(&properties.boot_cdrom))?;
            label("boot_volume_id", &id(&properties.boot_volume))?;
            label("cpu_family", properties.cpu_family.as_str())?;
            label("name", properties.name.as_str())?;
            label("state", properties.vm_state.as_str())?;
            label("type", properties.r#type.as_str())?;
        }
        let volumes = self
            .entities
            .0
            .as_ref()
            .and_then(|entities| entities.volumes.0.as_ref());
        let volume = volumes.and_then(|volumes| volumes.items.0.first()?.0.as_ref()?.properties.0.as_ref());
        label(
            "boot_image_id",
            volume.map(|volume| volume.image.as_str()).unwrap_or_default(),
        )?;
        let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, addresses) in self.interfaces() {
            by_name.entry(name).or_default().extend(addresses);
        }
        for (name, addresses) in by_name {
            label(&label_name("nic_ip_", name), &joined(&addresses))?;
        }
        Ok(())
    }
}

/// With a comma before and after, also where there is nothing.
fn joined(addresses: &[&str]) -> String {
    format!(",{},", addresses.join(","))
}

#[cfg(test)]
mod tests;
