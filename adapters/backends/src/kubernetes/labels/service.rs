//! The role `service`: a target for each port.

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;

use super::super::kind::Kind;
use super::super::object::Service;
use super::super::settings::Attach;
use super::{Labels, Surroundings};

pub(super) fn fill(
    batch: &mut Batch<'_>,
    service: &Service,
    attach: Attach,
    around: &mut Surroundings<'_>,
) -> Result<(), GroupError> {
    let mut labels = Labels::of_group(batch);
    put(&mut labels, service)?;
    labels.put_namespace(attach, &service.meta.namespace, around)?;
    let host = format!("{}.{}.svc", service.meta.name, service.meta.namespace);
    for port in &service.ports {
        let mut labels = Labels::of_target(batch, &host_port(&host, port.port))?;
        labels.put("service_port_name", &port.name)?;
        labels.put("service_port_number", &port.port.to_string())?;
        labels.put("service_port_protocol", &port.protocol)?;
        labels.put("service_type", &service.kind)?;
        match &*service.kind {
            "ExternalName" => labels.put("service_external_name", &service.external_name)?,
            _ => labels.put("service_cluster_ip", &service.cluster_ip)?,
        }
        if &*service.kind == "LoadBalancer" {
            labels.put("service_loadbalancer_ip", &service.load_balancer_ip)?;
        }
    }
    Ok(())
}

/// What of a service is attached to its endpoints, too.
pub(super) fn put(labels: &mut Labels<'_, '_>, service: &Service) -> Result<(), GroupError> {
    labels.put("namespace", &service.meta.namespace)?;
    labels.put_meta(Kind::Service, &service.meta)
}
