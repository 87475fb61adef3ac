//! From instances to target groups, with the labels of vmagent and Alloy.

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;

use super::answer::{Agent, Instance};
use super::settings::ConsulAgentSd;
use crate::consul_api::{health, labels_of, tag_list};
use crate::label_name::label_name;

/// Adds the group of one service; its source is the service's name. Gives how many instances have no address, and
/// so are no targets.
pub(super) fn add_group(
    batch: &mut Batch<'_>,
    settings: &ConsulAgentSd,
    agent: &Agent,
    name: &str,
    instances: &[Instance],
) -> Result<usize, GroupError> {
    let added = fill(batch, settings, agent, name, instances);
    if added.is_err() {
        batch.abandon();
    }
    added
}

fn fill(
    batch: &mut Batch<'_>,
    settings: &ConsulAgentSd,
    agent: &Agent,
    name: &str,
    instances: &[Instance],
) -> Result<usize, GroupError> {
    let mut without_address = 0_usize;
    let datacenter = match agent.config.datacenter.as_str() {
        "" => &settings.datacenter,
        datacenter => datacenter,
    };
    batch.begin(name)?;
    batch.group_label("__meta_consulagent_service", name)?;
    if !datacenter.is_empty() {
        batch.group_label("__meta_consulagent_dc", datacenter)?;
    }
    for Instance { service, checks } in instances {
        let host = if service.address.is_empty() {
            &agent.member.addr
        } else {
            &service.address
        };
        if host.is_empty() {
            without_address = without_address.saturating_add(1);
            continue;
        }
        batch.begin_target()?;
        let mut label = |name: &str, value: &str| match value {
            "" => Ok(()),
            value => batch.label(name, value),
        };
        label("__address__", &host_port(host, service.port))?;
        label("__meta_consulagent_address", &agent.member.addr)?;
        label("__meta_consulagent_health", health(checks))?;
        label("__meta_consulagent_namespace", &service.namespace)?;
        label("__meta_consulagent_node", &agent.config.node_name)?;
        label("__meta_consulagent_service_address", &service.address)?;
        label("__meta_consulagent_service_id", &service.id)?;
        label("__meta_consulagent_service_port", &service.port.to_string())?;
        label(
            "__meta_consulagent_tags",
            &tag_list(&service.tags, &settings.tag_separator),
        )?;
        for tag in &service.tags {
            let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
            label(&label_name("__meta_consulagent_tag_", key), value)?;
            label(&label_name("__meta_consulagent_tagpresent_", key), "true")?;
        }
        for (name, value) in labels_of("__meta_consulagent_metadata_", &agent.meta) {
            label(&name, value.as_str().unwrap_or_default())?;
        }
        for (name, value) in labels_of("__meta_consulagent_service_metadata_", &service.meta) {
            label(&name, &value.0)?;
        }
        for (name, tagged) in labels_of("__meta_consulagent_tagged_address_", &service.tagged_addresses) {
            label(&name, &host_port(&tagged.address, tagged.port))?;
        }
    }
    batch.end()?;
    Ok(without_address)
}
