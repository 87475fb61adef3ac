//! The jobs' targets: what relabelling, checks and limits make of what is discovered.
//!
//! * `sides`: a state that is read while it is changed.
//! * `updater`: the thread that keeps the pools up to date.
//! * `describe`: a target with what became of it, as JSON.
//! * `shared`: targets whose samples end in the same series.
//! * `label_changes`: what differs between a target's labels before and after.
//! * `list`: a job's targets after relabelling, in the format that http_sd and file_sd share.
//! * `underscores`: the labels that such a list has for a Prometheus 2.
//! * `sharing`: which of several members scrapes which target.
//! * `trial`: what other rules would make of a job's targets.
//! * `alertmanagers`: the same for Alertmanagers. `url`: where targets and Alertmanagers are; `global`: where others find
//!   those of this machine.
//!
//! A pool is worked on by one thread of its own: the first build of a million targets takes
//! seconds, and on the executor it would hold one of few threads that answer requests, in the
//! blocking pool a place that file reading needs. **Nobody waits for it**: whoever reads gets the
//! state before or after a change ([`Sides`]).

mod alertmanagers;
mod describe;
mod global;
mod health;
mod holds;
mod label_changes;
mod list;
mod shared;
mod sharing;
mod sides;
mod trial;
mod underscores;
mod updater;
mod url;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use event_listener::{Event, EventListener};
use headcount_core::{JobOptions, PoolOutput, TargetPools};
use imbl::OrdMap;

use crate::discovery::{Encoded, Feed, Follower, Jobs, KeptIndex, List, ListHandle, View};

pub use alertmanagers::{Alertmanagers, alertmanagers};
pub(crate) use describe::{Describer, Stale};
pub use describe::{described, fate_in_words, state_name};
pub(crate) use global::GlobalUrls;
pub(crate) use health::Healths;
pub use label_changes::{LabelChange, label_changes};
pub(crate) use list::Names;
pub use list::{FLAGS, relabelled_list};
#[cfg(test)]
pub(crate) use sharing::tests as sharing_tests;
pub(crate) use sharing::{Form, KeptMembers, Sent, Share, ShareLater, Sharing, ToKeep, may_be_member};
use sides::Sides;
pub(crate) use trial::{Effect, Trial, Tried, Wanted as WantedEffects};
pub(crate) use updater::start;
#[cfg(test)]
pub(crate) use updater::{Following, targets_of};
pub(crate) use url::secret_url;
pub use url::{scrape_url, shown_labels};

/// The targets of all jobs, and who wants to know when they change.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    state: Sides<State>,
    published: ArcSwap<Published>,
    news: Event,
    feed: Feed<Jobs>,
    /// The configuration that is to be taken next, if there is one.
    wanted: Mutex<Wanted>,
    configured: Event,
    /// Who scrapes which of them, if they are shared out.
    pub(crate) sharing: Sharing,
}

/// The pools, and what they were made of.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// A pool for each job.
    pub(crate) pools: TargetPools,
    /// What was discovered.
    pub(crate) view: Arc<View>,
    /// Counts up with each configuration.
    pub(crate) configuration: u64,
    /// Counts up when all of it is made anew.
    life: u64,
}

/// What changed among the targets that are scraped.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// What was put out before does not count: these are all the targets there are.
    pub(crate) is_anew: bool,
    /// The jobs that have other targets now.
    pub(crate) jobs: BTreeSet<Arc<str>>,
    /// What came, went, and was relabelled, with its job, if anybody follows that.
    pub(crate) outputs: Vec<(Arc<str>, PoolOutput)>,
}

/// What is published of a state besides its pools.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// What was discovered.
    view: Arc<View>,
    configuration: u64,
    /// Each job's list after relabelling.
    lists: OrdMap<Arc<str>, Lists>,
    /// What was counted.
    pub(crate) counters: Counters,
}

/// A job's lists after relabelling, by how they have the names of labels. Each is made for those who ask for it, and made
/// again from what changes.
#[derive(Debug, Clone)]
struct Lists {
    as_they_are: Arc<List>,
    underscores: Arc<List>,
}

/// What is counted over the daemon's life.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    /// Times that snapshots or configurations were taken, and how long that took in all.
    pub(crate) syncs: u64,
    pub(crate) sync_time: Duration,
    /// Times that a job's targets changed, for jobs that are there.
    pub(crate) job_syncs: OrdMap<Arc<str>, u64>,
    /// Times that a job had more targets than `target_limit` after a change.
    pub(crate) exceeded_target_limit: u64,
    /// Targets that could not be scraped, after each change of their job.
    pub(crate) failed: OrdMap<Arc<str>, u64>,
}

#[derive(Debug, Default)]
struct Wanted {
    number: u64,
    jobs: Option<Vec<JobOptions>>,
}

impl Targets {
    /// Makes these all the jobs there are. Gives the configuration's number.
    pub(crate) fn configure(&self, jobs: Vec<JobOptions>) -> u64 {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.number += 1;
        wanted.jobs = Some(jobs);
        let number = wanted.number;
        drop(wanted);
        self.configured.notify(usize::MAX);
        number
    }

    /// Reads the newest state; nothing can change it meanwhile, so it should be short.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        self.state.read(read)
    }

    /// What is published of the newest state.
    pub(crate) fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// Completes when another state is published. Get it before looking, and nothing is missed.
    pub(crate) fn news(&self) -> EventListener {
        self.news.listen()
    }

    /// Who gets the jobs of which something changes from now on.
    pub(crate) fn follow(&self) -> Follower<Jobs> {
        self.feed.follow()
    }

    /// Completes when a state of this configuration and snapshot, or of later ones, is published.
    pub(crate) async fn seen(&self, configuration: u64, snapshot: u64) {
        loop {
            let news = self.news();
            if self.published().is_of(configuration, snapshot) {
                return;
            }
            news.await;
        }
    }

    /// The list of a job after relabelling; `None` when there is no such job.
    pub(crate) fn handle(self: &Arc<Self>, job: &str, names: Names) -> Option<ListHandle> {
        self.published().handle(self, job, names)
    }

    /// All jobs that have a list.
    pub(crate) fn jobs(&self) -> BTreeSet<Arc<str>> {
        self.published().lists.keys().cloned().collect()
    }

    /// Whether anything was configured and discovered yet.
    pub(crate) fn is_known(&self) -> bool {
        let published = self.published();
        published.configuration > 0 && published.view.is_started()
    }
}

impl State {
    /// The list of a job after relabelling, if it is to be handed out: the state may be a later one than that in
    /// which it was.
    fn deliverable_list(&self, job: &str, names: Names, kept: &KeptIndex) -> Option<Arc<Encoded>> {
        let (pool, set) = (self.pools.pool(job)?, self.view.snapshot.set(job)?);
        if !self.view.jobs.get(job)?.delivery.is_delivered() {
            return None;
        }
        kept.use_own(|index| {
            // Pools of other lives or configurations count their changes anew.
            let seen = [self.life, self.configuration, pool.next_touched()];
            let [life, configuration, number] = std::mem::replace(&mut index.seen, seen);
            let is_known = [life, configuration] == [self.life, self.configuration];
            let touched = is_known.then(|| pool.touched_since(number)).flatten();
            let touched: Option<Vec<_>> = touched.map(Iterator::collect);
            let pieces = &self.view.pieces;
            Some(pieces.write(set, touched.as_deref(), index, || list::writer(pool, names)))
        })
    }
}

impl Published {
    /// Whether a state of this configuration, with this snapshot or a later one, is published.
    pub(crate) fn is_of(&self, configuration: u64, snapshot: u64) -> bool {
        self.configuration >= configuration && self.view.snapshot.version() >= snapshot
    }

    fn handle(&self, targets: &Arc<Targets>, job: &str, names: Names) -> Option<ListHandle> {
        let (name, lists) = self.lists.get_key_value(job)?;
        let job = self.view.jobs.get(name)?;
        let (delivery, is_complete) = (job.delivery, job.is_complete());
        let (targets, name) = (targets.clone(), name.clone());
        let encode = move |kept: &KeptIndex| targets.read(|state| state.deliverable_list(&name, names, kept));
        Some(ListHandle {
            list: lists.of(names).clone(),
            delivery,
            is_complete,
            encode: Arc::new(encode),
        })
    }
}

impl Lists {
    fn new() -> Self {
        Self {
            as_they_are: List::new(),
            underscores: List::new(),
        }
    }

    /// Those that follow these.
    fn successors(&self) -> Self {
        Self {
            as_they_are: self.as_they_are.successor(),
            underscores: self.underscores.successor(),
        }
    }

    fn of(&self, names: Names) -> &Arc<List> {
        match names {
            Names::AsTheyAre => &self.as_they_are,
            Names::Underscores => &self.underscores,
        }
    }
}
