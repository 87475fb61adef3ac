//! From clusters and caches to groups, with Prometheus's labels.

use std::collections::BTreeMap;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;

use super::fields::{CACHE, NODE, SERVERLESS};
use super::{Cache, Kind};
use crate::aws_api::{Element, Labels, add_group, number_of};

const PREFIX: &str = "__meta_elasticache_";

/// Fields of where a cluster's logs go, each with the end of its label's name.
const LOGS: [(&str, &str); 7] = [
    (
        "DestinationDetails/KinesisFirehoseDetails/DeliveryStream",
        "delivery_stream",
    ),
    ("DestinationType", "destination_type"),
    ("LogFormat", "log_format"),
    ("DestinationDetails/CloudWatchLogsDetails/LogGroup", "log_group"),
    ("LogType", "log_type"),
    ("Message", "message"),
    ("Status", "status"),
];

/// Whether there is a target of it.
pub(super) fn has_address(kind: Kind, said: &Element) -> bool {
    match kind {
        Kind::Clusters => said.list("CacheNodes").iter().any(|node| address(node).is_some()),
        Kind::Serverless => address(said).is_some(),
    }
}

/// How many targets there would be more if all had an address.
pub(super) fn without_address(kind: Kind, cache: &Cache) -> usize {
    match kind {
        Kind::Clusters => {
            let nodes = cache.said.list("CacheNodes");
            nodes.iter().filter(|node| address(node).is_none()).count()
        }
        Kind::Serverless => usize::from(address(&cache.said).is_none()),
    }
}

/// Adds a group for each; their sources begin with `source`. Of two that are called alike the last one counts.
pub(super) fn add(batch: &mut Batch<'_>, source: &str, kind: Kind, caches: &[Cache]) -> Result<(), GroupError> {
    let named = caches.iter();
    let named: BTreeMap<&str, &Cache> = named
        .map(|cache| (kind.name_of(&cache.said).unwrap_or_default(), cache))
        .collect();
    for (name, cache) in named {
        add_group(batch, &format!("{source}/{name}"), |batch| match kind {
            Kind::Clusters => put_cluster(batch, cache),
            Kind::Serverless => put_serverless(batch, cache),
        })?;
    }
    Ok(())
}

fn put_cluster(batch: &mut Batch<'_>, cache: &Cache) -> Result<(), GroupError> {
    let (said, of_cluster) = (&cache.said, "cache_cluster_");
    let mut labels = Labels::of_group(batch, PREFIX);
    labels.put("deployment_option", "node")?;
    labels.put_table(of_cluster, CACHE, said)?;
    let removed = said.list("PendingModifiedValues/CacheNodeIdsToRemove");
    let removed: Vec<&str> = removed.iter().map(Element::text).collect();
    labels.put(
        "cache_cluster_pending_modified_values_cache_node_ids_to_remove",
        &removed.join(","),
    )?;
    let logs = said.list("LogDeliveryConfigurations");
    for (path, end) in LOGS {
        let texts = logs.iter().map(|log| log.at(path).unwrap_or_default());
        labels.put_each(&format!("cache_cluster_log_delivery_configuration_{end}"), texts)?;
    }
    let groups = said.list("SecurityGroups");
    for (path, end) in [("SecurityGroupId", "id"), ("Status", "status")] {
        let texts = groups.iter().map(|group| group.at(path).unwrap_or_default());
        labels.put_each(&format!("cache_cluster_security_group_membership_{end}"), texts)?;
    }
    labels.put_tags("cache_cluster_tag_", &cache.tags)?;
    for node in said.list("CacheNodes") {
        if let Some(address) = address(node) {
            let mut labels = Labels::of_target(batch, PREFIX, &address)?;
            labels.put_table("cache_cluster_node_", NODE, node)?;
        }
    }
    Ok(())
}

fn put_serverless(batch: &mut Batch<'_>, cache: &Cache) -> Result<(), GroupError> {
    let said = &cache.said;
    let Some(address) = address(said) else {
        return Ok(());
    };
    let mut labels = Labels::of_target(batch, PREFIX, &address)?;
    labels.put("deployment_option", "serverless")?;
    labels.put_table("serverless_cache_", SERVERLESS, said)?;
    for (list, name) in [
        ("SecurityGroupIds", "serverless_cache_security_group_id"),
        ("SubnetIds", "serverless_cache_subnet_id"),
    ] {
        labels.put_each(name, said.list(list).iter().map(Element::text))?;
    }
    labels.put_tags("serverless_cache_tag_", &cache.tags)
}

/// Where the endpoint of something is.
fn address(said: &Element) -> Option<String> {
    let port = number_of(said.at("Endpoint/Port"))?;
    Some(host_port(said.at("Endpoint/Address")?, port))
}
