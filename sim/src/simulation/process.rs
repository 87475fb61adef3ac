//! Decisions take effect: on hosts, on faults, on processes and their configuration.

use headcount_core::reference::Input as Given;
use headcount_core::{Group, ProviderId};

use super::{Config, Simulation};
use crate::engine::Event;
use crate::scenario::Mark;
use crate::subject::{Spec, Subject};
use crate::trace::TraceEvent;
use crate::{DiscovererId, Happening, HostId, Input, KeyedRng, Less, Sources};

impl<M: Subject> Simulation<M> {
    pub(super) fn decide(&mut self, input: Input) {
        // Hits are traced when they meet something.
        if !matches!(input.what, Happening::Hit { .. }) {
            let traced = input.clone();
            self.world.trace(|| TraceEvent::Input { input: traced });
        }
        self.take_effect(input);
    }

    fn take_effect(&mut self, input: Input) {
        let now = self.world.now;
        let needs_process = matches!(
            input.what,
            Happening::Reload
                | Happening::ChangeConfig { .. }
                | Happening::RemoveJobs { .. }
                | Happening::AddJobs { .. }
                | Happening::RestartDiscoverers { .. }
                | Happening::SaveManager
                | Happening::Confirm { .. }
        );
        if needs_process && self.world.stands_until > now {
            self.put_off.push(input);
            return;
        }
        match &input.what {
            Happening::Up { host, looks } => {
                if looks.service.place() < self.plan.services.len() && self.world.truth.up(now, *host, *looks) {
                    self.changed(*host);
                }
            }
            Happening::Down { host } => {
                if self.world.truth.down(now, *host) {
                    self.changed(*host);
                }
            }
            Happening::Window { .. } => self.world.open(&input),
            Happening::Hit {
                discoverer,
                kind,
                after,
            } => self.world.faults.arm(*discoverer, *kind, *after),
            Happening::Reload => self.apply(),
            Happening::ChangeConfig { discoverers } => {
                for id in discoverers {
                    if let Some(version) = self.config.versions.get_mut(id.place()) {
                        *version += 1;
                    }
                }
                self.apply();
            }
            Happening::RemoveJobs { jobs } => {
                self.config.removed.extend(jobs.iter().copied());
                self.apply();
            }
            Happening::AddJobs { jobs } => {
                self.config.removed.retain(|job| !jobs.contains(job));
                self.apply();
            }
            Happening::RestartDiscoverers { discoverers, saved } => {
                for id in discoverers.iter().filter(|id| id.place() < self.plan.discoverers.len()) {
                    let found_before = match self.world.discoverers[id.place()].provider {
                        Some(provider) => self.found_before(*id, provider),
                        None => Vec::new(),
                    };
                    self.world.restart(*id, *saved, found_before);
                }
            }
            Happening::SaveManager => self.save_manager(),
            Happening::RestartManager { saved, version } => self.restart_manager(*saved, *version),
            Happening::Suspend { lasts } => {
                let until = (now + (*lasts).into()).max(self.world.stands_until);
                self.world.stands_until = until;
                self.world.queue.schedule(until, Event::GoesOn);
                self.receiver.disturbed(until);
                self.contract.stands_still(until);
            }
            Happening::PauseReceiver { lasts } => {
                let until = now + (*lasts).into();
                self.consumer.paused_until = self.consumer.paused_until.max(until);
                self.receiver.disturbed(until);
            }
            Happening::Confirm { discoverers } => self.confirm(discoverers),
            Happening::Reseed { seed } => {
                let rng = KeyedRng::new(*seed);
                self.world.rng = rng;
                self.world.faults.reseed(rng);
            }
            Happening::Calm { broken } => self.calm(broken),
        }
    }

    /// What a discoverer may begin with, if it makes anything of it.
    pub(super) fn found_before(&self, id: DiscovererId, provider: ProviderId) -> Vec<Group> {
        let plan = &self.plan.discoverers[id.place()];
        match plan.is_real || plan.sources == Sources::Sticky || plan.less == Less::Twice {
            true => self.manager.found_before(provider),
            false => Vec::new(),
        }
    }

    fn changed(&mut self, host: HostId) {
        self.receiver.truth_changed(&self.world, &self.contract, host);
        self.world.changed(host);
        self.expectations.note(self.world.now, &self.receiver);
    }

    /// The process that stood still goes on: what was to be done meanwhile is done now.
    pub(super) fn goes_on(&mut self) {
        if self.world.stands_until <= self.world.now {
            for input in core::mem::take(&mut self.put_off) {
                self.take_effect(input);
            }
        }
    }

    /// Applies the configuration as it is just now.
    pub(super) fn apply(&mut self) {
        let plan = self.plan.clone();
        let spec = |id: &DiscovererId| {
            let discoverer = &plan.discoverers[id.place()];
            Spec {
                discoverer: *id,
                version: self.config.versions[id.place()],
                backend: discoverer.kind,
                description: discoverer.description.clone(),
            }
        };
        let wanted = plan.job_ids().filter(|job| !self.config.removed.contains(job));
        let mut sets: Vec<(String, Vec<Spec>)> = wanted
            .map(|job| &plan.jobs[job.place()])
            .map(|job| (job.name.clone(), job.discoverers.iter().map(spec).collect()))
            .collect();
        self.config.applied += 1;
        let applied = self.config.applied;
        // Where everything is checked, this as well: which providers there are in which set is the same.
        if self.shadow.is_some() && applied.is_multiple_of(2) {
            sets = sets.into_iter().flat_map(named_twice).collect();
        }
        self.world.fold(applied);
        self.give(Given::Apply(sets), None);
        if self.contract.shares_a_provider() {
            self.world.mark(Mark::ProviderShared);
        }
    }

    fn calm(&mut self, broken: &[DiscovererId]) {
        let now = self.world.now;
        for window in self.world.faults.open_windows() {
            self.world.shut(window);
        }
        self.world.faults.disarm();
        for id in broken.iter().filter(|id| id.place() < self.plan.discoverers.len()) {
            self.world.break_for_ever(*id);
            self.receiver.give_up(*id);
        }
        self.expectations.calm(now);
        self.expectations.note(now, &self.receiver);
    }
}

impl Config {
    /// Nothing was changed since the start.
    pub(super) fn new(discoverers: usize) -> Self {
        Self {
            versions: vec![0; discoverers],
            ..Self::default()
        }
    }
}

/// A set in two entries of its name, both with the config in the middle.
fn named_twice((name, specs): (String, Vec<Spec>)) -> [(String, Vec<Spec>); 2] {
    let half = specs.len().div_ceil(2);
    let second = specs.get(half.saturating_sub(1)..).unwrap_or_default().to_vec();
    let first = specs.into_iter().take(half).collect();
    [(name.clone(), first), (name, second)]
}
