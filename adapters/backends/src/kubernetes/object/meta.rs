//! What objects have in common.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};

use super::{Json, Name, Object, first};

/// Names and values, sorted by name, each name once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Pairs(Box<[(Box<str>, Box<str>)]>);

impl Pairs {
    pub(in super::super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    pub(in super::super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.binary_search_by(|(other, _)| (**other).cmp(name));
        found
            .ok()
            .and_then(|place| self.0.get(place))
            .map(|(_, value)| &**value)
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Pairs, E> {
                Ok(Pairs::default())
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs, M::Error> {
                let mut pairs: Vec<(Box<str>, Box<str>)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<Box<str>, Option<Box<str>>>()? {
                    pairs.push((name, value.unwrap_or_default()));
                }
                // Of a name that is there twice the last one counts: sorting keeps the order of equal ones.
                pairs.reverse();
                pairs.sort_by(|one, other| one.0.cmp(&other.0));
                pairs.dedup_by(|one, other| one.0 == other.0);
                Ok(Pairs(pairs.into()))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// What becomes labels of an object's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Meta {
    pub(in super::super) namespace: Box<str>,
    pub(in super::super) name: Box<str>,
    pub(in super::super) labels: Pairs,
    pub(in super::super) annotations: Pairs,
}

/// Who controls an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Controller {
    pub(in super::super) kind: Box<str>,
    pub(in super::super) name: Box<str>,
}

/// `metadata` as it is written.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RawMeta {
    #[serde(deserialize_with = "or_empty")]
    namespace: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    name: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    resource_version: String,
    #[serde(deserialize_with = "or_empty")]
    pub(super) uid: Box<str>,
    labels: Pairs,
    annotations: Pairs,
    #[serde(deserialize_with = "or_empty")]
    owner_references: Vec<Owner>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Owner {
    #[serde(deserialize_with = "or_empty")]
    kind: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    name: Box<str>,
    controller: Option<bool>,
}

impl RawMeta {
    /// Its name, its controller, and what becomes labels.
    pub(super) fn split(self) -> (Name, Option<Controller>, Meta) {
        let name = Name {
            namespace: self.namespace.to_string(),
            name: self.name.to_string(),
            version: self.resource_version,
        };
        let mut owners = self.owner_references.into_iter();
        let controller = owners.find(|owner| owner.controller == Some(true));
        let meta = Meta {
            namespace: self.namespace,
            name: self.name,
            labels: self.labels,
            annotations: self.annotations,
        };
        let controller = controller.map(|owner| Controller {
            kind: owner.kind,
            name: owner.name,
        });
        (name, controller, meta)
    }
}

/// An object that is wanted in one state and is in another.
#[derive(Deserialize)]
#[serde(bound(deserialize = "Spec: Deserialize<'de> + Default, Status: Deserialize<'de> + Default"))]
pub(super) struct Raw<Spec, Status> {
    pub(super) metadata: RawMeta,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) spec: Spec,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) status: Status,
}

/// A port of a service or of endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default)]
pub(in super::super) struct Port {
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) name: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) port: i32,
    #[serde(deserialize_with = "or_empty")]
    pub(in super::super) protocol: Box<str>,
}

/// Something that holds of a node or a pod, or does not.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Condition {
    #[serde(rename = "type", deserialize_with = "or_empty")]
    pub(super) kind: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) status: Box<str>,
}

/// What is null is empty.
pub(super) fn or_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Deserialize)]
struct OnlyMeta {
    metadata: RawMeta,
}

pub(super) fn read_namespace(json: Json<'_>) -> serde_json::Result<(Name, Object, usize)> {
    let (raw, length): (OnlyMeta, usize) = first(json)?;
    let (name, _, meta) = raw.metadata.split();
    Ok((name, Object::Namespace(meta), length))
}

pub(super) fn read_owned(json: Json<'_>) -> serde_json::Result<(Name, Object, usize)> {
    let (raw, length): (OnlyMeta, usize) = first(json)?;
    let (name, controller, _) = raw.metadata.split();
    Ok((name, Object::Owned(controller), length))
}
