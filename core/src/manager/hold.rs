//! Holding drops, and letting them go (B05).
//!
//! A provider's groups are in a snapshot once, however many sets subscribe, so **a provider's
//! update is held for all of its sets as soon as any one of them would lose too much**. While
//! it is held there are two states: what the backend has ([`Held::actual`]), and what is shown,
//! which takes everything from it but its losses.
//!
//! A target that stands in another source, or in another provider of the set, is not lost ([`elsewhere`](super::elsewhere));
//! one that is held until it is found there is shown there alone from then on.
//!
//! Losses that pass are remembered for the hold time, so that many small drops count as the
//! one that they are; and so is what comes, which is counted against them. What was confirmed is not remembered: a set
//! that was halved on purpose must not be held at the next target that goes. Nor is a provider's first list something
//! that comes: what was not known before can't take the place of anything.
//!
//! # An example
//! A set of 100 targets from one provider, which are known for long; 30 % may go, and what is more is held for ten minutes.
//!
//! ```text
//!  time   the backend has            lost  passed  came   of   share   what happens
//!  0:00   100                           0       0     0  100     0 %
//!  1:00   85                           15       0     0  100    15 %   shown; 15 passed
//!  2:00   60                           25      15     0  100    40 %   held until 12:00: 85 are shown
//!  3:00   60, and 5 that are new       25      15     5  100    35 %   the 5 are shown at once: 90
//!  4:00   45, and the 5                40      15     5  100    50 %   still held until 12:00: of the 40 that are
//!                                                                      lost 15 are further, which with the 15
//!                                                                      that passed, less 5, are 25 %, and would pass
//!  5:00   20, and the 5                65      15     5  100    75 %   held anew, until 15:00: 40 are further,
//!                                                                      which with the others would not pass
//!  6:00   no answer                    65                              still held: nobody knows what is there,
//!                                                                      so 15:00 is no deadline meanwhile
//!  7:00   85, and the 5                 0                              let go: nothing is lost any more
//! ```
//!
//! - *lost*: targets that are shown and that stand nowhere any more, by address.
//! - *passed*: targets of the set that went within the hold time, and nobody confirmed it.
//! - *came*: targets that came to the set within the hold time; none, if the guard counts gross.
//! - *of*: what the set had before that: the targets that it showed before the update, and those that passed, less those
//!   that came.
//!
//! The share is (lost + passed - came) ÷ of. What is *further* is lost since the hold began, beyond what it
//! began with; a loss that would be held by itself has to stay for the whole time by itself.

use super::guard::Held;
use super::judge::{Coming, TooMuch};
use super::output::Outputs;
use super::received::Before;
use super::registry::Registry;
use super::shown::Learned;
use super::{EventKind, LetGo, Release};
use crate::store::{Lost, SourceNames};
use crate::{Groups, Instant, ProviderId, StoreWork, Update, UpdateOutcome};

/// What of a provider's held targets was found elsewhere.
struct Found {
    id: ProviderId,
    /// How many were held.
    before: usize,
    /// How many still are.
    after: usize,
    /// The sources that showed the others.
    sources: SourceNames,
}

impl Found {
    fn targets(&self) -> usize {
        self.before.saturating_sub(self.after)
    }
}

/// What is shown of an update.
enum Verdict {
    /// All but its losses.
    Hold {
        since: Instant,
        /// Whether what is lost now is what the hold begins with.
        begins: bool,
        too_much: TooMuch,
    },
    /// All of it; so many targets go without being confirmed, or all that went are.
    Show { passed: Option<usize> },
}

impl<C> Registry<C> {
    /// Takes the groups of a provider's update in, under the guards of its sets. Says what that did to what is shown of
    /// it.
    pub(super) fn judge_update(
        &mut self,
        now: Instant,
        id: ProviderId,
        update: Update,
        known: Before,
        work: &mut StoreWork,
        outputs: &mut Outputs<C>,
    ) -> Option<UpdateOutcome> {
        let provider = self.providers.get_mut(&id)?;
        let mut held = provider.held.take();
        let learned = provider.learn(now, held.as_deref(), update, work);
        let lost_before = held.as_ref().map_or(0, |held| held.targets);
        let mut lost = held
            .as_mut()
            .map(|held| core::mem::take(&mut held.lost))
            .unwrap_or_default();
        let back = self.take_losses(id, &learned, held.is_some(), &mut lost);
        let is_other = !learned.outcome.is_unchanged() || known.came_back;
        let beside = match planted!(is_other, FoundElsewhereIsHeld, false) {
            true => self.held_beside(id),
            false => Vec::new(),
        };
        let mut found = Vec::new();
        for other in beside {
            found.push(self.find_again(other, Some((id, &learned)), known.came_back));
        }
        let came_back = found.iter().map(Found::targets).fold(0, usize::saturating_add);
        let more = if planted!(known.was_whole, FirstListCounts, true) {
            let more = difference_of(learned.actual.target_count(), learned.before.target_count());
            let more_lost = difference_of(lost.targets(), lost_before);
            more.saturating_add(more_lost)
                .saturating_sub(difference_of(came_back, 0))
        } else {
            0
        };
        let actual = learned.actual.target_count();
        let coming = Coming { more, actual };
        let verdict = self.judge(now, id, &learned, held.as_deref(), &lost, coming);
        let longest_hold = self.settings.longest_hold();
        let provider = self.providers.get_mut(&id)?;
        let (outcome, event) = match verdict {
            Verdict::Hold {
                since,
                begins,
                too_much,
            } => {
                self.held.insert(id);
                if begins {
                    lost.begin();
                }
                provider.hold(now, learned, held, (since, too_much), lost, back)
            }
            Verdict::Show { passed } => {
                self.held.remove(&id);
                provider.show(now, learned, held.is_some(), lost, passed, longest_hold)
            }
        };
        planted!(
            provider.guarded.came.add(now, more, longest_hold),
            WhatCameIsForgotten,
            ()
        );
        provider.note(now, &outcome);
        if let Some(event) = event {
            outputs.event(now, id, event);
        }
        for found in found {
            self.judge_held(now, found, Release::CameBack, outputs);
        }
        Some(outcome)
    }

    /// Takes in what an update loses, and says in which sources something is lost no more that did not change themselves.
    fn take_losses(&mut self, id: ProviderId, learned: &Learned, is_held: bool, lost: &mut Lost) -> SourceNames {
        let Learned {
            before,
            actual,
            outcome,
            ..
        } = learned;
        // What was said last of this provider is what is shown, and what is held.
        let Some(shown) = self.providers.get(&id).map(|provider| provider.groups.clone()) else {
            return SourceNames::new();
        };
        let only_adds = outcome.changed == 0 && outcome.removed == 0;
        if only_adds && !is_held {
            // Most updates: what only adds loses nothing, and what is shown need not be gone through.
            return SourceNames::new();
        }
        if shown.loses(before, actual) {
            let elsewhere = self.elsewhere(id, &[(id, actual)]);
            return lost.take(&shown, before, actual, is_held, |address| elsewhere.has(address));
        }
        // An index that is there keeps up, so that nothing old is kept for it.
        if let Some(index) = self.addresses.get_mut(&id).filter(|_| !only_adds) {
            index.follow(actual);
        }
        lost.take(&shown, before, actual, is_held, |_| true)
    }

    /// Looks for what is held of a provider where an update of another says that it stands now; all of it, if asked for.
    fn find_again(&mut self, id: ProviderId, updated: Option<(ProviderId, &Learned)>, all: bool) -> Found {
        let mut found = Found {
            id,
            before: 0,
            after: 0,
            sources: SourceNames::new(),
        };
        let provider = self.providers.get_mut(&id);
        let Some(mut held) = provider.and_then(|provider| provider.held.take()) else {
            return found;
        };
        found.before = held.targets;
        let added = updated.into_iter();
        let added = added.flat_map(|(_, learned)| learned.actual.added_addresses(&learned.before));
        let added: Vec<&str> = added.filter(|address| held.lost.has(address)).collect();
        if all || !added.is_empty() {
            // What is held is not what is there.
            let mut fresh = vec![(id, &held.actual)];
            fresh.extend(updated.map(|(other, learned)| (other, &learned.actual)));
            let elsewhere = self.elsewhere(id, &fresh);
            found.sources = if all {
                held.lost.recheck_all(|address| elsewhere.has(address))
            } else {
                held.lost.recheck(added, |address| elsewhere.has(address))
            };
        }
        held.targets = held.lost.targets();
        found.after = held.targets;
        if let Some(provider) = self.providers.get_mut(&id) {
            provider.held = Some(held);
        }
        found
    }

    /// Whether an update loses so much that it has to be held, and since when that is so.
    fn judge(
        &self,
        now: Instant,
        id: ProviderId,
        learned: &Learned,
        held: Option<&Held>,
        lost: &Lost,
        coming: Coming,
    ) -> Verdict {
        let Some(too_much) = self.too_much(now, id, lost.targets(), coming) else {
            let passed = Some(lost.targets());
            return Verdict::Show { passed };
        };
        // What joins a hold and is too much by itself has to stay for the whole time as well.
        let starts_anew = self.too_much(now, id, lost.further(), coming).is_some();
        let (since, begins) = match held {
            Some(held) if planted!(!starts_anew, FurtherLossesShareTheTime, true) => (held.since, false),
            _ => (now, true),
        };
        // A partial read does not know whether what was lost before has stayed so.
        if since + too_much.hold <= now && planted!(!(learned.is_partial && since < now), PartialReadConfirms, true) {
            return Verdict::Show { passed: None };
        }
        Verdict::Hold {
            since,
            begins,
            too_much,
        }
    }

    /// Lets go what stayed so for the hold time.
    pub(super) fn release_due(&mut self, now: Instant, outputs: &mut Outputs<C>) {
        let is_due = |id: &&ProviderId| self.hold_deadline_of(**id).is_some_and(|until| until <= now);
        let due: Vec<ProviderId> = self.held.iter().filter(is_due).copied().collect();
        for id in &due {
            self.release(now, *id, Release::HoldTime, outputs);
        }
    }

    /// When the next drop that is held counts, if it stays so.
    pub(super) fn hold_deadline(&self) -> Option<Instant> {
        self.held.iter().filter_map(|id| self.hold_deadline_of(*id)).min()
    }

    /// Judges what is held again, after sets or their options have come, gone or changed: that is configuration, and
    /// not guarded.
    pub(super) fn judge_again(&mut self, now: Instant, outputs: &mut Outputs<C>) {
        for id in self.held.clone() {
            let found = self.find_again(id, None, true);
            self.judge_held(now, found, Release::Reload, outputs);
        }
        // Where nothing is guarded any more, nobody asks.
        let (providers, settings) = (&self.providers, &self.settings);
        let is_guarded = |id: &ProviderId| {
            let provider = providers.get(id);
            provider.is_some_and(|provider| settings.is_guarded(&provider.subscribers))
        };
        self.addresses.retain(|id, _| is_guarded(id));
    }

    /// Shows without what was found again what is held of a provider, and lets the rest go if it is not too much any
    /// more.
    fn judge_held(&mut self, now: Instant, found: Found, why: Release, outputs: &mut Outputs<C>) {
        let id = found.id;
        if !found.sources.is_empty()
            && let Some(provider) = self.providers.get_mut(&id)
            && let Some(held) = &provider.held
        {
            provider.groups.keep(now, &found.sources, &held.actual, &held.lost);
            provider.health.last_change = Some(now);
            self.touched(id);
            self.note_age(id);
        }
        let actual = self.reported_groups(id).map_or(0, Groups::target_count);
        let coming = Coming { more: 0, actual };
        let Some(too_much) = self.too_much(now, id, found.after, coming) else {
            self.release(now, id, why, outputs);
            return;
        };
        let provider = self.providers.get_mut(&id);
        if let Some(held) = provider.and_then(|provider| provider.held.as_mut()) {
            held.reckon(&too_much);
            if found.before != found.after {
                let event = held.event();
                outputs.event(now, id, event);
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
        let longest_hold = self.settings.longest_hold();
        let provider = self.providers.get_mut(&id)?;
        let held = provider.held.take()?;
        provider.groups = held.actual;
        provider.health.last_change = Some(now);
        // What nobody confirmed counts as what passed.
        let is_confirmed = planted!(
            matches!(why, Release::HoldTime | Release::Confirmed),
            ConfirmedIsRemembered,
            matches!(why, Release::HoldTime)
        );
        let passed = (!is_confirmed).then_some(held.targets);
        provider.guarded.let_go(now, passed, longest_hold);
        self.touched(id);
        self.note_age(id);
        let targets = held.targets;
        let held = LetGo::all(held.lost);
        outputs.event(now, id, EventKind::DropReleased { targets, held, why });
        Some(targets)
    }

    /// A provider whose last report leaves open what is there has no deadline: nobody knows whether its
    /// losses stayed.
    fn hold_deadline_of(&self, id: ProviderId) -> Option<Instant> {
        let provider = self
            .providers
            .get(&id)
            .filter(|provider| planted!(!provider.health.reports.has_gaps(), FailureConfirms, true))?;
        provider.held.as_ref().map(|held| held.until)
    }
}

fn difference_of(after: usize, before: usize) -> i64 {
    let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
    number(after).saturating_sub(number(before))
}
