//! Providers that are waited for, and for how long (B10).
//!
//! **A provider is waited for until it was read whole, or its time is over**: one that never answers must not withhold
//! for ever what others find for the same set. What a set makes of that is [`SetView::delivery`](crate::SetView)'s.

use std::sync::Arc;

use super::provider::Provider;
use super::registry::Registry;
use super::settings::{Readers, note_time};
use crate::{Instant, ProviderConfig, ProviderId};

impl<C: ProviderConfig> Registry<C> {
    /// Notes until when a provider is waited for, as things are now.
    pub(super) fn note_awaited(&mut self, id: ProviderId) {
        let Some(provider) = self.providers.get_mut(&id) else {
            return;
        };
        let readers = Readers::of(&self.settings, &provider.subscribers, self.lent.get(&id));
        let until = provider.awaited_until(readers);
        note_time(&mut self.awaited, &mut provider.awaited, until, id);
    }

    /// Ends the wait for a provider that has been read whole.
    pub(super) fn note_whole(&mut self, id: ProviderId) {
        // Mostly everybody has been.
        if self.awaited.is_empty() && !self.has_successors {
            return;
        }
        let provider = self.providers.get_mut(&id);
        let Some(whole) = provider.filter(|provider| planted!(provider.is_whole(), AnyUpdateEndsIt, true)) else {
            return;
        };
        if let Some(until) = planted!(whole.awaited.take(), WholeIsWaitedOut, None) {
            self.awaited.remove(&(until, id));
        }
        self.end_handovers(id);
    }

    /// Ends the wait for all whose time is over.
    pub(super) fn wait_out(&mut self, now: Instant) {
        while let Some((until, id)) = self.awaited.first().copied().filter(|(until, _)| *until <= now) {
            self.awaited.remove(&(until, id));
            if let Some(provider) = self.providers.get_mut(&id) {
                provider.awaited = None;
                Arc::make_mut(&mut provider.health.reports).waited_out = Some(now);
                planted!(self.touched(id), EndOfAWaitIsNotTold, ());
                planted!(self.end_handovers(id), WaitedOutIsStoodInFor, ());
            }
        }
    }
}

impl<C> Registry<C> {
    /// When the first of them is no longer waited for.
    pub(super) fn wait_deadline(&self) -> Option<Instant> {
        planted!(self.awaited.first(), NobodyIsAwaited, None).map(|(until, _)| *until)
    }
}

impl<C: ProviderConfig> Provider<C> {
    /// Until when it is waited for, as things are now. One that was read whole, or was waited for, is not.
    pub(super) fn awaited_until(&self, readers: Readers<'_>) -> Option<Instant> {
        let reports = &self.health.reports;
        if reports.is_whole() || reports.waited_out.is_some() {
            return None;
        }
        let of_config = self.config.incomplete_after();
        let after = readers.most_patient(|options| options.incomplete_after.or(of_config));
        after.map(|after| self.health.started + after)
    }
}
