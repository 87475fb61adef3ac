//! The manager under test, as a run drives it.
//!
//! [`Manager`] is the subject of every ordinary run. Somebody else's can stand in its place: one
//! with a bug put in, to see that the rules find it, or one that is compared with a model.

use std::sync::Arc;

use headcount_core::{
    Applied, Counters, FailedConfig, Failure, Group, Health, Instant, Manager, ManagerOptions, Output, ProviderConfig,
    ProviderId, StoreWork, UnknownProvider, Update, UpdateOutcome,
};

use serde::{Deserialize, Serialize};

use crate::{BackendKind, DiscovererId};

/// What a simulated provider runs: names one discoverer of the scenario.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spec {
    /// Which discoverer.
    pub discoverer: DiscovererId,
    /// How often its configuration was changed.
    pub version: u32,
    /// The mechanism.
    pub backend: BackendKind,
    /// What it discovers, for people.
    pub description: Arc<str>,
}

impl ProviderConfig for Spec {
    fn kind(&self) -> &str {
        self.backend.word()
    }

    fn describe(&self) -> String {
        self.description.to_string()
    }
}

/// A manager that a run can drive. Each method means what [`Manager`]'s does.
pub trait Subject: Clone {
    /// See [`Manager::new`].
    fn new(now: Instant, options: ManagerOptions) -> Self;
    /// See [`Manager::apply`].
    fn apply(&mut self, now: Instant, sets: Vec<(String, Vec<Spec>)>) -> Applied;
    /// See [`Manager::handle_update`].
    ///
    /// # Errors
    /// The provider is not running.
    fn handle_update(
        &mut self,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider>;
    /// See [`Manager::handle_failure`].
    ///
    /// # Errors
    /// The provider is not running.
    fn handle_failure(&mut self, now: Instant, provider: ProviderId, failure: Failure) -> Result<(), UnknownProvider>;
    /// See [`Manager::handle_build_failure`].
    ///
    /// # Errors
    /// The provider is not running.
    fn handle_build_failure(
        &mut self,
        now: Instant,
        provider: ProviderId,
        reason: String,
    ) -> Result<(), UnknownProvider>;
    /// See [`Manager::confirm_drop`].
    ///
    /// # Errors
    /// The provider is not running.
    fn confirm_drop(&mut self, now: Instant, provider: ProviderId) -> Result<usize, UnknownProvider>;
    /// See [`Manager::handle_receiver_ready`].
    fn handle_receiver_ready(&mut self, now: Instant);
    /// See [`Manager::handle_timeout`].
    fn handle_timeout(&mut self, now: Instant);
    /// See [`Manager::poll_output`].
    fn poll_output(&mut self) -> Option<Output<Spec>>;
    /// See [`Manager::poll_timeout`].
    fn poll_timeout(&self) -> Option<Instant>;
    /// See [`Manager::counters`].
    fn counters(&self) -> Counters;
    /// See [`Manager::work`]; one that counts nothing did none.
    fn work(&self) -> StoreWork {
        StoreWork::default()
    }
    /// See [`Manager::failed_configs`].
    fn failed_configs(&self) -> &[FailedConfig];
    /// The health and the number of groups of a provider, if it is running.
    fn provider(&self, id: ProviderId) -> Option<(&Health, usize)>;
    /// How many targets of a provider are shown only because the guard holds their drop (B05).
    fn held(&self, id: ProviderId) -> usize;
    /// How many providers are running.
    fn provider_count(&self) -> usize;
    /// See [`Manager::found_before`]; one that keeps nothing gives nothing.
    fn found_before(&self, id: ProviderId) -> Vec<Group> {
        let _ = id;
        Vec::new()
    }
    /// See [`Manager::save`]: what it has, written down. None, if it saves nothing.
    fn save(&self, now: Instant) -> Option<String> {
        let _ = now;
        None
    }
    /// See [`Manager::restore`].
    ///
    /// # Errors
    /// Why it can't read what was saved.
    fn restore(now: Instant, options: ManagerOptions, saved: &str) -> Result<Self, String> {
        let _ = (now, options, saved);
        Err("it reads nothing that was saved".to_owned())
    }
    /// What is wrong with it, if it knows.
    fn complaint(&mut self) -> Option<String> {
        None
    }
}

impl Subject for Manager<Spec> {
    fn new(now: Instant, options: ManagerOptions) -> Self {
        Self::new(now, options)
    }

    fn apply(&mut self, now: Instant, sets: Vec<(String, Vec<Spec>)>) -> Applied {
        self.apply(now, sets)
    }

    fn handle_update(
        &mut self,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        self.handle_update(now, provider, update)
    }

    fn handle_failure(&mut self, now: Instant, provider: ProviderId, failure: Failure) -> Result<(), UnknownProvider> {
        self.handle_failure(now, provider, failure)
    }

    fn handle_build_failure(
        &mut self,
        now: Instant,
        provider: ProviderId,
        reason: String,
    ) -> Result<(), UnknownProvider> {
        self.handle_build_failure(now, provider, reason)
    }

    fn confirm_drop(&mut self, now: Instant, provider: ProviderId) -> Result<usize, UnknownProvider> {
        self.confirm_drop(now, provider)
    }

    fn handle_receiver_ready(&mut self, now: Instant) {
        self.handle_receiver_ready(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output<Spec>> {
        self.poll_output()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.poll_timeout().map(|(deadline, _)| deadline)
    }

    fn counters(&self) -> Counters {
        self.counters()
    }

    fn work(&self) -> StoreWork {
        self.work()
    }

    fn failed_configs(&self) -> &[FailedConfig] {
        self.failed_configs()
    }

    fn provider(&self, id: ProviderId) -> Option<(&Health, usize)> {
        self.provider(id).map(|status| (status.health, status.groups))
    }

    fn held(&self, id: ProviderId) -> usize {
        let held = self.provider(id).and_then(|status| status.held);
        held.map_or(0, |held| held.targets)
    }

    fn provider_count(&self) -> usize {
        self.providers().count()
    }

    fn found_before(&self, id: ProviderId) -> Vec<Group> {
        self.found_before(id).cloned().collect()
    }

    fn save(&self, now: Instant) -> Option<String> {
        serde_json::to_string(&self.save(now)).ok()
    }

    fn restore(now: Instant, options: ManagerOptions, saved: &str) -> Result<Self, String> {
        let saved = serde_json::from_str(saved).map_err(|error| error.to_string())?;
        Ok(Self::restore(now, options, saved))
    }
}
