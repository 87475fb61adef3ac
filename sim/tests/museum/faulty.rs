//! The core's manager with a bug put in front of it.
//!
//! A [`Bug`] stands between the simulation and the manager and bends what passes. **Each bends
//! one thing only, as the historic fault did**; whatever it does not bend passes as it is.

use headcount_core::{
    Applied, Counters, FailedConfig, Failure, Group, Health, Instant, Manager, ManagerOptions, Output, ProviderId,
    UnknownProvider, Update, UpdateOutcome,
};
use headcount_sim::{Spec, Subject};

pub(crate) type Core = Manager<Spec>;
pub(crate) type Sets = Vec<(String, Vec<Spec>)>;

/// What is wrong with a manager. Every method begins as what is right.
pub(crate) trait Bug: Clone + Default {
    fn options(options: ManagerOptions) -> ManagerOptions {
        options
    }

    fn apply(&mut self, core: &mut Core, now: Instant, sets: Sets) -> Applied {
        core.apply(now, sets)
    }

    fn update(
        &mut self,
        core: &mut Core,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        core.handle_update(now, provider, update)
    }

    fn failure(
        &mut self,
        core: &mut Core,
        now: Instant,
        provider: ProviderId,
        failure: Failure,
    ) -> Result<(), UnknownProvider> {
        core.handle_failure(now, provider, failure)
    }

    fn confirm(&mut self, core: &mut Core, now: Instant, provider: ProviderId) -> Result<usize, UnknownProvider> {
        core.confirm_drop(now, provider)
    }

    fn receiver_ready(&mut self, core: &mut Core, now: Instant) {
        core.handle_receiver_ready(now);
    }

    fn timeout(&self, core: &Core, _now: Instant) -> Option<Instant> {
        Subject::poll_timeout(core)
    }

    fn output(&mut self, core: &mut Core, _now: Instant) -> Option<Output<Spec>> {
        core.poll_output()
    }

    fn found_before(&self, core: &Core, id: ProviderId) -> Vec<Group> {
        Subject::found_before(core, id)
    }

    fn restore(now: Instant, options: ManagerOptions, saved: &str) -> Result<Core, String> {
        Subject::restore(now, options, saved)
    }
}

/// A manager with a bug.
#[derive(Debug, Clone)]
pub(crate) struct Faulty<B> {
    core: Core,
    bug: B,
    now: Instant,
}

impl<B: Bug> Subject for Faulty<B> {
    fn new(now: Instant, options: ManagerOptions) -> Self {
        Self {
            core: Manager::new(now, B::options(options)),
            bug: B::default(),
            now,
        }
    }

    fn apply(&mut self, now: Instant, sets: Sets) -> Applied {
        self.now = now;
        self.bug.apply(&mut self.core, now, sets)
    }

    fn handle_update(
        &mut self,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        self.now = now;
        self.bug.update(&mut self.core, now, provider, update)
    }

    fn handle_failure(&mut self, now: Instant, provider: ProviderId, failure: Failure) -> Result<(), UnknownProvider> {
        self.now = now;
        self.bug.failure(&mut self.core, now, provider, failure)
    }

    fn handle_build_failure(&mut self, now: Instant, id: ProviderId, reason: String) -> Result<(), UnknownProvider> {
        self.now = now;
        self.core.handle_build_failure(now, id, reason)
    }

    fn confirm_drop(&mut self, now: Instant, provider: ProviderId) -> Result<usize, UnknownProvider> {
        self.now = now;
        self.bug.confirm(&mut self.core, now, provider)
    }

    fn handle_receiver_ready(&mut self, now: Instant) {
        self.now = now;
        self.bug.receiver_ready(&mut self.core, now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.core.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output<Spec>> {
        self.bug.output(&mut self.core, self.now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.bug.timeout(&self.core, self.now)
    }

    fn counters(&self) -> Counters {
        self.core.counters()
    }

    fn failed_configs(&self) -> &[FailedConfig] {
        self.core.failed_configs()
    }

    fn provider(&self, id: ProviderId) -> Option<(&Health, usize)> {
        Subject::provider(&self.core, id)
    }

    fn held(&self, id: ProviderId) -> usize {
        self.core.held(id)
    }

    fn provider_count(&self) -> usize {
        self.core.provider_count()
    }

    fn found_before(&self, id: ProviderId) -> Vec<Group> {
        self.bug.found_before(&self.core, id)
    }

    fn save(&self, now: Instant) -> Option<String> {
        Subject::save(&self.core, now)
    }

    fn restore(now: Instant, options: ManagerOptions, saved: &str) -> Result<Self, String> {
        Ok(Self {
            core: B::restore(now, B::options(options), saved)?,
            bug: B::default(),
            now,
        })
    }
}
