//! Types that take any JSON, and keep what makes sense.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::short::Short;

/// A text; empty for anything else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text<T = String>(pub(crate) T);

/// One of many.
pub(crate) type ShortText = Text<Short>;

/// A text, a number or a switch, as it is written; empty for anything else. A number that is not whole is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Scalar<T = String>(pub(crate) T);

/// One of many.
pub(crate) type ShortScalar = Scalar<Short>;

/// A whole number, with what is behind its point cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Number(pub(crate) Option<i64>);

/// A switch; off for anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flag(pub(crate) bool);

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object<T>(pub(crate) Option<T>);

/// A list; empty for anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

/// An object with any keys; empty for anything else. Sorted, so that what becomes of keys that are alike is always the
/// same; of a key that stands there twice the last value counts. A list, as there are few: making and freeing the nodes of
/// a tree for each would take longer than reading them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Map<T, K = String>(pub(crate) Vec<(K, T)>);

/// One of many.
pub(crate) type ShortMap = Map<ShortText, Short>;

impl<T: Deref<Target = str>> Scalar<T> {
    /// What is written, or nothing.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Deref<Target = str>> Text<T> {
    /// The text, or nothing.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, K> Default for Map<T, K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// What a value of JSON can be. What a type does not say of itself is nothing to it.
trait Takes<'de>: Default {
    fn text(_: &str) -> Self {
        Self::default()
    }

    fn whole(_: i128) -> Self {
        Self::default()
    }

    fn fraction(_: f64) -> Self {
        Self::default()
    }

    fn flag(_: bool) -> Self {
        Self::default()
    }

    fn list<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn object<A: MapAccess<'de>>(mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl<T: Default + for<'a> From<&'a str>> Takes<'_> for Text<T> {
    fn text(text: &str) -> Self {
        Self(T::from(text))
    }
}

impl<T: Default + for<'a> From<&'a str>> Takes<'_> for Scalar<T> {
    fn text(text: &str) -> Self {
        Self(T::from(text))
    }

    fn whole(number: i128) -> Self {
        Self(T::from(&number.to_string()))
    }

    fn fraction(number: f64) -> Self {
        // Some write whole numbers with a point or an exponent.
        let is_whole = number.fract() == 0.0 && number.abs() < 1e15;
        match is_whole {
            true => Self(T::from(&format!("{number:.0}"))),
            false => Self::default(),
        }
    }

    fn flag(flag: bool) -> Self {
        Self(T::from(if flag { "true" } else { "false" }))
    }
}

impl Takes<'_> for Number {
    fn whole(number: i128) -> Self {
        Self(i64::try_from(number).ok())
    }

    fn fraction(number: f64) -> Self {
        Self((number.abs() < 9e18).then_some(number as i64))
    }
}

impl Takes<'_> for Flag {
    fn flag(flag: bool) -> Self {
        Self(flag)
    }
}

impl<'de, T: Deserialize<'de>> Takes<'de> for Object<T> {
    fn object<A: MapAccess<'de>>(entries: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(entries)).map(|object| Self(Some(object)))
    }
}

impl<'de, T: Deserialize<'de>> Takes<'de> for List<T> {
    fn list<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Self(list))
    }
}

impl<'de, T: Deserialize<'de>, K: Deserialize<'de> + Ord> Takes<'de> for Map<T, K> {
    fn object<A: MapAccess<'de>>(mut entries: A) -> Result<Self, A::Error> {
        let mut map: Vec<(K, T)> = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        if !map.is_sorted_by(|one, other| one.0 < other.0) {
            // Sorting keeps the order of equal ones, of which the first stays then.
            map.reverse();
            map.sort_by(|one, other| one.0.cmp(&other.0));
            map.dedup_by(|one, other| one.0 == other.0);
        }
        Ok(Self(map))
    }
}

struct Anything<T>(PhantomData<T>);

impl<'de, T: Takes<'de>> Visitor<'de> for Anything<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<T, E> {
        Ok(T::flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(T::whole(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::whole(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<T, E> {
        Ok(T::fraction(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::text(text))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<T, A::Error> {
        T::list(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<T, A::Error> {
        T::object(entries)
    }
}

macro_rules! takes_anything {
    ($([$($parameters:tt)*] $name:ty;)+) => {$(
        impl<'de, $($parameters)*> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Anything(PhantomData))
            }
        }
    )+};
}

takes_anything! {
    [T: Default + for<'a> From<&'a str>] Text<T>;
    [T: Default + for<'a> From<&'a str>] Scalar<T>;
    [] Number;
    [] Flag;
    [T: Deserialize<'de>] Object<T>;
    [T: Deserialize<'de>] List<T>;
    [T: Deserialize<'de>, K: Deserialize<'de> + Ord] Map<T, K>;
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Default, Deserialize)]
    #[serde(default)]
    struct Machine {
        name: Text,
        id: Scalar,
        memory: Number,
        is_up: Flag,
        tags: List<Text>,
        labels: Map<Scalar>,
        #[serde(rename = "in")]
        place: Object<Place>,
    }

    #[derive(Debug, PartialEq, Default, Deserialize)]
    #[serde(default)]
    struct Place {
        zone: Text,
    }

    fn machine(json: &str) -> Machine {
        serde_json::from_str(json).expect("it can be read")
    }

    #[test]
    fn what_makes_sense_is_kept() {
        let found = machine(
            r#"{"name": "a", "id": 12, "memory": 4.9, "is_up": true, "tags": ["x", 1, null, "y"], "in": {"zone": "z"},
                "labels": {"b": "0", "b": "1", "a": false, "c": 2e3, "d": 0.5, "e": [1]}, "other": [{"x": 1}]}"#,
        );
        let scalar = |text: &str| Scalar(text.to_owned());
        let labels: Vec<_> = found.labels.0.into_iter().collect();
        let expected = [("a", "false"), ("b", "1"), ("c", "2000"), ("d", ""), ("e", "")];
        assert_eq!(labels, expected.map(|(key, value)| (key.to_owned(), scalar(value))));
        assert_eq!((found.name.as_str(), found.id.as_str()), ("a", "12"));
        assert_eq!((found.memory.0, found.is_up.0), (Some(4), true));
        let tags: Vec<&str> = found.tags.0.iter().map(Text::as_str).collect();
        assert_eq!(tags, ["x", "", "", "y"]);
        assert_eq!(found.place.0.expect("a place").zone.as_str(), "z");
    }

    #[test]
    fn whatever_stands_in_a_fields_place_costs_that_field_only() {
        let fields = ["name", "id", "memory", "is_up", "tags", "labels", "in"];
        let values = [
            "null",
            "-1",
            "18446744073709551615",
            "1e300",
            "\"t\"",
            "true",
            "[[1], {\"a\": []}]",
            "{\"k\": {\"l\": [1]}}",
        ];
        for field in fields {
            for value in values {
                let mut found = machine(&format!(r#"{{"{field}": {value}, "name2": 1, "tags2": []}}"#));
                match field {
                    "name" => found.name = Text::default(),
                    "id" => found.id = Scalar::default(),
                    "memory" => found.memory = Number::default(),
                    "is_up" => found.is_up = Flag::default(),
                    "tags" => found.tags = List::default(),
                    "labels" => found.labels = Map::default(),
                    _ => found.place = Object::default(),
                }
                assert_eq!(found, Machine::default(), "{field}: {value}");
            }
        }
        let items: Vec<Object<Place>> =
            serde_json::from_str(r#"[null, 1, "a", [], {}, {"zone": "z"}]"#).expect("a list");
        assert_eq!(items.iter().filter(|item| item.0.is_some()).count(), 2);
    }
}
