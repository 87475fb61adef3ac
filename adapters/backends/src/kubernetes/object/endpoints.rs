//! Endpoints, in the form that Kubernetes had first.

use serde::Deserialize;

use super::meta::{Port, RawMeta, or_empty};
use super::{Json, Meta, Name, Object, first};

/// Endpoints of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Endpoints {
    pub(in super::super) meta: Meta,
    pub(in super::super) subsets: Vec<Subset>,
}

/// Addresses that have the same ports.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct Subset {
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) addresses: Vec<Address>,
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) not_ready_addresses: Vec<Address>,
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) ports: Vec<Port>,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct Address {
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) ip: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) hostname: Box<str>,
    pub(in super::super) node_name: Option<Box<str>>,
    pub(in super::super) target_ref: Option<TargetRef>,
}

/// What is behind an address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default)]
pub(in super::super) struct TargetRef {
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) kind: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) namespace: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) name: Box<str>,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    metadata: RawMeta<'a>,
    #[serde(default, deserialize_with = "or_empty")]
    subsets: Vec<Subset>,
}

pub(super) fn read(json: Json<'_>) -> serde_json::Result<(Name<'_>, Object, usize)> {
    let (raw, length): (Raw<'_>, usize) = first(json)?;
    let (name, _, meta) = raw.metadata.split();
    let subsets = raw.subsets;
    Ok((name, Object::Endpoints(Endpoints { meta, subsets }), length))
}
