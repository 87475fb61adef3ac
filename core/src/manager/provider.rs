//! A running provider: who it is, what it reported, and what is shown of it.

use std::sync::Arc;

use super::guarded::Guarded;
use crate::provider::ProviderStatus;
use crate::snapshot::{Identity, ProviderSnapshot};
use crate::{Groups, Health, Instant, StoreWork, Update, UpdateOutcome};

#[derive(Debug, Clone)]
pub(super) struct Provider<C> {
    pub(super) identity: Arc<Identity>,
    pub(super) config: Arc<C>,
    pub(super) subscribers: Vec<Arc<str>>,
    pub(super) health: Health,
    /// What is shown. While a drop is held that is not what there is: see [`actual`](Self::actual).
    pub(super) groups: Groups,
    pub(super) guarded: Guarded,
    /// What was restored, and was not heard of since; nothing as soon as it was read whole.
    pub(super) unheard: Option<Groups>,
    /// Until when it is waited for (B10).
    pub(super) awaited: Option<Instant>,
    /// Whether others stand in for it in a set (B03).
    pub(super) is_successor: bool,
    /// When what it shows will be too old (B04).
    pub(super) stale_at: Option<Instant>,
    /// What it had when that came.
    pub(super) expired: Option<Groups>,
}

impl<C> Provider<C> {
    /// Takes the groups of an update in and says what it changed.
    pub(super) fn update(&mut self, now: Instant, update: Update, work: &mut StoreWork) -> UpdateOutcome {
        let changes = self.groups.changes_of(update);
        let outcome = self.groups.apply(changes, now, self.health.updates, work);
        self.note(now, &outcome);
        outcome
    }

    /// Notes what an update changed of what is shown.
    pub(super) fn note(&mut self, now: Instant, outcome: &UpdateOutcome) {
        if outcome.is_unchanged() {
            self.health.unchanged_updates = self.health.unchanged_updates.saturating_add(1);
        } else {
            self.health.last_change = Some(now);
        }
    }

    /// The groups as the backend has them.
    pub(super) fn actual(&self) -> &Groups {
        self.guarded.held.as_ref().map_or(&self.groups, |held| &held.actual)
    }

    pub(super) fn snapshot(&self) -> ProviderSnapshot {
        ProviderSnapshot {
            identity: self.identity.clone(),
            reports: self.health.reports.clone(),
            groups: self.groups.clone(),
        }
    }

    pub(super) fn status(&self) -> ProviderStatus<'_, C> {
        ProviderStatus {
            id: self.identity.id,
            name: &self.identity.name,
            config: &self.config,
            description: &self.identity.description,
            subscribers: &self.subscribers,
            health: &self.health,
            groups: self.groups.len(),
            targets: self.groups.target_count(),
            held: self.guarded.held.as_ref(),
        }
    }
}
