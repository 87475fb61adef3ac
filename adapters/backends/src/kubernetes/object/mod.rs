//! What is kept of an object: what becomes labels, and nothing else.
//!
//! The one rule: **an object is read whole or not at all.** What a label could come of has to be of its type, as in
//! Kubernetes's own client; what is absent or null is empty; what is not asked for is skipped without a look.

mod endpoints;
mod ingress;
mod meta;
mod node;
mod pod;
mod service;
mod slice;

pub(super) use endpoints::{Address, Endpoints, TargetRef};
pub(super) use ingress::Ingress;
pub(super) use meta::{Controller, Meta, Pairs};
pub(super) use node::Node;
pub(super) use pod::{Container, Pod};
pub(super) use service::Service;
pub(super) use slice::{Slice, SliceEndpoint, SlicePort};

use std::borrow::Cow;
use std::num::NonZeroUsize;

use serde::Deserialize;
use serde_json::de::{Read, SliceRead, StrRead};

use super::kind::Kind;
use crate::json;

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Object {
    Node(Node),
    Service(Service),
    Pod(Pod),
    Endpoints(Endpoints),
    Slice(Slice),
    Ingress(Ingress),
    /// A namespace.
    Namespace(Meta),
    /// What is only asked whose it is.
    Owned(Option<Controller>),
}

/// An object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// `namespace/name`, or the name of what is in no namespace.
    pub(super) key: String,
    /// Where in the history of the server it is.
    pub(super) version: String,
    pub(super) object: Object,
}

/// What is known of an object that makes no sense, as far as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Nonsense {
    pub(super) key: Option<String>,
    pub(super) version: Option<String>,
}

impl Object {
    /// Reads an object of a kind.
    pub(super) fn read(kind: Kind, json: &[u8]) -> Result<Named, Nonsense> {
        let found = Self::first(kind, Json::of(json)).filter(|(_, length)| {
            let mut rest = json.get(length.get()..).unwrap_or_default().iter();
            rest.all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        });
        found.map(|(named, _)| named).ok_or_else(|| Nonsense::of(kind, json))
    }

    /// Reads an object with which this text begins, and says how many bytes are its. None if it makes no sense, or goes on
    /// after them.
    pub(super) fn begin(kind: Kind, json: &str) -> Option<(Named, NonZeroUsize)> {
        Self::first(kind, Json::Begun(json))
    }

    fn first(kind: Kind, json: Json<'_>) -> Option<(Named, NonZeroUsize)> {
        let (named, object, length) = match kind {
            Kind::Node => node::read(json).ok()?,
            Kind::Service => service::read(json).ok()?,
            Kind::Pod => pod::read(json).ok()?,
            Kind::Endpoints => endpoints::read(json).ok()?,
            Kind::EndpointSlice => slice::read(json).ok()?,
            Kind::Ingress => ingress::read(json).ok()?,
            Kind::Namespace => meta::read_namespace(json).ok()?,
            Kind::ReplicaSet | Kind::Job => meta::read_owned(json).ok()?,
        };
        let named = Named {
            key: named.key(kind)?,
            version: named.version,
            object,
        };
        Some((named, NonZeroUsize::new(length)?))
    }
}

/// What objects are read from.
#[derive(Debug, Clone, Copy)]
enum Json<'de> {
    /// What may not be there as a whole, and is read again when it is.
    Begun(&'de str),
    /// It needs no look at whether each part of it is a text.
    Text(&'de str),
    /// Some of it is no text, of which it is not known whether anybody keeps it.
    Bytes(&'de [u8]),
}

impl<'de> Json<'de> {
    fn of(json: &'de [u8]) -> Self {
        std::str::from_utf8(json).map_or(Self::Bytes(json), Self::Text)
    }
}

/// What stands at the beginning, and where it ends.
fn first<'de, T: Deserialize<'de>>(json: Json<'de>) -> serde_json::Result<(T, usize)> {
    fn next<'de, T: Deserialize<'de>>(read: impl Read<'de>) -> serde_json::Result<(T, usize)> {
        let mut values = serde_json::Deserializer::new(read).into_iter();
        match values.next() {
            Some(value) => Ok((value?, values.byte_offset())),
            None => Err(serde::de::Error::custom("there is nothing")),
        }
    }
    match json {
        Json::Begun(text) => json::begin(text).ok_or_else(|| serde::de::Error::custom("it is not whole")),
        Json::Text(text) => json::begin(text).map_or_else(|| next(StrRead::new(text)), Ok),
        Json::Bytes(bytes) => next(SliceRead::new(bytes)),
    }
}

/// How an object is called, and its version.
struct Name<'de> {
    namespace: Cow<'de, str>,
    name: Cow<'de, str>,
    version: String,
}

impl Name<'_> {
    /// Its key. What has no name, or one that can't be, has none.
    fn key(&self, kind: Kind) -> Option<String> {
        let is_name = |name: &str| !name.is_empty() && !name.contains('/');
        match (kind.is_of_the_cluster(), is_name(&self.name)) {
            (true, true) => Some(self.name.to_string()),
            (false, true) if is_name(&self.namespace) => Some(key(&self.namespace, &self.name)),
            _ => None,
        }
    }
}

/// The key of what is in a namespace.
pub(super) fn key(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

/// The namespace in a key; none for what is in no namespace.
pub(super) fn namespace_of(key: &str) -> Option<&str> {
    key.split_once('/').map(|(namespace, _)| namespace)
}

impl Nonsense {
    /// Finds out what can be of an object that can't be read.
    pub(super) fn of(kind: Kind, json: &[u8]) -> Self {
        let Ok(value) = serde_json::from_slice::<serde_json::Value>(json) else {
            return Self::default();
        };
        let text = |field: &str| {
            let text = value.get("metadata").and_then(|metadata| metadata.get(field));
            text.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        let name = Name {
            namespace: text("namespace").into(),
            name: text("name").into(),
            version: text("resourceVersion"),
        };
        Self {
            key: name.key(kind),
            version: Some(name.version).filter(|version| !version.is_empty()),
        }
    }
}
