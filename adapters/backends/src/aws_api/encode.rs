//! From what was found to labels, with Prometheus's names.

use crate::label_name::push_sanitized;
use headcount_core::{Batch, GroupError};
use headcount_discoverer::metrics::{Definition, Kind};

use super::json::Tag;
use crate::time::without_fraction;
use crate::xml::Element;

/// What is counted of what is no target.
pub(crate) const fn skipped_metric(name: &'static str) -> Definition {
    Definition {
        name,
        help: "What was found without an address, each time that it was, and so is no target.",
        kind: Kind::Counter,
    }
}

/// Fields of an element that become labels: where each stands, what its label's name ends in, and what is made of it.
pub(crate) type Table = &'static [(&'static str, &'static str, To)];

/// What is made of a field's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    /// As it is.
    Text,
    /// A whole number; what is none is left out.
    Number,
    /// `true` or `false`; what is neither is left out.
    Flag,
    /// A time as Go writes it; what is none is left out.
    Time,
}

impl To {
    fn apply(self, text: &str) -> Option<String> {
        match self {
            Self::Text => Some(text.to_owned()),
            Self::Number => text.parse::<i64>().ok().map(|number| number.to_string()),
            Self::Flag => text.parse::<bool>().ok().map(|flag| flag.to_string()),
            Self::Time => without_fraction(text),
        }
    }
}

/// A text that is a number of a port.
pub(crate) fn number_of(text: Option<&str>) -> Option<u16> {
    text?.parse().ok()
}

/// Adds a group, which `fill` fills; one that fails leaves nothing behind.
pub(crate) fn add_group(
    batch: &mut Batch<'_>,
    source: &str,
    fill: impl FnOnce(&mut Batch<'_>) -> Result<(), GroupError>,
) -> Result<(), GroupError> {
    let added = batch
        .begin(source)
        .and_then(|()| fill(batch))
        .and_then(|()| batch.end());
    if added.is_err() {
        batch.abandon();
    }
    added
}

/// Where labels go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Group,
    Target,
}

/// Labels on their way into a batch. One that would be empty is none.
pub(crate) struct Labels<'l, 'b> {
    batch: &'l mut Batch<'b>,
    level: Level,
    /// How all names begin.
    prefix: &'static str,
    name: String,
}

impl<'l, 'b> Labels<'l, 'b> {
    /// Labels that all targets of the group have.
    pub(crate) fn of_group(batch: &'l mut Batch<'b>, prefix: &'static str) -> Self {
        Self::new(batch, Level::Group, prefix)
    }

    /// Begins a target with this address.
    pub(crate) fn of_target(batch: &'l mut Batch<'b>, prefix: &'static str, address: &str) -> Result<Self, GroupError> {
        batch.begin_target()?;
        batch.label("__address__", address)?;
        Ok(Self::new(batch, Level::Target, prefix))
    }

    fn new(batch: &'l mut Batch<'b>, level: Level, prefix: &'static str) -> Self {
        Self {
            batch,
            level,
            prefix,
            name: String::with_capacity(64),
        }
    }

    pub(crate) fn put(&mut self, name: &str, value: &str) -> Result<(), GroupError> {
        self.put_parts(name, "", value)
    }

    pub(crate) fn put_some(&mut self, name: &str, value: Option<&str>) -> Result<(), GroupError> {
        self.put(name, value.unwrap_or_default())
    }

    /// A label whose name ends in a tag's key, with `_` for what a name can't have.
    pub(crate) fn put_tag(&mut self, name: &str, key: &str, value: &str) -> Result<(), GroupError> {
        self.put_parts(name, key, value)
    }

    /// A label for each text of a list, with its place: `name_0`, `name_1`, …
    pub(crate) fn put_each<'t>(
        &mut self,
        name: &str,
        texts: impl IntoIterator<Item = &'t str>,
    ) -> Result<(), GroupError> {
        for (place, text) in texts.into_iter().enumerate() {
            self.put(&format!("{name}_{place}"), text)?;
        }
        Ok(())
    }

    /// A label for each field of a table that an element has; `name` is how they all begin.
    pub(crate) fn put_table(&mut self, name: &str, table: Table, element: &Element) -> Result<(), GroupError> {
        for (path, label, to) in table {
            if let Some(value) = element.at(path).and_then(|text| to.apply(text)) {
                self.put_parts(name, label, &value)?;
            }
        }
        Ok(())
    }

    /// The tags of a list of `Key` and `Value`.
    pub(crate) fn put_tags(&mut self, name: &str, tags: &[Element]) -> Result<(), GroupError> {
        for tag in tags {
            if let (Some(key), Some(value)) = (tag.at("Key"), tag.at("Value")) {
                self.put_tag(name, key, value)?;
            }
        }
        Ok(())
    }

    /// The same of a list that came as JSON.
    pub(crate) fn put_json_tags(&mut self, name: &str, tags: Option<&[Tag]>) -> Result<(), GroupError> {
        for tag in tags.unwrap_or_default() {
            if let (Some(key), Some(value)) = (&tag.key, &tag.value) {
                self.put_tag(name, key, value)?;
            }
        }
        Ok(())
    }

    fn put_parts(&mut self, name: &str, end: &str, value: &str) -> Result<(), GroupError> {
        if value.is_empty() {
            return Ok(());
        }
        self.name.clear();
        self.name.push_str(self.prefix);
        self.name.push_str(name);
        push_sanitized(&mut self.name, end);
        match self.level {
            Level::Group => self.batch.group_label(&self.name, value),
            Level::Target => self.batch.label(&self.name, value),
        }
    }
}

/// A list as Prometheus writes it, with a comma at both ends.
pub(crate) fn comma_list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut list = String::from(",");
    let mut is_empty = true;
    for text in texts {
        list.push_str(text);
        list.push(',');
        is_empty = false;
    }
    if is_empty {
        list.push(',');
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_makes_no_sense_is_no_label() {
        assert_eq!(To::Number.apply("007").as_deref(), Some("7"));
        assert_eq!(To::Number.apply("9223372036854775808"), None);
        assert_eq!(To::Flag.apply("true").as_deref(), Some("true"));
        assert_eq!(To::Flag.apply("yes"), None);
        assert_eq!(
            To::Time.apply("2026-11-29T05:20:00.123Z").as_deref(),
            Some("2026-11-29T05:20:00Z")
        );
        assert_eq!(To::Time.apply("now"), None);
    }

    #[test]
    fn lists_have_commas_at_both_ends() {
        assert_eq!(comma_list([]), ",,");
        assert_eq!(comma_list(["a"]), ",a,");
        assert_eq!(comma_list(["", "b"]), ",,b,");
    }
}
