//! A container, as `/containers/json` has it: what becomes labels, and nothing else.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::docker_api::{Text, Texts, or_default};

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Container {
    #[serde(deserialize_with = "or_default")]
    pub(super) id: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) names: Vec<Text>,
    #[serde(deserialize_with = "or_default")]
    pub(super) image: String,
    #[serde(rename = "ImageID", deserialize_with = "or_default")]
    pub(super) image_id: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) labels: Texts,
    #[serde(deserialize_with = "or_default")]
    pub(super) ports: Vec<Port>,
    #[serde(deserialize_with = "or_default")]
    host_config: HostConfig,
    #[serde(deserialize_with = "or_default")]
    network_settings: NetworkSettings,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct HostConfig {
    #[serde(deserialize_with = "or_default")]
    network_mode: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NetworkSettings {
    #[serde(deserialize_with = "or_default")]
    networks: NamedNetworks,
}

/// By their names. Those of a container that does not run may be null.
pub(super) type NamedNetworks = BTreeMap<String, Option<Attached>>;

/// Where a container is in a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attached {
    #[serde(rename = "NetworkID", deserialize_with = "or_default")]
    pub(super) network_id: String,
    #[serde(rename = "IPAddress", deserialize_with = "or_default")]
    pub(super) ip: String,
    #[serde(rename = "GlobalIPv6Address", deserialize_with = "or_default")]
    pub(super) ipv6: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Port {
    /// Where it is published.
    #[serde(rename = "IP", deserialize_with = "or_default")]
    pub(super) ip: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) private_port: u16,
    #[serde(deserialize_with = "or_default")]
    pub(super) public_port: u16,
    #[serde(rename = "Type", deserialize_with = "or_default")]
    pub(super) kind: String,
}

impl Container {
    /// `bridge`, `host`, `none`, `container:ID`, or the name of a network.
    pub(super) fn network_mode(&self) -> &str {
        &self.host_config.network_mode
    }

    /// The networks that are its own.
    pub(super) fn networks(&self) -> &NamedNetworks {
        &self.network_settings.networks
    }

    /// The container whose networks it has.
    pub(super) fn borrows_from(&self) -> Option<&str> {
        self.network_mode().strip_prefix("container:")
    }
}
