//! An update arrives at its provider.
//!
//! **Its provider is looked up once.** Of thousands of providers most updates say nothing new, and none of what is looked
//! at for one is in a cache: to find it is most of what such an update costs.

use super::registry::Registry;
use crate::health::News;
use crate::{Instant, ProviderId, StoreWork, Update, UpdateOutcome};

/// What an update made known, and what became of its groups.
pub(super) struct Received {
    pub(super) before: Before,
    pub(super) news: News,
    pub(super) taken: Taken,
}

/// What is known of a provider before its update is taken in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// Whether it had been read whole.
    pub(super) was_whole: bool,
    /// Whether all of it was too old, and is there again.
    pub(super) came_back: bool,
}

/// What became of the groups of an update.
pub(super) enum Taken {
    /// They are what is shown.
    Shown(UpdateOutcome),
    /// Nothing yet: a guard has to see what they would remove (B05).
    ToJudge(Update),
}

impl<C> Registry<C> {
    /// Notes that an update came, and shows it unless a guard has to judge it. `None` if its provider is not running.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        id: ProviderId,
        update: Update,
        work: &mut StoreWork,
    ) -> Option<Received> {
        let provider = self.providers.get_mut(&id)?;
        let before = Before {
            was_whole: provider.is_whole(),
            came_back: provider.come_back(now),
        };
        let news = provider.updated(now, &update);
        let update = provider.with_unheard(now, update);
        let is_guarded = provider.held.is_some() || self.settings.is_guarded(&provider.subscribers);
        let taken = if is_guarded {
            Taken::ToJudge(update)
        } else {
            Taken::Shown(provider.update(now, update, work))
        };
        Some(Received { before, news, taken })
    }
}
