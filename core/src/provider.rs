//! Providers: who they are and what they run.

use core::fmt;
use core::hash::Hash;
use core::time::Duration;
use std::sync::Arc;

use crate::{Health, Held};

/// What a provider runs. Configs that are equal are one provider (S01), so two that are equal
/// must mean the same to whoever builds a discoverer from them.
pub trait ProviderConfig: Clone + Eq + Hash {
    /// The mechanism, in one word (`file`, `http`): the first half of the provider's name.
    fn kind(&self) -> &str;

    /// What it discovers, in a few words, for people. Holds no secret.
    fn describe(&self) -> String;

    /// How long sets that were never delivered wait for this to be read whole, after it was started (B10).
    /// Without it, for ever. A recording of the manager has it, so it must not change while a provider runs.
    fn incomplete_after(&self) -> Option<Duration> {
        None
    }

    /// What it is known by where it can't be compared: in a state that another process wrote. Snapshots have it.
    fn fingerprint(&self) -> Option<ConfigFingerprint> {
        None
    }
}

/// What a config is known by outside of the process: the same for configs that are equal, in every process and on
/// every platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConfigFingerprint {
    /// A hash of what the config says, without its secrets.
    pub hash: u128,
    /// Whether configs with this hash are equal. Not if something is left out of it, such as a password.
    pub is_exact: bool,
}

/// Names one provider. Counts up over a manager's life and is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(u64);

impl ProviderId {
    /// The provider with this number.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The provider's number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An input named a provider that is not running: it was stopped, or never was. Nothing changed
/// (S06).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("provider {0} is not running; what it reported was ignored")]
pub struct UnknownProvider(pub ProviderId);

/// A running provider, as the manager sees it.
#[derive(Debug, Clone)]
pub struct ProviderStatus<'a, C> {
    /// Its id.
    pub id: ProviderId,
    /// `kind/N`.
    pub name: &'a Arc<str>,
    /// What it runs.
    pub config: &'a Arc<C>,
    /// What it discovers, for people.
    pub description: &'a Arc<str>,
    /// The sets that subscribe to it, in the order of their registration.
    pub subscribers: &'a [Arc<str>],
    /// How it fares.
    pub health: &'a Health,
    /// Groups it has.
    pub groups: usize,
    /// Targets in those groups.
    pub targets: usize,
    /// Groups that it has only because it had them: all if it fails, those that its last read could not get (as far as it
    /// [said](crate::Update::keeping) how many), and those from before a restart of which nothing was heard since.
    pub stale_groups: usize,
    /// The drop that the guard holds, if it holds one (B05): targets that are gone and still counted
    /// above.
    pub held: Option<&'a Held>,
}

/// A config whose discoverer could not be built (S11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedConfig {
    /// The provider's name, `kind/N`.
    pub name: Arc<str>,
    /// What it was to discover, for people.
    pub description: Arc<str>,
    /// The sets that wanted it.
    pub sets: Vec<Arc<str>>,
    /// Why it could not be built.
    pub reason: String,
}
