//! A scenario as a tree of words and values, in the order in which it is written: what the
//! shrinker cuts at, and what the short form of a scenario file is printed from.

use core::fmt;

use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value with the order of its fields kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    Map(Vec<(String, Tree)>),
    List(Vec<Tree>),
    Text(String),
    Number(i128),
    Bool(bool),
    Nothing,
}

/// Where in a tree something is: at each level the place in the map or list.
pub(super) type Path = Vec<usize>;

impl Tree {
    pub(super) fn of(value: &impl Serialize) -> Option<Self> {
        serde_json::from_str(&serde_json::to_string(value).ok()?).ok()
    }

    /// The value that the tree describes, if it describes one.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&serde_json::to_string(self).ok()?).ok()
    }

    /// The paths of everything below, what stands further up and further left first.
    pub(super) fn paths(&self) -> Vec<Path> {
        let (mut found, mut level) = (Vec::new(), vec![(Vec::new(), self)]);
        while !level.is_empty() {
            let below = level.iter().flat_map(|(path, tree)| {
                tree.children().enumerate().map(|(place, child)| {
                    let mut path: Path = path.clone();
                    path.push(place);
                    (path, child)
                })
            });
            level = below.collect();
            found.extend(level.iter().map(|(path, _)| path.clone()));
        }
        found
    }

    /// Whether this is a part of something that the scenario expects, which stays as it is or goes whole.
    pub(super) fn is_frozen(&self, path: &[usize]) -> bool {
        let (Self::Map(fields), [first, _, _, ..]) = (self, path) else {
            return false;
        };
        fields.get(*first).is_some_and(|(name, _)| name == "expect")
    }

    /// Whether it says when the scenario ends.
    pub(super) fn is_end(&self, path: &[usize]) -> bool {
        let (Self::Map(fields), [field]) = (self, path) else {
            return false;
        };
        fields.get(*field).is_some_and(|(name, _)| name == "until")
    }

    /// The innermost entry of a list that a path in words names, such as `discoverers[0].backend`.
    pub(super) fn entry(&self, words: &str) -> Option<Path> {
        let (mut tree, mut path, mut entry) = (self, Path::new(), None);
        for word in words.split('.') {
            let (name, number) = match word.strip_suffix(']').and_then(|word| word.split_once('[')) {
                Some((name, number)) => (name, Some(number.parse().ok()?)),
                None => (word, None),
            };
            let Self::Map(fields) = tree else { break };
            // What is as ever is not written.
            let Some(field) = fields.iter().position(|(other, _)| other == name) else {
                break;
            };
            path.push(field);
            if let Some(number) = number {
                path.push(number);
                entry = Some(path.clone());
            }
            tree = self.at(&path)?;
        }
        entry
    }

    pub(super) fn at(&self, path: &[usize]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        self.children().nth(*first)?.at(rest)
    }

    /// This with something else at the path.
    pub(super) fn with(&self, path: &[usize], value: Self) -> Self {
        let mut tree = self.clone();
        if let Some(place) = tree.at_mut(path) {
            *place = value;
        }
        tree
    }

    /// This without what stands at the path.
    pub(super) fn without(&self, path: &[usize]) -> Self {
        let mut tree = self.clone();
        if let Some((last, above)) = path.split_last() {
            match tree.at_mut(above) {
                Some(Self::Map(fields)) if *last < fields.len() => drop(fields.remove(*last)),
                Some(Self::List(items)) if *last < items.len() => drop(items.remove(*last)),
                _ => {}
            }
        }
        tree
    }

    fn at_mut(&mut self, path: &[usize]) -> Option<&mut Self> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        let child = match self {
            Self::Map(fields) => fields.get_mut(*first).map(|(_, tree)| tree),
            Self::List(items) => items.get_mut(*first),
            _ => None,
        };
        child?.at_mut(rest)
    }

    fn children(&self) -> impl Iterator<Item = &Self> {
        let (fields, items) = match self {
            Self::Map(fields) => (fields.as_slice(), [].as_slice()),
            Self::List(items) => ([].as_slice(), items.as_slice()),
            _ => ([].as_slice(), [].as_slice()),
        };
        fields.iter().map(|(_, tree)| tree).chain(items)
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Map(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => match u64::try_from(*number) {
                Ok(number) => serializer.serialize_u64(number),
                Err(_) => serializer.serialize_i64(i64::try_from(*number).unwrap_or(i64::MIN)),
            },
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Nothing => serializer.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value without fractions")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Tree::Map(fields))
    }
}
