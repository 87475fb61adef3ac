//! Network interfaces and public addresses, which machines only refer to.

use std::collections::{BTreeMap, BTreeSet};

use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::in_parallel;
use headcount_discoverer::rest::ReadError;
use serde::Deserialize;

use super::{CACHE_HITS, Site};
use crate::answers::{Flag, List, Object, ShortText};

/// The versions of the network API: that of interfaces and addresses, and the only one that knows those of scale sets
/// (<https://learn.microsoft.com/rest/api/virtualnetwork/network-interface-in-vm-ss>).
const VERSION: &str = "2023-05-01";
const OF_SETS: &str = "2018-10-01";
/// How many interfaces are asked for by themselves at a time.
const AT_ONCE: usize = 10;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Interface {
    id: ShortText,
    properties: Object<Properties>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Properties {
    primary: Option<Flag>,
    ip_configurations: List<Object<Configuration>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Configuration {
    properties: Object<Addresses>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Addresses {
    #[serde(rename = "privateIPAddress")]
    private: ShortText,
    #[serde(rename = "publicIPAddress")]
    public: Object<Public>,
}

/// A public address; where it is only referred to, it has an id alone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Public {
    id: ShortText,
    properties: Object<PublicProperties>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct PublicProperties {
    #[serde(rename = "ipAddress")]
    address: ShortText,
}

/// What is known of interfaces and public addresses, by their ids, in which case does not matter.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    interfaces: BTreeMap<String, Interface>,
    public: BTreeMap<String, String>,
}

impl Interface {
    /// Whether it is the primary one of its machine; nothing if it does not say.
    pub(super) fn is_primary(&self) -> Option<bool> {
        match &self.properties.0 {
            // As one that is not the primary one, which is what it is to Prometheus.
            None => Some(false),
            Some(properties) => properties.primary.map(|primary| primary.0),
        }
    }

    /// The address at which it is reached in its network: the first that it has.
    pub(super) fn private_ip(&self) -> Option<&str> {
        let mut addresses = self.addresses().map(|addresses| addresses.private.as_str());
        addresses.find(|address| !address.is_empty())
    }

    /// The public address that belongs to it.
    fn public(&self) -> Option<&Public> {
        let with_address = |addresses: &&Addresses| !addresses.private.as_str().is_empty();
        self.addresses().find(with_address)?.public.0.as_ref()
    }

    fn addresses(&self) -> impl Iterator<Item = &Addresses> {
        let configurations = self
            .properties
            .0
            .iter()
            .flat_map(|properties| &properties.ip_configurations.0);
        configurations.filter_map(|configuration| configuration.0.as_ref()?.properties.0.as_ref())
    }
}

impl Interfaces {
    pub(super) fn get(&self, id: &str) -> Option<&Interface> {
        self.interfaces.get(&id.to_ascii_lowercase())
    }

    /// The public address of an interface; empty for none.
    pub(super) fn public_ip<'a>(&'a self, interface: &'a Interface) -> &'a str {
        let Some(public) = interface.public() else { return "" };
        let own = public
            .properties
            .0
            .as_ref()
            .map_or("", |properties| properties.address.as_str());
        match own {
            "" => self
                .public
                .get(&public.id.as_str().to_ascii_lowercase())
                .map_or("", String::as_str),
            own => own,
        }
    }

    /// Those of machines of their own: listed as the machines are, and one by one where they are elsewhere.
    pub(super) async fn of_machines(site: &Site<'_>, wanted: &BTreeSet<String>) -> Result<Self, ReadError> {
        let mut known = Self::default();
        if wanted.is_empty() {
            return Ok(known);
        }
        let url = |kind: &str| site.url(&format!("Microsoft.Network/{kind}"), VERSION);
        known.add(site.list("network interfaces", url("networkInterfaces")).await?);
        known.keep(wanted, site);
        let is_missing = |id: &&String| !known.interfaces.contains_key(&id.to_ascii_lowercase());
        let missing: Vec<String> = wanted.iter().filter(is_missing).cloned().collect();
        let single = missing.into_iter().map(|id| site.interface(id));
        for found in in_parallel(AT_ONCE, single).await {
            known.interfaces.extend(found?);
        }
        if known.needs_public() {
            known.add_public(
                site.list_if_allowed("public IP addresses", url("publicIPAddresses"))
                    .await?,
            );
        }
        Ok(known)
    }

    /// Those of a scale set.
    pub(super) async fn of_set(site: &Site<'_>, set: &str, wanted: &BTreeSet<String>) -> Result<Self, ReadError> {
        let mut known = Self::default();
        if wanted.is_empty() {
            return Ok(known);
        }
        let url = |kind: &str| site.url_of(&format!("{set}/{kind}"), OF_SETS);
        known.add(site.list("network interfaces", url("networkInterfaces")).await?);
        known.keep(wanted, site);
        if known.needs_public() {
            known.add_public(
                site.list_if_allowed("public IP addresses", url("publicipaddresses"))
                    .await?,
            );
        }
        Ok(known)
    }

    fn add(&mut self, found: Vec<Object<Interface>>) {
        let found = found.into_iter().filter_map(|interface| interface.0);
        self.interfaces
            .extend(found.map(|interface| (interface.id.as_str().to_ascii_lowercase(), interface)));
    }

    fn add_public(&mut self, found: Vec<Object<Public>>) {
        let found = found.into_iter().filter_map(|public| public.0);
        let address = |public: Public| {
            (
                public.id.as_str().to_ascii_lowercase(),
                public.properties.0.unwrap_or_default().address.as_str().to_owned(),
            )
        };
        self.public.extend(found.map(address));
    }

    /// Forgets what belongs to no machine.
    fn keep(&mut self, wanted: &BTreeSet<String>, site: &Site<'_>) {
        let wanted: BTreeSet<String> = wanted.iter().map(|id| id.to_ascii_lowercase()).collect();
        self.interfaces.retain(|id, _| wanted.contains(id));
        site.api
            .ask
            .env()
            .metrics
            .add(CACHE_HITS, &[], self.interfaces.len() as f64);
    }

    fn needs_public(&self) -> bool {
        let is_bare = |public: &Public| public.properties.0.is_none() && !public.id.as_str().is_empty();
        self.interfaces.values().filter_map(Interface::public).any(is_bare)
    }
}

impl Site<'_> {
    /// One interface with its public address; nothing if it is gone.
    async fn interface(&self, id: String) -> Result<Option<(String, Interface)>, ReadError> {
        if !id.starts_with('/') {
            return Ok(None);
        }
        let url = format!("{}&$expand=IPConfigurations/PublicIPAddress", self.url_of(&id, VERSION));
        let answer = self.api.send(HttpRequest::get(&url)).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let answer = self.api.if_good(&url, answer)?;
        let found: Object<Interface> =
            crate::json::from_slice(&answer.body).map_err(|error| ReadError::answer(&url, error))?;
        Ok(found.0.map(|interface| (id.to_ascii_lowercase(), interface)))
    }
}
