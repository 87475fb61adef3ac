//! Providers: who they are, what they run, and how they fare.

use core::fmt;
use core::hash::Hash;
use core::time::Duration;
use std::sync::Arc;

use crate::{Held, Instant};

/// What a provider runs. Configs that are equal are one provider (S01), so two that are equal
/// must mean the same to whoever builds a discoverer from them.
pub trait ProviderConfig: Clone + Eq + Hash {
    /// The mechanism, in one word (`file`, `http`): the first half of the provider's name.
    fn kind(&self) -> &str;

    /// What it discovers, in a few words, for people. Holds no secret.
    fn describe(&self) -> String;
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

/// How a provider fares (B04).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// When it was started.
    pub started: Instant,
    /// When it last reported groups, changed or not.
    pub last_update: Option<Instant>,
    /// When what it reported last changed something.
    pub last_change: Option<Instant>,
    /// When it last failed, and how.
    pub last_failure: Option<(Instant, Arc<str>)>,
    /// Updates it sent.
    pub updates: u64,
    /// Updates that changed nothing.
    pub unchanged_updates: u64,
    /// Refreshes that failed.
    pub failures: u64,
    /// Refreshes whose duration is known, and how long they took in all.
    pub refreshes: (u64, Duration),
    /// Whether the last thing it reported was a failure.
    pub failing: bool,
}

impl Health {
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            last_update: None,
            last_change: None,
            last_failure: None,
            updates: 0,
            unchanged_updates: 0,
            failures: 0,
            refreshes: (0, Duration::ZERO),
            failing: false,
        }
    }

    /// Whether it has reported groups or a failure at least once.
    pub fn has_reported(&self) -> bool {
        self.last_update.is_some() || self.last_failure.is_some()
    }

    /// The last failure, if nothing succeeded since.
    pub fn current_failure(&self) -> Option<&str> {
        let (_, message) = self.last_failure.as_ref().filter(|_| self.failing)?;
        Some(message)
    }

    pub(crate) fn refreshed(&mut self, duration: Option<Duration>) {
        if let Some(duration) = duration {
            self.refreshes = (
                self.refreshes.0.saturating_add(1),
                self.refreshes.1.saturating_add(duration),
            );
        }
    }
}

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
