//! What a manager says of its providers, copied out of its task.

use std::sync::Arc;

use headcount_core::{Counters, FailedConfig, Health, Held, Instant, Manager, ProviderId, ProviderStatus, Snapshot};
use headcount_discoverer::mechanism::SdConfig;

/// A manager's state at one moment.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The state as it was, emitted or not.
    pub newest: Snapshot,
    /// Every running provider, in the order of their ids.
    pub providers: Vec<Provider>,
    /// The configs whose discoverers could not be built.
    pub failed_configs: Vec<FailedConfig>,
    /// What was counted.
    pub counters: Counters,
}

/// A running provider.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its id, unique in its manager.
    pub id: ProviderId,
    /// Its name: the mechanism and the id.
    pub name: Arc<str>,
    /// The mechanism.
    pub kind: Arc<str>,
    /// What it looks at, in words.
    pub description: Arc<str>,
    /// The sets that read it.
    pub subscribers: Vec<Arc<str>>,
    /// How it fares.
    pub health: Health,
    /// Groups that it found.
    pub groups: usize,
    /// Targets in them.
    pub targets: usize,
    /// Groups that it has only because it had them.
    pub stale_groups: usize,
    /// The drop that the guard holds.
    pub held: Option<Held>,
}

impl Observation {
    pub(crate) fn of(manager: &Manager<SdConfig>, now: Instant) -> Self {
        Self {
            newest: manager.snapshot(now),
            providers: manager.providers().map(Provider::of).collect(),
            failed_configs: manager.failed_configs().to_vec(),
            counters: manager.counters(),
        }
    }
}

impl Provider {
    pub(crate) fn of(status: ProviderStatus<'_, SdConfig>) -> Self {
        Self {
            id: status.id,
            name: status.name.clone(),
            kind: status.config.mechanism().into(),
            description: status.description.clone(),
            subscribers: status.subscribers.to_vec(),
            health: status.health.clone(),
            groups: status.groups,
            targets: status.targets,
            stale_groups: status.stale_groups,
            held: status.held.cloned(),
        }
    }

    /// Whether it ever reported groups, be they none.
    pub(crate) fn has_updated(&self) -> bool {
        self.health.last_update.is_some()
    }

    /// In one word: `starting`, `ok` or `failing`.
    pub(crate) fn state(&self) -> &'static str {
        match (self.health.is_failing(), self.has_updated()) {
            (true, _) => "failing",
            (false, true) => "ok",
            (false, false) => "starting",
        }
    }
}
