//! The list itself, whatever it is written in: serde seeds that write into a batch.
//!
//! The seeds ask the format only for what both JSON and YAML can say: a list, a map, a string,
//! and whether something is null.

use std::borrow::Cow;
use std::fmt;

use headcount_core::{Batch, GroupError};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::collected::Collected;
use super::{Counts, Origin};

const FIELDS: &[&str] = &["targets", "labels"];

/// Where entries go while a list is decoded.
pub(super) struct Sink<'s, 'e> {
    batch: &'s mut Batch<'e>,
    origin: Origin<'s>,
    source: String,
    /// What was decoded.
    done: Counts,
    in_entry: bool,
    /// Bytes of text that the list may still expand to.
    text_left: usize,
    /// Why the batch refused, when the format reports an error of its own for it.
    pub(super) refused: Option<GroupError>,
    /// Whether an entry was refused for a field that it has twice.
    pub(super) has_repeated: bool,
    /// In a list that is read once more: what the entry has, as the last of equal fields says it.
    collected: Option<Collected>,
}

impl<'s, 'e> Sink<'s, 'e> {
    pub(super) fn new(batch: &'s mut Batch<'e>, origin: Origin<'s>, text_limit: usize) -> Self {
        let source = String::with_capacity(origin.name.len().saturating_add(12));
        Self {
            batch,
            origin,
            source,
            done: Counts::default(),
            in_entry: false,
            text_left: text_limit,
            refused: None,
            has_repeated: false,
            collected: None,
        }
    }

    /// Goes on with the list from its beginning, in which **the last of equal fields counts**, as in Go. What of it is in
    /// the batch is not written again.
    pub(super) fn read_again(&mut self) {
        self.batch.abandon();
        self.collected = Some(Collected::after(self.done));
        self.done = Counts::default();
        self.in_entry = false;
        self.has_repeated = false;
    }

    /// What was decoded.
    pub(super) fn done(&self) -> Counts {
        self.done
    }

    /// The entry that is being decoded.
    pub(super) fn open_entry(&self) -> Option<usize> {
        self.in_entry.then_some(self.done.groups)
    }

    fn begin<E: Error>(&mut self) -> Result<(), E> {
        if let Some(collected) = &mut self.collected {
            collected.begin();
            return Ok(());
        }
        self.begin_group()
    }

    fn begin_group<E: Error>(&mut self) -> Result<(), E> {
        self.source.clear();
        self.source.push_str(self.origin.name);
        self.source.push(':');
        push_number(&mut self.source, self.done.groups);
        let begun = self.batch.begin(&self.source);
        self.accept(begun)
    }

    fn end<E: Error>(&mut self) -> Result<(), E> {
        if let Some(collected) = self.collected.take() {
            let written = self.write(&collected);
            self.collected = Some(collected);
            return written;
        }
        self.end_group()
    }

    /// Writes what was collected of an entry, unless it is in the batch.
    fn write<E: Error>(&mut self, entry: &Collected) -> Result<(), E> {
        if self.done.groups < entry.written.groups {
            self.in_entry = false;
            self.done.groups = self.done.groups.saturating_add(1);
            self.done.targets = self.done.targets.saturating_add(entry.targets().len());
            return Ok(());
        }
        self.begin_group()?;
        for address in entry.targets() {
            self.add_target(address)?;
        }
        for (name, value) in &entry.labels {
            self.add_label(name, value)?;
        }
        self.end_group()
    }

    fn end_group<E: Error>(&mut self) -> Result<(), E> {
        // Last, so that it wins over a label of that name in the list.
        let ended = self
            .batch
            .group_label(self.origin.label, self.origin.name)
            .and_then(|()| self.batch.end());
        self.accept(ended)?;
        self.in_entry = false;
        self.done.groups = self.done.groups.saturating_add(1);
        Ok(())
    }

    /// Notes that the entry has a field, the last time if it may be there again.
    fn field<E: Error>(&mut self, name: &'static str, was_given: bool) -> Result<(), E> {
        match &mut self.collected {
            Some(collected) => collected.field(name),
            None if was_given => {
                self.has_repeated = true;
                return Err(E::duplicate_field(name));
            }
            None => {}
        }
        Ok(())
    }

    /// Nothing is the empty text.
    fn target<E: Error>(&mut self, address: Option<&str>) -> Result<(), E> {
        if let Some(collected) = &mut self.collected {
            collected.target(address);
            return Ok(());
        }
        self.add_target(address.unwrap_or_default())
    }

    fn no_targets(&mut self) {
        if let Some(collected) = &mut self.collected {
            collected.no_targets();
        }
    }

    fn label<E: Error>(&mut self, name: &str, value: &str) -> Result<(), E> {
        if let Some(collected) = &mut self.collected {
            collected.labels.push((name.to_owned(), value.to_owned()));
            return Ok(());
        }
        self.add_label(name, value)
    }

    fn add_target<E: Error>(&mut self, address: &str) -> Result<(), E> {
        self.spend(address.len())?;
        self.done.targets = self.done.targets.saturating_add(1);
        let added = self
            .batch
            .begin_target()
            .and_then(|()| self.batch.label("__address__", address));
        self.accept(added)
    }

    fn add_label<E: Error>(&mut self, name: &str, value: &str) -> Result<(), E> {
        self.spend(name.len().saturating_add(value.len()))?;
        let added = self.batch.group_label(name, value);
        self.accept(added)
    }

    /// Aliases can make a short document expand to a long one.
    fn spend<E: Error>(&mut self, bytes: usize) -> Result<(), E> {
        let left = self.text_left.checked_sub(bytes.saturating_add(1));
        self.text_left =
            left.ok_or_else(|| E::custom("the list's aliases expand to too much text; write it out, or split it"))?;
        Ok(())
    }

    fn accept<E: Error>(&mut self, result: Result<(), GroupError>) -> Result<(), E> {
        result.map_err(|error| {
            let reported = E::custom(&error);
            self.refused = Some(error);
            reported
        })
    }
}

/// Whether a field's name may be written in any case, as Go's JSON decoder has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldNames {
    Exact,
    AnyCase,
}

/// The whole list, or null for an empty one.
pub(super) struct ListSeed<'l, 's, 'e> {
    pub(super) sink: &'l mut Sink<'s, 'e>,
    pub(super) names: FieldNames,
}

impl<'de> DeserializeSeed<'de> for ListSeed<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for ListSeed<'_, '_, '_> {
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
                sink: &mut *self.sink,
                names: self.names,
            };
            if list.next_element_seed(seed)?.is_none() {
                return Ok(());
            }
        }
    }
}

/// One entry.
struct EntrySeed<'l, 's, 'e> {
    sink: &'l mut Sink<'s, 'e>,
    names: FieldNames,
}

impl<'de> DeserializeSeed<'de> for EntrySeed<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.sink.in_entry = true;
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntrySeed<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a target group: an object with `targets` and `labels`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.sink.begin()?;
        let (mut targets, mut labels) = (false, false);
        while let Some(field) = fields.next_key_seed(FieldSeed(self.names))? {
            let (given, name) = match field {
                Field::Targets => (&mut targets, "targets"),
                Field::Labels => (&mut labels, "labels"),
            };
            self.sink.field(name, std::mem::replace(given, true))?;
            match field {
                Field::Targets => fields.next_value_seed(Targets(&mut *self.sink))?,
                Field::Labels => fields.next_value_seed(Labels(&mut *self.sink))?,
            }
        }
        self.sink.end()
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
        // For Go, the long s is one in another case.
        let is = |wanted: &str| {
            name == wanted
                || self.0 == FieldNames::AnyCase
                    && (name.eq_ignore_ascii_case(wanted)
                        || name.contains('ſ') && name.replace('ſ', "s").eq_ignore_ascii_case(wanted))
        };
        match name {
            _ if is("targets") => Ok(Field::Targets),
            _ if is("labels") => Ok(Field::Labels),
            _ => Err(E::unknown_field(name, FIELDS)),
        }
    }
}

/// The targets of an entry, or null for none.
struct Targets<'l, 's, 'e>(&'l mut Sink<'s, 'e>);

impl<'de> DeserializeSeed<'de> for Targets<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Targets<'_, '_, '_> {
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
struct Labels<'l, 's, 'e>(&'l mut Sink<'s, 'e>);

impl<'de> DeserializeSeed<'de> for Labels<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Labels<'_, '_, '_> {
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

fn push_number(text: &mut String, number: usize) {
    use fmt::Write;
    // Writing to a `String` does not fail.
    write!(text, "{number}").ok();
}
