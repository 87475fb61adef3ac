//! What one entry says, whatever its mechanism, behind one pointer.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use headcount_core::{ConfigFingerprint, ProviderConfig};

use super::{Mechanism, fingerprint};
use crate::{BuildError, Discoverer};

/// The shortest and the longest time that a job which was never served waits for a config of it (B10).
const SHORTEST_WAIT: Duration = Duration::from_secs(2 * 60);
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// The provider config of headcount's own manager: one entry of a `*_sd_configs` list. Cloning it clones
/// a pointer; two are equal if they have the same mechanism and say the same.
#[derive(Clone)]
pub struct SdConfig(Arc<dyn Configured>);

/// An entry of a mechanism that this program lacks, and was told to accept. It can't be built, so it counts
/// as a failed config (S11).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unsupported {
    /// The mechanism, as in `<mechanism>_sd_configs`.
    pub mechanism: String,
    /// The entry as it was written, in a canonical form that holds no secret's text.
    pub entry: String,
}

/// An entry that an earlier configuration had. What was found for it is shown until what takes its place can be
/// believed (B03); nobody runs it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Former {
    /// The mechanism, as in `<mechanism>_sd_configs`.
    pub mechanism: String,
    /// What it discovered, for people.
    pub description: String,
    /// What it is known by.
    pub fingerprint: ConfigFingerprint,
}

impl SdConfig {
    /// What `mechanism` says.
    pub fn new<M: Mechanism>(mechanism: M) -> Self {
        Self(Arc::new(Known {
            settings: Arc::new(mechanism),
            known_by: None,
        }))
    }

    /// The same, as an entry says it that is known by this.
    pub(super) fn known_by<M: Mechanism>(mechanism: M, fingerprint: ConfigFingerprint) -> Self {
        Self(Arc::new(Known {
            settings: Arc::new(mechanism),
            known_by: Some(fingerprint),
        }))
    }

    /// An entry that nothing here can run.
    pub fn unsupported(entry: Unsupported) -> Self {
        Self(Arc::new(entry))
    }

    /// An entry that there is no more.
    pub fn former(entry: Former) -> Self {
        Self(Arc::new(entry))
    }

    /// The mechanism, as in `<mechanism>_sd_configs`.
    pub fn mechanism(&self) -> &str {
        self.0.name()
    }

    /// What it says, if it is of the mechanism `M`.
    pub fn get<M: Mechanism>(&self) -> Option<&M> {
        self.0.value().downcast_ref::<M>()
    }

    /// The entry, if nothing here can run it.
    pub fn as_unsupported(&self) -> Option<&Unsupported> {
        self.0.value().downcast_ref()
    }

    /// Makes what discovers.
    ///
    /// # Errors
    /// This program lacks the mechanism, and was told to accept it; or there is no such entry any more. All else was
    /// checked when it was read.
    pub fn discoverer(&self) -> Result<Box<dyn Discoverer>, BuildError> {
        self.0.discoverer()
    }
}

impl PartialEq for SdConfig {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.equals(&*other.0)
    }
}

impl Eq for SdConfig {}

impl Hash for SdConfig {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name().hash(state);
        self.0.hash_value(state);
    }
}

impl fmt::Debug for SdConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ProviderConfig for SdConfig {
    fn kind(&self) -> &str {
        self.mechanism()
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    /// Two intervals, so that one refresh may fail, and some minutes in any case (B10).
    fn incomplete_after(&self) -> Option<Duration> {
        let intervals = self.0.refresh_interval().unwrap_or_default().saturating_mul(2);
        Some(intervals.clamp(SHORTEST_WAIT, LONGEST_WAIT))
    }

    /// What the entry says that it was read from. What was made by a program is known by its debug output, which shows
    /// no secret either.
    fn fingerprint(&self) -> Option<ConfigFingerprint> {
        let of_value = || fingerprint::of_value(self.mechanism(), &self.0);
        Some(self.0.known_by().unwrap_or_else(of_value))
    }
}

/// What an [`SdConfig`] points at, with its type forgotten.
trait Configured: fmt::Debug + Send + Sync {
    fn name(&self) -> &str;
    fn describe(&self) -> String;
    fn refresh_interval(&self) -> Option<Duration>;
    fn discoverer(&self) -> Result<Box<dyn Discoverer>, BuildError>;
    fn value(&self) -> &dyn Any;
    fn equals(&self, other: &dyn Configured) -> bool;
    fn hash_value(&self, state: &mut dyn Hasher);

    /// What the entry is known by that says it.
    fn known_by(&self) -> Option<ConfigFingerprint> {
        None
    }
}

struct Known<M> {
    settings: Arc<M>,
    /// No part of what it says: entries that mean the same may be written in two ways.
    known_by: Option<ConfigFingerprint>,
}

impl<M: fmt::Debug> fmt::Debug for Known<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

impl<M: Mechanism> Configured for Known<M> {
    fn name(&self) -> &str {
        M::NAME
    }

    fn describe(&self) -> String {
        self.settings.describe()
    }

    fn refresh_interval(&self) -> Option<Duration> {
        self.settings.refresh_interval()
    }

    fn discoverer(&self) -> Result<Box<dyn Discoverer>, BuildError> {
        Ok(self.settings.clone().discoverer())
    }

    fn value(&self) -> &dyn Any {
        &*self.settings
    }

    fn equals(&self, other: &dyn Configured) -> bool {
        other.value().downcast_ref() == Some(&*self.settings)
    }

    fn hash_value(&self, mut state: &mut dyn Hasher) {
        self.settings.hash(&mut state);
    }

    fn known_by(&self) -> Option<ConfigFingerprint> {
        self.known_by
    }
}

/// An entry that nobody runs: what differs between those that there are.
trait NotRun: fmt::Debug + Eq + Hash + Send + Sync + 'static {
    fn mechanism(&self) -> &str;
    fn describe(&self) -> String;
    fn known_by(&self) -> Option<ConfigFingerprint>;
}

impl NotRun for Unsupported {
    fn mechanism(&self) -> &str {
        &self.mechanism
    }

    fn describe(&self) -> String {
        "not part of this build".to_owned()
    }

    fn known_by(&self) -> Option<ConfigFingerprint> {
        None
    }
}

impl NotRun for Former {
    fn mechanism(&self) -> &str {
        &self.mechanism
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn known_by(&self) -> Option<ConfigFingerprint> {
        Some(self.fingerprint)
    }
}

impl<T: NotRun> Configured for T {
    fn name(&self) -> &str {
        self.mechanism()
    }

    fn describe(&self) -> String {
        NotRun::describe(self)
    }

    fn refresh_interval(&self) -> Option<Duration> {
        None
    }

    fn discoverer(&self) -> Result<Box<dyn Discoverer>, BuildError> {
        Err(BuildError::Unsupported {
            mechanism: self.mechanism().to_owned(),
        })
    }

    fn value(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &dyn Configured) -> bool {
        other.value().downcast_ref() == Some(self)
    }

    fn hash_value(&self, mut state: &mut dyn Hasher) {
        self.hash(&mut state);
    }

    fn known_by(&self) -> Option<ConfigFingerprint> {
        NotRun::known_by(self)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use headcount_reader::Fields;

    use super::super::Place;
    use super::*;
    use crate::metrics::Definition;
    use crate::{Env, Updates};

    /// Two mechanisms whose values look alike.
    macro_rules! mechanism {
        ($type:ident, $name:literal) => {
            #[derive(Debug, Clone, PartialEq, Eq, Hash)]
            struct $type(u32);

            impl Mechanism for $type {
                const NAME: &'static str = $name;
                const SUMMARY: &'static str = "nothing";
                const METRICS: &'static [Definition] = &[];

                fn read(_: &mut Fields<'_>, _: &Place<'_>) -> Option<Self> {
                    None
                }

                fn describe(&self) -> String {
                    format!("number {}", self.0)
                }

                fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
                    Box::new(async |_: Env, _: Updates| ())
                }
            }
        };
    }
    mechanism!(One, "one");
    mechanism!(Other, "other");

    fn hash(config: &SdConfig) -> u64 {
        std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default().hash_one(config)
    }

    #[test]
    fn equal_means_the_same_mechanism_and_the_same_value() {
        let (one, again) = (SdConfig::new(One(1)), SdConfig::new(One(1)));
        assert_eq!(one, again);
        assert_eq!(hash(&one), hash(&again));
        assert_eq!(one.clone(), one);
        assert_ne!(one, SdConfig::new(One(2)));
        assert_ne!(one, SdConfig::new(Other(1)));
        assert_ne!(
            hash(&one),
            hash(&SdConfig::new(Other(1))),
            "the mechanism's name is hashed"
        );
        assert_eq!((one.get::<One>(), one.get::<Other>()), (Some(&One(1)), None));
        assert_eq!((one.kind(), one.describe()), ("one", "number 1".to_owned()));
        assert_eq!(format!("{one:?}"), "One(1)");
        assert!(one.discoverer().is_ok());
    }

    #[test]
    fn what_is_not_supported_compares_too_and_is_named() {
        let entry = |text: &str| {
            SdConfig::unsupported(Unsupported {
                mechanism: "one".to_owned(),
                entry: text.to_owned(),
            })
        };
        assert_eq!(entry("a: 1"), entry("a: 1"));
        assert_eq!(hash(&entry("a: 1")), hash(&entry("a: 1")));
        assert_ne!(entry("a: 1"), entry("a: 2"));
        assert_ne!(entry("a: 1"), SdConfig::new(One(1)));
        let error = entry("a: 1").discoverer().err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.starts_with("this build has no one_sd")));
    }
}
