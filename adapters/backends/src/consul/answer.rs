//! What Consul answers, decoded into what becomes labels and nothing else.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::consul_api::{Check, Pairs, Text, decode, or_default};
use crate::short::Short;

/// An instance of a service, as `/v1/health/service/…` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Instance {
    #[serde(deserialize_with = "or_default")]
    pub(super) node: Node,
    #[serde(deserialize_with = "or_default")]
    pub(super) service: Service,
    #[serde(deserialize_with = "or_default")]
    pub(super) checks: Vec<Check>,
}

/// The node that an instance is registered on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Node {
    #[serde(deserialize_with = "or_default")]
    pub(super) node: Short,
    #[serde(deserialize_with = "or_default")]
    pub(super) address: Short,
    #[serde(deserialize_with = "or_default")]
    pub(super) datacenter: Short,
    #[serde(deserialize_with = "or_default")]
    pub(super) tagged_addresses: Pairs<Text>,
    #[serde(deserialize_with = "or_default")]
    pub(super) meta: Pairs<Text>,
}

/// What was registered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Service {
    #[serde(rename = "ID", deserialize_with = "or_default")]
    pub(super) id: Short,
    #[serde(deserialize_with = "or_default")]
    pub(super) address: Short,
    #[serde(deserialize_with = "or_default")]
    pub(super) port: i64,
    #[serde(deserialize_with = "or_default")]
    pub(super) tags: Vec<Short>,
    #[serde(deserialize_with = "or_default")]
    pub(super) meta: Pairs<Text>,
    #[serde(deserialize_with = "or_default")]
    pub(super) namespace: Short,
    #[serde(deserialize_with = "or_default")]
    pub(super) partition: Short,
}

/// Tags of a service's instances.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Tags(#[serde(deserialize_with = "or_default")] pub(super) Vec<String>);

/// The instances of a service.
pub(super) fn instances(body: &[u8]) -> Result<Vec<Instance>, serde_json::Error> {
    decode(body)
}

/// The services that there are, each with the tags that some instance of it has.
pub(super) fn services(body: &[u8]) -> Result<BTreeMap<String, Tags>, serde_json::Error> {
    decode(body)
}

/// The datacenter that an agent says it is in.
pub(super) fn datacenter(body: &[u8]) -> Result<String, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Agent {
        config: Config,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Config {
        datacenter: String,
    }
    crate::json::from_slice(body).map(|agent: Agent| agent.config.datacenter)
}
