//! How Consul writes things down: `null` is nothing.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::short::Short;

/// Reads `null` as what is not there, as Go does.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What a body says.
pub(crate) fn decode<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, serde_json::Error> {
    crate::json::from_slice::<Option<T>>(body).map(Option::unwrap_or_default)
}

/// Text in a map or a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text(#[serde(deserialize_with = "or_default")] pub(crate) Short);

/// Names and values, sorted by name; of a name that stands there twice the last value counts. A list, as there are few:
/// making and freeing the nodes of a tree for each would take longer than reading them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pairs<V>(pub(crate) Vec<(Short, V)>);

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Reader<V> {
            type Value = Pairs<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs<V>, M::Error> {
                let mut pairs: Vec<(Short, V)> = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                if !pairs.is_sorted_by(|one, other| one.0 < other.0) {
                    // Sorting keeps the order of equal ones, of which the first stays then.
                    pairs.reverse();
                    pairs.sort_by(|one, other| one.0.cmp(&other.0));
                    pairs.dedup_by(|one, other| one.0 == other.0);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Reader(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn null_is_nothing_wherever_it_stands() {
        let texts: BTreeMap<String, Text> = decode(br#"{"a": null, "b": "c"}"#).expect("it can be read");
        assert_eq!((texts["a"].0.as_str(), texts["b"].0.as_str()), ("", "c"));
        assert_eq!(decode::<Vec<Text>>(b"null").expect("it can be read"), []);
        assert!(decode::<Vec<Text>>(b"").is_err() && decode::<Vec<Text>>(br#"{"a": "b"}"#).is_err());
    }

    #[test]
    fn pairs_are_sorted_and_the_last_of_a_name_counts() {
        let pairs: Pairs<Text> =
            decode(br#"{"b": "1", "a": "2", "b": null, "c": "3", "a": "4"}"#).expect("it can be read");
        let pairs: Vec<(&str, &str)> = pairs.0.iter().map(|(name, value)| (&**name, &*value.0)).collect();
        assert_eq!(pairs, [("a", "4"), ("b", ""), ("c", "3")]);
        assert!(decode::<Pairs<Text>>(b"[]").is_err());
    }
}
