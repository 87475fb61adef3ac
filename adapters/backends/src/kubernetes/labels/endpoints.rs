//! The role `endpoints`: a target for each port of each address, and for the other ports of the pods behind them.

use std::sync::Arc;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;

use super::super::kind::Kind;
use super::super::object::{Address, Endpoints, Object, TargetRef, key};
use super::super::settings::Attach;
use super::pod::{self, Seen};
use super::{Labels, Surroundings, service};

pub(super) fn fill(
    batch: &mut Batch<'_>,
    endpoints: &Endpoints,
    attach: Attach,
    around: &mut Surroundings<'_>,
) -> Result<(), GroupError> {
    let meta = &endpoints.meta;
    let mut labels = Labels::of_group(batch);
    labels.put("namespace", &meta.namespace)?;
    let of_service = around.get(Kind::Service, &key(&meta.namespace, &meta.name));
    if let Some(Object::Service(of_service)) = of_service.as_deref() {
        service::put(&mut labels, of_service)?;
    }
    labels.put_meta(Kind::Endpoints, meta)?;
    labels.put_namespace(attach, &meta.namespace, around)?;
    let mut seen = Seen::default();
    for subset in &endpoints.subsets {
        for port in &subset.ports {
            let ready = subset.addresses.iter().map(|address| (address, true));
            let all = ready.chain(subset.not_ready_addresses.iter().map(|address| (address, false)));
            for (address, is_ready) in all {
                let mut labels = Labels::of_target(batch, &host_port(&address.ip, port.port))?;
                labels.put("endpoint_port_name", &port.name)?;
                labels.put("endpoint_port_protocol", &port.protocol)?;
                labels.put_flag("endpoint_ready", is_ready)?;
                put_address(&mut labels, address, attach, around)?;
                let pod = pod_of(address.target_ref.as_ref(), around);
                if let Some(object) = &pod
                    && let Object::Pod(of) = &**object
                {
                    pod::put(&mut labels, of, attach, around)?;
                    pod::put_container_of(&mut labels, of, port.port, Some(&port.protocol))?;
                    seen.add(object, Some(port.port));
                }
            }
        }
    }
    seen.add_others(batch, attach, around)
}

fn put_address(
    labels: &mut Labels<'_, '_>,
    address: &Address,
    attach: Attach,
    around: &mut Surroundings<'_>,
) -> Result<(), GroupError> {
    let target = address.target_ref.as_ref();
    labels.put_some("endpoint_address_target_kind", target.map(|target| &*target.kind))?;
    labels.put_some("endpoint_address_target_name", target.map(|target| &*target.name))?;
    labels.put_some("endpoint_node_name", address.node_name.as_deref())?;
    labels.put("endpoint_hostname", &address.hostname)?;
    let node = address.node_name.as_deref().or(match target {
        Some(target) if &*target.kind == "Node" => Some(&*target.name),
        _ => None,
    });
    match node {
        Some(node) => labels.put_node(attach, node, around),
        None => Ok(()),
    }
}

/// The pod that is meant, if it is a pod and there.
pub(super) fn pod_of(target: Option<&TargetRef>, around: &mut Surroundings<'_>) -> Option<Arc<Object>> {
    let target = target.filter(|target| &*target.kind == "Pod")?;
    around.get(Kind::Pod, &key(&target.namespace, &target.name))
}
