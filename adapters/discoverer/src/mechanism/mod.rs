//! What a mechanism is: a `*_sd_configs` entry that can be read, described, compared and run.
//!
//! A mechanism is one type that implements [`Mechanism`]: its value is what one entry says. Everything
//! else knows mechanisms through a [`Registry`] only, so one of your own is read and checked from a
//! `prometheus.yml` like those that come along. The one rule: **what can't run can't be read**. All checks
//! stand in [`Mechanism::read`], each with its place in the file, and [`Mechanism::discoverer`] can't fail.
//!
//! * [`Registry`]: an ordered list of mechanisms, by the fields in which they stand.
//! * [`SdConfig`]: a shared pointer to what one entry says; the manager's provider config.

mod fingerprint;
mod registry;
mod sd_config;

use std::fmt::Debug;
use std::hash::Hash;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headcount_reader::{Cursor, Fields, ProblemKind};

use crate::Discoverer;
use crate::metrics::Definition;

pub use registry::{Entry, Registry, RegistryError};
pub use sd_config::{Former, SdConfig, Unsupported};

/// One service-discovery mechanism; a value of it is what one entry of its list says, checked and with
/// defaults filled in.
///
/// Entries that are equal are one provider (S01), so two values that are equal must mean the same.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use headcount_discoverer::mechanism::{Mechanism, Place, Registry, SdConfig};
/// use headcount_discoverer::metrics::Definition;
/// use headcount_discoverer::{Discoverer, Env, Updates};
/// use headcount_reader::{Fields, ProblemKind};
///
/// /// One entry of `rack_sd_configs`.
/// #[derive(Debug, Clone, PartialEq, Eq, Hash)]
/// struct Rack { name: String }
///
/// impl Mechanism for Rack {
///     const NAME: &'static str = "rack";
///     const SUMMARY: &'static str = "the machines of a rack";
///     const METRICS: &'static [Definition] = &[];
///
///     fn read(fields: &mut Fields<'_>, _place: &Place<'_>) -> Option<Self> {
///         let name = fields.some_text("name");
///         if name.is_none() {
///             fields.at().report(ProblemKind::Missing { field: "name" });
///         }
///         Some(Self { name: name? })
///     }
///
///     fn describe(&self) -> String { self.name.clone() }
///
///     fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
///         Box::new(async move |_env: Env, _updates: Updates| drop(self))
///     }
/// }
///
/// let mut registry = Registry::new();
/// registry.register::<Rack>()?;
/// assert_eq!(registry.get("rack").map(|entry| entry.field()), Some("rack_sd_configs"));
/// assert_eq!(SdConfig::new(Rack { name: "r1".to_owned() }), SdConfig::new(Rack { name: "r1".to_owned() }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Mechanism: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    /// Its name, as in `<NAME>_sd_configs`: lower-case letters and digits.
    const NAME: &'static str;

    /// What it discovers, in a few words for a list of mechanisms, without a full stop.
    const SUMMARY: &'static str;

    /// The numbers of its own, beside those that every provider has.
    const METRICS: &'static [Definition];

    /// Reads one entry. What is wrong is reported with its place, and nothing is given then, or what there
    /// would be without the mistake: the result counts only when nothing was reported. Fields that are
    /// not taken are reported by the caller.
    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self>;

    /// What it looks at, in a few words, for people. Holds no secret.
    fn describe(&self) -> String;

    /// How often it is read, if it is read again and again. A job that was never served waits for one that can't be
    /// read for two of these, and some minutes in any case (B10).
    fn refresh_interval(&self) -> Option<Duration> {
        None
    }

    /// Makes what discovers.
    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer>;

    /// The field in which it stands.
    fn field() -> String {
        format!("{}_sd_configs", Self::NAME)
    }

    /// Reads the whole field: a list of entries, each a config of its own.
    fn read_field(at: &Cursor<'_>, place: &Place<'_>) -> Vec<Self> {
        let mut configs = Vec::new();
        for entry in at.list().unwrap_or_default() {
            if entry.is_null() {
                entry.report(ProblemKind::EmptyEntry);
            } else if let Some(mut fields) = entry.fields() {
                configs.extend(Self::read(&mut fields, place));
                fields.finish();
            }
        }
        configs
    }
}

/// What an entry's surroundings say of how it is read.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Place<'a> {
    /// The folder of the configuration file: relative paths start there.
    pub folder: &'a Path,
    /// The same as whoever named the file called it: where it matters how files are called, paths start here.
    pub called: &'a Path,
    /// Whether rules relabel what is found. Without them an address has to be a host already.
    pub is_relabelled: bool,
    /// Whether Prometheus reads the file, too, so that it must not have settings of our own.
    pub is_shared: bool,
}

impl<'a> Place<'a> {
    /// A place in a file of `folder`, with rules that relabel.
    pub fn new(folder: &'a Path) -> Self {
        Self {
            folder,
            called: folder,
            is_relabelled: true,
            is_shared: true,
        }
    }

    /// The same, with the folder called otherwise: relative to where the program runs.
    #[must_use]
    pub fn called(self, called: &'a Path) -> Self {
        Self { called, ..self }
    }

    /// The same, with or without rules.
    #[must_use]
    pub fn relabelled(self, is_relabelled: bool) -> Self {
        Self { is_relabelled, ..self }
    }

    /// The same, whether Prometheus reads the file, too, or not.
    #[must_use]
    pub fn shared(self, is_shared: bool) -> Self {
        Self { is_shared, ..self }
    }
}
