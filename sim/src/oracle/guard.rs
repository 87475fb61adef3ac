//! What the guard has to hold of what providers lose, for how long, and how that ends (B05).

use headcount_core::reference::guard::{further_lost, is_too_much, lost};
use headcount_core::{DropGuard, Instant, ProviderId, UnknownProvider, Update, UpdateKind, UpdateOutcome};

use super::contract::{Contract, Receiver};
use super::held::{Held, Touched};
use super::{Broken, Verdict, same};
use crate::subject::Subject;
use crate::{HostId, Rule};

impl Contract {
    /// What an update makes of a provider's groups under a guard.
    pub(super) fn take_guarded(
        &mut self,
        now: Instant,
        guard: DropGuard,
        id: ProviderId,
        update: &Update,
    ) -> UpdateOutcome {
        let Some(given) = self.providers.get(id) else {
            return UpdateOutcome::default();
        };
        let touched = given.touched_by(now, update);
        let held = given.guarded.held.as_ref();
        let targets = held.map_or(0, |held| held.targets) + lost(&touched.shown, &touched.after);
        let targets = targets - lost(&touched.shown, &touched.before);
        let further = held.map_or(0, |held| held.further);
        let further = further + further_lost(&touched.shown, &touched.before, &touched.after);
        // The time runs from the first loss that is too much; more that is too much starts it anew.
        let (since, further) = match held {
            Some(held) if !self.too_much(now, guard, id, further) => (held.since, further),
            _ => (now, 0),
        };
        let until = since + guard.hold;
        let is_too_much = self.too_much(now, guard, id, targets);
        let Some(given) = self.providers.get_mut(id) else {
            return UpdateOutcome::default();
        };
        // A partial read does not know whether what was lost before has stayed so.
        let is_confirmed = until <= now && !(update.kind() == UpdateKind::Partial && since < now);
        if is_too_much && !is_confirmed {
            self.held.insert(id);
            let held = Held::new(since, until, targets, further);
            let changes = given.hold(held, &touched);
            let changed = given.show(changes);
            return given.outcome(update, &changed, targets);
        }
        self.held.remove(&id);
        let changes = given.let_go(now, touched, (!is_too_much).then_some(targets));
        let changed = given.show(changes);
        given.outcome(update, &changed, 0)
    }

    /// What has stayed so for the hold time counts, unless nobody knows whether it did.
    pub(crate) fn let_go_due(&mut self, now: Instant) -> Verdict {
        let deadlines = self.hold_deadlines().filter(|(_, until)| *until <= now);
        let due: Vec<ProviderId> = deadlines.map(|(id, _)| id).collect();
        for id in &due {
            self.release(now, *id, true);
        }
        if due.is_empty() { Ok(()) } else { self.changed(now) }
    }

    /// After a configuration was applied, drops are too much for the sets that there are now, or not.
    pub(super) fn judge_again(&mut self, now: Instant) {
        let Some(guard) = self.guard else { return };
        for id in self.held.clone() {
            match self.providers.get(id).map(|given| given.guarded.targets()) {
                Some(lost) if self.too_much(now, guard, id, lost) => {}
                _ => self.release(now, id, false),
            }
        }
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
            self.changed(now)?;
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
        let (Some(window), Receiver::Ready | Receiver::Busy) = (self.due, self.receiver) else {
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

    /// Whether one of a provider's sets would lose too much with so many targets.
    fn too_much(&self, now: Instant, guard: DropGuard, id: ProviderId, lost: usize) -> bool {
        let subscribed = self.sets.values().filter(|members| lost > 0 && members.contains(&id));
        subscribed.into_iter().any(|members| {
            let members = members.iter().filter_map(|id| self.providers.get(*id));
            let (mut shown, mut before) = (0, 0);
            for member in members {
                shown += member.guarded.shown;
                before += member.guarded.passed_lately(now, guard);
            }
            is_too_much(guard, lost, before, shown + before)
        })
    }

    /// What the backend says is shown from now on.
    fn release(&mut self, now: Instant, id: ProviderId, confirmed: bool) {
        self.held.remove(&id);
        let Some(given) = self.providers.get_mut(id) else {
            return;
        };
        let passed = given.guarded.targets();
        let changes = given.let_go(now, Touched::default(), (!confirmed).then_some(passed));
        given.show(changes);
        self.dirty.insert(id);
    }
}
