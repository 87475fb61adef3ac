//! Endpoint slices.

use serde::Deserialize;

use super::meta::{RawMeta, or_empty};
use super::{Json, Meta, Name, Object, Pairs, TargetRef, first};

/// A slice of a service's endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Slice {
    pub(in super::super) meta: Meta,
    pub(in super::super) address_type: Box<str>,
    pub(in super::super) endpoints: Vec<SliceEndpoint>,
    pub(in super::super) ports: Vec<SlicePort>,
}

/// An endpoint of a slice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct SliceEndpoint {
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) addresses: Vec<Box<str>>,
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) conditions: Conditions,
    pub(in super::super) hostname: Option<Box<str>>,
    pub(in super::super) node_name: Option<Box<str>>,
    pub(in super::super) zone: Option<Box<str>>,
    pub(in super::super) target_ref: Option<TargetRef>,
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) deprecated_topology: Pairs,
}

/// How an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default)]
pub(in super::super) struct Conditions {
    pub(in super::super) ready: Option<bool>,
    pub(in super::super) serving: Option<bool>,
    pub(in super::super) terminating: Option<bool>,
}

/// A port of a slice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct SlicePort {
    pub(in super::super) name: Option<Box<str>>,
    pub(in super::super) port: Option<i32>,
    pub(in super::super) protocol: Option<Box<str>>,
    pub(in super::super) app_protocol: Option<Box<str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw<'a> {
    #[serde(borrow)]
    metadata: RawMeta<'a>,
    #[serde(default, deserialize_with = "or_empty")]
    address_type: Box<str>,
    #[serde(default, deserialize_with = "or_empty")]
    endpoints: Vec<SliceEndpoint>,
    #[serde(default, deserialize_with = "or_empty")]
    ports: Vec<SlicePort>,
}

impl Slice {
    /// The service that it belongs to.
    pub(in super::super) fn service(&self) -> Option<&str> {
        self.meta.labels.get("kubernetes.io/service-name")
    }
}

pub(super) fn read(json: Json<'_>) -> serde_json::Result<(Name<'_>, Object, usize)> {
    let (raw, length): (Raw<'_>, usize) = first(json)?;
    let (name, _, meta) = raw.metadata.split();
    let slice = Slice {
        meta,
        address_type: raw.address_type,
        endpoints: raw.endpoints,
        ports: raw.ports,
    };
    Ok((name, Object::Slice(slice), length))
}
