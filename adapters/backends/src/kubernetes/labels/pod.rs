//! The role `pod`: a target for each port of each container, and one for a container without ports.

use std::sync::Arc;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;

use super::super::kind::Kind;
use super::super::object::{Container, Object, Pod, key};
use super::super::settings::Attach;
use super::{Labels, Surroundings};

pub(super) fn fill(
    batch: &mut Batch<'_>,
    pod: &Pod,
    attach: Attach,
    around: &mut Surroundings<'_>,
) -> Result<(), GroupError> {
    // One that starts, or was evicted.
    if pod.ip.is_empty() {
        return Ok(());
    }
    // As in Prometheus: who selects nodes wants pods on them only.
    if attach.node && around.get(Kind::Node, &pod.node).is_none() {
        return Ok(());
    }
    let mut labels = Labels::of_group(batch);
    put(&mut labels, pod, attach, around)?;
    labels.put("namespace", &pod.meta.namespace)?;
    labels.put_node(attach, &pod.node, around)?;
    labels.put_namespace(attach, &pod.meta.namespace, around)?;
    for container in &pod.containers {
        if container.ports.is_empty() {
            put_container(&mut Labels::of_target(batch, &pod.ip)?, container)?;
        }
        for port in &container.ports {
            let mut labels = Labels::of_target(batch, &host_port(&pod.ip, port.container_port))?;
            put_container(&mut labels, container)?;
            put_port(&mut labels, &port.name, port.container_port, &port.protocol)?;
        }
    }
    Ok(())
}

fn put_container(labels: &mut Labels<'_, '_>, container: &Container) -> Result<(), GroupError> {
    labels.put("pod_container_name", &container.name)?;
    labels.put("pod_container_id", &container.id)?;
    labels.put("pod_container_image", &container.image)?;
    labels.put_flag("pod_container_init", container.is_init)
}

fn put_port(labels: &mut Labels<'_, '_>, name: &str, number: i32, protocol: &str) -> Result<(), GroupError> {
    labels.put("pod_container_port_name", name)?;
    labels.put("pod_container_port_number", &number.to_string())?;
    labels.put("pod_container_port_protocol", protocol)
}

/// What of a pod is attached to its endpoints, too.
pub(super) fn put(
    labels: &mut Labels<'_, '_>,
    pod: &Pod,
    attach: Attach,
    around: &mut Surroundings<'_>,
) -> Result<(), GroupError> {
    labels.put("pod_ip", &pod.ip)?;
    let ready = pod.ready.as_deref().unwrap_or("unknown");
    labels.put("pod_ready", &ready.to_lowercase())?;
    labels.put("pod_phase", &pod.phase)?;
    labels.put("pod_node_name", &pod.node)?;
    labels.put("pod_host_ip", &pod.host_ip)?;
    labels.put("pod_uid", &pod.uid)?;
    labels.put_meta(Kind::Pod, &pod.meta)?;
    let Some(controller) = &pod.controller else {
        return Ok(());
    };
    labels.put("pod_controller_kind", &controller.kind)?;
    labels.put("pod_controller_name", &controller.name)?;
    let mut of = |label: &str, kind: Kind, of: &str| {
        let object = around.get(kind, &key(&pod.meta.namespace, &controller.name));
        match object.as_deref() {
            Some(Object::Owned(Some(owner))) if &*owner.kind == of => labels.put(label, &owner.name),
            _ => Ok(()),
        }
    };
    match &*controller.kind {
        "ReplicaSet" if attach.deployment => of("pod_deployment_name", Kind::ReplicaSet, "Deployment"),
        "Job" => {
            if attach.cronjob {
                of("pod_cronjob_name", Kind::Job, "CronJob")?;
            }
            match attach.job {
                true => labels.put("pod_job_name", &controller.name),
                false => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// What is attached to an endpoint of a pod: of the last container that has its port.
pub(super) fn put_container_of(
    labels: &mut Labels<'_, '_>,
    pod: &Pod,
    number: i32,
    protocol: Option<&str>,
) -> Result<(), GroupError> {
    let with_port = pod.containers.iter().rev().find_map(|container| {
        let mut ports = container.ports.iter();
        let port = ports.find(|port| port.container_port == number)?;
        Some((container, port))
    });
    let Some((container, port)) = with_port else {
        return Ok(());
    };
    labels.put("pod_container_name", &container.name)?;
    labels.put("pod_container_image", &container.image)?;
    labels.put_flag("pod_container_init", container.is_init)?;
    put_port(labels, &port.name, number, protocol.unwrap_or(&port.protocol))
}

/// Pods that endpoints have, in the order in which they were seen, each with the ports that it has there.
#[derive(Default)]
pub(super) struct Seen(Vec<(Arc<Object>, Vec<i32>)>);

impl Seen {
    /// A pod has this port.
    pub(super) fn add(&mut self, pod: &Arc<Object>, port: Option<i32>) {
        let known = self.0.iter_mut().rev().find(|(known, _)| Arc::ptr_eq(known, pod));
        match known {
            Some((_, ports)) => ports.extend(port),
            None => self.0.push((pod.clone(), port.into_iter().collect())),
        }
    }

    /// Targets for the ports that are not there.
    pub(super) fn add_others(
        &self,
        batch: &mut Batch<'_>,
        attach: Attach,
        around: &mut Surroundings<'_>,
    ) -> Result<(), GroupError> {
        for (object, seen) in &self.0 {
            let Object::Pod(pod) = &**object else { continue };
            if pod.ip.is_empty() {
                continue;
            }
            for container in &pod.containers {
                for port in container
                    .ports
                    .iter()
                    .filter(|port| !seen.contains(&port.container_port))
                {
                    let mut labels = Labels::of_target(batch, &host_port(&pod.ip, port.container_port))?;
                    labels.put("pod_container_name", &container.name)?;
                    labels.put("pod_container_image", &container.image)?;
                    labels.put_flag("pod_container_init", container.is_init)?;
                    put_port(&mut labels, &port.name, port.container_port, &port.protocol)?;
                    put(&mut labels, pod, attach, around)?;
                }
            }
        }
        Ok(())
    }
}
