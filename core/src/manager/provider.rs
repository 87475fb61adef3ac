//! A running provider: who it is, what it reported, and what is shown of it.

use std::sync::Arc;

use super::guard::Held;
use super::guarded::Guarded;
use crate::health::News;
use crate::provider::ProviderStatus;
use crate::snapshot::{Identity, ProviderSnapshot};
use crate::{Condition, Failure, Groups, Health, Instant, StoreWork, Update, UpdateOutcome};

/// Of thousands of providers none is in a cache when its next update comes, and most updates say nothing new. So **what
/// such an update looks at stands together**, from `expired` to the first half of `health`: two or three lines of a cache
/// instead of eight. That is what `repr(C)` is for; without it fields stand in an order that nobody can choose.
#[derive(Debug, Clone)]
#[repr(C)]
pub(super) struct Provider<C> {
    pub(super) identity: Arc<Identity>,
    pub(super) config: Arc<C>,
    /// Until when it is waited for (B10).
    pub(super) awaited: Option<Instant>,
    /// When what it shows will be too old (B04).
    pub(super) stale_at: Option<Instant>,
    /// Whether others stand in for it in a set (B03).
    pub(super) is_successor: bool,
    /// Whether another whole read without any error would be no news. Said again here because the reports are elsewhere
    /// in memory.
    pub(super) is_settled: bool,
    /// What it had when what it showed was too old.
    pub(super) expired: Option<Box<Groups>>,
    /// What was restored, and was not heard of since; nothing as soon as it was read whole.
    pub(super) unheard: Option<Box<Groups>>,
    /// A drop that is held. Elsewhere, because mostly there is none.
    pub(super) held: Option<Box<Held>>,
    /// What is shown. While a drop is held that is not what there is: see [`actual`](Self::actual).
    pub(super) groups: Groups,
    pub(super) health: Health,
    pub(super) subscribers: Vec<Arc<str>>,
    pub(super) guarded: Guarded,
    /// Groups that its last report could not get, as far as it said so.
    pub(super) kept: usize,
}

impl<C> Provider<C> {
    /// Notes that an update came, and says what is news of that.
    pub(super) fn updated(&mut self, now: Instant, update: &Update) -> News {
        if self.is_settled && planted!(update.missing().is_none(), SettledSeesNoGaps, true) {
            self.health.counted(now, update);
            return News::default();
        }
        let news = self.health.updated(now, update);
        self.is_settled = self.health.reports.is_settled();
        self.kept = update.kept();
        news
    }

    /// Notes that a refresh failed, and says what is news of that.
    pub(super) fn failed(&mut self, now: Instant, failure: &Failure) -> News {
        self.is_settled = planted!(false, RecoveryIsNotNoticed, self.is_settled);
        self.health.failed(now, failure)
    }

    /// Whether it has been read whole at least once, by this process or one before (B09).
    pub(super) fn is_whole(&self) -> bool {
        self.is_settled || self.health.reports.is_whole()
    }

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
        self.held.as_deref().map_or(&self.groups, |held| &held.actual)
    }

    /// What its next update is about: what it has reported, also where that is not shown because it is too old.
    pub(super) fn reported(&self) -> &Groups {
        self.expired.as_deref().unwrap_or_else(|| self.actual())
    }

    /// How many of the groups that it shows are there only because they were: none was read after its last failure, these
    /// could not be got, or nothing was heard of them since they were restored.
    fn stale_groups(&self) -> usize {
        let unheard = self.unheard.as_deref().map_or(0, Groups::len);
        let stale = match self.health.reports.condition {
            Condition::Failing { .. } => usize::MAX,
            Condition::Partial(_) => self.kept.max(unheard),
            Condition::Starting | Condition::Healthy => unheard,
        };
        stale.min(self.groups.len())
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
            stale_groups: self.stale_groups(),
            held: self.held.as_deref(),
        }
    }
}
