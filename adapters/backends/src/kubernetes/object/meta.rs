//! What objects have in common.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};

use super::{Json, Name, Object, first};

/// Names and values, sorted by name, each name once: all in one text, as they are many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Pairs {
    text: Box<str>,
    /// Where each name and its value end.
    ends: Box<[(u32, u32)]>,
}

impl Pairs {
    /// Of a name that is there twice the last one counts.
    fn of(mut pairs: Vec<(Text<'_>, Text<'_>)>) -> Option<Self> {
        // Servers sort them.
        if !pairs.is_sorted_by(|one, other| *one.0.0 < *other.0.0) {
            // Sorting keeps the order of equal ones, of which the first stays then.
            pairs.reverse();
            pairs.sort_by(|one, other| one.0.0.cmp(&other.0.0));
            pairs.dedup_by(|one, other| one.0.0 == other.0.0);
        }
        let lengths = pairs
            .iter()
            .map(|(name, value)| name.0.len().saturating_add(value.0.len()));
        let mut text = String::with_capacity(lengths.sum());
        let mut ends = Vec::with_capacity(pairs.len());
        for (Text(name), Text(value)) in &pairs {
            text.push_str(name);
            let name = u32::try_from(text.len()).ok()?;
            text.push_str(value);
            ends.push((name, u32::try_from(text.len()).ok()?));
        }
        Some(Self {
            text: text.into(),
            ends: ends.into(),
        })
    }

    pub(in super::super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let part = |start: u32, end: u32| self.text.get(start as usize..end as usize).unwrap_or_default();
        let mut start = 0;
        self.ends.iter().map(move |(name, value)| {
            let begun = std::mem::replace(&mut start, *value);
            (part(begun, *name), part(*name, *value))
        })
    }

    pub(in super::super) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
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
                // Most objects have no more.
                let mut pairs = Vec::with_capacity(8);
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    pairs.push((name, map.next_value::<Text<'de>>()?));
                }
                Pairs::of(pairs).ok_or_else(|| de::Error::custom("they are too long"))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// A text as it is written, of which it may be that nobody keeps it; null is empty.
#[derive(Debug, Default)]
pub(super) struct Text<'de>(pub(super) Cow<'de, str>);

impl From<Text<'_>> for Box<str> {
    fn from(text: Text<'_>) -> Self {
        text.0.into()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_none<E: de::Error>(self) -> Result<Text<'de>, E> {
                Ok(Text::default())
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text<'de>, D::Error> {
                deserializer.deserialize_str(self)
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(text.into()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(text.to_owned().into()))
            }
        }
        deserializer.deserialize_option(Reader)
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
pub(super) struct RawMeta<'a> {
    #[serde(borrow)]
    namespace: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    resource_version: Text<'a>,
    #[serde(borrow)]
    pub(super) uid: Text<'a>,
    labels: Pairs,
    annotations: Pairs,
    #[serde(borrow, deserialize_with = "or_empty")]
    owner_references: Vec<Owner<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Owner<'a> {
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    controller: Option<bool>,
}

impl<'de> RawMeta<'de> {
    /// Its name, its controller, and what becomes labels.
    pub(super) fn split(self) -> (Name<'de>, Option<Controller>, Meta) {
        let (Text(namespace), Text(name)) = (self.namespace, self.name);
        let mut owners = self.owner_references.into_iter();
        let controller = owners.find(|owner| owner.controller == Some(true));
        let meta = Meta {
            namespace: namespace.as_ref().into(),
            name: name.as_ref().into(),
            labels: self.labels,
            annotations: self.annotations,
        };
        let controller = controller.map(|owner| Controller {
            kind: owner.kind.into(),
            name: owner.name.into(),
        });
        let name = Name {
            namespace,
            name,
            version: self.resource_version.0.into_owned(),
        };
        (name, controller, meta)
    }
}

/// An object that is wanted in one state and is in another.
#[derive(Deserialize)]
#[serde(bound(deserialize = "Spec: Deserialize<'de> + Default, Status: Deserialize<'de> + Default"))]
pub(super) struct Raw<'a, Spec, Status> {
    #[serde(borrow)]
    pub(super) metadata: RawMeta<'a>,
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
pub(super) struct Condition<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) status: Text<'a>,
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
struct OnlyMeta<'a> {
    #[serde(borrow)]
    metadata: RawMeta<'a>,
}

pub(super) fn read_namespace(json: Json<'_>) -> serde_json::Result<(Name<'_>, Object, usize)> {
    let (raw, length): (OnlyMeta<'_>, usize) = first(json)?;
    let (name, _, meta) = raw.metadata.split();
    Ok((name, Object::Namespace(meta), length))
}

pub(super) fn read_owned(json: Json<'_>) -> serde_json::Result<(Name<'_>, Object, usize)> {
    let (raw, length): (OnlyMeta<'_>, usize) = first(json)?;
    let (name, controller, _) = raw.metadata.split();
    Ok((name, Object::Owned(controller), length))
}
