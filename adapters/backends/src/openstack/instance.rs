//! Nova's servers: a target for each of their addresses that is not a floating one.

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::rest::{Ask, ReadError};
use serde::Deserialize;

use super::network::{self, Floating};
use super::session::Service;
use super::{Listed, listing};
use crate::answers::{List, Map, Object, Text, put};
use crate::label_name::label_name;

/// Servers, and how they are reached from outside.
pub(super) struct Instances {
    servers: Vec<Server>,
    floating: Floating,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Server {
    id: Text,
    name: Text,
    status: Text,
    tenant_id: Text,
    user_id: Text,
    flavor: Object<Flavor>,
    /// Something else where there is none.
    image: Object<Image>,
    metadata: Map<Text>,
    /// By pool.
    addresses: Map<List<Object<Address>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Flavor {
    /// Newer clouds say this instead of the id.
    original_name: Option<Text>,
    id: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Image {
    id: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    addr: Text,
}

/// All servers of the project, or of all projects.
pub(super) async fn list(
    ask: &Ask<'_>,
    compute: &Service,
    network: &Service,
    all_tenants: bool,
) -> Result<Listed<Instances>, ReadError> {
    let floating = network::by_device(ask, network).await?;
    let path = if all_tenants {
        "servers/detail?all_tenants=true"
    } else {
        "servers/detail"
    };
    let servers: Vec<Option<Server>> = listing::all(ask, "servers", compute.get(path)).await?;
    let skipped = servers
        .iter()
        .map(|server| server.as_ref().map_or(1, Server::skipped))
        .sum();
    let found = Instances {
        servers: servers.into_iter().flatten().collect(),
        floating,
    };
    Ok(Listed { found, skipped })
}

impl Instances {
    /// Adds the targets to the open group.
    pub(super) fn encode(&self, port: u16, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        for server in &self.servers {
            for (pool, address) in server.addresses() {
                if !self.floating.has(address) {
                    batch.begin_target()?;
                    put(batch, "__address__", &host_port(address, port))?;
                    put(batch, "__meta_openstack_address_pool", pool)?;
                    put(batch, "__meta_openstack_private_ip", address)?;
                    let public = self.floating.of(server.id.as_str(), address);
                    put(batch, "__meta_openstack_public_ip", public.unwrap_or_default())?;
                    server.encode(batch)?;
                }
            }
        }
        Ok(())
    }
}

impl Server {
    /// The addresses that it has, each with its pool.
    fn addresses(&self) -> impl Iterator<Item = (&str, &str)> {
        self.addresses.0.iter().flat_map(|(pool, addresses)| {
            let addresses = addresses.0.iter().filter_map(|address| address.0.as_ref());
            let addresses = addresses.map(|address| (pool.as_str(), address.addr.as_str()));
            addresses.filter(|(_, address)| !address.is_empty())
        })
    }

    /// How much of it makes no target: addresses that are none, pools without any, and itself if it has none at all.
    fn skipped(&self) -> usize {
        let pools = self.addresses.0.iter();
        let (all, known) = (
            pools.map(|(_, list)| list.0.len().max(1)).sum::<usize>(),
            self.addresses().count(),
        );
        all.saturating_sub(known).max(usize::from(known == 0))
    }

    fn encode(&self, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        let flavor = self
            .flavor
            .0
            .as_ref()
            .map(|flavor| flavor.original_name.as_ref().unwrap_or(&flavor.id));
        let image = self.image.0.as_ref().map(|image| image.id.as_str());
        put(
            batch,
            "__meta_openstack_instance_flavor",
            flavor.map(Text::as_str).unwrap_or_default(),
        )?;
        put(batch, "__meta_openstack_instance_id", self.id.as_str())?;
        put(batch, "__meta_openstack_instance_image", image.unwrap_or_default())?;
        put(batch, "__meta_openstack_instance_name", self.name.as_str())?;
        put(batch, "__meta_openstack_instance_status", self.status.as_str())?;
        put(batch, "__meta_openstack_project_id", self.tenant_id.as_str())?;
        put(batch, "__meta_openstack_user_id", self.user_id.as_str())?;
        for (key, value) in &self.metadata.0 {
            put(batch, &label_name("__meta_openstack_tag_", key), value.as_str())?;
        }
        Ok(())
    }
}
