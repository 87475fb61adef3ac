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
use super::settings::{Readers, note_time};
use super::{EventKind, LetGo, Release};
use crate::{Condition, Instant, ProviderId};

impl<C> Registry<C> {
    /// Notes when what a provider shows will be too old, as things are now.
    pub(super) fn note_age(&mut self, id: ProviderId) {
        // Mostly nothing ever is. Of a provider that has nothing new nothing more is looked at than has to be: thousands
        // of them are in no cache.
        if self.aging.is_empty() && !self.settings.has_max_stale() {
            return;
        }
        let Some(provider) = self.providers.get_mut(&id) else {
            return;
        };
        let readers = Readers::of(&self.settings, &provider.subscribers, self.lent.get(&id));
        let at = provider.too_old_at(readers.most_patient(|options| options.max_stale));
        note_time(&mut self.aging, &mut provider.stale_at, at, id);
    }

    /// Hides what is too old.
    pub(super) fn expire(&mut self, now: Instant, outputs: &mut Outputs<C>) {
        while let Some((at, id)) = self.aging.first().copied().filter(|(at, _)| *at <= now) {
            self.aging.remove(&(at, id));
            let Some(provider) = self.providers.get_mut(&id) else {
                continue;
            };
            provider.stale_at = None;
            let held = provider.held.take();
            provider.guarded.let_go(now, None, Duration::ZERO);
            let targets = provider.groups.target_count();
            let shown = core::mem::take(&mut provider.groups);
            let (actual, released) = match held {
                Some(held) => (held.actual, Some((held.targets, LetGo::all(held.lost)))),
                None => (shown, None),
            };
            provider.expired = Some(Box::new(actual));
            provider.health.last_change = Some(now);
            Arc::make_mut(&mut provider.health.reports).expired = Some(now);
            self.held.remove(&id);
            self.touched(id);
            if let Some((targets, held)) = released {
                let why = Release::Expired;
                outputs.event(now, id, EventKind::DropReleased { targets, held, why });
            }
            outputs.event(now, id, EventKind::Expired { targets });
        }
    }

    /// When the first provider's groups will be too old.
    pub(super) fn stale_deadline(&self) -> Option<Instant> {
        self.aging.first().map(|(at, _)| *at)
    }
}

impl<C> Provider<C> {
    /// When what it shows will be too old.
    pub(super) fn too_old_at(&self, max_stale: Option<Duration>) -> Option<Instant> {
        let since = self.stale_since().filter(|_| !self.groups.is_empty());
        since.zip(max_stale).map(|(since, max_stale)| since + max_stale)
    }

    /// Shows again what was too old, where it may be older now. Whether there was any.
    pub(super) fn bring_back(&mut self, now: Instant, max_stale: Option<Duration>) -> bool {
        let too_old_at = self.stale_since().zip(max_stale);
        let is_too_old = too_old_at.is_some_and(|(since, max_stale)| since + max_stale <= now);
        !is_too_old && self.come_back(now)
    }

    /// It is heard of again: what was hidden is what its next update is about. Whether there was any.
    pub(super) fn come_back(&mut self, now: Instant) -> bool {
        let Some(groups) = self.expired.take() else {
            return false;
        };
        self.groups = *groups;
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
