//! What each member is told to scrape, so that a target that moves is never left alone.
//!
//! A target that gets another owner is put on the new owner's list at once, and stays on the old owner's until the new one
//! has surely begun: it was sent its list, and then had ten seconds for its own throttles and one scrape interval.
//! **A target leaves a list only when nobody needs it to be there**: when it is gone, when its new owner has it, or
//! when the member itself is gone.
//!
//! ```text
//!  b joins         b is sent its list        + 10 s + interval
//!  ──┬───────────────────┬─────────────────────────┬──────────▶
//!    │ on both lists     │ both may scrape it      │ on b's alone; a drops it when it asks next
//! ```
//!
//! Who owns a target follows from the members and targets alone ([`Placed`]); this is what has a memory.

mod changed;
mod members;
mod saved;
mod untold;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use changed::Changed;
use saved::Resumed;
pub use saved::{SavedHandover, SavedMember, SavedShares};
use untold::Untold;

use super::rendezvous::ByKey;
use super::{JobWeights, Move, Placed, TargetKey, WeightClass};
use crate::Instant;

/// How long a member takes at most from being sent a list to scraping what is new on it, besides its scrape interval:
/// Prometheus looks at what is discovered each five seconds, and at what to scrape each five seconds.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);

/// Why a member is no longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// It was taken out, and may go on asking: it keeps each target until another has begun.
    Retired,
    /// It is not there any more, so that nobody scrapes what it had.
    Lost,
}

/// A member and a job.
type MemberJob = (Arc<str>, Arc<str>);

/// What each member is told to scrape.
///
/// Lists have versions. Who hands one out says so ([`sent`](Self::sent)).
#[derive(Debug)]
pub struct Shares {
    allocation: Placed,
    /// Those that have lists, retired ones too.
    members: BTreeMap<Arc<str>, Lists>,
    /// How often the targets of each job are scraped.
    intervals: BTreeMap<Arc<str>, Duration>,
    jobs: HashMap<u64, Arc<str>, ByKey>,
    handovers: BTreeMap<TargetKey, Handover>,
    /// What members have to be sent.
    awaited: BTreeMap<MemberJob, BTreeSet<(u64, TargetKey)>>,
    releases: BTreeSet<(Instant, TargetKey)>,
    untold: Untold,
    /// When to look whether members that were taken out have something left.
    reviews: BTreeSet<(Instant, Arc<str>)>,
    versions: u64,
    moved: u64,
    /// What is known of before a restart.
    resumed: Option<Resumed>,
}

#[derive(Debug, Default)]
struct Lists {
    is_retired: bool,
    /// Its seat, if it has one.
    seat: Option<u32>,
    /// When it was sent a list.
    last_sent: Option<Instant>,
    by_job: BTreeMap<Arc<str>, List>,
}

#[derive(Debug, Default)]
struct List {
    version: u64,
    /// The newest version that the member was sent.
    sent: u64,
    /// Each with the version in which it was put there.
    keys: BTreeMap<TargetKey, u64>,
    changed: Changed,
}

/// A target between two owners.
#[derive(Debug)]
struct Handover {
    /// Who has it until others have begun.
    from: BTreeSet<Arc<str>>,
    /// Who has yet to be sent it, and in which version of his list.
    awaits: BTreeMap<Arc<str>, u64>,
    began: Instant,
    /// When `from` loses it.
    release: Option<Instant>,
}

impl Shares {
    /// Nobody has anything. `replicas` is how many members each target is to have.
    pub fn new(replicas: usize) -> Self {
        Self {
            allocation: Placed::new(replicas),
            members: BTreeMap::new(),
            intervals: BTreeMap::new(),
            jobs: HashMap::default(),
            handovers: BTreeMap::new(),
            awaited: BTreeMap::new(),
            releases: BTreeSet::new(),
            untold: Untold::default(),
            reviews: BTreeSet::new(),
            versions: 0,
            moved: 0,
            resumed: None,
        }
    }

    /// Each target is to have so many members from now on.
    pub fn set_replicas(&mut self, now: Instant, replicas: usize) {
        self.allocation.set_replicas(replicas);
        self.take_moves(now);
    }

    /// Whether targets that belong to a member who is not there are shared out among the others, as they are to begin with, or
    /// wait for him.
    pub fn set_fallback(&mut self, now: Instant, has_fallback: bool) {
        self.allocation.set_fallback(has_fallback);
        self.take_moves(now);
    }

    /// Targets weigh what is said of them from now on, such as this, which counts as what is [said later](Self::weigh); or with
    /// `None` all the same, as to begin with.
    pub fn set_weights(&mut self, now: Instant, weights: Option<JobWeights>) {
        self.allocation.set_weights(weights);
        self.take_moves(now);
    }

    /// Says what targets of a job weigh, `None` where that is not known: then they count as what is typical of the job. Of targets
    /// that are not there yet it is kept until they are gone; so say it before they [come](Self::change).
    pub fn weigh(
        &mut self,
        now: Instant,
        job: &Arc<str>,
        weights: impl IntoIterator<Item = (TargetKey, Option<WeightClass>)>,
    ) {
        self.allocation.weigh(job, weights);
        self.take_moves(now);
    }

    /// What a target counts as that is shared out.
    pub fn class(&self, key: TargetKey) -> Option<WeightClass> {
        self.allocation.class(key)
    }

    /// What the targets count as together that are shared out to a member.
    pub fn weight(&self, member: &str) -> u64 {
        self.allocation.weight(member)
    }

    /// Whether any target belongs to a member.
    pub fn has_places(&self) -> bool {
        self.allocation.has_places()
    }

    /// Says to which members targets belong, `None` for no particular one. Of targets that are not there yet it is kept until
    /// they are gone; so say it before they [come](Self::change).
    pub fn place(&mut self, now: Instant, places: impl IntoIterator<Item = (TargetKey, Option<Arc<str>>)>) {
        self.allocation.place(places);
        self.take_moves(now);
    }

    /// The jobs that there are, each with how long it is from one scrape of its targets to the next.
    pub fn set_jobs(&mut self, intervals: impl IntoIterator<Item = (Arc<str>, Duration)>) {
        self.intervals = intervals.into_iter().collect();
        let intervals = &self.intervals;
        for lists in self.members.values_mut() {
            let is_needed = |job: &Arc<str>, list: &mut List| intervals.contains_key(job) || !list.keys.is_empty();
            lists.by_job.retain(is_needed);
        }
        self.list_again();
    }

    /// Targets of a job came and went.
    pub fn change(&mut self, now: Instant, job: &Arc<str>, came: &[TargetKey], went: &[TargetKey]) {
        self.change_jobs(now, [(job, came, went)]);
    }

    /// The same of several jobs at once. What goes to another because of one of them, and back because of the next, goes
    /// nowhere.
    pub fn change_jobs<'a>(
        &mut self,
        now: Instant,
        changes: impl IntoIterator<Item = (&'a Arc<str>, &'a [TargetKey], &'a [TargetKey])>,
    ) {
        let (mut all_came, mut all_went) = (Vec::new(), Vec::new());
        for (job, came, went) in changes {
            for key in went {
                self.end_handover(*key);
                self.untold.gone(*key);
            }
            for key in came {
                self.jobs.insert(key.number(), job.clone());
            }
            all_came.extend_from_slice(came);
            all_went.extend_from_slice(went);
        }
        self.allocation.remove_all(all_went.iter().copied());
        self.allocation.add_all(all_came.iter().copied());
        // Of who had what before a restart, the targets come one after the other.
        let again: BTreeSet<TargetKey> = match &self.resumed {
            Some(_) => all_came.into_iter().collect(),
            None => BTreeSet::new(),
        };
        self.take_moves_of(now, &again);
        // Those that nobody owns: who has them keeps them.
        for key in again {
            self.resume_one(now, key, &[]);
        }
        for key in all_went.iter().filter(|key| !self.allocation.has(**key)) {
            self.jobs.remove(&key.number());
        }
    }

    /// The targets that others may begin to lose when a member was sent this version of a job's list.
    pub fn awaited(&self, member: &str, job: &str, version: u64) -> impl Iterator<Item = TargetKey> {
        let pair: MemberJob = (member.into(), job.into());
        let awaited = self.awaited.get(&pair).into_iter().flatten();
        awaited.take_while(move |(of, _)| *of <= version).map(|(_, key)| *key)
    }

    /// A member was sent this version of a job's list, whole.
    pub fn sent(&mut self, now: Instant, member: &str, job: &str, version: u64) {
        self.sent_paced(now, member, job, version, |_| None);
    }

    /// The same where targets may have an interval of their own, in the place of their job's.
    pub fn sent_paced(
        &mut self,
        now: Instant,
        member: &str,
        job: &str,
        version: u64,
        pace: impl Fn(TargetKey) -> Option<Duration>,
    ) {
        let pair = (Arc::<str>::from(member), Arc::<str>::from(job));
        let Some(lists) = self.members.get_mut(member) else {
            return;
        };
        lists.last_sent = Some(now);
        if let Some(list) = lists.by_job.get_mut(job) {
            list.sent = list.sent.max(version);
            // What was taken after this version was drawn up has yet to be told.
            if version >= list.version {
                self.untold.told(&pair);
            }
        }
        self.forget_if_told(member);
        let Some(awaited) = self.awaited.get_mut(&pair) else {
            return;
        };
        let later = awaited.split_off(&(version.saturating_add(1), TargetKey::from_number(0)));
        let sent = core::mem::replace(awaited, later);
        if awaited.is_empty() {
            self.awaited.remove(&pair);
        }
        let interval = self.intervals.get(job).copied().unwrap_or_default();
        for (_, key) in sent {
            if let Some(handover) = self.handovers.get_mut(&key) {
                handover.awaits.remove(member);
                if handover.awaits.is_empty() {
                    let interval = planted!(pace(key).unwrap_or(interval), OwnIntervalIsForgotten, interval);
                    self.release_at(key, now + BEGINS_WITHIN.saturating_add(interval));
                }
            }
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, key)) = self.releases.first().copied()
            && at <= now
        {
            self.releases.pop_first();
            self.end_handover(key);
        }
        self.review(now);
        self.end_resuming(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let release = self.releases.first().map(|(at, _)| *at);
        let review = self.reviews.first().map(|(at, _)| *at);
        let resumed = self.resumed.as_ref().map(|resumed| resumed.ends);
        release.into_iter().chain(review).chain(resumed).min()
    }

    /// What a member is to scrape of a job, and the version of that; `None` if there is no such member.
    pub fn list(&self, member: &str, job: &str) -> Option<(u64, impl Iterator<Item = TargetKey>)> {
        let list = self.members.get(member)?.by_job.get(job);
        let keys = list.into_iter().flat_map(|list| list.keys.keys().copied());
        Some((list.map_or(0, |list| list.version), keys))
    }

    /// The targets on a member's list of a job whose keys are not below this one, in order.
    pub fn listed_from(&self, member: &str, job: &str, from: TargetKey) -> impl Iterator<Item = TargetKey> {
        let list = self.members.get(member).and_then(|lists| lists.by_job.get(job));
        list.into_iter()
            .flat_map(move |list| list.keys.range(from..).map(|(key, _)| *key))
    }

    /// Whether a target is on a member's list of a job.
    pub fn is_listed(&self, member: &str, job: &str, key: TargetKey) -> bool {
        let list = self.members.get(member).and_then(|lists| lists.by_job.get(job));
        list.is_some_and(|list| list.keys.contains_key(&key))
    }

    /// What came onto a member's list of a job, or went from it, after this version of it, some of it more than once. `None` if that is
    /// not known, since it is too long ago.
    pub fn changed_since(&self, member: &str, job: &str, version: u64) -> Option<impl Iterator<Item = TargetKey>> {
        self.members.get(member)?.by_job.get(job)?.changed.since(version)
    }

    /// All that have lists, sorted by name, each with whether it is retired.
    pub fn members(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, bool)> {
        self.members.iter().map(|(name, lists)| (name, lists.is_retired))
    }

    /// The jobs that there are, as [`set_jobs`](Self::set_jobs) has them.
    pub fn jobs(&self) -> impl Iterator<Item = (Arc<str>, Duration)> {
        self.intervals.iter().map(|(job, interval)| (job.clone(), *interval))
    }

    /// Whether there is such a member, be it one that was taken out.
    pub fn has(&self, member: &str) -> bool {
        self.members.contains_key(member)
    }

    /// Whether there is such a member, and it was taken out.
    pub fn is_retired(&self, member: &str) -> bool {
        self.members.get(member).is_some_and(|lists| lists.is_retired)
    }

    /// When a member was sent a list.
    pub fn last_sent(&self, member: &str) -> Option<Instant> {
        self.members.get(member)?.last_sent
    }

    /// How many targets a member owns, and how many are on its lists.
    pub fn counts(&self, member: &str) -> (usize, usize) {
        let lists = self
            .members
            .get(member)
            .into_iter()
            .flat_map(|lists| lists.by_job.values());
        let listed = lists.fold(0, |sum: usize, list| sum.saturating_add(list.keys.len()));
        (self.allocation.count(member), listed)
    }

    /// The members that own a target, sorted by name.
    pub fn owners(&self, key: TargetKey) -> impl Iterator<Item = &Arc<str>> {
        self.allocation.owners(key)
    }

    /// The members that have a target until its owners have begun, sorted by name.
    pub fn leaving(&self, key: TargetKey) -> impl Iterator<Item = &Arc<str>> {
        self.handovers.get(&key).into_iter().flat_map(|handover| &handover.from)
    }

    /// How many targets are between two owners, and since when the first of them is.
    pub fn handovers(&self) -> (usize, Option<Instant>) {
        let began = self.handovers.values().map(|handover| handover.began);
        (self.handovers.len(), began.min())
    }

    /// How many times a target came to a member that another had before.
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// How many targets there are.
    pub fn target_count(&self) -> usize {
        self.allocation.len()
    }

    /// How many targets nobody owns.
    pub fn unowned(&self) -> usize {
        self.allocation.unowned()
    }

    /// Carries out what the allocation says.
    fn take_moves(&mut self, now: Instant) {
        self.take_moves_of(now, &BTreeSet::new());
    }

    /// The same where these are there again after a restart.
    fn take_moves_of(&mut self, now: Instant, again: &BTreeSet<TargetKey>) {
        let moves = self.allocation.take_moves();
        for of_one in moves.chunk_by(|a, b| a.key == b.key) {
            match of_one.first() {
                Some(Move { key, .. }) if again.contains(key) => self.resume_one(now, *key, of_one),
                Some(Move { key, .. }) => self.move_one(now, *key, of_one),
                None => {}
            }
        }
    }

    /// A target is there, and may have been before a restart: who had it then until others began has it.
    fn resume_one(&mut self, now: Instant, key: TargetKey, moves: &[Move]) {
        let Some(job) = self.jobs.get(&key.number()).cloned() else {
            return;
        };
        let pending = self.take_pending(key);
        let owners = moves
            .iter()
            .filter(|moved| moved.came)
            .map(|moved| moved.member.clone());
        let owners: BTreeSet<Arc<str>> = owners.collect();
        for member in &owners {
            self.put(member, &job, key);
        }
        let Some(pending) = pending else { return };
        let is_there = |name: &&Arc<str>| self.members.contains_key(*name) && !owners.contains(*name);
        let from: BTreeSet<Arc<str>> = pending.from.iter().filter(is_there).cloned().collect();
        for member in &from {
            self.put(member, &job, key);
        }
        if !from.is_empty() {
            self.begin_handover(now, key, &job, from, pending.began);
        }
    }

    fn move_one(&mut self, now: Instant, key: TargetKey, moves: &[Move]) {
        let Some(job) = self.jobs.get(&key.number()).cloned() else {
            return;
        };
        let (came, went): (Vec<&Move>, Vec<&Move>) = moves.iter().partition(|moved| moved.came);
        let is_gone = !self.allocation.has(key);
        let mut from = BTreeSet::new();
        let mut began = now;
        if let Some(before) = self.handovers.remove(&key) {
            self.no_longer_awaited(&before, &job, key);
            (from, began) = (before.from, before.began);
        }
        let mut moved: u64 = 0;
        for Move { member, .. } in came {
            if !from.remove(member) {
                self.put(member, &job, key);
                moved = moved.saturating_add(1);
            }
        }
        for Move { member, .. } in went {
            // Who was never sent it does not scrape it, and who is not there does not, either. Who was sent it before it was taken
            // from him and given to him once more scrapes it all along.
            let is_unsent = self.unsent(member, &job, key).is_some()
                && !self.may_have(member, &job)
                && planted!(!self.untold.has(member, key), UntoldGoesAtOnce, true);
            if is_gone || is_unsent {
                self.take(member, &job, key);
            } else if self.members.contains_key(member) {
                from.insert(member.clone());
            }
        }
        if !from.is_empty() {
            self.moved = self.moved.saturating_add(moved);
            self.begin_handover(now, key, &job, from, began);
        }
    }

    /// Has these keep a target until all that own it have begun.
    fn begin_handover(
        &mut self,
        now: Instant,
        key: TargetKey,
        job: &Arc<str>,
        from: BTreeSet<Arc<str>>,
        began: Instant,
    ) {
        let owners: Vec<Arc<str>> = self.allocation.owners(key).cloned().collect();
        let is_alone = owners.is_empty() && !self.allocation.has_members();
        let mut awaits = BTreeMap::new();
        for member in owners {
            // Who has it already is awaited, too: how often the target is scraped is said when he is sent his list again.
            let version = planted!(
                self.listed_in(&member, job, key),
                OwnersAreNotAwaited,
                self.unsent(&member, job, key)
            );
            if let Some(version) = version {
                let pair = (member.clone(), job.clone());
                self.awaited.entry(pair).or_default().insert((version, key));
                awaits.insert(member, version);
            }
        }
        // Without members there is nobody to begin, and who has a target keeps it until there are. Where there are others, and none
        // is to own it, that is as it was said.
        let is_awaited = !awaits.is_empty() || is_alone;
        let handover = Handover {
            from,
            awaits,
            began,
            release: None,
        };
        self.handovers.insert(key, handover);
        if !is_awaited {
            let interval = self.intervals.get(job).copied().unwrap_or_default();
            self.release_at(key, now + BEGINS_WITHIN.saturating_add(interval));
        }
    }

    /// The version from which on a target is on a member's list.
    fn listed_in(&self, member: &str, job: &str, key: TargetKey) -> Option<u64> {
        self.members.get(member)?.by_job.get(job)?.keys.get(&key).copied()
    }

    /// The same if the member was not sent that yet.
    fn unsent(&self, member: &str, job: &str, key: TargetKey) -> Option<u64> {
        let sent = self.members.get(member)?.by_job.get(job)?.sent;
        self.listed_in(member, job, key).filter(|version| *version > sent)
    }

    fn release_at(&mut self, key: TargetKey, at: Instant) {
        let Some(handover) = self.handovers.get_mut(&key) else {
            return;
        };
        if let Some(before) = handover.release.replace(at) {
            self.releases.remove(&(before, key));
        }
        self.releases.insert((at, key));
    }

    /// The old owners of a target lose it.
    fn end_handover(&mut self, key: TargetKey) {
        let (Some(handover), Some(job)) = (self.handovers.remove(&key), self.jobs.get(&key.number()).cloned()) else {
            return;
        };
        self.no_longer_awaited(&handover, &job, key);
        for member in &handover.from {
            self.take(member, &job, key);
        }
    }

    /// A member is not there any more, and so does not hold a target until others have begun, nor is it awaited.
    fn forget_holder(&mut self, now: Instant, key: TargetKey, member: &Arc<str>) {
        let Some(job) = self.jobs.get(&key.number()).cloned() else {
            return;
        };
        let Some(mut handover) = self.handovers.remove(&key) else {
            return;
        };
        self.no_longer_awaited(&handover, &job, key);
        handover.from.remove(member);
        if !handover.from.is_empty() {
            self.begin_handover(now, key, &job, handover.from, handover.began);
        }
    }

    fn no_longer_awaited(&mut self, handover: &Handover, job: &Arc<str>, key: TargetKey) {
        if let Some(at) = handover.release {
            self.releases.remove(&(at, key));
        }
        for (member, version) in &handover.awaits {
            let pair = (member.clone(), job.clone());
            if let Some(awaited) = self.awaited.get_mut(&pair) {
                awaited.remove(&(*version, key));
                if awaited.is_empty() {
                    self.awaited.remove(&pair);
                }
            }
        }
    }

    fn put(&mut self, member: &Arc<str>, job: &Arc<str>, key: TargetKey) {
        self.edit(member, job, key, |list, version| {
            list.keys.insert(key, version);
        });
    }

    fn take(&mut self, member: &Arc<str>, job: &Arc<str>, key: TargetKey) {
        let is_sent = self.unsent(member, job, key).is_none() && self.is_listed(member, job, key);
        if is_sent && self.allocation.has(key) {
            self.untold.add((member.clone(), job.clone()), key);
        }
        self.edit(member, job, key, |list, _| {
            list.keys.remove(&key);
        });
    }

    fn edit(&mut self, member: &Arc<str>, job: &Arc<str>, key: TargetKey, edit: impl FnOnce(&mut List, u64)) {
        let Some(lists) = self.members.get_mut(member) else {
            return;
        };
        self.versions = self.versions.saturating_add(1);
        // Who was a member before had another list, of any version up to the one before this.
        let first = self.versions;
        let list = lists.by_job.entry(job.clone()).or_insert_with(|| List {
            changed: Changed::after(first),
            ..List::default()
        });
        list.version = self.versions;
        edit(list, self.versions);
        let most = (list.keys.len() / 8).saturating_add(16);
        list.changed.note(self.versions, key, most);
    }
}

#[cfg(test)]
mod tests;
