//! Dropping what nobody has confirmed for too long (B04).
//!
//! A provider that fails keeps its groups, and with [`ManagerOptions::max_stale`](crate::ManagerOptions) not for ever:
//! **when it has done nothing but fail for so long, its groups are no longer shown.** They are not forgotten. A
//! discoverer that finds that nothing has changed says just that, and then they are all there again.
//!
//! Only what fails grows old. One that is silent because nothing happens is well, so the time runs from its first
//! failure and not from its last update, which may be days before that. What was restored, and was not heard of since,
//! counts from the start of this manager.

use core::time::Duration;
use std::sync::Arc;

use super::output::Outputs;
use super::provider::Provider;
use super::registry::Registry;
use super::{EventKind, Release};
use crate::{Condition, Instant, ProviderId};

impl<C> Registry<C> {
    /// Notes when what a provider shows will be too old, as things are now.
    pub(super) fn note_age(&mut self, id: ProviderId) {
        let max_stale = self.most_patient(id, |options| options.max_stale);
        let Some(provider) = self.providers.get_mut(&id) else {
            return;
        };
        let since = provider.stale_since().filter(|_| !provider.groups.is_empty());
        let at = since.zip(max_stale).map(|(since, max_stale)| since + max_stale);
        let before = core::mem::replace(&mut provider.stale_at, at);
        if before != at {
            before.map(|before| self.aging.remove(&(before, id)));
            at.map(|at| self.aging.insert((at, id)));
        }
    }

    /// Hides what is too old.
    pub(super) fn expire(&mut self, now: Instant, outputs: &mut Outputs<C>) {
        while let Some((at, id)) = self.aging.first().copied().filter(|(at, _)| *at <= now) {
            self.aging.remove(&(at, id));
            let Some(provider) = self.providers.get_mut(&id) else {
                continue;
            };
            provider.stale_at = None;
            let held = provider.guarded.held.take();
            provider.guarded.let_go(now, None, Duration::ZERO);
            let targets = provider.groups.target_count();
            let shown = core::mem::take(&mut provider.groups);
            let released = held.as_ref().map(|held| held.targets);
            provider.expired = Some(held.map_or(shown, |held| held.actual));
            provider.health.last_change = Some(now);
            Arc::make_mut(&mut provider.health.reports).expired = Some(now);
            self.held.remove(&id);
            self.touched(id);
            if let Some(targets) = released {
                let why = Release::Expired;
                outputs.event(now, id, EventKind::DropReleased { targets, why });
            }
            outputs.event(now, id, EventKind::Expired { targets });
        }
    }

    /// Shows again what was too old, where it may be older now.
    pub(super) fn bring_back(&mut self, now: Instant, id: ProviderId) {
        let max_stale = self.most_patient(id, |options| options.max_stale);
        let Some(provider) = self.providers.get_mut(&id) else {
            return;
        };
        let since = provider.stale_since();
        let is_too_old = since
            .zip(max_stale)
            .is_some_and(|(since, max_stale)| since + max_stale <= now);
        if !is_too_old && provider.come_back(now) {
            self.touched(id);
        }
    }

    /// When the first provider's groups will be too old.
    pub(super) fn stale_deadline(&self) -> Option<Instant> {
        self.aging.first().map(|(at, _)| *at)
    }
}

impl<C> Provider<C> {
    /// It is heard of again: what was hidden is what its next update is about. Whether there was any.
    pub(super) fn come_back(&mut self, now: Instant) -> bool {
        let Some(groups) = self.expired.take() else {
            return false;
        };
        self.groups = groups;
        self.health.last_change = Some(now);
        Arc::make_mut(&mut self.health.reports).expired = None;
        true
    }

    /// Since when it has done nothing but fail.
    fn stale_since(&self) -> Option<Instant> {
        let health = &self.health;
        match health.reports.condition {
            Condition::Starting | Condition::Failing { .. } if health.last_update.is_none() => Some(health.started),
            Condition::Failing { since, .. } => Some(since),
            Condition::Starting | Condition::Healthy | Condition::Partial(_) => None,
        }
    }
}
