//! What a manager says of its providers, copied out of its task.

use std::sync::Arc;

use headcount_core::{Counters, FailedConfig, Health, Held, Instant, Manager, ProviderId, Snapshot};
use headcount_discoverer::mechanism::SdConfig;

/// A manager's state at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Observation {
    /// The state as it was, emitted or not.
    pub(crate) newest: Snapshot,
    /// Every running provider, in the order of their ids.
    pub(crate) providers: Vec<Provider>,
    /// The configs whose discoverers could not be built.
    pub(crate) failed_configs: Vec<FailedConfig>,
    /// What was counted.
    pub(crate) counters: Counters,
}

/// A running provider.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    pub(crate) id: ProviderId,
    pub(crate) name: Arc<str>,
    /// The mechanism.
    pub(crate) kind: Arc<str>,
    pub(crate) description: Arc<str>,
    pub(crate) subscribers: Vec<Arc<str>>,
    pub(crate) health: Health,
    pub(crate) groups: usize,
    pub(crate) targets: usize,
    /// The drop that the guard holds.
    pub(crate) held: Option<Held>,
}

impl Observation {
    pub(crate) fn of(manager: &Manager<SdConfig>, now: Instant) -> Self {
        let provider = |status: headcount_core::ProviderStatus<'_, SdConfig>| Provider {
            id: status.id,
            name: status.name.clone(),
            kind: status.config.mechanism().into(),
            description: status.description.clone(),
            subscribers: status.subscribers.to_vec(),
            health: status.health.clone(),
            groups: status.groups,
            targets: status.targets,
            held: status.held.cloned(),
        };
        Self {
            newest: manager.snapshot(now),
            providers: manager.providers().map(provider).collect(),
            failed_configs: manager.failed_configs().to_vec(),
            counters: manager.counters(),
        }
    }

    /// The provider `id`, if it is running.
    pub(crate) fn provider(&self, id: ProviderId) -> Option<&Provider> {
        let index = self.providers.binary_search_by_key(&id, |provider| provider.id).ok()?;
        self.providers.get(index)
    }
}

impl Provider {
    /// Whether it ever reported groups, be they none.
    pub(crate) fn has_updated(&self) -> bool {
        self.health.last_update.is_some()
    }

    /// In one word: `starting`, `ok` or `failing`.
    pub(crate) fn state(&self) -> &'static str {
        match (self.health.failing, self.has_updated()) {
            (true, _) => "failing",
            (false, true) => "ok",
            (false, false) => "starting",
        }
    }
}
