//! The role `node`: a target each, the kubelet's.

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;

use super::super::kind::Kind;
use super::super::object::Node;
use super::Labels;

/// The types of addresses, in the order in which they are taken.
const ADDRESSES: [&str; 6] = [
    "InternalIP",
    "InternalDNS",
    "ExternalIP",
    "ExternalDNS",
    "LegacyHostIP",
    "Hostname",
];

pub(super) fn fill(batch: &mut Batch<'_>, node: &Node) -> Result<(), GroupError> {
    let first = |kind: &str| {
        let mut of_kind = node.addresses.iter().filter(|(of, _)| &**of == kind);
        of_kind.next().map(|(_, address)| &**address)
    };
    // One without any address is no target. Prometheus goes on showing what it was before.
    let Some(address) = ADDRESSES
        .into_iter()
        .find_map(first)
        .filter(|address| !address.is_empty())
    else {
        return Ok(());
    };
    let mut labels = Labels::of_group(batch);
    labels.put("node_provider_id", &node.provider_id)?;
    for (kind, status) in &node.conditions {
        labels.put_parts(&["node_condition_"], &kind.to_lowercase(), &status.to_lowercase())?;
    }
    labels.put_meta(Kind::Node, &node.meta)?;
    let mut labels = Labels::of_target(batch, &host_port(address, node.port))?;
    labels.put_plain("instance", &node.meta.name)?;
    // The last one that is written counts, and the first one of a type is to.
    for (kind, address) in node.addresses.iter().rev() {
        labels.put_parts(&["node_address_"], kind, address)?;
    }
    Ok(())
}
