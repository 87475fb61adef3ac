//! What the guard has to hold of what providers lose, for how long, and how that ends (B05).

use headcount_core::reference::guard::{PlainAddresses, PlainGroups, addresses, count, is_too_much};
use headcount_core::{Count, DropGuard, Instant, ProviderId, UnknownProvider, Update, UpdateKind, UpdateOutcome};

use super::contract::{Contract, Receiver};
use super::held::{Changes, number};
use super::{Broken, Verdict, same};
use crate::subject::Subject;
use crate::{HostId, Rule};

impl Contract {
    /// What an update makes of a provider's groups under a guard. It may have been read whole before.
    pub(super) fn take_guarded(
        &mut self,
        now: Instant,
        guard: DropGuard,
        id: ProviderId,
        update: &Update,
        was_whole: bool,
    ) -> UpdateOutcome {
        let Some(given) = self.providers.get_mut(id) else {
            return UpdateOutcome::default();
        };
        let changes = given.touched_by(now, update);
        let more = given.index(&changes);
        let (held_since, held_before) = match &given.guarded.held {
            Some(held) => (Some(held.since), held.targets),
            None => (None, 0),
        };
        let held_first = given.guarded.held.as_ref().map(|held| held.first.clone());
        let (shown, lost) = self.lost(id, &changes);
        let targets = count(&shown, &lost);
        // What was held of others and stands here now is not lost.
        let beside = if changes.is_empty() {
            Vec::new()
        } else {
            self.held_beside(id)
        };
        let beside: Vec<_> = beside
            .into_iter()
            .map(|other| {
                let (shown, lost) = self.lost(other, &Changes::new());
                (other, count(&shown, &lost), lost)
            })
            .collect();
        let found = beside
            .iter()
            .map(|(other, left, _)| self.held_targets(*other) - left)
            .sum();
        // What comes first of all takes nobody's place.
        let coming = more + number(targets) - number(held_before) - number(found);
        let coming = if was_whole { coming } else { 0 };
        // The time runs from the first loss that is too much; more that is too much starts it anew.
        let mut first = held_first.unwrap_or_default();
        first.retain(|address| lost.contains(address));
        let further = targets - count(&shown, &first);
        let (since, first) = match held_since {
            Some(since) if !self.too_much(now, guard, id, further, coming) => (since, first),
            _ => (now, lost.clone()),
        };
        let until = since + guard.hold;
        let is_too_much = self.too_much(now, guard, id, targets, coming);
        let Some(given) = self.providers.get_mut(id) else {
            return UpdateOutcome::default();
        };
        // A partial read does not know whether what was lost before has stayed so.
        let is_confirmed = until <= now && !(update.kind() == UpdateKind::Partial && since < now);
        let outcome = if is_too_much && !is_confirmed {
            self.held.insert(id);
            let changes = given.hold(now, (since, until), first, &changes, &lost);
            let changed = given.show(changes);
            given.outcome(update, &changed, targets)
        } else {
            self.held.remove(&id);
            let changes = given.let_go(now, changes, (!is_too_much).then_some(targets));
            let changed = given.show(changes);
            given.outcome(update, &changed, 0)
        };
        given.guarded.came.push((now, coming));
        for (other, left, lost) in beside {
            self.judge_held(now, guard, other, left, &lost);
        }
        outcome
    }

    /// At the end of each input: what has stayed so for the hold time counts, unless nobody knows whether it did; who was
    /// waited for long enough is no longer; and what changed with all that is due.
    pub(crate) fn let_go_due(&mut self, now: Instant) -> Verdict {
        // Mostly nothing is held.
        if !self.held.is_empty() {
            let deadlines = self.hold_deadlines().filter(|(_, until)| *until <= now);
            let due: Vec<ProviderId> = deadlines.map(|(id, _)| id).collect();
            for id in &due {
                self.release(now, *id, true);
            }
        }
        self.wait_out(now);
        self.note_changes(now)
    }

    /// After a configuration was applied, drops are too much for the sets that there are now, or not.
    pub(super) fn judge_again(&mut self, now: Instant) {
        let Some(guard) = self.guard else { return };
        for id in self.held.clone() {
            let (shown, lost) = self.lost(id, &Changes::new());
            self.judge_held(now, guard, id, count(&shown, &lost), &lost);
        }
    }

    /// Of what is held of a provider only so many targets are lost now.
    fn judge_held(&mut self, now: Instant, guard: DropGuard, id: ProviderId, left: usize, lost: &PlainAddresses) {
        let Some(given) = self.providers.get_mut(id) else {
            return;
        };
        let Some(held) = &given.guarded.held else { return };
        let is_other = held.targets != left;
        if is_other {
            let (times, mut first) = ((held.since, held.until), held.first.clone());
            first.retain(|address| lost.contains(address));
            let changes = given.hold(now, times, first, &Changes::new(), lost);
            given.show(changes);
            self.touched(id);
        }
        if !self.too_much(now, guard, id, left, 0) {
            self.release(now, id, false);
        }
    }

    /// What of a provider's targets is lost: those that stand nowhere any more, for one of its sets. With that what is
    /// shown where it looked.
    fn lost(&self, id: ProviderId, changes: &Changes) -> (PlainGroups, PlainAddresses) {
        let shown = self.providers.get(id).map(|given| given.may_be_lost(changes));
        let shown = shown.unwrap_or_default();
        let has =
            |id: &ProviderId, address: &str| self.providers.get(*id).is_some_and(|given| given.guarded.has(address));
        let subscribed: Vec<_> = self.sets.values().filter(|members| members.contains(&id)).collect();
        let mut lost = addresses(&shown);
        lost.retain(|address| {
            !has(&id, address)
                && subscribed
                    .iter()
                    .any(|members| !members.iter().any(|member| has(member, address)))
        });
        (shown, lost)
    }

    /// Those of which something is held, and that share a set with a provider.
    fn held_beside(&self, id: ProviderId) -> Vec<ProviderId> {
        let shares = |other: &&ProviderId| {
            **other != id
                && self
                    .sets
                    .values()
                    .any(|members| members.contains(&id) && members.contains(other))
        };
        self.held.iter().filter(shares).copied().collect()
    }

    fn held_targets(&self, id: ProviderId) -> usize {
        self.providers.get(id).map_or(0, |given| given.guarded.targets())
    }

    /// An operator's confirmation was handled.
    pub(crate) fn confirmed(&mut self, now: Instant, id: ProviderId, found: Result<usize, UnknownProvider>) -> Verdict {
        let Some(given) = self.providers.get(id) else {
            return match found {
                Err(_) => Ok(()),
                Ok(_) => Err(Broken::of(Rule::S06, "a drop of a stopped provider was confirmed").by(id)),
            };
        };
        let found =
            found.map_err(|_| Broken::of(Rule::S06, "a confirmation for a running provider was ignored").by(id))?;
        let expected = given.guarded.targets();
        if given.guarded.is_holding() {
            self.release(now, id, true);
        }
        same(Rule::B05, "how many targets a confirmation lets go", &expected, &found)
            .map_err(|broken| broken.by(id))?;
        self.let_go_due(now)
    }

    /// Until when the guard had to show a host of a provider that is gone: the hold's end, or the last
    /// failure after it, which confirms nothing.
    pub(crate) fn kept(&self, id: ProviderId, host: HostId) -> Option<Instant> {
        let given = self.providers.get(id)?;
        let failed = given.last_failure.filter(|_| given.guarded.is_holding());
        Some(given.guarded.kept(host)?.max(failed.unwrap_or_default()))
    }

    /// When the next drop that is held counts.
    pub(super) fn hold_deadline(&self) -> Option<Instant> {
        self.hold_deadlines().map(|(_, until)| until).min()
    }

    /// After each input: what is held is said, and somebody is to be woken when it counts.
    pub(super) fn check_holds(&self, reported: Option<Instant>, subject: &impl Subject) -> Verdict {
        for id in &self.held {
            let expected = self.providers.get(*id).map_or(0, |given| given.guarded.targets());
            same(Rule::B05, "how many targets are held", &expected, &subject.held(*id))
                .map_err(|broken| broken.by(*id))?;
        }
        match self.hold_deadline() {
            Some(until) if reported.is_none_or(|reported| reported > until) => {
                let reason = format!("a drop that is held counts at {until:?}, and nobody is to be woken then");
                Err(Broken::of(Rule::B05, reason))
            }
            _ => Ok(()),
        }
    }

    /// The manager is to be woken for a drop that is held, so it does not say when the throttle is due:
    /// not before that.
    pub(super) fn settle_behind(&mut self, now: Instant, hold: Instant, subject: &impl Subject) -> Verdict {
        let (Some(window), Receiver::Ready | Receiver::Busy) = (self.dues.window(), self.receiver) else {
            return Ok(());
        };
        let is_delayed = subject.counters().updates_delayed > self.counters.updates_delayed;
        match self.receiver {
            Receiver::Busy if is_delayed && window.earliest <= now => {
                self.receiver = Receiver::KeptWaiting;
                self.counters.updates_delayed += 1;
                Ok(())
            }
            _ if window.latest < hold => {
                let latest = window.latest;
                let reason = format!("a snapshot is due at {latest:?} at the latest, and nobody is to be woken then");
                Err(Broken::of(Rule::S08, reason))
            }
            _ => Ok(()),
        }
    }

    fn hold_deadlines(&self) -> impl Iterator<Item = (ProviderId, Instant)> {
        let held = self.held.iter().filter_map(|id| Some((*id, self.providers.get(*id)?)));
        let answering = held.filter(|(_, given)| !given.failing && !given.partial);
        answering.filter_map(|(id, given)| Some((id, given.guarded.held.as_ref()?.until)))
    }

    /// Whether one of a provider's sets would lose too much with so many targets, when so many come with them.
    fn too_much(&self, now: Instant, guard: DropGuard, id: ProviderId, lost: usize, coming: i64) -> bool {
        let subscribed = self.sets.values().filter(|members| lost > 0 && members.contains(&id));
        subscribed.into_iter().any(|members| {
            let (mut shown, mut before, mut came_before, mut came) = (0, 0, 0, 0);
            for member in members {
                let Some(given) = self.providers.get(*member) else {
                    continue;
                };
                let lately = |at: &Instant| *at + guard.hold > now;
                let guarded = &given.guarded;
                let passed = guarded.passed.iter().filter(|(at, _)| lately(at));
                let of_member = guarded.came.iter().filter(|(at, _)| lately(at));
                let of_member: i64 = of_member.map(|(_, came)| came).sum();
                let more = if *member == id { coming } else { 0 };
                shown += guarded.shown;
                before += passed.map(|(_, lost)| lost).sum::<usize>();
                // Of what came no more counts than is still there.
                came_before += of_member.min(guarded.there);
                came += (of_member + more).min(guarded.there);
            }
            let counts = |came: i64| match guard.count {
                Count::Net => usize::try_from(came).unwrap_or(0),
                Count::Gross => 0,
            };
            let of = (shown + before).saturating_sub(counts(came_before));
            is_too_much(guard, (lost + before).saturating_sub(counts(came)), of)
        })
    }

    /// What the backend says is shown from now on.
    fn release(&mut self, now: Instant, id: ProviderId, confirmed: bool) {
        self.held.remove(&id);
        let Some(given) = self.providers.get_mut(id) else {
            return;
        };
        let passed = given.guarded.targets();
        let changes = given.let_go(now, Changes::new(), (!confirmed).then_some(passed));
        given.show(changes);
        self.touched(id);
    }
}
