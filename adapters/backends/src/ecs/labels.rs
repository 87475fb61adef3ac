//! From the tasks of a cluster to a group, with Prometheus's labels.

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;

use super::answer::{Cluster, Task};
use super::tasks::Found;
use crate::aws_api::{Labels, add_group};

const PREFIX: &str = "__meta_ecs_";

/// Adds the group of a cluster.
pub(super) fn add(
    batch: &mut Batch<'_>,
    source: &str,
    region: &str,
    port: u16,
    cluster: &Cluster,
    found: &Found,
) -> Result<(), GroupError> {
    add_group(batch, source, |batch| {
        let mut labels = Labels::of_group(batch, PREFIX);
        labels.put("region", region)?;
        labels.put("cluster_arn", &cluster.cluster_arn)?;
        labels.put_some("cluster", cluster.cluster_name.as_deref())?;
        labels.put_json_tags("tag_cluster_", cluster.tags.as_deref())?;
        for task in &found.tasks {
            if let Some(address) = found.address(task) {
                let mut labels = Labels::of_target(batch, PREFIX, &host_port(address, port))?;
                labels.put("ip_address", address)?;
                put_task(&mut labels, task)?;
                put_network(&mut labels, task, found)?;
                put_service(&mut labels, task, found)?;
            }
        }
        Ok(())
    })
}

fn put_task(labels: &mut Labels<'_, '_>, task: &Task) -> Result<(), GroupError> {
    labels.put_some("availability_zone", task.availability_zone.as_deref())?;
    labels.put_some("container_instance_arn", task.container_instance_arn.as_deref())?;
    labels.put_some("desired_status", task.desired_status.as_deref())?;
    labels.put_some("health_status", task.health_status.as_deref())?;
    labels.put_some("last_status", task.last_status.as_deref())?;
    labels.put_some("launch_type", task.launch_type.as_deref())?;
    labels.put_some("platform_family", task.platform_family.as_deref())?;
    labels.put_some("platform_version", task.platform_version.as_deref())?;
    labels.put_some("task_arn", task.task_arn.as_deref())?;
    labels.put_some("task_definition", task.task_definition_arn.as_deref())?;
    labels.put_some("task_group", task.group.as_deref())?;
    labels.put_json_tags("tag_task_", task.tags.as_deref())
}

fn put_network(labels: &mut Labels<'_, '_>, task: &Task, found: &Found) -> Result<(), GroupError> {
    let (id, host) = found.host(task);
    match task.interface() {
        Some(interface) => {
            labels.put("network_mode", "awsvpc")?;
            labels.put_some("subnet_id", interface.detail("subnetId"))?;
            let id = interface.detail("networkInterfaceId");
            let public = id.and_then(|id| found.public_ips.get(id));
            labels.put_some("public_ip", public.map(String::as_str))?;
        }
        None => {
            labels.put("network_mode", "bridge")?;
            labels.put_some("subnet_id", host.map(|host| host.subnet.as_str()))?;
            labels.put_some("public_ip", host.map(|host| host.public_ip.as_str()))?;
        }
    }
    labels.put_some("ec2_instance_id", id)?;
    if let Some(host) = host {
        labels.put("ec2_instance_private_ip", &host.private_ip)?;
        labels.put("ec2_instance_public_ip", &host.public_ip)?;
        labels.put("ec2_instance_type", &host.kind)?;
        for (key, value) in &host.tags {
            labels.put_tag("tag_ec2_", key, value)?;
        }
    }
    Ok(())
}

fn put_service(labels: &mut Labels<'_, '_>, task: &Task, found: &Found) -> Result<(), GroupError> {
    let Some(service) = task.service().and_then(|name| found.services.get(name)) else {
        return Ok(());
    };
    labels.put_some("service", service.service_name.as_deref())?;
    labels.put_some("service_arn", service.service_arn.as_deref())?;
    labels.put_some("service_status", service.status.as_deref())?;
    labels.put_json_tags("tag_service_", service.tags.as_deref())
}
