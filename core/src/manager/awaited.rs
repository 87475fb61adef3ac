//! Providers that are waited for, and for how long (B10).
//!
//! **A provider is waited for until it was read whole, or its time is over**: one that never answers must not withhold
//! for ever what others find for the same set. What a set makes of that is [`SetView::delivery`](crate::SetView)'s.

use std::sync::Arc;

use super::registry::Registry;
use crate::{Instant, ProviderConfig, ProviderId};

impl<C: ProviderConfig> Registry<C> {
    /// Waits for a provider that was just started, unless what was saved of it is whole.
    pub(super) fn await_whole(&mut self, now: Instant, id: ProviderId) {
        let Some(provider) = self.providers.get_mut(&id) else {
            return;
        };
        if provider.health.reports.is_whole() {
            return;
        }
        if let Some(after) = provider.config.incomplete_after() {
            let until = now + after;
            provider.awaited = Some(until);
            self.awaited.insert((until, id));
        }
    }

    /// Ends the wait for a provider that has been read whole.
    pub(super) fn note_whole(&mut self, id: ProviderId) {
        let provider = self.providers.get_mut(&id);
        let Some(whole) = provider.filter(|provider| provider.health.reports.is_whole()) else {
            return;
        };
        if let Some(until) = whole.awaited.take() {
            self.awaited.remove(&(until, id));
        }
        self.end_handovers(id);
    }

    /// Ends the wait for all whose time is over, and says whether there were any.
    pub(super) fn wait_out(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some((until, id)) = self.awaited.first().copied().filter(|(until, _)| *until <= now) {
            self.awaited.remove(&(until, id));
            if let Some(provider) = self.providers.get_mut(&id) {
                provider.awaited = None;
                Arc::make_mut(&mut provider.health.reports).waited_out = Some(now);
                self.touched(id);
                self.end_handovers(id);
                any = true;
            }
        }
        any
    }

    /// When the first of them is no longer waited for.
    pub(super) fn wait_deadline(&self) -> Option<Instant> {
        self.awaited.first().map(|(until, _)| *until)
    }
}
