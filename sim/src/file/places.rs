//! Where each field of a file stands.

use core::fmt;
use std::collections::BTreeMap;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

use super::Place;
use super::options;

/// The places of a file's fields, by their paths, such as `discoverers[0].backend`.
#[derive(Debug, Default)]
pub(super) struct Places {
    names: BTreeMap<String, Place>,
    values: BTreeMap<String, Place>,
}

impl Places {
    /// The places of a file's fields; none, if it is not YAML.
    pub(super) fn of(text: &str) -> Self {
        let mut places = Self::default();
        if let Ok(Spanned { value, .. }) = serde_yaml::from_str_with_options::<Spanned<Node>>(text, options()) {
            places.add(String::new(), &value);
        }
        places
    }

    fn add(&mut self, path: String, node: &Node) {
        match node {
            Node::Value => {}
            Node::List(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.enter(format!("{path}[{number}]"), item);
                }
            }
            Node::Mapping(fields) => {
                for (name, field) in fields {
                    let dot = if path.is_empty() { "" } else { "." };
                    let path = format!("{path}{dot}{}", name.value);
                    self.names.insert(path.clone(), Place::of(name.referenced));
                    self.enter(path, field);
                }
            }
        }
    }

    fn enter(&mut self, path: String, node: &Spanned<Node>) {
        self.values.insert(path.clone(), Place::of(node.referenced));
        self.add(path, &node.value);
    }

    /// Where the value of this path stands, or else the nearest thing around it that stands
    /// anywhere.
    pub(super) fn of_path(&self, mut path: &str) -> Option<Place> {
        loop {
            if let Some(place) = self.values.get(path) {
                return Some(*place);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// The path of the value that stands here, or else of the field whose name does.
    pub(super) fn path_at(&self, place: Place) -> Option<&str> {
        path_in(&self.values, place).or_else(|| path_in(&self.names, place))
    }

    /// The path of the mapping in which a field's name stands here.
    pub(super) fn mapping_at(&self, place: Place) -> Option<&str> {
        let path = path_in(&self.names, place)?;
        Some(path.rfind('.').map_or("", |dot| &path[..dot]))
    }
}

/// The longest path that leads here: a list and its first entry can start at one place.
fn path_in(paths: &BTreeMap<String, Place>, place: Place) -> Option<&str> {
    let here = paths.iter().filter(|(_, at)| **at == place);
    here.map(|(path, _)| path.as_str()).max_by_key(|path| path.len())
}

/// The shape of a file.
enum Node {
    Value,
    List(Vec<Spanned<Node>>),
    Mapping(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Node, E> {
                Ok(Node::Value)
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Node, E> {
                Ok(Node::Value)
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Node, E> {
                Ok(Node::Value)
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Node, E> {
                Ok(Node::Value)
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<Node, E> {
                Ok(Node::Value)
            }

            fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
                Ok(Node::Value)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Node::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node, A::Error> {
                let mut mapping = Vec::new();
                while let Some(field) = fields.next_entry()? {
                    mapping.push(field);
                }
                Ok(Node::Mapping(mapping))
            }
        }
        deserializer.deserialize_any(Shape)
    }
}
