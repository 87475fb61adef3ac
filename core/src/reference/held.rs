//! What the model does about drops (B05): the rule itself is in `guard`.

use super::guard::{PlainAddresses, PlainGroups, PlainHeld, addresses, count, keep, lost, too_much};
use super::model::{Model, PlainProvider};
use crate::{Condition, EventKind, Instant, ProviderId, Release, UnknownProvider};

/// What a backend reports, before it is decided what of that is shown.
#[derive(Debug, Clone)]
pub(super) struct Reported {
    pub(super) actual: PlainGroups,
    pub(super) is_partial: bool,
    /// Whether it had been read whole before.
    pub(super) was_whole: bool,
    /// Whether it is something else than it was, or is there again.
    pub(super) is_other: bool,
}

impl<C> Model<C> {
    /// The backend of a provider reports something. Shows what the guard lets pass of that, and says how many targets it
    /// holds, and whether that changed what is shown of others.
    pub(super) fn guard(&mut self, now: Instant, id: ProviderId, reported: Reported) -> (usize, bool) {
        let Reported {
            actual,
            is_partial,
            was_whole,
            is_other,
        } = reported;
        if !self.is_guarded(&self.providers[&id].subscribers) {
            if let Some(provider) = self.providers.get_mut(&id) {
                provider.shown.groups = actual;
            }
            return (0, false);
        }
        let provider = &self.providers[&id];
        let fresh = Some((id, &actual));
        let held = provider.held.clone();
        let was_held = self.lost_of(id, None);
        let shown = provider.shown.groups.clone();
        let lost_before = held.as_ref().map_or(0, |held| held.targets);
        let lost = lost(&shown, &actual, &self.others(id, fresh));
        let targets = count(&shown, &lost);
        // What was held of others and stands here now is not lost.
        let beside = if is_other { self.held_beside(id) } else { Vec::new() };
        let found: Vec<_> = beside
            .iter()
            .map(|other| (*other, self.lost_of(*other, fresh)))
            .collect();
        let found_targets: usize = found
            .iter()
            .map(|(other, lost)| self.held_targets(*other) - count(&self.providers[other].shown.groups, lost))
            .sum();
        // What came is what there is more of than there was, but for what was shown all along. What comes first of all
        // takes nobody's place.
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let before = self.providers[&id].actual();
        let more = number(targets_of(&actual)) - number(targets_of(before));
        let coming = more + number(targets) - number(lost_before) - number(found_targets);
        let coming = if was_whole { coming } else { 0 };

        let mut first = held.as_ref().map(|held| held.first.clone()).unwrap_or_default();
        first.retain(|address| lost.contains(address));
        let further = targets - count(&shown, &first);
        let there = targets_of(&actual);
        let judge = |lost| {
            let coming = (coming, there);
            too_much(&self.settings, now, &self.sets, &self.providers, id, lost, coming)
        };
        // The time runs from the first loss that is too much; more that is too much starts it anew.
        let (since, first) = match &held {
            Some(held) if judge(further).is_none() => (held.since, first),
            _ => (now, lost.clone()),
        };
        let reason = judge(targets);
        let holds = match &reason {
            None => false,
            // A partial read does not know whether what was lost before stayed so.
            Some(reason) => since + reason.hold > now || is_partial && since < now,
        };
        match reason.filter(|_| holds) {
            None => {
                let is_confirmed = judge(targets).is_some();
                let why = if is_confirmed {
                    Release::HoldTime
                } else {
                    Release::CameBack
                };
                self.show(now, id, actual, (!is_confirmed).then_some(targets));
                if held.is_some() {
                    // What this update loses itself was never held.
                    let held = was_held.intersection(&lost).map(String::as_str).collect();
                    self.happened(now, id, EventKind::DropReleased { targets, held, why });
                }
            }
            Some(reason) => {
                let is_news = held.is_none_or(|held| (held.since, held.targets) != (since, targets));
                let kept = keep(now, &shown, &actual, &lost);
                if let Some(provider) = self.providers.get_mut(&id) {
                    provider.shown.groups = kept;
                    provider.held = Some(PlainHeld {
                        since,
                        until: since + reason.hold,
                        targets,
                        first,
                        reason,
                        actual,
                    });
                }
                if is_news {
                    self.say_held(now, id);
                }
            }
        }
        let longest_hold = self.settings.longest_hold();
        if let Some(provider) = self.providers.get_mut(&id) {
            provider.came.retain(|(at, _)| *at + longest_hold > now);
            provider.came.push((now, coming));
        }
        let mut others = false;
        for (other, lost) in found {
            others |= self.judge_held(now, other, &lost, Release::CameBack);
        }
        (self.held_targets(id), others)
    }

    /// What stayed so for the hold time counts, unless the backend can't be asked whether it did.
    pub(super) fn release_due(&mut self, now: Instant) -> bool {
        let due: Vec<_> = self.hold_deadlines().filter(|(_, until)| *until <= now).collect();
        for (id, _) in &due {
            self.release(now, *id, Release::HoldTime);
        }
        !due.is_empty()
    }

    pub(super) fn hold_deadlines(&self) -> impl Iterator<Item = (ProviderId, Instant)> {
        // Who fails, or could not get everything, does not know what stayed so.
        let sure = self.providers.iter().filter(|(_, provider)| {
            matches!(
                provider.health.reports.condition,
                Condition::Starting | Condition::Healthy
            )
        });
        sure.filter_map(|(id, provider)| Some((*id, provider.held.as_ref()?.until)))
    }

    /// An operator says that it is so.
    pub(super) fn confirm(&mut self, now: Instant, id: ProviderId) -> Result<usize, UnknownProvider> {
        if !self.providers.contains_key(&id) {
            return Err(UnknownProvider(id));
        }
        Ok(self.release(now, id, Release::Confirmed))
    }

    /// After a reload, drops are too much for the sets that there are now, or they are not. Says whether something else
    /// is shown.
    pub(super) fn judge_again(&mut self, now: Instant) -> bool {
        let mut is_other = false;
        for id in self.providers.keys().copied().collect::<Vec<_>>() {
            if self.providers[&id].held.is_some() {
                let lost = self.lost_of(id, None);
                is_other |= self.judge_held(now, id, &lost, Release::Reload);
            }
        }
        is_other
    }

    /// Of what is held of a provider only this is lost now. Says whether something else is shown.
    fn judge_held(&mut self, now: Instant, id: ProviderId, lost: &PlainAddresses, why: Release) -> bool {
        let Some(provider) = self.providers.get_mut(&id) else {
            return false;
        };
        let Some(held) = &mut provider.held else { return false };
        let before = core::mem::replace(&mut held.targets, count(&provider.shown.groups, lost));
        let targets = held.targets;
        held.first.retain(|address| lost.contains(address));
        let kept = keep(now, &provider.shown.groups, &held.actual, lost);
        let is_other = kept != provider.shown.groups;
        if is_other {
            self.changed.insert(id);
            provider.shown.groups = kept;
            provider.health.last_change = Some(now);
        }
        let coming = (0, targets_of(self.providers[&id].actual()));
        let reason = too_much(&self.settings, now, &self.sets, &self.providers, id, targets, coming);
        let Some(reason) = reason else {
            self.release(now, id, why);
            return true;
        };
        if let Some(held) = self.providers.get_mut(&id).and_then(|provider| provider.held.as_mut()) {
            held.until = held.since + reason.hold;
            held.reason = reason;
        }
        if before != targets {
            self.say_held(now, id);
        }
        is_other
    }

    fn release(&mut self, now: Instant, id: ProviderId, why: Release) -> usize {
        if !self.providers.contains_key(&id) {
            return 0;
        }
        let let_go = self.lost_of(id, None);
        let provider = self.providers.get_mut(&id);
        let Some((provider, held)) = provider.and_then(|provider| provider.held.take().map(|held| (provider, held)))
        else {
            return 0;
        };
        provider.health.last_change = Some(now);
        self.changed.insert(id);
        let targets = held.targets;
        let nobody_confirmed = matches!(why, Release::Reload | Release::CameBack);
        self.show(now, id, held.actual, nobody_confirmed.then_some(targets));
        let held = let_go.iter().map(String::as_str).collect();
        self.happened(now, id, EventKind::DropReleased { targets, held, why });
        targets
    }

    fn say_held(&mut self, now: Instant, id: ProviderId) {
        if let Some(held) = &self.providers[&id].held {
            let event = EventKind::DropHeld {
                set: held.reason.set.as_str().into(),
                targets: held.targets,
                of: held.reason.of,
                since: held.since,
                until: held.until,
            };
            self.happened(now, id, event);
        }
    }

    /// Shows what the backend has. `passed` targets were lost and nobody confirmed it; or somebody did, and nothing from
    /// before counts any more.
    fn show(&mut self, now: Instant, id: ProviderId, actual: PlainGroups, passed: Option<usize>) {
        let longest_hold = self.settings.longest_hold();
        let Some(provider) = self.providers.get_mut(&id) else {
            return;
        };
        provider.shown.groups = actual;
        provider.held = None;
        match passed {
            Some(lost) => {
                provider.passed.retain(|(at, _)| *at + longest_hold > now);
                provider.passed.push((now, lost));
            }
            None => {
                provider.passed.clear();
                provider.came.clear();
            }
        }
    }

    fn is_guarded(&self, sets: &[String]) -> bool {
        sets.iter().any(|set| self.settings.of_set(set).guard.is_some())
    }

    fn held_targets(&self, id: ProviderId) -> usize {
        self.providers[&id].held.as_ref().map_or(0, |held| held.targets)
    }

    /// Those of which something is held, and that share a guarded set with a provider.
    fn held_beside(&self, id: ProviderId) -> Vec<ProviderId> {
        let guarded = self
            .sets
            .iter()
            .filter(|(set, members)| self.settings.of_set(set).guard.is_some() && members.wanted.contains(&id));
        let beside: std::collections::BTreeSet<ProviderId> = guarded
            .flat_map(|(_, members)| members.wanted.iter().copied())
            .collect();
        let held = beside
            .into_iter()
            .filter(|other| *other != id && self.providers[other].held.is_some());
        held.collect()
    }

    /// For each of a provider's sets that has a guard, the addresses that the set's other providers have. One of them may
    /// have something that is being taken in.
    fn others(&self, id: ProviderId, fresh: Option<(ProviderId, &PlainGroups)>) -> Vec<PlainAddresses> {
        let guarded = self
            .sets
            .iter()
            .filter(|(set, members)| self.settings.of_set(set).guard.is_some() && members.wanted.contains(&id));
        let others = guarded.map(|(_, members)| {
            let others = members.wanted.iter().filter(|other| **other != id);
            let actual = others.map(|other| match fresh {
                Some((fresh, groups)) if fresh == *other => groups,
                _ => self.providers[other].actual(),
            });
            actual.flat_map(addresses).collect()
        });
        let mut others: Vec<PlainAddresses> = others.collect();
        // Without any, what is gone from the provider is lost.
        if others.is_empty() {
            others.push(PlainAddresses::new());
        }
        others
    }

    /// What is lost of what is held of a provider.
    pub(super) fn lost_of(&self, id: ProviderId, fresh: Option<(ProviderId, &PlainGroups)>) -> PlainAddresses {
        let provider = &self.providers[&id];
        lost(&provider.shown.groups, provider.actual(), &self.others(id, fresh))
    }
}

impl<C> PlainProvider<C> {
    /// What the backend has.
    pub(super) fn actual(&self) -> &PlainGroups {
        self.held.as_ref().map_or(&self.shown.groups, |held| &held.actual)
    }
}

pub(super) fn targets_of(groups: &PlainGroups) -> usize {
    groups.values().map(|stored| stored.group.targets.len()).sum()
}
