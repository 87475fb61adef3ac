//! The process that shares targets out: what a daemon does with [`Shares`], and who it takes for a member.
//!
//! It stands where the daemon's own does, on the same parts of the core: pools follow differences of snapshots, what came and
//! went in them goes to the shares, and members are those that ask, are found or listed. **It decides nothing itself**.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headcount_core::allocation::{
    Asked, Leaving, Presence, PresenceOptions, Roster, RosterOptions, SavedShares, Seats, Shares, TargetKey,
    WeightClass,
};
use headcount_core::{Instant, JobOptions, PoolOutput, Snapshot, SnapshotDiff, TargetId, TargetPools};

use super::targets;
use crate::oracle::pools::relabeling;
use crate::scenario::{Known, Members};

/// More than there ever are.
const MOST: usize = 10_000;
/// How long a member that does not say so waits between two requests.
const USUAL_REFRESH: Duration = Duration::from_secs(60);

/// Shares, and all that they follow.
#[derive(Debug)]
pub(super) struct Process {
    settings: Members,
    pub(super) shares: Shares,
    /// How often anything was done by which lists may have become others.
    pub(super) changes: u64,
    pools: TargetPools,
    presence: Option<Presence>,
    roster: Option<Roster>,
    seats: Option<Seats>,
    /// Who is on the list, where there is one.
    listed: BTreeSet<Arc<str>>,
    /// Nobody is answered before all that there was is there again.
    is_resuming: bool,
    /// The key of each target that is scraped.
    ids: BTreeMap<(Arc<str>, TargetId), TargetKey>,
    /// By key: of which job it is, and how many targets have it.
    pub(super) keys: BTreeMap<TargetKey, (Arc<str>, usize)>,
}

/// What a process that is no more has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedSharing {
    shares: SavedShares,
    is_settled: bool,
    asked: Vec<(Arc<str>, Duration)>,
}

impl SavedSharing {
    /// The members that were there, each with its seat if it had one.
    pub(super) fn members(&self) -> BTreeMap<Arc<str>, Option<u32>> {
        let there = self.shares.members.iter().filter(|member| !member.retired);
        there.map(|member| (member.name.clone(), member.seat)).collect()
    }

    /// All that had lists.
    pub(super) fn known(&self) -> BTreeSet<Arc<str>> {
        self.shares.members.iter().map(|member| member.name.clone()).collect()
    }

    /// Those that had asked, and counted.
    pub(super) fn asked(&self) -> impl Iterator<Item = Arc<str>> {
        self.asked.iter().map(|(name, _)| name.clone())
    }
}

/// What a member has to scrape of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List {
    pub(super) version: u64,
    pub(super) keys: BTreeSet<TargetKey>,
}

impl Process {
    /// One that knows nothing.
    pub(super) fn new(now: Instant, settings: &Members) -> Self {
        let grace = settings.grace.into();
        let presence = PresenceOptions { grace, most: MOST };
        let roster = RosterOptions { grace, most: MOST };
        let mut new = Self {
            settings: settings.clone(),
            shares: Shares::new(usize::try_from(settings.replicas).unwrap_or(1)),
            changes: 0,
            pools: TargetPools::new(),
            // Of those that are found it says whether one that is taken out is there.
            presence: (settings.known != Known::Listed).then(|| Presence::new(now, presence)),
            roster: (settings.known == Known::Found).then(|| Roster::new(roster)),
            seats: settings.seats.then(Seats::default),
            listed: BTreeSet::new(),
            is_resuming: false,
            ids: BTreeMap::new(),
            keys: BTreeMap::new(),
        };
        new.begin_weighing(now);
        new
    }

    /// One that goes on with what another left.
    pub(super) fn resumed(now: Instant, settings: &Members, saved: &SavedSharing) -> Self {
        let mut new = Self::new(now, settings);
        new.shares = Shares::resume(now, &saved.shares);
        new.begin_weighing(now);
        new.is_resuming = true;
        let there = || saved.shares.members.iter().filter(|member| !member.retired);
        if new.presence.is_some() {
            let grace = settings.grace.into();
            let asked = saved.asked.iter().map(|(name, refresh)| (name, *refresh));
            let options = PresenceOptions { grace, most: MOST };
            new.presence = Some(Presence::resume(now, options, saved.is_settled, asked));
        }
        if let Some(roster) = &mut new.roster {
            roster.begin_with(there().map(|member| member.name.clone()));
        }
        if new.seats.is_some() {
            let seats = there().filter_map(|member| Some((member.seat?, member.name.clone())));
            new.seats = Some(Seats::of(seats));
        }
        new
    }

    fn begin_weighing(&mut self, now: Instant) {
        if self.settings.weighted {
            self.shares.set_weights(now, Some(Vec::new()));
        }
    }

    /// What another process could go on with.
    pub(super) fn save(&self) -> Option<SavedSharing> {
        let asked = self.presence.iter().flat_map(Presence::counted);
        (!self.is_resuming).then(|| SavedSharing {
            shares: self.shares.saved(),
            is_settled: self.presence.as_ref().is_some_and(Presence::is_settled),
            asked: asked.map(|(name, refresh)| (name.clone(), refresh)).collect(),
        })
    }

    /// Whether nobody is answered yet.
    pub(super) fn is_resuming(&self) -> bool {
        self.is_resuming
    }

    /// Takes the next snapshot.
    pub(super) fn follow(&mut self, now: Instant, snapshot: &Snapshot, diff: &SnapshotDiff) {
        self.changes += 1;
        let is_known = |set: &Arc<str>| self.pools.pool(set).is_some();
        if snapshot.sets().len() != self.pools.pools().len() || !snapshot.sets().all(is_known) {
            let job = |set: &Arc<str>| JobOptions {
                relabeling: relabeling(),
                scrape_interval: self.settings.interval.into(),
                ..JobOptions::new(set)
            };
            let jobs: Vec<JobOptions> = snapshot.sets().map(job).collect();
            self.pools.configure(jobs);
            let interval = self.settings.interval.into();
            self.shares.set_jobs(snapshot.sets().map(|set| (set.clone(), interval)));
        }
        self.pools.handle_diff(diff);
        let changes = self.changes();
        self.weigh(
            now,
            changes
                .iter()
                .flat_map(|(job, (came, _))| came.iter().map(move |key| (job, *key))),
        );
        let changes = changes
            .iter()
            .map(|(job, (came, went))| (job, came.as_slice(), went.as_slice()));
        self.shares.change_jobs(now, changes);
        if core::mem::take(&mut self.is_resuming) {
            self.name_members(now, &BTreeSet::new());
        }
    }

    /// What came and what went, by job, of what the pools put out.
    fn changes(&mut self) -> BTreeMap<Arc<str>, (Vec<TargetKey>, Vec<TargetKey>)> {
        let mut touched: BTreeMap<TargetKey, (Arc<str>, bool)> = BTreeMap::new();
        while let Some((job, output)) = self.pools.poll_output() {
            let (old, new) = match output {
                PoolOutput::Stopped(old) => (Some(old), None),
                PoolOutput::Started(new) => (None, Some(new)),
                PoolOutput::Relabelled { old, new } => (Some(old), Some(new)),
            };
            if let Some(key) = old.and_then(|id| self.ids.remove(&(job.clone(), id))) {
                touched.entry(key).or_insert_with(|| (job.clone(), true));
                if let Some((_, count)) = self.keys.get_mut(&key) {
                    *count = count.saturating_sub(1);
                }
            }
            let found = new.and_then(|id| Some((id, self.pools.pool(&job)?.key(id)?)));
            if let Some((id, key)) = found {
                let was_there = self.keys.get(&key).is_some_and(|(_, count)| *count > 0);
                touched.entry(key).or_insert_with(|| (job.clone(), was_there));
                self.keys.entry(key).or_insert_with(|| (job.clone(), 0)).1 += 1;
                self.ids.insert((job, id), key);
            }
        }
        let mut changes: BTreeMap<Arc<str>, (Vec<TargetKey>, Vec<TargetKey>)> = BTreeMap::new();
        for (key, (job, was_there)) in touched {
            let is_there = self.keys.get(&key).is_some_and(|(_, count)| *count > 0);
            if !is_there {
                self.keys.remove(&key);
            }
            let (came, went) = changes.entry(job).or_default();
            match (was_there, is_there) {
                (false, true) => came.push(key),
                (true, false) => went.push(key),
                _ => {}
            }
        }
        changes
    }

    /// Says what targets weigh by now.
    fn weigh<'a>(&mut self, now: Instant, keys: impl Iterator<Item = (&'a Arc<str>, TargetKey)>) {
        if !self.settings.weighted {
            return;
        }
        let mut by_job: BTreeMap<&Arc<str>, Vec<(TargetKey, Option<WeightClass>)>> = BTreeMap::new();
        for (job, key) in keys {
            let weight = targets::weight(key, now).map(WeightClass::of);
            by_job.entry(job).or_default().push((key, weight));
        }
        self.changes += 1;
        for (job, weights) in by_job {
            self.shares.weigh(now, job, weights);
        }
    }

    /// What the targets of a job weigh may be something else by now.
    pub(super) fn weigh_again(&mut self, now: Instant, job: &Arc<str>) {
        let of_job = self.keys.iter().filter(|(_, (of, _))| of == job);
        let keys: Vec<TargetKey> = of_job.map(|(key, _)| *key).collect();
        self.weigh(now, keys.into_iter().map(|key| (job, key)));
    }

    /// These are there, where members are found or listed.
    pub(super) fn found(&mut self, now: Instant, names: &BTreeSet<Arc<str>>) {
        if let Some(roster) = &mut self.roster {
            roster.found(now, names.clone());
        }
        self.listed = names.clone();
        self.name_members(now, &BTreeSet::new());
    }

    /// A member asks for all its lists; `None` where it is answered that it has to wait, or is none.
    pub(super) fn ask(&mut self, now: Instant, name: &Arc<str>) -> Option<BTreeMap<Arc<str>, List>> {
        self.pass(now);
        if self.is_resuming || !self.is_answered(now, name) {
            return None;
        }
        let jobs: Vec<Arc<str>> = self.shares.jobs().map(|(job, _)| job).collect();
        let mut lists = BTreeMap::new();
        for job in &jobs {
            if let Some((version, keys)) = self.shares.list(name, job) {
                let keys = keys.collect();
                lists.insert(job.clone(), List { version, keys });
            }
        }
        Some(lists)
    }

    /// Takes note of who asks, and says whether he gets anything.
    fn is_answered(&mut self, now: Instant, name: &Arc<str>) -> bool {
        let refresh = Some(self.settings.refresh.into());
        if self.settings.known == Known::Asking {
            let Some(presence) = &mut self.presence else {
                return false;
            };
            match presence.asked(now, name, refresh) {
                Asked::Member => {}
                Asked::Joined => self.name_members(now, &BTreeSet::new()),
                Asked::First | Asked::Early | Asked::TooMany => return false,
            }
            return self.shares.has(name);
        }
        let has = self.shares.has(name);
        if let Some(presence) = self.presence.as_mut().filter(|_| has) {
            presence.asked(now, name, refresh);
        }
        has
    }

    /// It was sent one of them.
    pub(super) fn sent(&mut self, now: Instant, name: &str, job: &str, version: u64) {
        let interval = self.settings.interval;
        let pace = |key| targets::own_pace(key, interval).map(Into::into);
        self.shares.sent_paced(now, name, job, version, pace);
    }

    /// Time has passed.
    pub(super) fn pass(&mut self, now: Instant) {
        let (mut is_other, mut lost) = (false, BTreeSet::new());
        if let Some(presence) = &mut self.presence {
            let was_settled = presence.is_settled();
            lost.extend(presence.handle_timeout(now));
            is_other |= presence.is_settled() && !was_settled;
        }
        is_other |= self.roster.as_mut().is_some_and(|roster| roster.handle_timeout(now));
        let seats = self.seats.as_ref().and_then(Seats::poll_timeout);
        is_other |= seats.is_some_and(|at| at <= now);
        if is_other || !lost.is_empty() {
            self.name_members(now, &lost);
        }
        if self.shares.poll_timeout().is_some_and(|at| at <= now) {
            self.changes += 1;
        }
        self.shares.handle_timeout(now);
    }

    /// When time does anything next.
    pub(super) fn next(&self) -> Option<Instant> {
        let presence = self.presence.as_ref().and_then(Presence::poll_timeout);
        let roster = self.roster.as_ref().and_then(Roster::poll_timeout);
        let seats = self.seats.as_ref().and_then(Seats::poll_timeout);
        let all = [presence, roster, seats, self.shares.poll_timeout()];
        all.into_iter().flatten().min()
    }

    /// Those that are to be members, each with its seat if it has one; `None` if that is not known, and all stays as it is.
    fn wanted(&mut self, now: Instant) -> Option<BTreeMap<Arc<str>, Option<u32>>> {
        let presence = self.presence.as_ref();
        let (members, patience): (Vec<(&Arc<str>, bool)>, Duration) = match self.settings.known {
            Known::Listed => return Some(self.listed.iter().map(|name| (name.clone(), None)).collect()),
            Known::Asking => {
                let members = presence
                    .into_iter()
                    .flat_map(Presence::members)
                    .map(|name| (name, true));
                let patience = presence.map(Presence::missed_within).unwrap_or_default();
                (members.collect(), patience)
            }
            Known::Found => {
                let roster = self.roster.as_ref().filter(|roster| roster.is_known())?;
                (roster.members().collect(), self.settings.grace.into())
            }
        };
        let Some(seats) = &mut self.seats else {
            return Some(members.into_iter().map(|(name, _)| (name.clone(), None)).collect());
        };
        let ousted = seats.update(now, members, patience);
        if let Some(roster) = &mut self.roster {
            ousted.iter().for_each(|name| roster.forget(name));
        }
        let held = seats.holders();
        Some(held.map(|(number, name)| (name.clone(), Some(number))).collect())
    }

    /// Makes the members those that there are now. Of others, these are `lost`.
    fn name_members(&mut self, now: Instant, lost: &BTreeSet<Arc<str>>) {
        if self.is_resuming {
            return;
        }
        let retired = lost.iter().filter(|name| self.shares.is_retired(name));
        let mut left: Vec<(Arc<str>, Leaving)> = retired.map(|name| (name.clone(), Leaving::Lost)).collect();
        let wanted = self.wanted(now);
        let here = self.members();
        let wanted = wanted.unwrap_or_else(|| here.clone());
        let joined: Vec<(&str, Option<u32>)> = wanted
            .iter()
            .filter(|(name, seat)| here.get(*name) != Some(*seat))
            .map(|(name, seat)| (&**name, *seat))
            .collect();
        let gone = here.keys().filter(|name| !wanted.contains_key(*name));
        left.extend(gone.map(|name| (name.clone(), self.leaving(now, name, lost))));
        if joined.is_empty() && left.is_empty() {
            return;
        }
        self.changes += 1;
        let leaving = left.iter().map(|(name, leaving)| (&**name, *leaving));
        self.shares.change_seats(now, joined, leaving);
    }

    /// The members that are there, each with its seat if it has one.
    pub(super) fn members(&self) -> BTreeMap<Arc<str>, Option<u32>> {
        let here = self.shares.members().filter(|(_, is_retired)| !is_retired);
        here.map(|(name, _)| (name.clone(), self.shares.seat(name))).collect()
    }

    /// How a member leaves that is no longer wanted.
    fn leaving(&self, now: Instant, name: &Arc<str>, lost: &BTreeSet<Arc<str>>) -> Leaving {
        let is_lost = match self.settings.known {
            Known::Found => !self.asks(now, name),
            Known::Asking | Known::Listed => lost.contains(name),
        };
        match is_lost {
            true => Leaving::Lost,
            false => Leaving::Retired,
        }
    }

    /// Whether somebody is there who asks by this name.
    fn asks(&self, now: Instant, name: &str) -> bool {
        let patience = USUAL_REFRESH.saturating_add(self.settings.grace.into());
        let was_sent = |at| now.saturating_duration_since(at) <= patience;
        let has_asked = self
            .presence
            .as_ref()
            .is_some_and(|presence| presence.last(name).is_some());
        has_asked || self.shares.last_sent(name).is_some_and(was_sent)
    }
}
