//! The guard in a run: an operator confirms what is held, and what is held is traced and counted.

use headcount_core::ProviderId;
use headcount_core::reference::Input as Given;

use super::Simulation;
use crate::DiscovererId;
use crate::scenario::Mark;
use crate::subject::Subject;
use crate::trace::TraceEvent;

impl<M: Subject> Simulation<M> {
    /// An operator confirms what is held of these discoverers, as far as they run.
    pub(super) fn confirm(&mut self, discoverers: &[DiscovererId]) {
        for id in discoverers {
            let discoverer = self.world.discoverers.get(id.place());
            if let Some(provider) = discoverer.and_then(|discoverer| discoverer.provider) {
                self.give(Given::Confirm(provider), None);
            }
        }
    }

    /// Notes what is held after an input; `touched` by it may be a provider of which nothing was held
    /// before.
    pub(super) fn note_holds(&mut self, touched: Option<ProviderId>) {
        if self.plan.scenario.manager.guard.is_none() || self.holds.is_empty() && touched.is_none() {
            return;
        }
        let others = self.holds.keys().copied().filter(|id| Some(*id) != touched);
        let asked: Vec<ProviderId> = others.chain(touched).collect();
        for provider in asked {
            let held = self.manager.held(provider);
            let before = match held {
                0 => self.holds.remove(&provider),
                _ => self.holds.insert(provider, held),
            };
            if before.unwrap_or(0) == held {
                continue;
            }
            if before.is_none() {
                self.world.mark(Mark::DropHeld);
                self.world.meter.metrics.drops_held += 1;
            }
            if let Some(discoverer) = self.who(provider) {
                self.world.trace(|| TraceEvent::Held {
                    provider,
                    discoverer,
                    held,
                });
            }
        }
        let held: usize = self.holds.values().sum();
        let peak = &mut self.world.meter.metrics.peak_held;
        *peak = (*peak).max(held as u64);
    }
}
