//! `linode_sd_configs`: the instances of a Linode account.
//!
//! Each `refresh_interval` the instances are listed, and the account's addresses and IPv6 ranges, which say more about them
//! (<https://techdocs.akamai.com/linode-api/reference/api>), in pages of 500, the most that there is. Labels and the one
//! source, `Linode`, are Prometheus's, and so are the environment variables of Linode's own tools: `LINODE_URL`,
//! `LINODE_API_VERSION`, and `LINODE_TOKEN` where the entry does not say how it authenticates. **A list that can't be had as a
//! whole changes nothing.**
//!
//! Otherwise than in Prometheus everything is listed each time, not only when the account's log of events has
//! something new by this machine's clock: what is not done through the API is seen at once, and the token needs no
//! `events:read_only`. An instance without a public IPv4 address, which is `:80` there, is scraped at its private one, and one
//! without either at its IPv6 address; without any it makes no target, and is counted.

mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{Ask, Page, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::answers::{Flag, List, Number, Object, Scalar, Text, get_json, put};

pub use settings::LinodeSd;

/// What the targets' group is known by.
const SOURCE: &str = "Linode";

const FAILURES: Definition = Definition {
    name: "prometheus_sd_linode_failures_total",
    help: "Number of Linode service discovery refresh failures.",
    kind: Kind::Counter,
};
const SKIPPED: Definition = Definition {
    name: "headcount_sd_linode_skipped_instances_total",
    help: "Instances that were found without an address, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct Linode(Arc<LinodeSd>);

/// Instances, and what is known of addresses.
struct Found {
    instances: Vec<Instance>,
    addresses: BTreeMap<String, Address>,
    /// Ranges with their prefixes, by the address that they are routed to.
    ranges: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Instance {
    id: Scalar,
    label: Text,
    image: Text,
    region: Text,
    r#type: Text,
    status: Text,
    group: Text,
    hypervisor: Text,
    ipv4: List<Text>,
    /// With a prefix.
    ipv6: Text,
    tags: List<Text>,
    specs: Object<Specs>,
    backups: Object<Backups>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Specs {
    disk: Number,
    memory: Number,
    transfer: Number,
    vcpus: Scalar,
    gpus: Scalar,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Backups {
    enabled: Flag,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    address: Text,
    public: Flag,
    rdns: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Range {
    range: Text,
    prefix: Scalar,
    route_target: Text,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: Vec<Object<T>>,
    #[serde(default)]
    page: Option<i64>,
    #[serde(default)]
    pages: Option<i64>,
}

impl Rest for Linode {
    type Part = Whole;
    type Found = Found;
    const READING: &'static str = "listing the instances of Linode";
    const FAILURES: Option<Definition> = Some(FAILURES);

    fn client(&self) -> &HttpClientSettings {
        &self.0.common.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Found>, ReadError> {
        let instances: Vec<Object<Instance>> = self.all(ask, "linode/instances").await?;
        let addresses: Vec<Object<Address>> = self.all(ask, "networking/ips").await?;
        let ranges: Vec<Object<Range>> = self.all(ask, "networking/ipv6/ranges").await?;
        let count = instances.len();
        let addresses = addresses.into_iter().filter_map(|address| address.0);
        let addresses = addresses.map(|address| (address.address.0.clone(), address)).collect();
        let mut found = Found {
            instances: instances.into_iter().filter_map(|instance| instance.0).collect(),
            addresses,
            ranges: BTreeMap::new(),
        };
        let ranges = ranges.into_iter().filter_map(|range| range.0);
        let is_routed = |range: &Range| !range.range.as_str().is_empty() && !range.route_target.as_str().is_empty();
        for range in ranges.filter(is_routed) {
            let text = format!("{}/{}", range.range.as_str(), range.prefix.as_str());
            found.ranges.entry(range.route_target.0).or_default().push(text);
        }
        let targets = found
            .instances
            .iter()
            .filter(|one| Places::of(one, &found.addresses).address().is_some());
        let skipped = count.saturating_sub(targets.count());
        ask.env().metrics.add(SKIPPED, &[], skipped as f64);
        Ok(Some(found))
    }

    fn encode(&self, _part: &Whole, found: Found, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(SOURCE)?;
        for instance in &found.instances {
            let places = Places::of(instance, &found.addresses);
            if let Some(address) = places.address() {
                batch.begin_target()?;
                put(batch, "__address__", &host_port(address, self.0.common.port))?;
                self.encode_places(&places, &found, batch)?;
                self.encode_instance(instance, batch)?;
            }
        }
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == SOURCE
    }
}

impl Linode {
    /// All pages of a list, of the region that is wanted.
    async fn all<T: DeserializeOwned + Send>(&self, ask: &Ask<'_>, list: &str) -> Result<Vec<Object<T>>, ReadError> {
        let variable = |name: &str, default: &str| {
            let value = ask.env().variables.get(name).filter(|value| !value.is_empty());
            value.unwrap_or_else(|| default.to_owned())
        };
        let server = variable("LINODE_URL", "https://api.linode.com");
        let url = format!(
            "{}/{}/{list}",
            server.trim_end_matches('/'),
            variable("LINODE_API_VERSION", "v4")
        );
        let token = variable("LINODE_TOKEN", "");
        let page = |number: i64| -> HttpRequest {
            let mut request = get_json(ask, format!("{url}?page={number}&page_size=500"));
            if !token.is_empty() && !self.0.common.client.authenticates() {
                request = request.header("Authorization", format!("Bearer {token}"));
            }
            match self.0.region.as_str() {
                "" => request,
                region => request.header("X-Filter", serde_json::json!({ "region": region }).to_string()),
            }
        };
        let found = ask.pages(page(1), |answer| {
            let found: Answer<T> = crate::json::from_slice(&answer.body)?;
            let (this, last) = (found.page.unwrap_or(1), found.pages.unwrap_or(1));
            Ok::<_, serde_json::Error>(Page {
                items: found.data,
                next: (this < last).then(|| page(this.saturating_add(1))),
            })
        });
        found.await
    }

    /// These texts in one, with the separator before and after each.
    fn joined<'a>(&self, texts: impl Iterator<Item = &'a str>) -> String {
        let separator = self.0.tag_separator.as_str();
        let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
        match texts.is_empty() {
            true => String::new(),
            false => format!("{separator}{}{separator}", texts.join(separator)),
        }
    }

    fn encode_places(&self, places: &Places<'_>, found: &Found, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        for (name, address) in [
            ("private_ipv4", places.private),
            ("public_ipv4", places.public),
            ("public_ipv6", places.six),
        ] {
            let Some(address) = address else { continue };
            put(batch, &format!("__meta_linode_{name}"), address.address.as_str())?;
            let name_of_it = Some(address.rdns.as_str()).filter(|name| *name != "null");
            put(
                batch,
                &format!("__meta_linode_{name}_rdns"),
                name_of_it.unwrap_or_default(),
            )?;
        }
        put(
            batch,
            "__meta_linode_extra_ips",
            &self.joined(places.extra.iter().copied()),
        )?;
        let ranges = found.ranges.get(places.slaac).map(Vec::as_slice).unwrap_or_default();
        put(
            batch,
            "__meta_linode_ipv6_ranges",
            &self.joined(ranges.iter().map(String::as_str)),
        )
    }

    fn encode_instance(&self, instance: &Instance, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        let has_backups = instance.backups.0.as_ref().is_some_and(|backups| backups.enabled.0);
        let tags = self.joined(instance.tags.0.iter().map(Text::as_str));
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_linode_{name}"), value);
        label("backups", if has_backups { "enabled" } else { "disabled" })?;
        label("group", instance.group.as_str())?;
        label("hypervisor", instance.hypervisor.as_str())?;
        label("image", instance.image.as_str())?;
        label("instance_id", instance.id.as_str())?;
        label("instance_label", instance.label.as_str())?;
        label("region", instance.region.as_str())?;
        label("status", instance.status.as_str())?;
        label("tags", &tags)?;
        label("type", instance.r#type.as_str())?;
        if let Some(specs) = &instance.specs.0 {
            label("gpus", specs.gpus.as_str())?;
            label("specs_disk_bytes", &bytes(specs.disk))?;
            label("specs_memory_bytes", &bytes(specs.memory))?;
            label("specs_transfer_bytes", &bytes(specs.transfer))?;
            label("specs_vcpus", specs.vcpus.as_str())?;
        }
        Ok(())
    }
}

/// Mebibytes in bytes.
fn bytes(size: Number) -> String {
    let bytes = size.0.and_then(|size| size.checked_mul(1 << 20));
    bytes.map(|bytes| bytes.to_string()).unwrap_or_default()
}

/// Where an instance is, as far as its addresses are known.
struct Places<'a> {
    public: Option<&'a Address>,
    private: Option<&'a Address>,
    extra: Vec<&'a str>,
    /// The first IPv4 address that it names itself.
    first: &'a str,
    /// Its IPv6 address, and what is known of that.
    slaac: &'a str,
    six: Option<&'a Address>,
}

impl<'a> Places<'a> {
    fn of(instance: &'a Instance, known: &'a BTreeMap<String, Address>) -> Self {
        let slaac = instance.ipv6.as_str().split('/').next().unwrap_or_default();
        let mut places = Self {
            public: None,
            private: None,
            extra: Vec::new(),
            first: instance.ipv4.0.first().map(Text::as_str).unwrap_or_default(),
            slaac,
            six: known.get(slaac),
        };
        for address in instance.ipv4.0.iter().filter_map(|address| known.get(address.as_str())) {
            let first = if address.public.0 {
                &mut places.public
            } else {
                &mut places.private
            };
            if first.is_none() {
                *first = Some(address);
            } else {
                places.extra.push(address.address.as_str());
            }
        }
        places
    }

    fn address(&self) -> Option<&'a str> {
        let known = self.public.or(self.private).map(|known| known.address.as_str());
        let mut addresses = known.into_iter().chain([self.first, self.slaac]);
        addresses.find(|address| !address.is_empty())
    }
}

#[cfg(test)]
mod tests;
