//! When snapshots are emitted, and what is in them: the rules S07, S08, S09 and S10.

use std::sync::Arc;

use super::model::{Model, PlainProvider, Receiver};
use super::snapshot::{PlainProviderSnapshot, PlainSnapshot};
use super::{Disagreement, PlainOutput, Window};
use crate::{Condition, EventKind, Instant, ProviderConfig, ProviderId, Release, TimeoutReason};

impl<C: ProviderConfig> Model<C> {
    /// When the driver has to come back: at the deadline, unless the receiver missed it; then
    /// only the receiver can bring something new (S09). And when a drop that is held counts (B05).
    pub fn timeout(&self) -> Option<(Instant, TimeoutReason)> {
        let throttle = self.first_due().filter(|_| self.receiver != Receiver::KeptWaiting);
        let throttle = throttle.map(|at| (at, TimeoutReason::Throttle));
        let holds = self.hold_deadlines().map(|(_, at)| (at, TimeoutReason::Hold));
        let waits = self.waits().map(|(_, at)| (at, TimeoutReason::Incomplete));
        let stale = self.stale().map(|(_, at)| (at, TimeoutReason::Stale));
        throttle.into_iter().chain(holds).chain(waits).chain(stale).min()
    }

    /// B10: who is waited for, and until when.
    fn waits(&self) -> impl Iterator<Item = (ProviderId, Instant)> {
        self.providers.iter().filter_map(|(id, provider)| {
            let reports = &provider.health.reports;
            let is_awaited = reports.first_whole().is_none() && reports.waited_out.is_none();
            let of_config = provider.config.incomplete_after();
            let after = self.most_patient(*id, |options| options.incomplete_after.or(of_config));
            Some((*id, provider.health.started + after.filter(|_| is_awaited)?))
        })
    }

    /// B10, and B03: one that no longer stands in somewhere may have fewer sets that are patient with it.
    pub(super) fn wait_out_all(&mut self, now: Instant) -> bool {
        self.end_handovers();
        let mut any = false;
        while self.wait_out(now) {
            any = true;
            self.end_handovers();
        }
        any
    }

    /// B10: whose time is over is no longer waited for.
    fn wait_out(&mut self, now: Instant) -> bool {
        let due: Vec<_> = self.waits().filter(|(_, until)| *until <= now).collect();
        for (id, _) in &due {
            if let Some(provider) = self.providers.get_mut(id) {
                Arc::make_mut(&mut provider.health.reports).waited_out = Some(now);
                self.changed.insert(*id);
            }
        }
        !due.is_empty()
    }

    /// B04: who has not been heard of, and when what it shows is too old.
    fn stale(&self) -> impl Iterator<Item = (ProviderId, Instant)> {
        self.providers.iter().filter_map(|(id, provider)| {
            Some((*id, self.too_old_at(*id).filter(|_| !provider.shown.groups.is_empty())?))
        })
    }

    fn too_old_at(&self, id: ProviderId) -> Option<Instant> {
        let health = &self.providers.get(&id)?.health;
        let since = match (&health.reports.condition, health.last_update) {
            (Condition::Healthy | Condition::Partial(_), _) | (Condition::Starting, Some(_)) => None,
            // Nobody has heard of it since it was restored.
            (_, None) => Some(health.started),
            (Condition::Failing { since, .. }, Some(_)) => Some(*since),
        };
        Some(since? + self.most_patient(id, |options| options.max_stale)?)
    }

    /// B04: what was too old and may be older now is there again.
    pub(super) fn bring_back(&mut self, now: Instant) -> bool {
        let is_too_old = |id: &ProviderId| self.too_old_at(*id).is_some_and(|at| at <= now);
        let expired = self.providers.iter().filter(|(_, provider)| provider.expired.is_some());
        let back: Vec<_> = expired.map(|(id, _)| *id).filter(|id| !is_too_old(id)).collect();
        for id in &back {
            if let Some(provider) = self.providers.get_mut(id) {
                provider.come_back(now);
                self.changed.insert(*id);
            }
        }
        !back.is_empty()
    }

    /// B04: what is too old is hidden.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let mut due: Vec<_> = self.stale().filter(|(_, at)| *at <= now).collect();
        due.sort_by_key(|(id, at)| (*at, *id));
        for (id, _) in &due {
            if !self.providers.contains_key(id) {
                continue;
            }
            let let_go = self.lost_of(*id, None);
            let Some(provider) = self.providers.get_mut(id) else {
                continue;
            };
            self.changed.insert(*id);
            let targets = provider.shown.target_count();
            let shown = core::mem::take(&mut provider.shown.groups);
            let held = provider.held.take();
            provider.passed.clear();
            provider.came.clear();
            provider.health.last_change = Some(now);
            Arc::make_mut(&mut provider.health.reports).expired = Some(now);
            let released = held.as_ref().map(|held| held.targets);
            provider.expired = Some(held.map_or(shown, |held| held.actual));
            if let Some(targets) = released {
                let held = let_go.iter().map(String::as_str).collect();
                let why = Release::Expired;
                self.happened(now, *id, EventKind::DropReleased { targets, held, why });
            }
            self.happened(now, *id, EventKind::Expired { targets });
        }
        !due.is_empty()
    }

    /// The state as it is.
    pub fn snapshot(&self, now: Instant) -> PlainSnapshot {
        match self.first_due() {
            None => self.emitted.clone(),
            Some(_) => self.next_snapshot(now),
        }
    }

    /// S07, S08: what changed is due at a moment that the throttle decides, and stays due then,
    /// whatever else changes.
    pub(super) fn make_due(&mut self, now: Instant, deadline: Option<Instant>) -> Result<(), Disagreement> {
        if self.due.is_some() {
            return Ok(());
        }
        let window: Window = self.windows.change(now)?;
        // The manager names no deadline when it emitted at once or the receiver is busy. That is
        // right if it may be due already; if not, comparing the outputs will show it.
        let due = deadline.unwrap_or(window.earliest);
        if !window.contains(due) {
            return Err(Disagreement::new("the deadline (S07, S08)", window, due));
        }
        self.due = Some(due);
        Ok(())
    }

    pub(super) fn emit_if_due(&mut self, now: Instant) {
        if self.first_due().is_none_or(|due| due > now) {
            return;
        }
        match self.receiver {
            Receiver::Ready => {
                self.emitted = self.show_due(now);
                self.receiver = Receiver::Busy;
                self.counters.updates += 1;
                self.outputs.push(PlainOutput::Emit(self.emitted.clone()));
            }
            // S09: it stays due, and is counted once.
            Receiver::Busy => {
                self.receiver = Receiver::KeptWaiting;
                self.counters.updates_delayed += 1;
            }
            Receiver::KeptWaiting => {}
        }
    }

    pub(super) fn next_snapshot(&self, now: Instant) -> PlainSnapshot {
        let shown = |(id, provider): (&ProviderId, &PlainProvider<C>)| {
            let reports = (*provider.health.reports).clone();
            let shown = PlainProviderSnapshot {
                reports,
                ..provider.shown.clone()
            };
            (*id, shown)
        };
        let mut sets = self.sets.clone();
        // S11: who can't be run is no provider.
        let runs = |id: &ProviderId| self.providers.contains_key(id);
        sets.values_mut().for_each(|members| members.successors.retain(runs));
        // B03: what stands in is shown, too.
        let retired = self.retired.iter().map(|(id, retired)| (*id, retired.shown.clone()));
        PlainSnapshot {
            manager: self.name.clone(),
            version: self.emitted.version + 1,
            at: now,
            sets,
            providers: self.providers.iter().map(shown).chain(retired).collect(),
            failed: self.failed.clone(),
        }
    }
}
