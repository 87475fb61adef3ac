//! The role `endpointslice`: a target for each port of each address, and for the other ports of the pods behind them.
//!
//! A service with addresses of both families has slices of both, and the same pods are in each. As in Prometheus since
//! 3.11, those of the family that comes second have no targets; but unlike there only where a slice of the first family
//! has endpoints, so that nothing is lost where only the second one is used (prometheus-operator#8681).

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;

use super::super::kind::Kind;
use super::super::object::{Object, Slice, SliceEndpoint, SlicePort, key};
use super::super::settings::Attach;
use super::endpoints::pod_of;
use super::pod::{self, Seen};
use super::{Labels, Surroundings, service};

pub(super) fn fill(
    batch: &mut Batch<'_>,
    slice: &Slice,
    attach: Attach,
    around: &mut Surroundings<'_>,
) -> Result<(), GroupError> {
    let meta = &slice.meta;
    let mut labels = Labels::of_group(batch);
    labels.put("namespace", &meta.namespace)?;
    labels.put("endpointslice_address_type", &slice.address_type)?;
    labels.put_meta(Kind::EndpointSlice, meta)?;
    if let Some(name) = slice.service() {
        let name = key(&meta.namespace, name);
        let object = around.get(Kind::Service, &name);
        if let Some(Object::Service(of_service)) = object.as_deref() {
            service::put(&mut labels, of_service)?;
            if let Some(first) = &of_service.primary_family
                && **first != *slice.address_type
                && around.has_family(&name, first)
            {
                return Ok(());
            }
        }
    }
    labels.put_namespace(attach, &meta.namespace, around)?;
    let mut seen = Seen::default();
    for endpoint in &slice.endpoints {
        for port in &slice.ports {
            for address in &endpoint.addresses {
                let full = port.port.map(|port| host_port(address, port));
                let mut labels = Labels::of_target(batch, full.as_deref().unwrap_or(address))?;
                put_port(&mut labels, port)?;
                put_endpoint(&mut labels, endpoint, attach, around)?;
                let pod = pod_of(endpoint.target_ref.as_ref(), around);
                if let Some(object) = &pod
                    && let Object::Pod(of) = &**object
                {
                    pod::put(&mut labels, of, attach, around)?;
                    if let Some(number) = port.port {
                        pod::put_container_of(&mut labels, of, number, None)?;
                    }
                    seen.add(object, port.port);
                }
            }
        }
    }
    seen.add_others(batch, attach, around)
}

fn put_port(labels: &mut Labels<'_, '_>, port: &SlicePort) -> Result<(), GroupError> {
    labels.put_some("endpointslice_port_name", port.name.as_deref())?;
    labels.put_some("endpointslice_port_protocol", port.protocol.as_deref())?;
    labels.put_some("endpointslice_port", port.port.map(|port| port.to_string()).as_deref())?;
    labels.put_some("endpointslice_port_app_protocol", port.app_protocol.as_deref())
}

fn put_endpoint(
    labels: &mut Labels<'_, '_>,
    endpoint: &SliceEndpoint,
    attach: Attach,
    around: &mut Surroundings<'_>,
) -> Result<(), GroupError> {
    let conditions = &endpoint.conditions;
    for (name, flag) in [
        ("ready", conditions.ready),
        ("serving", conditions.serving),
        ("terminating", conditions.terminating),
    ] {
        if let Some(flag) = flag {
            labels.put_parts(
                &["endpointslice_endpoint_conditions_", name],
                "",
                if flag { "true" } else { "false" },
            )?;
        }
    }
    labels.put_some("endpointslice_endpoint_hostname", endpoint.hostname.as_deref())?;
    let target = endpoint.target_ref.as_ref();
    labels.put_some("endpointslice_address_target_kind", target.map(|target| &*target.kind))?;
    labels.put_some("endpointslice_address_target_name", target.map(|target| &*target.name))?;
    labels.put_some("endpointslice_endpoint_node_name", endpoint.node_name.as_deref())?;
    labels.put_some("endpointslice_endpoint_zone", endpoint.zone.as_deref())?;
    let topology = "endpointslice_endpoint_topology_";
    labels.put_pairs(&[topology], &[topology, "present_"], &endpoint.deprecated_topology)?;
    let node = match target {
        Some(target) if &*target.kind == "Node" => Some(&*target.name),
        _ => endpoint.node_name.as_deref(),
    };
    match node {
        Some(node) => labels.put_node(attach, node, around),
        None => Ok(()),
    }
}
