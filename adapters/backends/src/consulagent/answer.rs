//! What an agent answers, decoded into what becomes labels and nothing else.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::consul_api::{Check, Pairs, Text, decode, or_default};

/// The agent itself, as `/v1/agent/self` has it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Agent {
    #[serde(deserialize_with = "or_default")]
    pub(super) config: Config,
    #[serde(deserialize_with = "or_default")]
    pub(super) member: Member,
    /// Of any type; what is text becomes labels.
    #[serde(deserialize_with = "or_default")]
    pub(super) meta: Pairs<Value>,
}

/// What an agent was told to be.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Config {
    #[serde(deserialize_with = "or_default")]
    pub(super) datacenter: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) node_name: String,
}

/// How others know an agent.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Member {
    #[serde(deserialize_with = "or_default")]
    pub(super) addr: String,
}

/// An instance of a service, as `/v1/agent/services` lists it by its id.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Service {
    #[serde(rename = "ID", deserialize_with = "or_default")]
    pub(super) id: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) service: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) address: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) port: i64,
    #[serde(deserialize_with = "or_default")]
    pub(super) tags: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) meta: Pairs<Text>,
    #[serde(deserialize_with = "or_default")]
    pub(super) tagged_addresses: Pairs<TaggedAddress>,
    #[serde(deserialize_with = "or_default")]
    pub(super) namespace: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) datacenter: String,
}

/// Another address of an instance.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct TaggedAddress {
    #[serde(deserialize_with = "or_default")]
    pub(super) address: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) port: i64,
}

/// An instance with its checks, as `/v1/agent/health/service/name/…` lists it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Instance {
    #[serde(deserialize_with = "or_default")]
    pub(super) service: Service,
    #[serde(deserialize_with = "or_default")]
    pub(super) checks: Vec<Check>,
}

/// The agent.
pub(super) fn agent(body: &[u8]) -> Result<Agent, serde_json::Error> {
    crate::json::from_slice(body)
}

/// The instances that the agent has, by their ids.
pub(super) fn services(body: &[u8]) -> Result<BTreeMap<String, Service>, serde_json::Error> {
    decode(body)
}

/// The instances of a service.
pub(super) fn instances(body: &[u8]) -> Result<Vec<Instance>, serde_json::Error> {
    decode(body)
}
