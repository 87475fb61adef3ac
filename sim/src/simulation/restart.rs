//! The manager's process ends, and another takes its place: with nothing, or with what was saved;
//! of the same version of the core, or of another.
//!
//! **What was saved goes through its written form**, as between two processes, and a state of a
//! later version has to be refused by the core's own reader.

use std::sync::Arc;

use headcount_core::{Instant, ManagerOptions, Snapshot};

use super::{Queue, Simulation, contract, options, shadow, sum};
use crate::Rule;
use crate::oracle::Broken;
use crate::oracle::handover::Saved;
use crate::scenario::{Mark, Version};
use crate::sharing::SavedSharing;
use crate::subject::Subject;
use crate::trace::TraceEvent;

/// What a manager saved.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// As it was written.
    written: Arc<str>,
    /// By the format of the version that wrote it.
    format: u32,
    /// What has to be there again.
    shown: Saved,
    /// Who scraped what, and when that was.
    shared: Option<(SavedSharing, Instant)>,
}

impl<M: Subject> Simulation<M> {
    /// What the manager has is written down, if it can do that.
    pub(super) fn save_manager(&mut self) {
        let written = self.manager.save(self.world.now);
        self.advance_members();
        let now = self.world.now;
        let shared = self.sharing.as_mut().and_then(|sharing| Some((sharing.save()?, now)));
        self.saved = written.map(|written| State {
            shared,
            written: written.into(),
            format: self.version.format,
            shown: self.contract.save(),
        });
    }

    /// The manager's process dies with everything in it, and another starts.
    pub(super) fn restart_manager(&mut self, saved: bool, version: Version) {
        let now = self.world.now;
        self.version = self.version.then(version);
        self.lives += 1;
        // Another process does not stand still because this one did.
        self.world.stands_until = now;
        self.put_off.clear();
        let options = options(&self.plan.scenario, self.version, self.world.rng, self.lives);
        self.counted = sum(self.counted, self.manager.counters());
        self.worked.add(self.manager.work());
        self.shadow = shadow(&self.plan.scenario, now, &options);
        self.contract = contract(&self.plan.scenario, self.version, now, &options);
        self.manager = match self.saved.clone().filter(|_| saved) {
            Some(state) => self.restored(&options, state),
            None => M::new(now, options),
        };
        self.snapshot = Snapshot::default();
        self.advance_members();
        if let Some(sharing) = &mut self.sharing {
            // A process that can't read the state has nothing of it.
            let saved = self
                .saved
                .as_ref()
                .filter(|state| saved && self.version.reads(state.format));
            let shared = saved.and_then(|state| state.shared.as_ref());
            let is_newest = shared.is_some_and(|(_, at)| *at == now);
            sharing.restarted(now, shared.map(|(shared, _)| shared), is_newest);
        }
        if let Some(pools) = &mut self.pools {
            pools.restarted(now);
        }
        self.queue = Queue::default();
        self.consumer.bytes = 0;
        self.lists.restarted(&self.plan, &self.receiver);
        self.receiver.forget();
        self.world.kill_all();
        self.providers.clear();
        self.holds.clear();
        self.apply();
        let verdict = self.contract.restored(&self.manager);
        self.rule(verdict);
    }

    /// A manager that starts with a state, or from nothing if that is of a later version.
    fn restored(&mut self, options: &ManagerOptions, state: State) -> M {
        let now = self.world.now;
        let found = self.version.as_found(&state.written, state.format);
        let readable = self.version.reads(state.format);
        match (M::restore(now, options.clone(), &found), readable) {
            (Ok(manager), true) => {
                self.restore_oracles(options, &found, state.shown);
                self.world.mark(Mark::Restored);
                let bytes = found.len();
                self.world.trace(|| TraceEvent::Restored { bytes });
                manager
            }
            (Ok(manager), false) => {
                let reason = format!(
                    "a state of format {} was taken in by a version that reads {}",
                    state.format, self.version.format
                );
                self.broken(*Broken::of(Rule::Restart, reason));
                manager
            }
            (Err(reason), false) => {
                self.world.mark(Mark::StateRefused);
                self.world.trace(|| TraceEvent::Refused { reason });
                M::new(now, options.clone())
            }
            (Err(reason), true) => {
                let reason = format!("a state was refused that this version can read: {reason}");
                self.broken(*Broken::of(Rule::Restart, reason));
                M::new(now, options.clone())
            }
        }
    }

    /// The contract and the reference model know what was saved, too.
    fn restore_oracles(&mut self, options: &ManagerOptions, found: &str, shown: Saved) {
        let now = self.world.now;
        let contract = contract(&self.plan.scenario, self.version, now, options);
        self.contract = contract.with(shown);
        if self.shadow.is_some() {
            match serde_json::from_str(found) {
                Ok(state) => self.shadow = Some(Box::new(super::Pair::restore(now, options.clone(), state))),
                Err(error) => self.broken(*Broken::of(Rule::Restart, error.to_string())),
            }
        }
    }
}
