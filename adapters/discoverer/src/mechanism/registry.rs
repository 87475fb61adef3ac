//! The mechanisms that a program has, in order.

use std::fmt;

use headcount_reader::{Cursor, FieldNames};

use super::{Mechanism, Place, SdConfig, fingerprint};
use crate::metrics::Definition;

/// An ordered list of mechanisms.
///
/// Whoever reads a configuration asks it which fields there are and has them read. Two mechanisms can't have
/// one name or one field.
#[derive(Clone, Default)]
pub struct Registry {
    /// In the order in which Prometheus reads a job's mechanisms; see [`order`].
    entries: Vec<Entry>,
    fields: FieldNames,
}

/// One mechanism of a [`Registry`].
#[derive(Clone)]
pub struct Entry {
    name: &'static str,
    summary: &'static str,
    metrics: &'static [Definition],
    field: String,
    read: fn(&Cursor<'_>, &Place<'_>) -> Vec<SdConfig>,
}

/// Why a mechanism can't be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// There is one of this name, or one that is written in the same field.
    #[error("two mechanisms are called {name:?} or stand in the field {field}; give one of them another name")]
    Taken {
        /// The name of the one that came later.
        name: &'static str,
        /// Its field.
        field: String,
    },
    /// It is not called as mechanisms are.
    #[error("a mechanism can't be called {name:?}; use lower-case letters and digits")]
    Name {
        /// Its name.
        name: &'static str,
    },
}

impl Registry {
    /// A registry without mechanisms.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a mechanism.
    ///
    /// # Errors
    /// Its name or its field is taken, or is no name.
    pub fn register<M: Mechanism>(&mut self) -> Result<(), RegistryError> {
        let (name, field) = (M::NAME, M::field());
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
            return Err(RegistryError::Name { name });
        }
        if self
            .entries
            .iter()
            .any(|entry| entry.name == name || entry.field == field)
        {
            return Err(RegistryError::Taken { name, field });
        }
        let place = self
            .entries
            .partition_point(|entry| order(&entry.field) < order(&field));
        self.entries.insert(
            place,
            Entry {
                name,
                summary: M::SUMMARY,
                metrics: M::METRICS,
                field,
                read: read_field::<M>,
            },
        );
        self.fields = FieldNames::new(self.entries.iter().map(|entry| entry.field.clone()));
        Ok(())
    }

    /// The same without a mechanism, as in a build that lacks it.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.entries.retain(|entry| entry.name != name);
        self.fields = FieldNames::new(self.entries.iter().map(|entry| entry.field.clone()));
        self
    }

    /// Every mechanism, in the order in which Prometheus reads a job's: by field, and `static_configs` last.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The mechanism called `name`.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The mechanism that is written in the field `field`.
    pub fn of_field(&self, field: &str) -> Option<&Entry> {
        let place = self
            .entries
            .binary_search_by(|entry| order(&entry.field).cmp(&order(field)));
        place.ok().and_then(|place| self.entries.get(place))
    }

    /// The fields of all mechanisms.
    pub fn fields(&self) -> &FieldNames {
        &self.fields
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.entries.iter().map(|entry| entry.name))
            .finish()
    }
}

impl Entry {
    /// The mechanism's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it discovers, in a few words.
    pub fn summary(&self) -> &'static str {
        self.summary
    }

    /// The numbers of its own.
    pub fn metrics(&self) -> &'static [Definition] {
        self.metrics
    }

    /// The field in which it stands.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Reads the whole field.
    pub fn read(&self, at: &Cursor<'_>, place: &Place<'_>) -> Vec<SdConfig> {
        (self.read)(at, place)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entry").field(&self.name).finish()
    }
}

/// Reads a whole field; each config is known by what its entry says.
fn read_field<M: Mechanism>(at: &Cursor<'_>, place: &Place<'_>) -> Vec<SdConfig> {
    let configs = M::read_field(at, place);
    if configs.is_empty() {
        return Vec::new();
    }
    // What makes one config of all its entries is known by all of them.
    let entries = at.list().filter(|entries| entries.len() == configs.len());
    let whole = std::iter::repeat(at);
    let known_by: Box<dyn Iterator<Item = &Cursor<'_>>> = match &entries {
        Some(entries) => Box::new(entries.iter()),
        None => Box::new(whole),
    };
    let known = configs.into_iter().zip(known_by);
    known
        .map(|(config, entry)| SdConfig::known_by(config, fingerprint::of_entry(M::NAME, &entry.redacted(), place)))
        .collect()
}

/// By name, and what is no list of `*_sd_configs` last, as Prometheus does with `static_configs`.
fn order(field: &str) -> (bool, &str) {
    (!field.ends_with("_sd_configs"), field)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use headcount_reader::{Fields, Sink, read};

    use super::*;
    use crate::{Discoverer, Env, Updates};

    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    struct Named<const N: usize>(String);

    const NAMES: [&str; 4] = ["rack", "cmdb", "Bad", "rack"];

    impl<const N: usize> Mechanism for Named<N> {
        const NAME: &'static str = NAMES[N];
        const SUMMARY: &'static str = "what a rack has";
        const METRICS: &'static [Definition] = &[];

        fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
            Some(Self(place.folder.join(fields.some_text("file")?).display().to_string()))
        }

        fn describe(&self) -> String {
            self.0.clone()
        }

        fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
            Box::new(async |_: Env, _: Updates| ())
        }
    }

    fn registry() -> Registry {
        let mut registry = Registry::new();
        registry.register::<Named<0>>().unwrap();
        registry.register::<Named<1>>().unwrap();
        registry
    }

    #[test]
    fn names_are_unique_and_in_order() {
        let mut registry = registry();
        assert_eq!(
            registry.iter().map(Entry::field).collect::<Vec<_>>(),
            ["cmdb_sd_configs", "rack_sd_configs"]
        );
        assert_eq!(registry.fields().iter().count(), 2);
        assert_eq!(
            registry.register::<Named<3>>(),
            Err(RegistryError::Taken {
                name: "rack",
                field: "rack_sd_configs".to_owned()
            })
        );
        assert_eq!(
            registry.register::<Named<2>>(),
            Err(RegistryError::Name { name: "Bad" })
        );
        assert_eq!(registry.iter().len(), 2);
        assert_eq!(
            registry.of_field("cmdb_sd_configs").map(Entry::name),
            registry.get("cmdb").map(Entry::name)
        );
        assert!(registry.of_field("file_sd_configs").is_none());
    }

    #[test]
    fn a_field_is_read_entry_by_entry_and_what_is_wrong_has_its_place() {
        let sink = Sink::new(std::path::Path::new("p.yml").into());
        let document = read("[{file: a}, {file: b, fill: c}, ]", &sink).unwrap();
        let at = document.root(&sink).unwrap();
        let registry = registry();
        let configs = registry.get("rack").unwrap().read(&at, &Place::new("/etc".as_ref()));
        let read: Vec<_> = configs
            .iter()
            .filter_map(SdConfig::get::<Named<0>>)
            .map(|named| named.0.as_str())
            .collect();
        assert_eq!(read, ["/etc/a", "/etc/b"]);
        let problems = sink.finish().problems;
        let [problem] = problems.as_slice() else {
            panic!("{problems:?}")
        };
        assert_eq!(
            problem.to_string(),
            "p.yml:1:23: [1]: unknown field `fill`; did you mean `file`?"
        );
    }
}
