//! Droplets: `GET /v2/droplets`.

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::rest::{Ask, Page, ReadError};
use serde::Deserialize;

use super::{Links, next, page};
use crate::answers::{List, Object, Scalar, Text, list as joined, put};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Droplet {
    id: Scalar,
    name: Text,
    status: Text,
    size_slug: Text,
    vpc_uuid: Text,
    image: Object<Image>,
    region: Object<Region>,
    networks: Object<Networks>,
    features: List<Text>,
    tags: List<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Image {
    slug: Text,
    name: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Region {
    slug: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Networks {
    v4: List<Object<Address>>,
    v6: List<Object<Address>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    r#type: Text,
    ip_address: Text,
}

#[derive(Deserialize)]
struct Answer {
    droplets: Vec<Object<Droplet>>,
    #[serde(default)]
    links: Option<Links>,
}

/// The droplets that have an address, and how many have none.
pub(super) async fn list(ask: &Ask<'_>) -> Result<(Vec<Droplet>, usize), ReadError> {
    let all = ask.pages(page(ask, "droplets", "1"), |answer| {
        let found: Answer = crate::json::from_slice(&answer.body)?;
        Ok::<_, serde_json::Error>(Page {
            items: found.droplets,
            next: next(ask, "droplets", found.links)?,
        })
    });
    let all = all.await?;
    let count = all.len();
    let found: Vec<Droplet> = all
        .into_iter()
        .filter_map(|one| one.0)
        .filter(|one| !one.address().is_empty())
        .collect();
    let skipped = count.saturating_sub(found.len());
    Ok((found, skipped))
}

impl Droplet {
    /// The first address of a kind, or nothing.
    fn first(&self, addresses: impl Fn(&Networks) -> &List<Object<Address>>, kind: &str) -> &str {
        let known = self.networks.0.iter().flat_map(|networks| &addresses(networks).0);
        let mut known = known.filter_map(|address| address.0.as_ref());
        let found = known.find(|address| address.r#type.as_str() == kind);
        found.map(|address| address.ip_address.as_str()).unwrap_or_default()
    }

    /// The public IPv4 address, or the private one.
    fn address(&self) -> &str {
        match self.first(|networks| &networks.v4, "public") {
            "" => self.first(|networks| &networks.v4, "private"),
            public => public,
        }
    }

    /// Adds its target to the open group.
    pub(super) fn encode(&self, port: u16, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        batch.begin_target()?;
        put(batch, "__address__", &host_port(self.address(), port))?;
        let image = self.image.0.as_ref();
        let region = self.region.0.as_ref().map(|region| region.slug.as_str());
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_digitalocean_{name}"), value);
        label("droplet_id", self.id.as_str())?;
        label("droplet_name", self.name.as_str())?;
        label(
            "features",
            &joined(self.features.0.iter().map(Text::as_str).filter(|it| !it.is_empty())),
        )?;
        label("image", image.map(|image| image.slug.as_str()).unwrap_or_default())?;
        label("image_name", image.map(|image| image.name.as_str()).unwrap_or_default())?;
        label("private_ipv4", self.first(|networks| &networks.v4, "private"))?;
        label("public_ipv4", self.first(|networks| &networks.v4, "public"))?;
        label("public_ipv6", self.first(|networks| &networks.v6, "public"))?;
        label("region", region.unwrap_or_default())?;
        label("size", self.size_slug.as_str())?;
        label("status", self.status.as_str())?;
        label(
            "tags",
            &joined(self.tags.0.iter().map(Text::as_str).filter(|it| !it.is_empty())),
        )?;
        label("vpc", self.vpc_uuid.as_str())
    }
}
