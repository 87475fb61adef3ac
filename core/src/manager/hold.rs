//! Holding drops, and letting them go (B05).
//!
//! A provider's groups are in a snapshot once, however many sets subscribe, so **a provider's
//! update is held for all of its sets as soon as any one of them would lose too much**. While
//! it is held there are two states: what the backend has ([`Held::actual`]), and what is shown,
//! which takes everything from it but its losses.
//!
//! Losses that pass are remembered for the hold time, so that many small drops count as the
//! one that they are. What was confirmed is not: a set that was halved on purpose must not be held
//! at the next target that goes.

use std::collections::VecDeque;

use super::guard::{DropGuard, Held};
use super::output::Outputs;
use super::registry::{Provider, Registry};
use super::{EventKind, Release};
use crate::store::Losses;
use crate::{Group, Groups, Instant, ProviderId, StoreWork, Update, UpdateKind, UpdateOutcome};

/// What the guard knows of one provider.
#[derive(Debug, Clone, Default)]
pub(super) struct Guarded {
    pub(super) held: Option<Held>,
    /// Targets that were lost since [`Held::since`], beyond those for which it is held.
    further: usize,
    /// Losses that passed, with their times, the oldest first.
    passed: VecDeque<(Instant, usize)>,
    /// Their sum.
    passed_in_all: usize,
}

/// The set for which there is too much loss.
struct TooMuch {
    set: std::sync::Arc<str>,
    before: usize,
    of: usize,
}

impl Guarded {
    /// When what is held counts, if it stays so.
    fn until(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.until)
    }

    fn lost(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.targets)
    }

    /// Notes that targets were let go which nobody confirmed.
    fn pass(&mut self, now: Instant, lost: usize) {
        if lost > 0 {
            self.passed.push_back((now, lost));
            self.passed_in_all = self.passed_in_all.saturating_add(lost);
        }
    }

    /// Notes that all that passed was confirmed.
    fn forget_passed(&mut self) {
        self.passed.clear();
        self.passed_in_all = 0;
    }

    /// How many targets passed within the hold time. Each loss is forgotten once.
    fn passed_lately(&mut self, now: Instant, guard: DropGuard) -> usize {
        while let Some((_, lost)) = self.passed.front().filter(|(at, _)| *at + guard.hold <= now) {
            self.passed_in_all = self.passed_in_all.saturating_sub(*lost);
            self.passed.pop_front();
        }
        self.passed_in_all
    }
}

impl<C> Registry<C> {
    /// Takes a provider's update in, under a guard.
    pub(super) fn update_guarded(
        &mut self,
        now: Instant,
        guard: DropGuard,
        id: ProviderId,
        update: Update,
        work: &mut StoreWork,
        outputs: &mut Outputs<C>,
    ) -> Option<UpdateOutcome> {
        let provider = self.providers.get_mut(&id)?;
        let number = provider.health.updates;
        let is_partial = update.kind() == UpdateKind::Partial;
        let was_held = provider.guarded.held.is_some();
        let before = provider.actual().clone();
        let changes = before.changes_of(update);
        let named = if was_held { named(&changes) } else { Vec::new() };
        let mut actual = before.clone();
        let taken = actual.apply(changes, now, number, work);
        let losses = match taken {
            UpdateOutcome {
                changed: 0, removed: 0, ..
            } if !was_held => Losses::default(),
            _ => {
                if was_held {
                    actual.adopt(&before, &provider.groups);
                }
                provider.groups.losses(&before, &actual)
            }
        };
        let lost = provider.guarded.lost().saturating_add(losses.after);
        let lost = lost.saturating_sub(losses.before);
        let further = provider.guarded.further.saturating_add(losses.further);

        let too_much = self.too_much(now, guard, id, lost);
        // What joins a hold and is too much by itself has to stay for the whole time as well.
        let starts_anew = too_much.is_some() && self.too_much(now, guard, id, further).is_some();
        let provider = self.providers.get_mut(&id)?;
        let (since, further) = match &provider.guarded.held {
            Some(held) if !starts_anew => (held.since, further),
            _ => (now, 0),
        };
        let until = since + guard.hold;
        // A partial read does not know whether what was lost before has stayed so.
        let is_confirmed = until <= now && !(is_partial && since < now);
        let outcome = match too_much {
            Some(TooMuch {
                set,
                before: passed,
                of,
            }) if !is_confirmed => {
                let shown = provider.groups.keep(&before, &actual);
                provider.guarded.further = further;
                let was = provider.guarded.held.replace(Held {
                    since,
                    until,
                    targets: lost,
                    before: passed,
                    of,
                    set: set.clone(),
                    actual,
                });
                if was.is_none_or(|was| (was.since, was.targets) != (since, lost)) {
                    let held = EventKind::DropHeld {
                        set,
                        targets: lost,
                        of,
                        since,
                        until,
                    };
                    outputs.event(now, id, held);
                }
                self.held.insert(id);
                let named = taken
                    .added
                    .saturating_add(taken.changed)
                    .saturating_add(taken.unchanged);
                UpdateOutcome {
                    unchanged: named.saturating_sub(shown.added).saturating_sub(shown.changed),
                    held: lost,
                    ..shown
                }
            }
            confirmed => {
                let outcome = if was_held {
                    difference(&provider.groups, &actual, &named)
                } else {
                    taken
                };
                provider.groups = actual;
                provider.let_go(now, confirmed.is_none().then_some(lost));
                self.held.remove(&id);
                if was_held {
                    let why = if confirmed.is_some() {
                        Release::HoldTime
                    } else {
                        Release::CameBack
                    };
                    outputs.event(now, id, EventKind::DropReleased { targets: lost, why });
                }
                outcome
            }
        };
        self.providers.get_mut(&id)?.end_update(now, &outcome);
        Some(outcome)
    }

    /// Lets go what stayed so for the hold time, and says whether there was anything.
    pub(super) fn release_due(&mut self, now: Instant, outputs: &mut Outputs<C>) -> bool {
        let is_due = |id: &&ProviderId| self.hold_deadline_of(**id).is_some_and(|until| until <= now);
        let due: Vec<ProviderId> = self.held.iter().filter(is_due).copied().collect();
        for id in &due {
            self.release(now, *id, Release::HoldTime, outputs);
        }
        !due.is_empty()
    }

    /// When the next drop that is held counts, if it stays so.
    pub(super) fn hold_deadline(&self) -> Option<Instant> {
        self.held.iter().filter_map(|id| self.hold_deadline_of(*id)).min()
    }

    /// Judges what is held again, after sets have come, gone or changed: that is configuration, and
    /// not guarded.
    pub(super) fn judge_again(&mut self, now: Instant, guard: DropGuard, outputs: &mut Outputs<C>) {
        for id in self.held.clone() {
            let lost = self.providers.get(&id).map_or(0, |provider| provider.guarded.lost());
            match self.too_much(now, guard, id, lost) {
                None => {
                    self.release(now, id, Release::Reload, outputs);
                }
                Some(TooMuch { set, before, of }) => {
                    let provider = self.providers.get_mut(&id);
                    if let Some(held) = provider.and_then(|provider| provider.guarded.held.as_mut()) {
                        (held.set, held.before, held.of) = (set, before, of);
                    }
                }
            }
        }
    }

    /// Shows what the backend has, and says how many targets that removed.
    pub(super) fn release(
        &mut self,
        now: Instant,
        id: ProviderId,
        why: Release,
        outputs: &mut Outputs<C>,
    ) -> Option<usize> {
        self.held.remove(&id);
        let provider = self.providers.get_mut(&id)?;
        let held = provider.guarded.held.take()?;
        provider.groups = held.actual;
        provider.health.last_change = Some(now);
        // What nobody confirmed counts as what went.
        let is_confirmed = matches!(why, Release::HoldTime | Release::Confirmed);
        provider.let_go(now, (!is_confirmed).then_some(held.targets));
        self.touched(id);
        let targets = held.targets;
        outputs.event(now, id, EventKind::DropReleased { targets, why });
        Some(held.targets)
    }

    /// A provider whose last report leaves open what is there has no deadline: nobody knows whether its
    /// losses stayed.
    fn hold_deadline_of(&self, id: ProviderId) -> Option<Instant> {
        let provider = self
            .providers
            .get(&id)
            .filter(|provider| !provider.health.reports.has_gaps())?;
        provider.guarded.until()
    }

    /// The first of the provider's sets that would lose too much with so many more targets.
    fn too_much(&mut self, now: Instant, guard: DropGuard, id: ProviderId, lost: usize) -> Option<TooMuch> {
        let subscribers = self.providers.get(&id).filter(|_| lost > 0)?.subscribers.clone();
        subscribers.into_iter().find_map(|set| {
            let (mut shown, mut before) = (0_usize, 0_usize);
            for member in self.sets.get(&set)?.iter() {
                if let Some(member) = self.providers.get_mut(member) {
                    shown = shown.saturating_add(member.groups.target_count());
                    before = before.saturating_add(member.guarded.passed_lately(now, guard));
                }
            }
            let of = shown.saturating_add(before);
            let is_exceeded = guard.max_drop.is_exceeded_by(lost.saturating_add(before), of);
            is_exceeded.then_some(TooMuch { set, before, of })
        })
    }
}

impl<C> Provider<C> {
    /// The groups as the backend has them.
    pub(super) fn actual(&self) -> &Groups {
        let held = self.guarded.held.as_ref();
        held.map_or(&self.groups, |held| &held.actual)
    }

    /// Nothing is held any more; `passed` targets went without being confirmed, or all were.
    fn let_go(&mut self, now: Instant, passed: Option<usize>) {
        self.guarded.held = None;
        self.guarded.further = 0;
        match passed {
            Some(lost) => self.guarded.pass(now, lost),
            None => self.guarded.forget_passed(),
        }
    }
}

/// The groups that are named, and have targets.
fn named(changes: &[(u64, Option<Group>)]) -> Vec<Group> {
    let groups = changes.iter().filter_map(|(_, group)| group.as_ref());
    groups.filter(|group| group.target_count() > 0).cloned().collect()
}

/// What an update changed that was not taken in by one edit.
fn difference(old: &Groups, new: &Groups, named: &[Group]) -> UpdateOutcome {
    let mut outcome = UpdateOutcome::default();
    for change in new.diff(old) {
        let count = match change {
            crate::GroupChange::Added(_) => &mut outcome.added,
            crate::GroupChange::Changed { .. } => &mut outcome.changed,
            crate::GroupChange::Removed(_) => &mut outcome.removed,
        };
        *count = count.saturating_add(1);
    }
    let stays = |group: &&Group| match (old.get(group.source()), new.get(group.source())) {
        (Some(old), Some(new)) => old.same_version(new),
        _ => false,
    };
    outcome.unchanged = named.iter().filter(stays).count();
    outcome
}
