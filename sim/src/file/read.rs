//! From the values of a file to a scenario.
//!
//! **What is wrong is known where it stands**: an error belongs to the innermost value that was being read, or, if it is
//! about a field's name, to that. Values have the type that is asked for; where any would do, the one that they are
//! written as.
//!
//! A reader of our own, and not the parser's for all types: that one is compiled for each of a scenario's many types
//! anew, which took a third of the time that this crate takes to compile.

use core::fmt;
use std::collections::BTreeSet;

use headcount_reader::{Cursor, Position};
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::{Mistake, Place, Wrong};

/// A value that is read, and the path to it.
pub(super) struct Value<'a> {
    /// None is a file without a value, which is one without fields.
    pub(super) at: Option<Cursor<'a>>,
    pub(super) path: String,
    /// The paths of what is wrong, and is left out so that what else is wrong is found as well.
    pub(super) skipped: &'a BTreeSet<String>,
}

/// What is wrong with a value, and where, as soon as that is known.
#[derive(Debug)]
pub(super) struct Misread {
    pub(super) wrong: Wrong,
    place: Option<Box<At>>,
}

/// Where something is wrong.
#[derive(Debug)]
struct At {
    place: Place,
    /// The value that it is about.
    field: String,
    /// What has to be left out for it to be wrong no more.
    skip: String,
}

const FIELDS: &str = "fields with values, such as `count: 3`";
const LIST: &str = "a list; its entries start with `- `";
const SINGLE: &str = "a single value";

impl Misread {
    fn of(wrong: Wrong) -> Self {
        Self { wrong, place: None }
    }

    fn expected(expected: &str) -> Self {
        Self::of(Wrong::WrongType {
            found: "this".to_owned(),
            expected: expected.to_owned(),
        })
    }

    /// At this place, if it is not known yet.
    fn at(mut self, position: Position, path: &str) -> Self {
        self.place.get_or_insert_with(|| {
            Box::new(At {
                place: position.into(),
                field: path.to_owned(),
                skip: path.to_owned(),
            })
        });
        self
    }

    /// At the name of a field of what has this path.
    fn at_name(mut self, position: Position, path: &str, name: &str) -> Self {
        self.place.get_or_insert_with(|| {
            Box::new(At {
                place: position.into(),
                field: path.to_owned(),
                skip: join(path, name),
            })
        });
        self
    }

    /// The mistake, and what has to be left out to go on reading.
    pub(super) fn into_mistake(self) -> (Mistake, Option<String>) {
        let (place, field, skip) = match self.place.map(|at| *at) {
            Some(At { place, field, skip }) => (Some(place), field, Some(skip)),
            None => (None, String::new(), None),
        };
        let mistake = Mistake {
            place,
            field,
            wrong: self.wrong,
        };
        (mistake, skip)
    }
}

impl<'a> Value<'a> {
    fn here<T>(&self, read: Result<T, Misread>) -> Result<T, Misread> {
        read.map_err(|misread| match &self.at {
            Some(at) => misread.at(at.position(), &self.path),
            None => misread,
        })
    }

    fn is_nothing(&self) -> bool {
        self.at.as_ref().is_none_or(Cursor::is_null)
    }

    /// The text of a single value.
    fn single(&self) -> Result<String, Misread> {
        let single = self.at.as_ref().filter(|at| at.is_scalar());
        single.and_then(Cursor::text).ok_or_else(|| Misread::expected(SINGLE))
    }

    /// A number of the type that is asked for.
    fn number<T: core::str::FromStr>(&self, expected: &str) -> Result<T, Misread> {
        self.single()?.parse().map_err(|_| Misread::expected(expected))
    }

    fn fields(&self) -> Result<Mapping<'a>, Misread> {
        let mut fields = match &self.at {
            None => Vec::new(),
            Some(at) if at.is_null() || at.is_scalar() || at.is_list() => return Err(Misread::expected(FIELDS)),
            Some(at) => at.entries_with_places().unwrap_or_default(),
        };
        // As they are written, so that the first mistake is the first in the file.
        fields.sort_by_key(|(_, position, _)| *position);
        fields.retain(|(name, ..)| !self.skipped.contains(&join(&self.path, name)));
        Ok(Mapping {
            path: self.path.clone(),
            fields: fields.into_iter(),
            value: None,
            skipped: self.skipped,
        })
    }

    fn items(&self) -> Result<List<'a>, Misread> {
        let items = match &self.at {
            Some(at) if at.is_list() => at.list().unwrap_or_default(),
            _ => return Err(Misread::expected(LIST)),
        };
        let path = self.path.clone();
        let mut items: Vec<_> = items.into_iter().enumerate().collect();
        items.retain(|(number, _)| !self.skipped.contains(&format!("{path}[{number}]")));
        Ok(List {
            path,
            items: items.into_iter(),
            skipped: self.skipped,
        })
    }
}

/// Reads whole numbers and switches as what is asked for.
macro_rules! numbers {
    ($($method:ident $visit:ident $expected:literal)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
            let read = self.number($expected).and_then(|number| visitor.$visit(number));
            self.here(read)
        })*
    };
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = Misread;

    numbers! {
        deserialize_bool visit_bool "`true` or `false`"
        deserialize_u8 visit_u8 "a whole number from 0 to 255"
        deserialize_u16 visit_u16 "a whole number from 0 to 65535"
        deserialize_u32 visit_u32 "a whole number from 0 to 4294967295"
        deserialize_u64 visit_u64 "a whole number"
        deserialize_i16 visit_i16 "a whole number from -32768 to 32767"
        deserialize_i32 visit_i32 "a whole number from -2147483648 to 2147483647"
        deserialize_i64 visit_i64 "a whole number, perhaps below 0"
        deserialize_f64 visit_f64 "a number"
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        let read = match &self.at {
            None => visitor.visit_unit(),
            Some(at) if at.is_null() => visitor.visit_unit(),
            Some(at) if at.is_scalar() => {
                let (text, json) = (at.text().unwrap_or_default(), at.json());
                match (text.parse(), text.parse()) {
                    // What is quoted is text, whatever it looks like.
                    _ if json.starts_with('"') => visitor.visit_str(&text),
                    (Ok(number), _) => visitor.visit_u64(number),
                    (_, Ok(number)) => visitor.visit_i64(number),
                    _ if json == "true" || json == "false" => visitor.visit_bool(json == "true"),
                    _ => visitor.visit_str(&text),
                }
            }
            Some(at) if at.is_list() => self.items().and_then(|items| visitor.visit_seq(items)),
            Some(_) => self.fields().and_then(|fields| visitor.visit_map(fields)),
        };
        self.here(read)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        let read = self.single().and_then(|text| visitor.visit_string(text));
        self.here(read)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        match self.is_nothing() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        let read = self.items().and_then(|items| visitor.visit_seq(items));
        self.here(read)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        let read = self.fields().and_then(|fields| visitor.visit_map(fields));
        self.here(read)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misread> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misread> {
        let choice = Choice {
            value: Value {
                at: self.at.clone(),
                path: self.path.clone(),
                skipped: self.skipped,
            },
        };
        let read = visitor.visit_enum(choice);
        self.here(read)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i128 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

/// The fields of a mapping, in the order of the file.
struct Mapping<'a> {
    path: String,
    fields: std::vec::IntoIter<(String, Position, Cursor<'a>)>,
    value: Option<Value<'a>>,
    skipped: &'a BTreeSet<String>,
}

impl<'de> MapAccess<'de> for Mapping<'_> {
    type Error = Misread;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misread> {
        let Some((name, position, at)) = self.fields.next() else {
            return Ok(None);
        };
        let key = seed.deserialize(text(&name));
        let key = key.map_err(|misread| misread.at_name(position, &self.path, &name))?;
        let path = join(&self.path, &name);
        self.value = Some(Value {
            at: Some(at),
            path,
            skipped: self.skipped,
        });
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misread> {
        let value = self.value.take();
        seed.deserialize(value.unwrap_or_else(|| Value {
            at: None,
            path: self.path.clone(),
            skipped: self.skipped,
        }))
    }
}

/// The entries of a list.
struct List<'a> {
    path: String,
    items: std::vec::IntoIter<(usize, Cursor<'a>)>,
    skipped: &'a BTreeSet<String>,
}

impl<'de> SeqAccess<'de> for List<'_> {
    type Error = Misread;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misread> {
        let Some((number, at)) = self.items.next() else {
            return Ok(None);
        };
        let path = format!("{}[{number}]", self.path);
        let value = Value {
            at: Some(at),
            path,
            skipped: self.skipped,
        };
        seed.deserialize(value).map(Some)
    }
}

/// One of several: a word, or a mapping of one word to what belongs to it.
struct Choice<'a> {
    value: Value<'a>,
}

impl<'a, 'de> EnumAccess<'de> for Choice<'a> {
    type Error = Misread;
    type Variant = Content<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Content<'a>), Misread> {
        if let Ok(word) = self.value.single() {
            let variant = seed.deserialize(text(&word))?;
            let content = Content {
                word,
                value: None,
                skipped: self.value.skipped,
            };
            return Ok((variant, content));
        }
        let fields = self.value.fields().map_err(|_| Misread::expected(SINGLE))?;
        let mut fields = fields.fields;
        let (Some((name, position, at)), None) = (fields.next(), fields.next()) else {
            return Err(Misread::expected("one word with what belongs to it"));
        };
        let variant = seed.deserialize(text(&name));
        let variant = variant.map_err(|misread| misread.at(position, &self.value.path))?;
        let path = join(&self.value.path, &name);
        let skipped = self.value.skipped;
        let value = Some(Value {
            at: Some(at),
            path,
            skipped,
        });
        let word = name;
        Ok((variant, Content { word, value, skipped }))
    }
}

/// What belongs to a word.
struct Content<'a> {
    word: String,
    value: Option<Value<'a>>,
    skipped: &'a BTreeSet<String>,
}

impl<'a> Content<'a> {
    fn value(self) -> Value<'a> {
        self.value.unwrap_or(Value {
            at: None,
            path: String::new(),
            skipped: self.skipped,
        })
    }
}

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Misread;

    fn unit_variant(self) -> Result<(), Misread> {
        match self.value {
            Some(value) if !value.is_nothing() => value.here(Err(Misread::expected("nothing; the word stands alone"))),
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misread> {
        seed.deserialize(self.value())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misread> {
        self.value().deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Misread> {
        let bare = self.value.is_none().then(|| self.word.clone());
        self.value()
            .deserialize_map(visitor)
            .map_err(|misread| match (bare, misread) {
                (
                    Some(word),
                    Misread {
                        wrong: Wrong::Missing(field),
                        place,
                    },
                ) => Misread {
                    wrong: Wrong::Bare { word, field },
                    place,
                },
                (_, misread) => misread,
            })
    }
}

fn text(text: &str) -> StrDeserializer<'_, Misread> {
    text.into_deserializer()
}

pub(super) fn join(path: &str, name: &str) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    format!("{path}{dot}{name}")
}

impl de::Error for Misread {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self::of(Wrong::WrongValue(what.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::of(Wrong::WrongType {
            found: found.to_string(),
            expected: expected.to_string(),
        })
    }

    fn unknown_field(word: &str, known: &'static [&'static str]) -> Self {
        Self::of(Wrong::UnknownWord {
            word: word.to_owned(),
            known: known.to_vec(),
        })
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::unknown_field(word, known)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(Wrong::Missing(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::of(Wrong::Repeated(field.to_owned()))
    }
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wrong.fmt(f)
    }
}

impl std::error::Error for Misread {}
