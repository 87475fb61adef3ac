//! What the manager is given against what it gives: the rules of the contract, one by one.
//!
//! A small model receives every input and knows what each provider's groups must be, what was
//! counted, and within which window the next snapshot is due. **Nothing that discoverers say can
//! excuse the manager**: these rules survive every fault.

use std::collections::{BTreeMap, BTreeSet};

use headcount_core::{
    Applied, Counters, DropGuard, Instant, ManagerOptions, ProviderChange, ProviderId, Snapshot, UnknownProvider,
    Update, UpdateKind, UpdateOutcome,
};

use super::fair::Dues;
use super::given::{ByProvider, Given};
use super::handover::{Before, Handover, Saved};
use super::waits::Waits;
use super::{Broken, Verdict, same};
use crate::subject::{Spec, Subject};
use crate::{DiscovererId, ReloadMode, Rule};

/// How often everything is compared: at every so-manieth emission.
const WHOLE_EVERY: u64 = 512;

/// A model of what the manager must say.
#[derive(Debug, Clone)]
pub(crate) struct Contract {
    pub(super) reload: ReloadMode,
    pub(super) guard: Option<DropGuard>,
    whole_every: u64,
    /// When what changed is due.
    pub(super) dues: Dues,
    /// Who is waited for (B10).
    pub(super) waits: Waits,
    /// Providers that changed with the input that is being taken; and whether that concerns all sets.
    touched: BTreeSet<ProviderId>,
    pub(super) is_for_all: bool,
    /// Whether sets may have others than in the last snapshot.
    pub(crate) sets_changed: bool,
    /// When the manager reports that it is due.
    reported: Option<Instant>,
    pub(super) receiver: Receiver,
    pub(super) next_provider: u64,
    pub(super) by_spec: BTreeMap<Spec, ProviderId>,
    pub(super) sets: BTreeMap<String, Vec<ProviderId>>,
    pub(super) providers: ByProvider,
    /// Sets that show what they had until something else has been read whole (B03).
    pub(super) handovers: BTreeMap<String, Handover>,
    /// When they ended, by set.
    pub(super) handed_over: BTreeMap<String, Instant>,
    /// Providers that were stopped, and that such sets still show.
    pub(super) retired: BTreeMap<ProviderId, (Spec, Given)>,
    /// What those that the first apply starts begin with.
    pub(super) saved: Saved,
    /// Providers that were touched since the last snapshot.
    pub(super) dirty: BTreeSet<ProviderId>,
    /// Providers of which something has to be held.
    pub(super) held: BTreeSet<ProviderId>,
    /// Those that could not be built, and the sets that wanted them.
    pub(super) failed: Vec<(ProviderId, Vec<String>)>,
    pub(super) counters: Counters,
    emissions: u64,
    /// Whether something goes on waiting that the last snapshot did not show.
    waiting: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receiver {
    Ready,
    Busy,
    /// Busy, and something is due for it already.
    KeptWaiting,
}

impl Contract {
    pub(crate) fn new(now: Instant, options: &ManagerOptions, reload: ReloadMode, always_whole: bool) -> Self {
        Self {
            reload,
            guard: options.guard,
            whole_every: if always_whole { 1 } else { WHOLE_EVERY },
            dues: Dues::new(now, options.throttle, options.per_set),
            waits: Waits::new(options.incomplete_after),
            touched: BTreeSet::new(),
            is_for_all: false,
            sets_changed: false,
            reported: None,
            receiver: Receiver::Ready,
            next_provider: 0,
            by_spec: BTreeMap::new(),
            sets: BTreeMap::new(),
            providers: ByProvider::default(),
            handovers: BTreeMap::new(),
            handed_over: BTreeMap::new(),
            retired: BTreeMap::new(),
            saved: Saved::default(),
            dirty: BTreeSet::new(),
            held: BTreeSet::new(),
            failed: Vec::new(),
            counters: Counters::default(),
            emissions: 0,
            waiting: false,
        }
    }

    /// The same contract for a manager that starts with what another one saved.
    pub(crate) fn with(self, saved: Saved) -> Self {
        Self { saved, ..self }
    }

    /// After the first apply of a manager that was restored: each provider has what was saved of it.
    pub(crate) fn restored(&self, subject: &impl Subject) -> Verdict {
        for (id, given) in self.providers.iter() {
            let found = subject.provider(id).map_or(0, |(_, groups)| groups);
            same(
                Rule::Restart,
                "how many groups a provider starts with",
                &given.groups.len(),
                &found,
            )
            .map_err(|broken| broken.by(id))?;
        }
        Ok(())
    }

    /// Whether a provider has groups.
    pub(crate) fn has_groups(&self, provider: ProviderId) -> bool {
        self.providers
            .get(provider)
            .is_some_and(|given| !given.groups.is_empty())
    }

    /// Whether a provider has said what it found, to this process.
    pub(crate) fn has_told(&self, provider: ProviderId) -> bool {
        self.providers.get(provider).is_some_and(|given| given.updates > 0)
    }

    /// The sources of which a provider has groups.
    pub(crate) fn sources(&self, provider: ProviderId) -> impl Iterator<Item = &str> {
        let given = self.providers.get(provider);
        given
            .into_iter()
            .flat_map(|given| given.groups.keys().map(|source| &**source))
    }

    /// Whether it is known here what a first list in parts makes of what a provider has.
    pub(crate) fn may_come_in_parts(&self, provider: ProviderId) -> bool {
        self.guard.is_none() || !self.has_groups(provider)
    }

    /// Whether some provider has several subscribers.
    pub(crate) fn shares_a_provider(&self) -> bool {
        let mut seen = BTreeSet::new();
        !self.sets.values().flatten().all(|provider| seen.insert(*provider))
    }

    /// A configuration was applied: S01, S02, S10.
    pub(crate) fn applied(&mut self, now: Instant, sets: &[(String, Vec<Spec>)], applied: &Applied) -> Verdict {
        let before = core::mem::take(&mut self.by_spec);
        let mut expected = Applied::default();
        let sets_before = Before {
            sets: core::mem::take(&mut self.sets),
            handovers: core::mem::take(&mut self.handovers),
        };
        self.failed.clear();
        for (set, specs) in sets {
            let members = self.sets.entry(set.clone()).or_default();
            for spec in specs {
                let ran = before.get(spec).filter(|_| self.reload == ReloadMode::Keep);
                let id = match self.by_spec.get(spec).or(ran) {
                    Some(id) => *id,
                    None => {
                        let id = ProviderId::from_number(self.next_provider);
                        self.next_provider += 1;
                        expected.started.push(id);
                        match self.saved.take(spec, id) {
                            Some((known, groups)) => {
                                self.providers.start_with(now, id, known, groups);
                                self.dirty.insert(id);
                            }
                            None => self.providers.start(id),
                        }
                        if self.providers.get(id).is_some_and(Given::is_to_be_awaited) {
                            self.waits.begin(now, id);
                        }
                        id
                    }
                };
                self.by_spec.insert(spec.clone(), id);
                if !members.contains(&id) {
                    members.push(id);
                }
            }
        }
        let sets_before = self.restored_before(now, sets_before);
        self.hand_over(&sets_before);
        let ended = sets_before
            .handovers
            .keys()
            .filter(|set| !self.handovers.contains_key(*set));
        self.handed_over.extend(ended.map(|set| (set.clone(), now)));
        let wanted: BTreeSet<ProviderId> = self.by_spec.values().copied().collect();
        let ran: BTreeMap<ProviderId, Spec> = before.into_iter().map(|(spec, id)| (id, spec)).collect();
        for (id, spec) in ran {
            if wanted.contains(&id) {
                expected.kept.push(id);
            } else {
                expected.stopped.push(id);
                self.stop(&spec, id);
            }
        }
        self.forget_retired();
        same(
            Rule::Versions,
            "the version of the first snapshot with what was applied",
            &(self.emissions + 1),
            &applied.version,
        )?;
        same(
            Rule::S01,
            "the providers that an apply starts",
            &expected.started,
            &applied.started,
        )?;
        same(
            Rule::S02,
            "the providers that an apply keeps",
            &expected.kept,
            &applied.kept,
        )?;
        same(
            Rule::S02,
            "the providers that an apply stops",
            &expected.stopped,
            &applied.stopped,
        )?;
        self.judge_again(now);
        let sets = &self.sets;
        self.dues.retain(|set| sets.contains_key(set));
        self.is_for_all = true;
        self.let_go_due(now)
    }

    /// An update was handled: S04, S05, S06, B01, B05.
    pub(crate) fn updated(
        &mut self,
        now: Instant,
        id: ProviderId,
        update: &Update,
        found: Result<UpdateOutcome, UnknownProvider>,
    ) -> Verdict {
        let Some(given) = self.providers.get_mut(id) else {
            self.counters.ignored_reports += 1;
            return match found {
                Err(_) => Ok(()),
                Ok(_) => Err(Broken::of(Rule::S06, "an update of a stopped provider was taken in").by(id)),
            };
        };
        let found = found.map_err(|_| Broken::of(Rule::S06, "an update of a running provider was ignored").by(id))?;
        self.counters.received_updates += 1;
        given.updates += 1;
        given.last_update = Some(now);
        given.failing = false;
        given.partial = update.kind() == UpdateKind::Partial;
        let was_whole = given.whole;
        let is_first = given.reports_for_the_first_time(update);
        let is_whole_now = given.whole && !was_whole;
        let expected = match self.guard {
            Some(guard) => self.take_guarded(now, guard, id, update, was_whole),
            None => given.take(now, update),
        };
        let rule = match update.kind() {
            _ if expected.held + found.held > 0 => Rule::B05,
            UpdateKind::Full => Rule::S05,
            UpdateKind::Delta | UpdateKind::Completing | UpdateKind::Partial => Rule::S04,
        };
        same(rule, "what an update changed", &expected, &found).map_err(|broken| broken.by(id))?;
        if is_whole_now {
            self.waits.end(id);
            self.end_handovers(now, id);
        }
        if expected.is_unchanged() {
            self.counters.unchanged_updates += 1;
            if !is_first {
                return self.let_go_due(now);
            }
        }
        self.touched(id);
        self.let_go_due(now)
    }

    /// A failure was handled: S06, B04.
    pub(crate) fn failed(&mut self, now: Instant, id: ProviderId, found: Result<(), UnknownProvider>) -> Verdict {
        let Some(given) = self.providers.get_mut(id) else {
            self.counters.ignored_reports += 1;
            return match found {
                Err(_) => Ok(()),
                Ok(()) => Err(Broken::of(Rule::S06, "a failure of a stopped provider was taken in").by(id)),
            };
        };
        let is_first = given.last_failure.is_none();
        given.last_failure = Some(now);
        given.failing = true;
        given.partial = false;
        found.map_err(|_| Broken::of(Rule::S06, "a failure of a running provider was ignored").by(id))?;
        if is_first {
            self.touched(id);
        }
        self.let_go_due(now)
    }

    /// A discoverer could not be built: S11.
    pub(crate) fn build_failed(&mut self, now: Instant, id: ProviderId, subject: &impl Subject) -> Verdict {
        self.providers.stop(id);
        self.waits.end(id);
        self.by_spec.retain(|_, other| *other != id);
        let wanted = self.sets.iter().filter(|(_, members)| members.contains(&id));
        self.failed.push((id, wanted.map(|(set, _)| set.clone()).collect()));
        for members in self.sets.values_mut() {
            members.retain(|member| *member != id);
        }
        self.leave_handovers(id);
        self.forget_retired();
        self.is_for_all = true;
        self.let_go_due(now)?;
        same(
            Rule::S11,
            "how many configs failed",
            &self.failed.len(),
            &subject.failed_configs().len(),
        )
    }

    /// The manager's process stands still until then: nobody can drive it, so nothing that is due
    /// meanwhile is late before.
    pub(crate) fn stands_still(&mut self, until: Instant) {
        self.dues.stand_still(until);
    }

    /// The receiver can take another snapshot.
    pub(crate) fn receiver_ready(&mut self) -> bool {
        let waited = self.receiver == Receiver::KeptWaiting;
        self.receiver = Receiver::Ready;
        waited
    }

    /// After each input, once all outputs were taken: S07, S08, S09, S10, B01, B05.
    pub(crate) fn settle(&mut self, now: Instant, waited: bool, subject: &impl Subject) -> Verdict {
        let reported = subject.poll_timeout();
        let due = self.dues.window();
        // What it was kept waiting for may have gone with its set, and what changed by that may be due only later: that it is
        // late is said of it then.
        let is_surely_due = due.as_ref().is_some_and(|window| window.latest <= now);
        if waited && is_surely_due {
            return Err(Broken::of(
                Rule::S09,
                "the receiver was kept waiting, is ready, and got nothing",
            ));
        }
        self.check_holds(reported, subject)?;
        self.check_waits(reported)?;
        let other = self.hold_deadline().into_iter().chain(self.waits.deadline()).min();
        if let Some(other) = other.filter(|other| reported == Some(*other)) {
            return self.settle_behind(now, other, subject);
        }
        match (due, reported) {
            (None, Some(reported)) => {
                let reason = format!("a snapshot is reported as due at {reported:?}, and nothing changed");
                return Err(Broken::of(Rule::B01, reason));
            }
            (Some(window), Some(reported)) if !window.contains(reported) => {
                let rule = if reported < window.earliest {
                    Rule::S07
                } else {
                    Rule::S08
                };
                let (earliest, latest) = (window.earliest, window.latest);
                let reason =
                    format!("a snapshot is reported as due at {reported:?}, which is not in {earliest:?}..{latest:?}");
                return Err(Broken::of(rule, reason));
            }
            (Some(_), None) => match self.receiver {
                Receiver::Ready => {
                    return Err(Broken::of(
                        Rule::S10,
                        "something changed, and nothing is reported as due",
                    ));
                }
                Receiver::Busy => {
                    // It became due while the receiver was busy.
                    self.receiver = Receiver::KeptWaiting;
                    self.counters.updates_delayed += 1;
                }
                Receiver::KeptWaiting => {}
            },
            (Some(window), Some(_)) if window.latest < now && self.receiver == Receiver::Ready => {
                let reason = format!(
                    "a snapshot was due at {:?} at the latest, and did not come",
                    window.latest
                );
                return Err(Broken::of(Rule::S08, reason));
            }
            _ => {}
        }
        self.reported = reported;
        Ok(())
    }

    /// A snapshot was emitted: S03, S07, S08, S12, B02, B04, B06, B07.
    pub(crate) fn emitted(
        &mut self,
        now: Instant,
        waited: bool,
        (older, newer): (&Snapshot, &Snapshot),
        changes: &[(DiscovererId, ProviderChange<'_>)],
        subject: &impl Subject,
    ) -> Verdict {
        self.emissions += 1;
        same(
            Rule::Versions,
            "the snapshot's version",
            &self.emissions,
            &newer.version(),
        )?;
        let Some(window) = self.dues.window() else {
            return Err(Broken::of(Rule::B01, "a snapshot came, and nothing changed"));
        };
        if self.receiver != Receiver::Ready {
            return Err(Broken::of(Rule::S09, "a snapshot came while the receiver was busy"));
        }
        if now < window.earliest {
            let reason = format!("a snapshot came that the throttle allows from {:?} on", window.earliest);
            return Err(Broken::of(Rule::S07, reason));
        }
        if now > window.latest && !waited {
            let reason = format!("a snapshot came that was due at {:?} at the latest", window.latest);
            return Err(Broken::of(Rule::S08, reason));
        }
        let shows = self.dues.shown(now, older, newer)?;
        self.waiting = self.dues.emitted(now, &shows);
        self.receiver = Receiver::Busy;
        self.counters.updates += 1;
        same(Rule::S12, "the counters", &self.counters, &subject.counters())?;
        self.check_changes(newer, changes)?;
        let (shown, left) = core::mem::take(&mut self.dirty)
            .into_iter()
            .partition(|id| shows.shows(*id));
        self.dirty = left;
        let shown: BTreeSet<ProviderId> = shown;
        for id in &shown {
            // One that was stopped since is no longer there to be checked, unless a set still shows it.
            let Some(given) = self.providers.get_mut(*id) else {
                self.check_retired(*id, newer)?;
                continue;
            };
            let Some(pool) = newer.provider(*id) else {
                return Err(Broken::of(Rule::S08, "a provider that changed is missing in the snapshot").by(*id));
            };
            for source in core::mem::take(&mut given.dirty) {
                given
                    .check(&source, pool.groups().get(&source))
                    .map_err(|broken| broken.by(*id))?;
            }
            same(
                Rule::S04,
                "how many groups a provider has",
                &given.groups.len(),
                &pool.groups().len(),
            )
            .map_err(|broken| broken.by(*id))?;
            given.check_reports(pool).map_err(|broken| broken.by(*id))?;
            given.check_health(*id, subject)?;
        }
        same(
            Rule::S03,
            "how many sets the snapshot has",
            &self.sets.len(),
            &newer.sets().len(),
        )?;
        if self.emissions.is_multiple_of(self.whole_every) {
            self.check_whole(newer, subject)?;
        }
        Ok(())
    }

    /// Whether the last snapshot left out what was not due for its sets.
    pub(crate) fn puts_off(&self) -> bool {
        self.waiting
    }

    /// A provider is another than in the last snapshot.
    pub(super) fn touched(&mut self, id: ProviderId) {
        self.dirty.insert(id);
        self.touched.insert(id);
    }

    /// At the end of each input: what changed with it is due, for everybody or for the sets that show it.
    pub(super) fn note_changes(&mut self, now: Instant) -> Verdict {
        if self.touched.is_empty() && !self.is_for_all {
            return Ok(());
        }
        let touched = core::mem::take(&mut self.touched);
        self.sets_changed |= self.is_for_all;
        let is_for_all = core::mem::take(&mut self.is_for_all);
        if is_for_all || !self.dues.is_per_set() && !touched.is_empty() {
            return self.dues.changed(now);
        }
        for id in touched {
            let readers = self.sets.keys().filter(|set| self.shown_in(set).contains(&id));
            for set in readers.cloned().collect::<Vec<_>>() {
                self.dues.changed_for(now, &set, id)?;
            }
        }
        Ok(())
    }
}
