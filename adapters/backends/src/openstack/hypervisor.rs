//! Nova's hypervisors: a target for each that has an address.

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use headcount_discoverer::rest::{Ask, ReadError};
use serde::Deserialize;

use super::session::Service;
use super::{Listed, listing};
use crate::answers::{Scalar, Text, put};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hypervisor {
    /// A number in older clouds.
    id: Scalar,
    hypervisor_hostname: Text,
    host_ip: Text,
    status: Text,
    state: Text,
    hypervisor_type: Text,
}

/// All hypervisors.
pub(super) async fn list(ask: &Ask<'_>, compute: &Service) -> Result<Listed<Vec<Hypervisor>>, ReadError> {
    let all: Vec<Option<Hypervisor>> = listing::all(ask, "hypervisors", compute.get("os-hypervisors/detail")).await?;
    let count = all.len();
    let found: Vec<Hypervisor> = all
        .into_iter()
        .flatten()
        .filter(|one| !one.host_ip.as_str().is_empty())
        .collect();
    let skipped = count.saturating_sub(found.len());
    Ok(Listed { found, skipped })
}

impl Hypervisor {
    /// Adds its target to the open group.
    pub(super) fn encode(&self, port: u16, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        batch.begin_target()?;
        put(batch, "__address__", &host_port(self.host_ip.as_str(), port))?;
        put(batch, "__meta_openstack_hypervisor_host_ip", self.host_ip.as_str())?;
        put(
            batch,
            "__meta_openstack_hypervisor_hostname",
            self.hypervisor_hostname.as_str(),
        )?;
        put(batch, "__meta_openstack_hypervisor_id", self.id.as_str())?;
        put(batch, "__meta_openstack_hypervisor_state", self.state.as_str())?;
        put(batch, "__meta_openstack_hypervisor_status", self.status.as_str())?;
        put(batch, "__meta_openstack_hypervisor_type", self.hypervisor_type.as_str())
    }
}
