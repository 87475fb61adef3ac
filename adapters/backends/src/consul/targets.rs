//! From instances to target groups, with Prometheus's labels.

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;

use super::answer::Instance;
use super::settings::ConsulSd;
use crate::consul_api::{health, labels_of, tag_list};

/// Adds the group of one service; its source is the service's name. Gives how many instances have no address, and
/// so are no targets.
///
/// `agent_datacenter` stands in where neither the settings nor a node say their datacenter.
pub(super) fn add_group(
    batch: &mut Batch<'_>,
    settings: &ConsulSd,
    agent_datacenter: Option<&str>,
    name: &str,
    instances: &[Instance],
) -> Result<usize, GroupError> {
    let added = fill(batch, settings, agent_datacenter, name, instances);
    if added.is_err() {
        batch.abandon();
    }
    added
}

fn fill(
    batch: &mut Batch<'_>,
    settings: &ConsulSd,
    agent_datacenter: Option<&str>,
    name: &str,
    instances: &[Instance],
) -> Result<usize, GroupError> {
    let mut without_address = 0_usize;
    batch.begin(name)?;
    batch.group_label("__meta_consul_service", name)?;
    for Instance { node, service, checks } in instances {
        let host = if service.address.is_empty() {
            &node.address
        } else {
            &service.address
        };
        if host.is_empty() {
            without_address = without_address.saturating_add(1);
            continue;
        }
        let datacenters = [settings.datacenter.as_str(), node.datacenter.as_str()];
        let datacenter = datacenters.into_iter().find(|datacenter| !datacenter.is_empty());
        batch.begin_target()?;
        let mut label = |name: &str, value: &str| match value {
            "" => Ok(()),
            value => batch.label(name, value),
        };
        label("__address__", &host_port(host, service.port))?;
        label("__meta_consul_address", &node.address)?;
        label("__meta_consul_dc", datacenter.or(agent_datacenter).unwrap_or_default())?;
        label("__meta_consul_health", health(checks))?;
        label("__meta_consul_namespace", &service.namespace)?;
        label("__meta_consul_node", &node.node)?;
        label("__meta_consul_partition", &service.partition)?;
        label("__meta_consul_service_address", &service.address)?;
        label("__meta_consul_service_id", &service.id)?;
        label("__meta_consul_service_port", &service.port.to_string())?;
        label("__meta_consul_tags", &tag_list(&service.tags, &settings.tag_separator))?;
        for (name, value) in labels_of("__meta_consul_metadata_", &node.meta) {
            label(&name, &value.0)?;
        }
        for (name, value) in labels_of("__meta_consul_service_metadata_", &service.meta) {
            label(&name, &value.0)?;
        }
        for (name, value) in labels_of("__meta_consul_tagged_address_", &node.tagged_addresses) {
            label(&name, &value.0)?;
        }
    }
    batch.end()?;
    Ok(without_address)
}
