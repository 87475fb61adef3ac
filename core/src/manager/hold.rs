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
//!
//! # An example
//! A set of 100 targets from one provider; 30 % may go, and what is more is held for ten minutes.
//!
//! ```text
//!  time   the backend has            lost  passed   of   share   what happens
//!  0:00   100                           0       0  100    0 %
//!  1:00   85                           15       0  100   15 %   shown; 15 passed
//!  2:00   60                           25      15  100   40 %   held until 12:00: 85 are shown
//!  3:00   60, and 5 that are new       25      15  100   40 %   the 5 are shown at once: 90
//!  4:00   45, and the 5                40      15  105   52 %   still held until 12:00: of the 40 that are
//!                                                               lost 15 are further, which with the 15
//!                                                               that passed are 28 %, and would pass
//!  5:00   20, and the 5                65      15  105   76 %   held anew, until 15:00: 40 are further,
//!                                                               which with the 15 would not pass
//!  6:00   no answer                    65                       still held: nobody knows what is there,
//!                                                               so 15:00 is no deadline meanwhile
//!  7:00   85, and the 5                 0                       let go: nothing is lost any more
//! ```
//!
//! - *lost*: targets that are shown and that the backend does not have, by source and address.
//! - *passed*: targets of the set that went within the hold time, and nobody confirmed it.
//! - *of*: the targets that the set showed before the update, and those that passed.
//!
//! The share is (lost + passed) ÷ of. What is *further* is lost since the hold began, beyond what it
//! began with; a loss that would be held by itself has to stay for the whole time by itself.

use core::time::Duration;

use super::guard::{DropGuard, Held};
use super::output::Outputs;
use super::provider::Provider;
use super::registry::Registry;
use super::{EventKind, Release};
use crate::store::Losses;
use crate::{Group, GroupChange, Groups, Instant, ProviderId, StoreWork, Update, UpdateKind, UpdateOutcome};

/// The set for which there is too much loss.
struct TooMuch {
    set: std::sync::Arc<str>,
    before: usize,
    of: usize,
    /// For how long it has to stay so.
    hold: Duration,
}

/// What the backend has after an update, before it is decided what of that is shown.
struct Learned {
    /// What it had.
    before: Groups,
    actual: Groups,
    /// What the update changed of that.
    outcome: UpdateOutcome,
    /// The groups that the update names and that have targets, if something is held.
    named: Vec<Group>,
    /// Whether the update could not get everything.
    is_partial: bool,
    /// Targets that are shown and not there.
    lost: usize,
    /// Those of them that were lost since the hold began, beyond what it began with.
    further: usize,
}

/// What is shown of an update.
enum Verdict {
    /// All but its losses.
    Hold {
        since: Instant,
        until: Instant,
        further: usize,
        too_much: TooMuch,
    },
    /// All of it; so many targets go without being confirmed, or all that went are.
    Show { passed: Option<usize> },
}

impl<C> Registry<C> {
    /// Takes the groups of a provider's update in, under the guards of its sets.
    pub(super) fn update(
        &mut self,
        now: Instant,
        id: ProviderId,
        update: Update,
        work: &mut StoreWork,
        outputs: &mut Outputs<C>,
    ) -> Option<UpdateOutcome> {
        let provider = self.providers.get(&id)?;
        if provider.guarded.held.is_none() && !self.is_guarded(&provider.subscribers) {
            return Some(self.providers.get_mut(&id)?.update(now, update, work));
        }
        let learned = provider.learn(now, update, work);
        let longest_hold = self.settings.longest_hold();
        let verdict = self.judge(now, id, &learned);
        if matches!(verdict, Verdict::Hold { .. }) {
            self.held.insert(id);
        } else {
            self.held.remove(&id);
        }
        let provider = self.providers.get_mut(&id)?;
        let (outcome, event) = match verdict {
            Verdict::Hold {
                since,
                until,
                further,
                too_much,
            } => {
                provider.guarded.further = further;
                provider.hold(learned, since, until, too_much)
            }
            Verdict::Show { passed } => provider.show(now, learned, passed, longest_hold),
        };
        provider.note(now, &outcome);
        if let Some(event) = event {
            outputs.event(now, id, event);
        }
        Some(outcome)
    }

    /// Whether an update loses so much that it has to be held, and since when that is so.
    fn judge(&self, now: Instant, id: ProviderId, learned: &Learned) -> Verdict {
        let Some(too_much) = self.too_much(now, id, learned.lost) else {
            return Verdict::Show {
                passed: Some(learned.lost),
            };
        };
        // What joins a hold and is too much by itself has to stay for the whole time as well.
        let starts_anew = self.too_much(now, id, learned.further).is_some();
        let held = self.providers.get(&id).and_then(|it| it.guarded.held.as_ref());
        let (since, further) = match held {
            Some(held) if !starts_anew => (held.since, learned.further),
            _ => (now, 0),
        };
        let until = since + too_much.hold;
        // A partial read does not know whether what was lost before has stayed so.
        if until <= now && !(learned.is_partial && since < now) {
            return Verdict::Show { passed: None };
        }
        Verdict::Hold {
            since,
            until,
            further,
            too_much,
        }
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

    /// Judges what is held again, after sets or their options have come, gone or changed: that is configuration, and
    /// not guarded. Says whether anything was let go.
    pub(super) fn judge_again(&mut self, now: Instant, outputs: &mut Outputs<C>) -> bool {
        let mut released = false;
        for id in self.held.clone() {
            let lost = self.providers.get(&id).map_or(0, |provider| provider.guarded.lost());
            match self.too_much(now, id, lost) {
                None => {
                    released |= self.release(now, id, Release::Reload, outputs).is_some();
                }
                Some(too_much) => {
                    let provider = self.providers.get_mut(&id);
                    if let Some(held) = provider.and_then(|provider| provider.guarded.held.as_mut()) {
                        held.until = held.since + too_much.hold;
                        (held.set, held.before, held.of) = (too_much.set, too_much.before, too_much.of);
                    }
                }
            }
        }
        released
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
        // What nobody confirmed counts as what passed.
        let is_confirmed = matches!(why, Release::HoldTime | Release::Confirmed);
        let longest_hold = self.settings.longest_hold();
        let passed = (!is_confirmed).then_some(held.targets);
        provider.guarded.let_go(now, passed, longest_hold);
        self.touched(id);
        self.note_age(id);
        let targets = held.targets;
        outputs.event(now, id, EventKind::DropReleased { targets, why });
        Some(targets)
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
    fn too_much(&self, now: Instant, id: ProviderId, lost: usize) -> Option<TooMuch> {
        let subscribers = &self.providers.get(&id).filter(|_| lost > 0)?.subscribers;
        subscribers.iter().find_map(|set| {
            let DropGuard { max_drop, hold } = self.settings.of(set).guard?;
            let (mut shown, mut before) = (0_usize, 0_usize);
            for member in self.sets.get(set)?.wanted() {
                if let Some(member) = self.providers.get(member) {
                    shown = shown.saturating_add(member.groups.target_count());
                    before = before.saturating_add(member.guarded.passed.within(now, hold));
                }
            }
            let of = shown.saturating_add(before);
            let is_exceeded = max_drop.is_exceeded_by(lost.saturating_add(before), of);
            is_exceeded.then(|| TooMuch {
                set: set.clone(),
                before,
                of,
                hold,
            })
        })
    }
}

impl<C> Provider<C> {
    /// Works out what an update makes of what the backend has. Nothing of it is shown yet.
    fn learn(&self, now: Instant, update: Update, work: &mut StoreWork) -> Learned {
        let is_held = self.guarded.held.is_some();
        let is_partial = update.kind() == UpdateKind::Partial;
        let before = self.actual().clone();
        let changes = before.changes_of(update);
        let named = if is_held { named(&changes) } else { Vec::new() };
        let mut actual = before.clone();
        let outcome = actual.apply(changes, now, self.health.updates, work);
        let losses = if !is_held && outcome.changed == 0 && outcome.removed == 0 {
            // Most updates: what only adds loses nothing, and what is shown need not be gone through.
            Losses::default()
        } else {
            if is_held {
                actual.adopt(&before, &self.groups);
            }
            self.groups.losses(&before, &actual)
        };
        let lost = self.guarded.lost().saturating_add(losses.after);
        Learned {
            lost: lost.saturating_sub(losses.before),
            further: self.guarded.further.saturating_add(losses.further),
            before,
            actual,
            outcome,
            named,
            is_partial,
        }
    }

    /// Shows an update without its losses. Says what that changed, and what there is to hear of it.
    fn hold(
        &mut self,
        learned: Learned,
        since: Instant,
        until: Instant,
        too_much: TooMuch,
    ) -> (UpdateOutcome, Option<EventKind>) {
        let Learned {
            before,
            actual,
            outcome,
            lost,
            ..
        } = learned;
        let TooMuch {
            set,
            before: passed,
            of,
            ..
        } = too_much;
        let shown = self.groups.keep(&before, &actual);
        let was = self.guarded.held.replace(Held {
            since,
            until,
            targets: lost,
            before: passed,
            of,
            set: set.clone(),
            actual,
        });
        let is_news = was.is_none_or(|was| (was.since, was.targets) != (since, lost));
        let event = is_news.then_some(EventKind::DropHeld {
            set,
            targets: lost,
            of,
            since,
            until,
        });
        let named = outcome.added.saturating_add(outcome.changed);
        let named = named.saturating_add(outcome.unchanged);
        let outcome = UpdateOutcome {
            unchanged: named.saturating_sub(shown.added).saturating_sub(shown.changed),
            held: lost,
            ..shown
        };
        (outcome, event)
    }

    /// Shows all of an update, and what was held before.
    fn show(
        &mut self,
        now: Instant,
        learned: Learned,
        passed: Option<usize>,
        longest_hold: Duration,
    ) -> (UpdateOutcome, Option<EventKind>) {
        let Learned {
            actual,
            outcome,
            named,
            lost,
            ..
        } = learned;
        let was_held = self.guarded.held.is_some();
        let outcome = if was_held {
            difference(&self.groups, &actual, &named)
        } else {
            outcome
        };
        self.groups = actual;
        self.guarded.let_go(now, passed, longest_hold);
        let why = match passed {
            Some(_) => Release::CameBack,
            None => Release::HoldTime,
        };
        let event = was_held.then_some(EventKind::DropReleased { targets: lost, why });
        (outcome, event)
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
            GroupChange::Added(_) => &mut outcome.added,
            GroupChange::Changed { .. } => &mut outcome.changed,
            GroupChange::Removed(_) => &mut outcome.removed,
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
