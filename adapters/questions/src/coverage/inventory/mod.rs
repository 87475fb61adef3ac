//! The inventory: which hosts there should be.
//!
//! * `fetch`: where it comes from; `format`: what it is written in.
//! * `text`, `csv`, `tree`: the formats; `fields`: which field names a host. `error`: what is wrong.
//!
//! The one rule: **an inventory is taken whole or not at all.** What can't be understood is said with
//! its place; half an inventory would look like hosts that nobody needs.

mod csv;
mod error;
mod fetch;
mod fields;
mod format;
mod text;
mod tree;

use std::collections::HashSet;

use anyhow::anyhow;

use super::naming::Naming;
pub(super) use error::Wrong;
use error::{InventoryError, Place};
use headcount_service::Workers;

/// What an inventory is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InventoryFormat {
    /// A host a line; `#` begins a comment.
    Text,
    /// With a header; fields are separated by commas, semicolons or tabs.
    Csv,
    /// A list of names or of objects, alone or as the one list in an object; or a value a line.
    Json,
    /// A list of names or of objects.
    Yaml,
}

/// Hosts, each once.
#[derive(Debug)]
pub struct Inventory {
    /// Its file or URL.
    pub(super) from: String,
    pub(super) format: InventoryFormat,
    /// The field that names hosts, where there are fields.
    pub(super) field: Option<String>,
    /// In the order of the inventory.
    pub(super) hosts: Vec<Host>,
    /// Entries that name a host which was there before.
    pub(super) repeated: usize,
    /// Entries that name none.
    pub(super) nameless: usize,
}

/// A host of the inventory.
#[derive(Debug)]
pub(super) struct Host {
    /// As it is written.
    pub(super) name: String,
    /// As it is compared.
    pub(super) form: String,
}

/// A name, and where it stands.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    name: String,
    place: Place,
}

/// What a format's reader found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    hosts: Vec<Named>,
    field: Option<String>,
    nameless: usize,
}

impl Inventory {
    /// Reads the inventory of a file, a URL or standard input (`-`). `format` and `field` are what is known
    /// of it; the rest is found out.
    ///
    /// # Errors
    /// When it can't be read, or when anything in it can't be understood.
    pub async fn read(
        workers: &Workers,
        from: &str,
        format: Option<InventoryFormat>,
        field: Option<&str>,
        naming: &Naming,
    ) -> anyhow::Result<Self> {
        let fetched = fetch::fetch(workers, from).await?;
        let shown = fetch::shown(from);
        let of_text = || {
            let text = utf8(&fetched.bytes)?;
            let format = format.unwrap_or_else(|| format::detect(&shown, fetched.content_type.as_deref(), text));
            of_text(text, format, field, naming)
        };
        let inventory = of_text().map_err(|error| anyhow!("the inventory can't be used: {shown}{error}"))?;
        Ok(Self {
            from: shown.clone(),
            ..inventory
        })
    }
}

fn of_text(
    text: &str,
    format: InventoryFormat,
    field: Option<&str>,
    naming: &Naming,
) -> Result<Inventory, InventoryError> {
    let read = match format {
        InventoryFormat::Text => Read {
            hosts: text::read(text)?,
            ..Read::default()
        },
        InventoryFormat::Csv => csv::read(text, field)?,
        InventoryFormat::Json => tree::read_json(text, field)?,
        InventoryFormat::Yaml => tree::read_yaml(text, field)?,
    };
    if let (InventoryFormat::Text, Some(field)) = (format, field) {
        return Err(Wrong::NoFields(field.to_owned()).at(Place::Whole));
    }
    let (mut hosts, mut forms, mut repeated) = (Vec::new(), HashSet::new(), 0);
    for Named { name, place } in read.hosts {
        let form = naming.of_entry(&name).map_err(|wrong| wrong.at(place))?;
        if forms.insert(form.clone()) {
            hosts.push(Host { name, form });
        } else {
            repeated += 1;
        }
    }
    if hosts.is_empty() {
        return Err(Wrong::Empty.at(Place::Whole));
    }
    Ok(Inventory {
        from: String::new(),
        format,
        field: read.field,
        hosts,
        repeated,
        nameless: read.nameless,
    })
}

/// The text, without the mark that some editors begin it with.
fn utf8(bytes: &[u8]) -> Result<&str, InventoryError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let column = String::from_utf8_lossy(column).chars().count() + 1;
        Wrong::NotUtf8.at_line(line, column)
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Inventory, String> {
        let read = of_text(text, InventoryFormat::Text, None, &Naming::default());
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn a_host_is_there_once() {
        let inventory = of("A.example.org.\nb\na.example.org:9100\n").expect("fine");
        let names: Vec<_> = inventory.hosts.iter().map(|host| host.name.as_str()).collect();
        assert_eq!(names, ["A.example.org.", "b"]);
        assert_eq!(inventory.repeated, 1);
    }

    #[test]
    fn what_is_no_inventory_is_refused() {
        assert_eq!(of("a\n[web]\n").expect_err("a section").split(':').nth(1), Some("2"));
        assert!(of("# none\n").expect_err("empty").contains("no hosts"));
        let error = utf8(b"a\nb\xff").expect_err("not UTF-8");
        assert_eq!(error.place, Place::Line { line: 2, column: 2 });
        assert_eq!(utf8("\u{feff}a".as_bytes()), Ok("a"));
    }
}
