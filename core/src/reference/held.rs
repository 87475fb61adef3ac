//! What the model does about drops (B05): the rule itself is in `guard`.

use core::time::Duration;

use super::guard::{PlainGroups, PlainHeld, further_lost, keep, lost, too_much};
use super::model::{Model, PlainProvider};
use crate::{Condition, EventKind, Instant, ProviderId, Release, UnknownProvider};

impl<C> Model<C> {
    /// The backend reports that a provider's groups went from `before` to `actual`. Shows what the guard
    /// lets pass of that, and says how many targets it holds.
    pub(super) fn guard(
        &mut self,
        now: Instant,
        id: ProviderId,
        before: &PlainGroups,
        actual: PlainGroups,
        is_partial: bool,
    ) -> usize {
        let is_guarded = |set: &String| self.settings.of_set(set).guard.is_some();
        if let Some(provider) = self.providers.get_mut(&id)
            && !provider.subscribers.iter().any(is_guarded)
        {
            provider.shown.groups = actual;
            return 0;
        }
        let judge = |lost| too_much(&self.settings, now, &self.sets, &self.providers, id, lost);
        let longest_hold = self.settings.longest_hold();
        let provider = &self.providers[&id];
        let (shown, held) = (&provider.shown.groups, provider.held.as_ref());
        let targets = lost(shown, &actual);
        let further = held.map_or(0, |held| held.further) + further_lost(shown, before, &actual);
        let reason = judge(targets);
        // The time runs from the first loss that is too much; more that is too much starts it anew.
        let (since, further) = match held {
            Some(held) if judge(further).is_none() => (held.since, further),
            _ => (now, 0),
        };
        let until = since + reason.as_ref().map_or(Duration::ZERO, |reason| reason.hold);
        let kept = keep(shown, &actual);
        let Some(provider) = self.providers.get_mut(&id) else {
            return 0;
        };
        match reason {
            None => {
                let was_held = provider.show(now, actual, Some(targets), longest_hold);
                self.released(now, id, was_held.then_some(targets), Release::CameBack);
                0
            }
            // A partial read does not know whether what was lost before stayed so.
            Some(_) if until <= now && !(is_partial && since < now) => {
                let was_held = provider.show(now, actual, None, longest_hold);
                self.released(now, id, was_held.then_some(targets), Release::HoldTime);
                0
            }
            Some(reason) => {
                provider.shown.groups = kept;
                let held = EventKind::DropHeld {
                    set: reason.set.as_str().into(),
                    targets,
                    of: reason.of,
                    since,
                    until,
                };
                let was = provider.held.replace(PlainHeld {
                    since,
                    until,
                    targets,
                    further,
                    reason,
                    actual,
                });
                if was.is_none_or(|was| (was.since, was.targets) != (since, targets)) {
                    self.happened(now, id, held);
                }
                targets
            }
        }
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

    /// After a reload, drops are too much for the sets that there are now, or they are not.
    pub(super) fn judge_again(&mut self, now: Instant) -> bool {
        let mut released = false;
        for id in self.providers.keys().copied().collect::<Vec<_>>() {
            let Some(held) = &self.providers[&id].held else {
                continue;
            };
            match too_much(&self.settings, now, &self.sets, &self.providers, id, held.targets) {
                None => {
                    self.release(now, id, Release::Reload);
                    released = true;
                }
                Some(reason) => {
                    let provider = self.providers.get_mut(&id);
                    if let Some(held) = provider.and_then(|provider| provider.held.as_mut()) {
                        held.until = held.since + reason.hold;
                        held.reason = reason;
                    }
                }
            }
        }
        released
    }

    fn release(&mut self, now: Instant, id: ProviderId, why: Release) -> usize {
        let longest_hold = self.settings.longest_hold();
        let provider = self.providers.get_mut(&id);
        let Some((provider, held)) = provider.and_then(|provider| provider.held.take().map(|held| (provider, held)))
        else {
            return 0;
        };
        provider.health.last_change = Some(now);
        let nobody_confirmed = why == Release::Reload;
        provider.show(now, held.actual, nobody_confirmed.then_some(held.targets), longest_hold);
        self.released(now, id, Some(held.targets), why);
        held.targets
    }

    /// What was held, if anything was, is held no more.
    fn released(&mut self, now: Instant, id: ProviderId, held: Option<usize>, why: Release) {
        if let Some(targets) = held {
            self.happened(now, id, EventKind::DropReleased { targets, why });
        }
    }
}

impl<C> PlainProvider<C> {
    /// What the backend has.
    pub(super) fn actual(&self) -> &PlainGroups {
        self.held.as_ref().map_or(&self.shown.groups, |held| &held.actual)
    }

    /// Shows what the backend has. `passed` targets were lost and nobody confirmed it; or somebody
    /// did, and no loss from before counts any more. Says whether something was held.
    fn show(&mut self, now: Instant, actual: PlainGroups, passed: Option<usize>, longest_hold: Duration) -> bool {
        self.passed.retain(|(at, _)| *at + longest_hold > now);
        self.shown.groups = actual;
        let was_held = self.held.take().is_some();
        match passed {
            Some(lost) => self.passed.push((now, lost)),
            None => self.passed.clear(),
        }
        was_held
    }
}
