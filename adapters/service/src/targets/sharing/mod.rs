//! Sharing the jobs' targets out among members (`members` in the settings).
//!
//! What is shared out are the pools' targets. Who owns which, and how one gets from a member to another, is decided in
//! [`headcount_core::allocation`]; here it is fed, asked, and given time.
//!
//! * `members`: who the members are; `found`: those that a mechanism finds.
//! * `ids`: the keys of a job's targets, and the targets by their keys.
//! * `node`: where a target belongs that is shared out by nodes. `weight`: what it weighs where it is shared out by weight.
//! * `kept`: what is kept of that over a restart.
//! * `ask`: what a member that asks is answered. `list`: its list as bytes.
//!
//! The one rule: **nobody who holds the shares waits for the pools.** Pools are changed before anybody takes the shares, which
//! are held from when they follow the change until the change can be read. So who holds the shares reads the very state that they
//! are of, and who reads the pools may ask for the shares. Lists are written while nobody holds them: the state that is read then
//! may be another, which shows.

mod ask;
mod found;
mod ids;
mod kept;
mod list;
mod members;
mod node;
#[cfg(test)]
mod piece_tests;
#[cfg(test)]
pub(crate) mod tests;
mod weight;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use blocking::unblock;
use event_listener::Event;
use futures_lite::FutureExt;
use headcount_config::{MemberStrategy, MembersSettings, Who};
use headcount_core::allocation::{Presence, Roster, Seats, Shares, TargetKey};
use headcount_core::{Instant, JobOptions, PoolOutput, TargetId, TargetPool};
use headcount_discoverer::Env;
use serde::Serialize;

pub(crate) use ask::{Sent, Share, ShareLater};
use found::Taken;
pub(crate) use found::may_be_member;
use ids::JobTargets;
use kept::SharedBy;
pub(crate) use kept::{KeptMembers, ToKeep};
use list::KeptList;

use super::{Changes, State, Targets};
use crate::ListKind;
use crate::discovery::{Managed, MemberEvent};

/// The shares, if there are members.
#[derive(Debug, Default)]
pub(crate) struct Sharing {
    shared: Mutex<Option<Shared>>,
    /// How many times shares were made anew, which count their versions anew.
    lives: AtomicU64,
    /// Something has to be done earlier than it had.
    news: Event,
    /// Others may be found than before.
    discovered: Event,
    /// What was kept over a restart, until somebody goes on with it.
    kept: Mutex<Option<KeptMembers>>,
    /// Whether it is known if there are members.
    is_configured: AtomicBool,
}

/// What is shared out, and among whom.
#[derive(Debug)]
struct Shared {
    /// What counts of the settings: until what was before a restart is there, what decides who has what is of before.
    settings: MembersSettings,
    /// What they say of that meanwhile.
    said: Option<SharedBy>,
    shares: Shares,
    /// Where members are those that ask.
    presence: Option<Presence>,
    /// Who is found, where members are found.
    roster: Option<Roster>,
    /// Who has which seat, where members have some.
    seats: Option<Seats>,
    /// From which state of their manager on members are taken, and from which they were.
    found_from: u64,
    taken: Option<Taken>,
    jobs: BTreeMap<Arc<str>, JobTargets>,
    /// Whether all that the pools have is in it.
    is_built: bool,
    /// Whether nothing panicked while it was changed.
    is_sound: bool,
    /// Whether what there was before a restart is not all there yet, so that nothing may change.
    is_resuming: bool,
    /// Which of all that there were it is.
    life: u64,
    /// How many times all that the pools have was taken.
    builds: u64,
    lists: HashMap<ListPlace, KeptList>,
    /// Who came and went, and nobody was told so yet.
    untold: Vec<MemberEvent>,
}

/// Of a member, a job's list in a form.
type ListPlace = (Arc<str>, Arc<str>, Form);

/// How a member's list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// As the job's whole list of a kind.
    Of(ListKind),
    /// As OpenTelemetry's target allocator writes it: as it was discovered, an entry for each target, and the address among its
    /// labels too.
    Allocator,
}

/// Whose a target is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Owned {
    /// Who is to scrape it.
    pub(crate) owners: Vec<Arc<str>>,
    /// Who has it until those have begun.
    pub(crate) leaving: Vec<Arc<str>>,
    /// What it counts as, where targets have weights.
    pub(crate) weight: Option<u64>,
}

/// The members and what is under way among them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Overview {
    /// Sorted by name.
    pub(crate) members: Vec<MemberEntry>,
    /// Newcomers that wait for the seat of one that is gone, sorted by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) waiting: Vec<Arc<str>>,
    /// Whether shares are given out: after a start, members that ask are waited for, or until they are found.
    pub(crate) settled: bool,
    /// How many targets are shared out.
    pub(crate) targets: usize,
    /// How many of them nobody owns.
    pub(crate) unassigned: usize,
    /// How many of them are between two members.
    pub(crate) handovers: usize,
    /// Since how many seconds the first of those is.
    pub(crate) oldest_handover: Option<f64>,
    /// How many times a target came to a member that another had before.
    pub(crate) moved: u64,
}

/// A member.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemberEntry {
    pub(crate) name: Arc<str>,
    /// Whether it was taken out, and keeps what others have not begun with.
    pub(crate) retired: bool,
    /// How many targets it owns.
    pub(crate) targets: usize,
    /// How many are on its lists.
    pub(crate) listed: usize,
    /// What the targets count as that it owns, where they have weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<u64>,
    /// Its seat, where members have some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seat: Option<u32>,
    /// How many seconds ago it asked, where members are those that ask or are found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<f64>,
    /// Since how many seconds it is not found any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<f64>,
    /// How many seconds ago it was sent a list, since headcount runs.
    pub(crate) sent: Option<f64>,
}

impl Sharing {
    /// Takes what the settings say, and what the jobs do. What is to be taken from the pools is taken with their next change.
    pub(crate) fn configure(&self, now: Instant, settings: Option<&MembersSettings>, jobs: &[JobOptions]) {
        let mut shared = self.lock();
        self.is_configured.store(true, Ordering::Relaxed);
        let kept = self.take_kept();
        let Some(settings) = settings else {
            *shared = None;
            self.news.notify(usize::MAX);
            return;
        };
        let shared = shared.get_or_insert_with(|| match &kept {
            Some(kept) => Shared::resumed(now, settings, self.next_life(), kept),
            None => Shared::new(settings.clone(), self.next_life()),
        });
        shared.configure(now, settings, jobs);
        self.news.notify(usize::MAX);
    }

    /// Whether anything is shared out.
    pub(super) fn is_on(&self) -> bool {
        self.lock().is_some()
    }

    /// Takes what changed among the pools' targets, to what they are in `state`. They are held as long as what this gives is kept.
    pub(super) fn follow<'s>(&'s self, now: Instant, state: &State, changes: &Changes) -> impl Sized + use<'s> {
        let mut shared = self.lock();
        if let Some(shared) = &mut *shared {
            if !std::mem::take(&mut shared.is_sound) {
                shared.begin_anew(now, self.next_life());
            }
            shared.follow(now, state, changes);
            if state.view.is_started() && shared.end_resuming(now, state) {
                // Members that are found may be called otherwise.
                self.discovered.notify(usize::MAX);
            }
            shared.is_sound = true;
        }
        shared
    }

    /// Nobody knows what is in the pools, and so whose it is. They are held in the same way.
    pub(super) fn lose_track(&self) -> impl Sized {
        let mut shared = self.lock();
        if let Some(shared) = &mut *shared {
            shared.is_sound = false;
            shared.is_built = false;
        }
        shared
    }

    /// Whose a target is, if it is shared out.
    pub(crate) fn owned(&self, job: &str, id: TargetId) -> Option<Owned> {
        let shared = self.lock();
        let shared = shared.as_ref()?;
        let key = shared.jobs.get(job)?.key(id)?;
        Some(Owned {
            owners: shared.shares.owners(key).cloned().collect(),
            leaving: shared.shares.leaving(key).cloned().collect(),
            weight: shared.weight_of(key),
        })
    }

    /// Whether who asks by this name may be a member, or was one and has something.
    pub(crate) fn takes(&self, name: &str) -> bool {
        let shared = self.lock();
        let takes = |shared: &Shared| {
            let may_be = match &shared.settings.who {
                Who::Listed(names) => names.contains(name),
                Who::Asking { allow, .. } => allow.is_match(name),
                Who::Found(_) => shared.is_found(name),
            };
            may_be || shared.shares.is_retired(name)
        };
        shared.as_ref().is_some_and(takes)
    }

    /// The names of the members; `None` if targets are not shared out.
    fn names(&self) -> Option<Vec<Arc<str>>> {
        let shared = self.lock();
        let members = shared.as_ref()?.shares.members();
        Some(members.map(|(name, _)| name.clone()).collect())
    }

    /// The members; `None` if targets are not shared out. Blocks while shares are worked out.
    pub(crate) fn overview(&self, now: Instant) -> Option<Overview> {
        let shared = self.lock();
        let shared = shared.as_ref()?;
        let age = |since: Instant| now.saturating_duration_since(since).as_secs_f64();
        let members = shared.shares.members().map(|(name, retired)| {
            let (targets, listed) = shared.shares.counts(name);
            let asked = shared.presence.as_ref().and_then(|presence| presence.last(name));
            MemberEntry {
                name: name.clone(),
                retired,
                targets,
                listed,
                weight: shared.is_weighted().then(|| shared.shares.weight(name)),
                seat: shared.shares.seat(name),
                asked: asked.map(age),
                missing: shared
                    .roster
                    .as_ref()
                    .and_then(|roster| roster.missing_since(name))
                    .map(age),
                sent: shared.shares.last_sent(name).map(age),
            }
        });
        let (handovers, oldest) = shared.shares.handovers();
        Some(Overview {
            members: members.collect(),
            waiting: shared.waiting().cloned().collect(),
            settled: shared.is_settled(),
            targets: shared.shares.target_count(),
            unassigned: shared.shares.unowned(),
            handovers,
            oldest_handover: oldest.map(age),
            moved: shared.shares.moved(),
        })
    }

    fn next_life(&self) -> u64 {
        self.lives.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Shared>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Targets {
    /// Takes the members that this manager finds, whenever they may be others. Runs for ever.
    pub(crate) async fn keep_found(self: Arc<Self>, env: Env, managed: Arc<Managed>) {
        loop {
            let (published, discovered) = (managed.published(), self.sharing.discovered.listen());
            let (targets, clock, view) = (self.clone(), env.clock.clone(), managed.view());
            unblock(move || targets.sharing.find(clock.now(), &view)).await;
            published.or(discovered).await;
        }
    }

    /// Tells who came and went, lets members go that do not ask any more, and targets from those that others have begun with. Runs for ever.
    pub(crate) async fn keep_shares(self: Arc<Self>, env: Env, tell: impl Fn(&[MemberEvent])) {
        loop {
            let news = self.sharing.news.listen();
            let (targets, clock) = (self.clone(), env.clock.clone());
            let (next, events) = unblock(move || targets.sharing.pass(clock.now())).await;
            if !events.is_empty() {
                tell(&events);
            }
            let wait = next.map(|at| at.saturating_duration_since(env.clock.now()));
            match wait {
                Some(wait) => env.clock.sleep(wait.max(Duration::from_millis(1))).or(news).await,
                None => news.await,
            }
        }
    }
}

impl Sharing {
    /// Time has passed. Gives when there is more to do, and who came and went since this was asked last.
    fn pass(&self, now: Instant) -> (Option<Instant>, Vec<MemberEvent>) {
        let mut shared = self.lock();
        let Some(shared) = shared.as_mut() else {
            return (None, Vec::new());
        };
        shared.pass(now);
        (shared.next(), std::mem::take(&mut shared.untold))
    }
}

impl Shared {
    fn new(settings: MembersSettings, life: u64) -> Self {
        Self {
            life,
            builds: 0,
            is_sound: true,
            is_resuming: false,
            shares: Shares::new(settings.replicas),
            settings,
            said: None,
            presence: None,
            roster: None,
            seats: None,
            found_from: u64::MAX,
            taken: None,
            jobs: BTreeMap::new(),
            is_built: false,
            lists: HashMap::new(),
            untold: Vec::new(),
        }
    }

    /// Forgets whose anything is, but not who the members are.
    fn begin_anew(&mut self, now: Instant, life: u64) {
        let mut new = Self::new(self.settings.clone(), life);
        new.presence = self.presence.take();
        new.roster = self.roster.take();
        new.seats = self.seats.take();
        (new.found_from, new.taken) = (self.found_from, self.taken.take());
        new.untold = std::mem::take(&mut self.untold);
        (new.is_resuming, new.said) = (self.is_resuming, self.said.take());
        new.shares.set_jobs(self.shares.jobs());
        new.shares.set_fallback(now, new.has_fallback());
        // Where that follows from what they ask or what is found, it may not be known.
        let here = self.shares.members().filter(|(_, is_retired)| !is_retired);
        let here: Vec<_> = here.map(|(name, _)| (name.clone(), self.shares.seat(name))).collect();
        new.shares
            .change_seats(now, here.iter().map(|(name, seat)| (&**name, *seat)), []);
        *self = new;
        self.name_members(now, &BTreeSet::new());
    }

    /// Whether it is known who the members are.
    fn is_settled(&self) -> bool {
        match &self.settings.who {
            Who::Listed(_) => true,
            Who::Asking { .. } => self.presence.as_ref().is_none_or(Presence::is_settled),
            Who::Found(_) => self.roster.as_ref().is_some_and(Roster::is_known),
        }
    }

    /// Those that wait for a seat, sorted by name.
    fn waiting(&self) -> impl Iterator<Item = &Arc<str>> {
        let waiting = self.seats.iter().flat_map(Seats::waiting);
        waiting.map(|(name, _)| name)
    }

    /// Whether one of this name is a member that was found, or may be.
    fn is_found(&self, name: &str) -> bool {
        !self.is_settled() || self.shares.has(name) || self.waiting().any(|other| **other == *name)
    }

    fn has_fallback(&self) -> bool {
        !matches!(
            self.settings.strategy,
            MemberStrategy::PerNode {
                has_fallback: false,
                ..
            }
        )
    }

    /// Says where targets of a job belong, as they are in `targets`. Of several with one key, that counts which comes first.
    fn place(&mut self, now: Instant, pool: &TargetPool, targets: &JobTargets, keys: impl Iterator<Item = TargetKey>) {
        let strategy = &self.settings.strategy;
        // Where nothing belongs anywhere and nothing did, nobody looks at a million targets to find that.
        let has_nodes = matches!(strategy, MemberStrategy::PerNode { .. });
        if !has_nodes && !self.shares.has_places() {
            return;
        }
        let place = |key: TargetKey| {
            let views = pool.find(targets.ids(key).iter().copied());
            let nodes = views.filter_map(|view| node::node_of(strategy, &view).map(Arc::<str>::from));
            (key, nodes.min())
        };
        let places: Vec<_> = keys.map(place).collect();
        self.shares.place(now, places);
    }

    fn is_shared(&self, job: &str) -> bool {
        !self.settings.unshared_jobs.contains(job)
    }

    /// Takes what changed among the pools' targets.
    fn follow(&mut self, now: Instant, state: &State, changes: &Changes) {
        if !self.is_built || changes.is_anew {
            return self.build(now, state);
        }
        let mut by_job: BTreeMap<&Arc<str>, Vec<PoolOutput>> = BTreeMap::new();
        for (job, output) in &changes.outputs {
            by_job.entry(job).or_default().push(*output);
        }
        for (job, outputs) in by_job {
            self.take(now, job, state.pools.pool(job), &outputs);
        }
    }

    /// Takes all that the pools have.
    fn build(&mut self, now: Instant, state: &State) {
        let mut before = std::mem::take(&mut self.jobs);
        let (mut changes, mut weights) = (Vec::new(), Vec::new());
        for (job, pool) in state
            .pools
            .pools()
            .filter(|(job, _)| self.is_shared(job))
            .collect::<Vec<_>>()
        {
            let mut targets = JobTargets::default();
            for view in pool.targets() {
                if let Some(id) = view.fate.scraped()
                    && let Some(key) = pool.key(id)
                {
                    targets.add(id, key);
                }
            }
            let old = before.remove(job).unwrap_or_default();
            let (came, went) = old.differences(&targets);
            self.place(now, pool, &targets, targets.all());
            weights.push((job.clone(), self.weights(pool, &targets, targets.all())));
            changes.push((job.clone(), came, went));
            self.jobs.insert(job.clone(), targets);
        }
        for (job, old) in before {
            let (came, went) = old.differences(&JobTargets::default());
            changes.push((job, came, went));
        }
        self.shares.set_weights(now, self.is_weighted().then_some(weights));
        let changes = changes
            .iter()
            .map(|(job, came, went)| (job, came.as_slice(), went.as_slice()));
        self.shares.change_jobs(now, changes);
        self.is_built = true;
        self.builds += 1;
    }

    /// Takes what changed among the targets of a job.
    fn take(&mut self, now: Instant, job: &Arc<str>, pool: Option<&TargetPool>, outputs: &[PoolOutput]) {
        if !self.is_shared(job) {
            return;
        }
        let targets = self.jobs.entry(job.clone()).or_default();
        // Whether there was one of the key before.
        let mut touched: BTreeMap<TargetKey, bool> = BTreeMap::new();
        for output in outputs {
            let (old, new) = match *output {
                PoolOutput::Stopped(old) => (Some(old), None),
                PoolOutput::Started(new) => (None, Some(new)),
                PoolOutput::Relabelled { old, new } => (Some(old), Some(new)),
            };
            if let Some(old) = old
                && let Some(key) = targets.key(old)
            {
                touched.entry(key).or_insert(true);
                targets.remove(old);
            }
            if let Some(new) = new
                && let Some(key) = pool.and_then(|pool| pool.key(new))
            {
                let was_there = targets.has(key);
                touched.entry(key).or_insert(was_there);
                targets.add(new, key);
            }
        }
        let (mut came, mut went) = (Vec::new(), Vec::new());
        for (key, was_there) in &touched {
            match (was_there, targets.has(*key)) {
                (false, true) => came.push(*key),
                (true, false) => went.push(*key),
                _ => {}
            }
            targets.note(*key);
        }
        let targets = std::mem::take(targets);
        if let Some(pool) = pool {
            // One whose key stays may be of another node.
            let there = || touched.keys().copied().filter(|key| targets.has(*key));
            self.place(now, pool, &targets, there());
            if self.is_weighted() {
                let weights = self.weights(pool, &targets, there());
                self.shares.weigh(now, job, weights);
            }
        }
        if pool.is_none() && targets.is_empty() {
            self.jobs.remove(job);
        } else {
            self.jobs.insert(job.clone(), targets);
        }
        self.shares.change(now, job, &came, &went);
    }
}
