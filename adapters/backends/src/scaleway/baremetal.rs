//! Bare-metal servers: `/baremetal/v1` of <https://www.scaleway.com/en/developers/api/elastic-metal/>.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::rest::ReadError;
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use super::{Asker, PLAIN};
use crate::answers::{List, Number, Object, Text, list as joined, put};

/// A server.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Server {
    id: Text,
    name: Text,
    status: Text,
    zone: Text,
    project_id: Text,
    offer_id: Text,
    install: Object<Install>,
    tags: List<Text>,
    ips: List<Object<Ip>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Install {
    os_id: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Ip {
    address: Text,
    version: Text,
}

/// An offer, or an operating system.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    id: Text,
    name: Text,
    version: Text,
}

macro_rules! list {
    ($name:ident, $field:ident, $item:ty) => {
        #[derive(Deserialize)]
        struct $name {
            $field: Vec<Object<$item>>,
            #[serde(default)]
            total_count: Number,
        }

        impl super::List for $name {
            type Item = $item;

            fn into_parts(self) -> (Vec<Object<$item>>, Option<i64>) {
                (self.$field, self.total_count.0)
            }
        }
    };
}

list!(Servers, servers, Server);
list!(Offers, offers, Named);
list!(Systems, os, Named);

/// What offers and systems are called, by their ids.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    offers: BTreeMap<String, String>,
    /// With their versions.
    systems: BTreeMap<String, (String, String)>,
}

/// The servers that have an address, and how many have none.
pub(super) async fn list(asker: &Asker<'_>) -> Result<(Vec<Server>, usize), ReadError> {
    let settings = asker.settings;
    let mut query = asker.filters("order_by=created_at_asc", "project_id");
    for tag in &settings.tags {
        // Nothing fails to be written into text.
        write!(query, "&tags={}", utf8_percent_encode(tag, PLAIN)).ok();
    }
    let path = format!("/baremetal/v1/zones/{}/servers", settings.zone);
    let all = asker.pages::<Servers>(&path, &query, "page_size").await?;
    let count = all.len();
    let servers = all.into_iter().filter_map(|one| one.0);
    let servers: Vec<Server> = servers.filter(|server| !server.address().is_empty()).collect();
    let skipped = count.saturating_sub(servers.len());
    Ok((servers, skipped))
}

/// What the offers and systems of these servers are called. They are listed when one is not known.
pub(super) async fn names(asker: &Asker<'_>, kept: &Mutex<Names>, servers: &[Server]) -> Result<Names, ReadError> {
    let mut names = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let zone = &asker.settings.zone;
    let offers = servers.iter().map(|server| server.offer_id.as_str());
    if offers
        .filter(|id| !id.is_empty())
        .any(|id| !names.offers.contains_key(id))
    {
        let path = format!("/baremetal/v1/zones/{zone}/offers");
        let all = asker.pages::<Offers>(&path, "?", "page_size").await?.into_iter();
        names.offers = all
            .filter_map(|one| one.0)
            .map(|offer| (offer.id.0, offer.name.0))
            .collect();
    }
    if servers
        .iter()
        .filter_map(Server::system)
        .any(|id| !names.systems.contains_key(id))
    {
        let path = format!("/baremetal/v1/zones/{zone}/os");
        let all = asker.pages::<Systems>(&path, "?", "page_size").await?.into_iter();
        let all = all.filter_map(|one| one.0);
        names.systems = all
            .map(|system| (system.id.0, (system.name.0, system.version.0)))
            .collect();
    }
    kept.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&names);
    Ok(names)
}

impl Server {
    /// Its first address of a version.
    fn ip(&self, version: &str) -> &str {
        let ips = self.ips.0.iter().filter_map(|ip| ip.0.as_ref());
        let ips = ips.filter(|ip| ip.version.as_str().eq_ignore_ascii_case(version));
        let mut addresses = ips.map(|ip| ip.address.as_str()).filter(|address| !address.is_empty());
        addresses.next().unwrap_or_default()
    }

    fn address(&self) -> &str {
        let [ipv4, ipv6] = ["IPv4", "IPv6"].map(|version| self.ip(version));
        if ipv4.is_empty() { ipv6 } else { ipv4 }
    }

    /// The id of its operating system.
    fn system(&self) -> Option<&str> {
        let install = self.install.0.as_ref()?;
        Some(install.os_id.as_str()).filter(|id| !id.is_empty())
    }

    /// Adds its target to the open group.
    pub(super) fn encode(&self, port: u16, names: &Names, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        batch.begin_target()?;
        put(batch, "__address__", &host_port(self.address(), port))?;
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_scaleway_baremetal_{name}"), value);
        label("id", self.id.as_str())?;
        label("name", self.name.as_str())?;
        if let Some((name, version)) = self.system().and_then(|id| names.systems.get(id)) {
            label("os_name", name)?;
            label("os_version", version)?;
        }
        label("project_id", self.project_id.as_str())?;
        label("public_ipv4", self.ip("IPv4"))?;
        label("public_ipv6", self.ip("IPv6"))?;
        label("status", self.status.as_str())?;
        label("tags", &joined(self.tags.0.iter().map(Text::as_str)))?;
        if let Some(offer) = names.offers.get(self.offer_id.as_str()) {
            label("type", offer)?;
        }
        label("zone", self.zone.as_str())
    }
}
