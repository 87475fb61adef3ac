//! Nodes.

use serde::Deserialize;

use super::meta::{Condition, Raw, or_empty};
use super::{Json, Meta, Name, Object, first};

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Node {
    pub(in super::super) meta: Meta,
    pub(in super::super) provider_id: Box<str>,
    /// Types and states.
    pub(in super::super) conditions: Vec<(Box<str>, Box<str>)>,
    /// Types and addresses.
    pub(in super::super) addresses: Vec<(Box<str>, Box<str>)>,
    /// The kubelet's.
    pub(in super::super) port: i32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    #[serde(rename = "providerID", deserialize_with = "or_empty")]
    provider_id: Box<str>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status<'a> {
    #[serde(borrow, deserialize_with = "or_empty")]
    conditions: Vec<Condition<'a>>,
    #[serde(deserialize_with = "or_empty")]
    addresses: Vec<Address>,
    #[serde(deserialize_with = "or_empty")]
    daemon_endpoints: DaemonEndpoints,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct DaemonEndpoints {
    #[serde(deserialize_with = "or_empty")]
    kubelet_endpoint: KubeletEndpoint,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct KubeletEndpoint {
    #[serde(rename = "Port", deserialize_with = "or_empty")]
    port: i32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Address {
    #[serde(rename = "type", deserialize_with = "or_empty")]
    kind: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    address: Box<str>,
}

pub(super) fn read(json: Json<'_>) -> serde_json::Result<(Name<'_>, Object, usize)> {
    let (raw, length): (Raw<'_, Spec, Status<'_>>, usize) = first(json)?;
    let (name, _, meta) = raw.metadata.split();
    let conditions = raw.status.conditions.into_iter();
    let addresses = raw.status.addresses.into_iter();
    let node = Node {
        meta,
        provider_id: raw.spec.provider_id,
        conditions: conditions
            .map(|condition| (condition.kind.into(), condition.status.into()))
            .collect(),
        addresses: addresses.map(|address| (address.kind, address.address)).collect(),
        port: raw.status.daemon_endpoints.kubelet_endpoint.port,
    };
    Ok((name, Object::Node(node), length))
}
