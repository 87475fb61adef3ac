//! JSON objects as Go reads them into structures: the case of names does not matter, of a name that stands twice the last
//! one counts, `null` is nothing, and a value of another type makes no sense of the whole.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The entries of an object in their order, their values as they are written.
#[derive(Debug, Default)]
pub(crate) struct Object(Vec<(String, Box<RawValue>)>);

impl Object {
    /// Reads an object. `null` is one without entries.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        let object: Option<Self> = serde_json::from_slice(json).ok()?;
        Some(object.unwrap_or_default())
    }

    /// The text of this name, empty if there is none; nothing if it makes no sense.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let mut text = String::new();
        for value in self.values(name) {
            let value: Option<String> = serde_json::from_str(value.get()).ok()?;
            text = value.unwrap_or(text);
        }
        Some(text)
    }

    /// The integer of this name, zero if there is none; nothing if it makes no sense.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        let mut int = 0;
        for value in self.values(name) {
            let value: Option<i64> = serde_json::from_str(value.get()).ok()?;
            int = value.unwrap_or(int);
        }
        Some(int)
    }

    /// The object of this name, without entries if there is none; nothing if it makes no sense.
    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        let mut object = Self::default();
        for value in self.values(name) {
            object.0.append(&mut Self::read(value.get().as_bytes())?.0);
        }
        Some(object)
    }

    /// Names in their order with the objects that they have; nothing if one makes no sense.
    pub(crate) fn objects<'o>(&'o self) -> Option<Vec<(&'o str, Self)>> {
        let read =
            |(name, value): &'o (String, Box<RawValue>)| Some((name.as_str(), Self::read(value.get().as_bytes())?));
        self.0.iter().map(read).collect()
    }

    fn values<'o>(&'o self, name: &'o str) -> impl Iterator<Item = &'o RawValue> {
        let named = self.0.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name));
        named.map(|(_, value)| &**value)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Object {
        Object::read(json.as_bytes()).expect("an object")
    }

    #[test]
    fn names_of_any_case_are_read_and_the_last_one_counts() {
        let read = object(r#"{"Host": "a", "host": "b", "HOST": null, "port": 1, "more": {"x": 1}, "MORE": {"Y": 2}}"#);
        assert_eq!((read.text("host").as_deref(), read.int("port")), (Some("b"), Some(1)));
        let more = read.object("more").expect("an object");
        assert_eq!(
            (more.int("x"), more.int("y"), more.int("z")),
            (Some(1), Some(2), Some(0))
        );
        assert_eq!(
            (read.text("none").as_deref(), object("null").int("a")),
            (Some(""), Some(0))
        );
        let entries = object(r#"{"a": {"b": 1}, "c": null}"#);
        let names: Vec<&str> = entries
            .objects()
            .expect("objects")
            .iter()
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(names, ["a", "c"]);
    }

    #[test]
    fn a_value_of_another_type_makes_no_sense() {
        let read = object(r#"{"text": 1, "int": "1", "float": 1.0, "large": 9223372036854775808, "object": []}"#);
        assert_eq!(
            (read.text("text"), read.int("int"), read.int("float"), read.int("large")),
            (None, None, None, None)
        );
        assert!(read.object("object").is_none() && read.objects().is_none());
        for json in ["", "[]", "1", "{", "{} {}", "{\"a\": \"\u{fffd}\"", "\"a\""] {
            assert!(Object::read(json.as_bytes()).is_none(), "{json}");
        }
        assert!(Object::read(b"{\"a\": \"\xff\"}").is_none());
    }
}
