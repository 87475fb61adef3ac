//! What providers report: the rules S04, S05, S06, S12, B01, B04, B07 and B09.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::PlainOutput;
use super::guard::PlainGroups;
use super::held::Reported;
use super::model::{Model, PlainProvider};
use super::plain::{PlainGroup, PlainKind, PlainStored, PlainUpdate};
use crate::{
    Condition, EventKind, FailedRefresh, Failure, Health, Instant, ManagerEvent, ProviderConfig, ProviderId, Reports,
    UnknownProvider, Update, UpdateOutcome,
};

impl<C: ProviderConfig> Model<C> {
    pub(super) fn update(
        &mut self,
        now: Instant,
        id: ProviderId,
        update: &Update,
    ) -> Result<(UpdateOutcome, bool), UnknownProvider> {
        let Some(provider) = self.providers.get_mut(&id) else {
            self.counters.ignored_reports += 1; // S06
            return Err(UnknownProvider(id));
        };
        // B04: what was too old to be shown is there again.
        let is_back = provider.come_back(now);
        let update = PlainUpdate::from(update);
        self.counters.received_updates += 1; // S12
        let was_whole = provider.health.reports.first_whole().is_some();
        let before = provider.health.reports.condition.clone();
        note_update(now, &mut provider.health, &update);
        let event = event(now, id, &before, &provider.health.reports.condition);
        self.outputs.extend(event);

        let gone = gone_unheard(&mut provider.unheard, &update);
        let shown = provider.shown.groups.clone();
        let old = provider.actual().clone();
        let mut new = groups_after(now, provider.health.updates, &old, &shown, &update);
        new.retain(|source, _| !gone.contains(source));
        let reported = Reported {
            is_partial: matches!(update.kind, PlainKind::Partial(_)),
            was_whole,
            is_other: is_back || old != new,
            actual: new,
        };
        let (held, others_changed) = self.guard(now, id, reported);

        let Some(provider) = self.providers.get_mut(&id) else {
            return Err(UnknownProvider(id));
        };
        let outcome = UpdateOutcome {
            held,
            ..outcome(&shown, &provider.shown.groups, &update)
        };
        // B01
        if shown == provider.shown.groups {
            self.counters.unchanged_updates += u64::from(!is_back);
            provider.health.unchanged_updates += 1;
        } else {
            provider.health.last_change = Some(now);
        }
        Ok((outcome, others_changed))
    }

    pub(super) fn fail(&mut self, now: Instant, id: ProviderId, failure: &Failure) -> Result<(), UnknownProvider> {
        let Some(provider) = self.providers.get_mut(&id) else {
            self.counters.ignored_reports += 1; // S06
            return Err(UnknownProvider(id));
        };
        // B04: what was found stays.
        let health = &mut provider.health;
        health.failures += 1;
        let last = FailedRefresh {
            at: now,
            message: Arc::from(failure.message()),
            retry_at: failure.retry_after().map(|after| now + after),
        };
        health.last_failure = Some(last.clone());
        let reports = Arc::make_mut(&mut health.reports);
        reports.first_failure = reports.first_failure.or(Some(now));
        let before = reports.condition.clone();
        let (since, times) = match before {
            Condition::Failing { since, times, .. } => (since, times + 1),
            Condition::Starting | Condition::Healthy | Condition::Partial(_) => (now, 1),
        };
        reports.condition = Condition::Failing { since, times, last };
        self.outputs.extend(event(now, id, &before, &reports.condition));
        if let Some(duration) = failure.duration() {
            health.refreshes = (health.refreshes.0 + 1, health.refreshes.1.saturating_add(duration));
        }
        Ok(())
    }
}

impl<C> Model<C> {
    /// Somebody may want to hear this.
    pub(super) fn happened(&mut self, at: Instant, provider: ProviderId, what: EventKind) {
        let event = ManagerEvent { at, provider, what };
        self.outputs.push(PlainOutput::Event(event));
    }
}

impl<C> PlainProvider<C> {
    /// B04: what was too old to be shown is there again, if there was anything.
    pub(super) fn come_back(&mut self, now: Instant) -> bool {
        let Some(groups) = self.expired.take() else {
            return false;
        };
        self.shown.groups = groups;
        self.health.last_change = Some(now);
        Arc::make_mut(&mut self.health.reports).expired = None;
        true
    }
}

/// B01: whether something was reported for the first time.
pub(super) fn is_first(before: Option<Reports>, after: Option<Reports>) -> bool {
    let firsts = |reports: Reports| {
        // B04: that it came back after it was too old is as good as a first time.
        (
            reports.first_update,
            reports.first_failure,
            reports.first_whole,
            reports.expired,
        )
    };
    before.map(firsts) != after.map(firsts)
}

/// B04: what is to be heard of at once of how a provider fares.
fn event<C>(at: Instant, provider: ProviderId, before: &Condition, after: &Condition) -> Option<PlainOutput<C>> {
    let what = match (before, after) {
        (Condition::Failing { .. }, Condition::Failing { .. }) => return None,
        (_, Condition::Failing { last, .. }) => EventKind::Failing(last.clone()),
        (Condition::Partial(before), Condition::Partial(after)) if before == after => return None,
        (_, Condition::Partial(missing)) => EventKind::Partial(missing.clone()),
        (Condition::Failing { times, .. }, Condition::Healthy) => EventKind::Recovered { failures: *times },
        (Condition::Partial(_), Condition::Healthy) => EventKind::Recovered { failures: 0 },
        (Condition::Starting | Condition::Healthy, Condition::Healthy) | (_, Condition::Starting) => return None,
    };
    Some(PlainOutput::Event(ManagerEvent { at, provider, what }))
}

/// B04, B09: what an update says of the provider that sends it.
fn note_update(now: Instant, health: &mut Health, update: &PlainUpdate) {
    health.updates += 1;
    health.last_update = Some(now);
    if !matches!(update.kind, PlainKind::Partial(_)) {
        health.last_success = Some(now);
    }
    if let Some(duration) = update.duration {
        health.refreshes = (health.refreshes.0 + 1, health.refreshes.1.saturating_add(duration));
    }
    let reports = Arc::make_mut(&mut health.reports);
    reports.first_update = reports.first_update.or(Some(now));
    // Whole is what was read to its end without any error.
    if matches!(update.kind, PlainKind::Full | PlainKind::Completing) {
        reports.first_whole = reports.first_whole.or(Some(now));
    }
    reports.condition = match &update.kind {
        PlainKind::Partial(missing) => Condition::Partial(missing.clone()),
        _ => Condition::Healthy,
    };
}

/// S04: the groups that count, by source: when a source is named twice, the last one does.
fn named(update: &PlainUpdate) -> BTreeMap<String, PlainGroup> {
    let groups = update.groups.iter().cloned();
    groups.map(|group| (group.source.clone(), group.sorted())).collect()
}

/// S05: what was restored and was named by none of the updates up to the one that makes the provider whole is not
/// there.
fn gone_unheard(unheard: &mut BTreeSet<String>, update: &PlainUpdate) -> BTreeSet<String> {
    for source in named(update).keys() {
        unheard.remove(source);
    }
    match update.kind {
        PlainKind::Delta | PlainKind::Partial(_) => BTreeSet::new(),
        PlainKind::Full | PlainKind::Completing => std::mem::take(unheard),
    }
}

/// What the backend has after the update with this number, when it had `old` and `shown` is shown.
fn groups_after(
    now: Instant,
    number: u64,
    old: &PlainGroups,
    shown: &PlainGroups,
    update: &PlainUpdate,
) -> PlainGroups {
    // S05: a full update starts from nothing. S04: any other from what there is.
    let mut new = match update.kind {
        PlainKind::Full => BTreeMap::new(),
        PlainKind::Delta | PlainKind::Completing | PlainKind::Partial(_) => old.clone(),
    };
    for (source, group) in named(update) {
        // S04: a group without targets removes its source.
        if group.targets.is_empty() {
            new.remove(&source);
            continue;
        }
        // B07: a group keeps the update that made it what it is. B05: what was only reported to be gone
        // was there all the time.
        let same = |groups: &PlainGroups| groups.get(&source).filter(|stored| stored.group == group).cloned();
        let stored = same(old).or_else(|| same(shown)).unwrap_or(PlainStored {
            group,
            changed: now,
            update: number,
        });
        new.insert(source, stored);
    }
    new
}

/// What an update changed of what is shown, in sources.
fn outcome(before: &PlainGroups, after: &PlainGroups, update: &PlainUpdate) -> UpdateOutcome {
    let both = |source: &&String| before.contains_key(*source) && after.contains_key(*source);
    let is_same = |source: &&String| before[*source] == after[*source];
    let named = named(update);
    let with_targets = named.iter().filter(|(_, group)| !group.targets.is_empty());
    UpdateOutcome {
        added: after.keys().filter(|source| !before.contains_key(*source)).count(),
        changed: before.keys().filter(both).filter(|source| !is_same(source)).count(),
        removed: before.keys().filter(|source| !after.contains_key(*source)).count(),
        unchanged: with_targets
            .map(|(source, _)| source)
            .filter(both)
            .filter(is_same)
            .count(),
        held: 0,
    }
}
