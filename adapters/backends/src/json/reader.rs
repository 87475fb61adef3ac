//! A deserializer for JSON that is a text.
//!
//! The one rule: **what it takes, `serde_json` takes for the same.** It may refuse more, as what is nested deeply, and says no
//! word of why: whoever needs to know has `serde_json` read the same again, whose answer counts then. So it is small, and what
//! is wrong is refused as it always was.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::bytes::{self, Escaped};

/// How many values may be in one another. `serde_json` takes 127.
const DEPTH: u8 = 100;

/// It is no JSON, or not what was asked for, or is left to `serde_json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was refused")
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Reads values one after the other.
pub(super) struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth: u8,
}

impl<'de> Reader<'de> {
    pub(super) fn new(text: &'de str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// How many bytes were read.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// Whether nothing but white space is left.
    pub(super) fn is_at_end(&self) -> bool {
        bytes::space(self.text.as_bytes(), self.at) == self.text.len()
    }

    /// The next byte that is no white space, which is not yet read.
    #[inline]
    fn peek(&mut self) -> Result<u8, Refused> {
        self.at = bytes::space(self.text.as_bytes(), self.at);
        self.text.as_bytes().get(self.at).copied().ok_or(Refused)
    }

    /// Reads the byte that is next but white space.
    #[inline]
    fn take(&mut self, byte: u8) -> Result<(), Refused> {
        if self.peek()? != byte {
            return Err(Refused);
        }
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    #[inline]
    fn take_word(&mut self, word: &[u8]) -> Result<(), Refused> {
        self.at = bytes::word(self.text.as_bytes(), self.at, word).ok_or(Refused)?;
        Ok(())
    }

    /// Reads a string.
    #[inline]
    fn string(&mut self) -> Result<Cow<'de, str>, Refused> {
        self.take(b'"')?;
        let start = self.at;
        match bytes::plain(self.text.as_bytes(), start) {
            Some((end, b'"')) => {
                self.at = end.saturating_add(1);
                self.text.get(start..end).map(Cow::Borrowed).ok_or(Refused)
            }
            Some((end, b'\\')) => self.unescape(start, end).map(Cow::Owned),
            _ => Err(Refused),
        }
    }

    /// Reads the rest of a string, from its first escape sequence on.
    #[cold]
    fn unescape(&mut self, mut start: usize, mut end: usize) -> Result<String, Refused> {
        let json = self.text.as_bytes();
        let mut text = String::new();
        loop {
            text.push_str(self.text.get(start..end).ok_or(Refused)?);
            let (escaped, next) = bytes::escape(json, end.saturating_add(1)).ok_or(Refused)?;
            start = next;
            match escaped {
                Escaped::Char(char) => text.push(char),
                Escaped::Unit(unit @ 0xd800..=0xdbff) => {
                    // The other one of a pair has to follow.
                    let second = bytes::word(json, start, b"\\").and_then(|at| bytes::escape(json, at));
                    let Some((Escaped::Unit(second), next)) = second else {
                        return Err(Refused);
                    };
                    let mut pair = char::decode_utf16([unit, second]);
                    text.push(pair.next().and_then(Result::ok).ok_or(Refused)?);
                    start = next;
                }
                Escaped::Unit(unit) => text.push(char::from_u32(unit.into()).ok_or(Refused)?),
            }
            let byte;
            (end, byte) = bytes::plain(json, start).ok_or(Refused)?;
            match byte {
                b'"' => break,
                b'\\' => {}
                _ => return Err(Refused),
            }
        }
        text.push_str(self.text.get(start..end).ok_or(Refused)?);
        self.at = end.saturating_add(1);
        Ok(text)
    }

    #[inline]
    fn number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Refused> {
        let (end, is_whole) = bytes::number(self.text.as_bytes(), self.at).ok_or(Refused)?;
        let number = self.text.get(self.at..end).ok_or(Refused)?;
        self.at = end;
        match number.strip_prefix('-') {
            None if is_whole && let Ok(number) = number.parse::<u64>() => visitor.visit_u64(number),
            Some(digits)
                if is_whole
                    && digits != "0"
                    && let Ok(number) = number.parse::<i64>() =>
            {
                visitor.visit_i64(number)
            }
            // As many digits as it has, they are rounded as they always were.
            _ => visitor.visit_f64(serde_json::from_str(number).map_err(|_| Refused)?),
        }
    }

    /// Goes into a list or an object, and out of it again.
    #[inline]
    fn within<T>(&mut self, end: u8, read: impl FnOnce(&mut Self) -> Result<T, Refused>) -> Result<T, Refused> {
        self.at = self.at.saturating_add(1);
        if self.depth == DEPTH {
            return Err(Refused);
        }
        self.depth = self.depth.saturating_add(1);
        let value = read(self)?;
        self.depth = self.depth.saturating_sub(1);
        self.take(end)?;
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Refused;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.peek()? {
            b'"' => self.deserialize_str(visitor),
            b'{' => self.deserialize_map(visitor),
            b'[' => self.deserialize_seq(visitor),
            b'n' => {
                self.take_word(b"null")?;
                visitor.visit_unit()
            }
            b't' => {
                self.take_word(b"true")?;
                visitor.visit_bool(true)
            }
            b'f' => {
                self.take_word(b"false")?;
                visitor.visit_bool(false)
            }
            _ => self.number(visitor),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.peek()? {
            b'n' => {
                self.take_word(b"null")?;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_str(&text),
        }
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.peek()? {
            b'[' => self.within(b']', |reader| visitor.visit_seq(Items { reader, is_first: true })),
            _ => Err(Refused),
        }
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.peek()? {
            b'{' => self.within(b'}', |reader| visitor.visit_map(Entries { reader, is_first: true })),
            _ => Err(Refused),
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.at = bytes::value(self.text.as_bytes(), self.at).ok_or(Refused)?;
        visitor.visit_unit()
    }

    /// One without a value of its own.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        match self.string()? {
            Cow::Borrowed(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            Cow::Owned(_) => Err(Refused),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct struct
    }
}

/// The items of a list that has begun.
struct Items<'r, 'de> {
    reader: &'r mut Reader<'de>,
    is_first: bool,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Refused;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        if self.reader.peek()? == b']' {
            return Ok(None);
        }
        if !std::mem::take(&mut self.is_first) {
            self.reader.take(b',')?;
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

/// The entries of an object that has begun.
struct Entries<'r, 'de> {
    reader: &'r mut Reader<'de>,
    is_first: bool,
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Refused;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        if self.reader.peek()? == b'}' {
            return Ok(None);
        }
        if !std::mem::take(&mut self.is_first) {
            self.reader.take(b',')?;
        }
        let key = seed.deserialize(Key(&mut *self.reader))?;
        self.reader.take(b':')?;
        Ok(Some(key))
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        seed.deserialize(&mut *self.reader)
    }
}

/// The name of an entry, which is a string. Where a number is asked for, it is left to `serde_json`.
struct Key<'r, 'de>(&'r mut Reader<'de>);

impl<'de> Deserializer<'de> for Key<'_, 'de> {
    type Error = Refused;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.0.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_some(self)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}
