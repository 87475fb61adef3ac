//! The list itself, whatever it is written in: serde seeds that write into a [`Receiver`].
//!
//! The seeds ask the format only for what both JSON and YAML can say: a list, a map, a string,
//! and whether something is null.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::sink::Receiver;

const FIELDS: &[&str] = &["targets", "labels"];

/// Whether a field's name may be written in any case, as Go's JSON decoder has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldNames {
    Exact,
    AnyCase,
}

/// The whole list, or null for an empty one.
pub(super) struct ListSeed<'l, R> {
    pub(super) receiver: &'l mut R,
    pub(super) names: FieldNames,
}

impl<'de, R: Receiver> DeserializeSeed<'de> for ListSeed<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, R: Receiver> Visitor<'de> for ListSeed<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of target groups")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        loop {
            let seed = EntrySeed {
                receiver: &mut *self.receiver,
                names: self.names,
            };
            if list.next_element_seed(seed)?.is_none() {
                return Ok(());
            }
        }
    }
}

/// One entry.
struct EntrySeed<'l, R> {
    receiver: &'l mut R,
    names: FieldNames,
}

impl<'de, R: Receiver> DeserializeSeed<'de> for EntrySeed<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.receiver.expect_entry();
        deserializer.deserialize_map(self)
    }
}

impl<'de, R: Receiver> Visitor<'de> for EntrySeed<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a target group: an object with `targets` and `labels`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.receiver.begin()?;
        let (mut targets, mut labels) = (false, false);
        while let Some(field) = fields.next_key_seed(FieldSeed(self.names))? {
            let (given, name) = match field {
                Field::Targets => (&mut targets, "targets"),
                Field::Labels => (&mut labels, "labels"),
            };
            self.receiver.field(name, std::mem::replace(given, true))?;
            match field {
                Field::Targets => fields.next_value_seed(Targets(&mut *self.receiver))?,
                Field::Labels => fields.next_value_seed(Labels(&mut *self.receiver))?,
            }
        }
        self.receiver.end()
    }
}

#[derive(Clone, Copy)]
enum Field {
    Targets,
    Labels,
}

struct FieldSeed(FieldNames);

impl<'de> DeserializeSeed<'de> for FieldSeed {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldSeed {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`targets` or `labels`")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Field, E> {
        match name {
            "targets" => Ok(Field::Targets),
            "labels" => Ok(Field::Labels),
            _ if self.0 == FieldNames::AnyCase => in_another_case(name).ok_or_else(|| E::unknown_field(name, FIELDS)),
            _ => Err(E::unknown_field(name, FIELDS)),
        }
    }
}

/// A field's name in another case. For Go, the long s is an s in one.
#[cold]
fn in_another_case(name: &str) -> Option<Field> {
    let name = name.replace('ſ', "s");
    [("targets", Field::Targets), ("labels", Field::Labels)]
        .into_iter()
        .find_map(|(known, field)| name.eq_ignore_ascii_case(known).then_some(field))
}

/// The targets of an entry, or null for none.
struct Targets<'l, R>(&'l mut R);

impl<'de, R: Receiver> DeserializeSeed<'de> for Targets<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, R: Receiver> Visitor<'de> for Targets<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of addresses")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.0.no_targets();
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.no_targets();
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut addresses: A) -> Result<(), A::Error> {
        let mut count = 0;
        while let Some(address) = addresses.next_element_seed(NullableText)? {
            self.0.target(address.as_deref())?;
            count += 1;
        }
        if count == 0 {
            self.0.no_targets();
        }
        Ok(())
    }
}

/// The labels of an entry, or null for none.
struct Labels<'l, R>(&'l mut R);

impl<'de, R: Receiver> DeserializeSeed<'de> for Labels<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, R: Receiver> Visitor<'de> for Labels<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of label names and values")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut labels: A) -> Result<(), A::Error> {
        while let Some(name) = labels.next_key_seed(Text)? {
            let value = labels.next_value_seed(NullableText)?;
            self.0.label(&name, value.as_deref().unwrap_or_default())?;
        }
        Ok(())
    }
}

/// A string, borrowed from the input where it stands there as it is.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text))
    }
}

/// A string, or null.
struct NullableText;

impl<'de> DeserializeSeed<'de> for NullableText {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for NullableText {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_none<E: Error>(self) -> Result<Option<Cow<'de, str>>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<Cow<'de, str>>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
        Text.deserialize(deserializer).map(Some)
    }
}
