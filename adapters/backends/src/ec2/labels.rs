//! From instances to a group, with Prometheus's labels.

use std::collections::BTreeMap;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;

use super::Instance;
use crate::aws_api::{Labels, add_group, comma_list};

const PREFIX: &str = "__meta_ec2_";

/// Adds the group of a region. `zones` are ids by names.
pub(super) fn add(
    batch: &mut Batch<'_>,
    region: &str,
    port: u16,
    instances: &[Instance],
    zones: &BTreeMap<String, String>,
) -> Result<(), GroupError> {
    add_group(batch, region, |batch| {
        Labels::of_group(batch, PREFIX).put("region", region)?;
        for instance in instances {
            if let Some(address) = instance.address() {
                let labels = Labels::of_target(batch, PREFIX, &host_port(address, port))?;
                put(labels, instance, zones.get(&instance.zone).map(String::as_str))?;
            }
        }
        Ok(())
    })
}

fn put(mut labels: Labels<'_, '_>, instance: &Instance, zone_id: Option<&str>) -> Result<(), GroupError> {
    labels.put("ami", &instance.image)?;
    labels.put("architecture", &instance.architecture)?;
    labels.put("availability_zone", &instance.zone)?;
    labels.put_some("availability_zone_id", zone_id)?;
    labels.put_some("default_ipv6_address", instance.default_ipv6())?;
    labels.put("instance_id", &instance.id)?;
    labels.put("instance_lifecycle", &instance.lifecycle)?;
    labels.put("instance_state", &instance.state)?;
    labels.put("instance_type", &instance.kind)?;
    if !instance.ipv6.is_empty() {
        labels.put("ipv6_addresses", &list(&instance.ipv6))?;
    }
    labels.put("owner_id", &instance.owner)?;
    labels.put("platform", &instance.platform)?;
    if !instance.primary_ipv6.is_empty() {
        labels.put("primary_ipv6_addresses", &list(&instance.primary_ipv6))?;
    }
    labels.put("private_dns_name", &instance.private_dns)?;
    labels.put("private_ip", &instance.private_ip)?;
    if !instance.public_ip.is_empty() {
        labels.put("public_dns_name", &instance.public_dns)?;
        labels.put("public_ip", &instance.public_ip)?;
    }
    if !instance.vpc.is_empty() {
        labels.put("primary_subnet_id", &instance.subnet)?;
        labels.put("subnet_id", &list(&instance.subnets))?;
        labels.put("vpc_id", &instance.vpc)?;
    }
    for (key, value) in &instance.tags {
        labels.put_tag("tag_", key, value)?;
    }
    Ok(())
}

fn list(texts: &[String]) -> String {
    comma_list(texts.iter().map(String::as_str))
}
