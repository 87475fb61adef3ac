//! What becomes of the targets in snapshots, held against what a reader of one snapshot makes of them.
//!
//! Pools are given differences, as in production, some of them several at once. **What they have must be what somebody
//! makes of the newest snapshot who knows nothing of those before**: which targets are scraped, and which are the same as
//! another. What was put out must lead there, and nothing changes without being told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headcount_core::relabel::{NameValidation, RelabelRule, Relabeling, RuleRegex, SourceLabels};
use headcount_core::{
    Fate, Group, Instant, JobOptions, LabelSet, PoolOutput, ProviderId, SetView, Snapshot, SnapshotDiff, TargetId,
    TargetPool, TargetPools,
};

use super::scrapes::Scrapes;
use super::{Broken, Verdict, same};
use crate::Rule;

/// The pools of all jobs, and what has been heard of them.
#[derive(Debug)]
pub(crate) struct Pools {
    pools: TargetPools,
    relabeling: Relabeling,
    /// What was not given to them yet.
    waiting: Option<SnapshotDiff>,
    jobs: BTreeMap<Arc<str>, Job>,
    scrapes: Scrapes,
}

impl Clone for Pools {
    /// A copy of a run reads the next snapshot as if it were its first.
    fn clone(&self) -> Self {
        Self {
            pools: TargetPools::new(),
            relabeling: self.relabeling.clone(),
            waiting: None,
            jobs: BTreeMap::new(),
            scrapes: self.scrapes.anew(),
        }
    }
}

/// What is known of a job from what its pool said.
#[derive(Debug, Default)]
struct Job {
    /// Where each target is scraped.
    scraped: BTreeMap<TargetId, String>,
    /// What became of the targets of each group, and from when on changes of that count.
    fates: Fates,
    seen: u64,
}

/// By group: for each of its targets whether it is scraped, and as what.
type Fates = BTreeMap<(ProviderId, u64), Vec<(TargetId, bool)>>;
/// A target's place; the last of several that are the same is scraped.
type Place = (ProviderId, u64, usize);
/// What makes targets the same in the end: address, service and release.
type Same = [String; 3];

impl Pools {
    /// No jobs.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            pools: TargetPools::new(),
            relabeling: relabeling(),
            waiting: None,
            jobs: BTreeMap::new(),
            scrapes: Scrapes::new(now),
        }
    }

    /// Another process begins with no targets; the places of those that come again are known.
    pub(crate) fn restarted(&mut self, now: Instant) {
        self.pools = TargetPools::new();
        self.waiting = None;
        self.jobs.clear();
        self.scrapes.restarted(now);
    }

    /// Until now nothing changed.
    pub(crate) fn advance(&mut self, now: Instant) -> Verdict {
        self.scrapes.advance(now)
    }

    /// Takes the next snapshot, or puts it off to the one after it.
    pub(crate) fn take(&mut self, now: Instant, older: &Snapshot, newer: &Snapshot) -> Verdict {
        self.scrapes.advance(now)?;
        let mut diff = newer.diff(older);
        if let Some(mut waiting) = self.waiting.take() {
            waiting.extend(&diff);
            diff = waiting;
        }
        if newer.version().is_multiple_of(3) {
            self.waiting = Some(diff);
            return Ok(());
        }
        let is_known = |set: &Arc<str>| self.pools.pool(set).is_some();
        if newer.sets().len() != self.pools.pools().len() || !newer.sets().all(is_known) {
            // One that comes again has a pool of its own: what its last one put out comes before.
            self.hear(now)?;
            let is_known = |set: &Arc<str>| self.pools.pool(set).is_some();
            for name in newer.sets().filter(|name| !is_known(name)) {
                let job = self.jobs.entry(name.clone()).or_default();
                (job.fates, job.seen) = (Fates::new(), 0);
            }
            let job = |set: &Arc<str>| JobOptions {
                relabeling: self.relabeling.clone(),
                scrape_interval: core::time::Duration::from_secs(15),
                ..JobOptions::new(set)
            };
            let jobs: Vec<JobOptions> = newer.sets().map(job).collect();
            self.pools.configure(jobs);
        }
        self.pools.handle_diff(&diff);
        // Now and then nobody looks, and a target may come and go meanwhile.
        if newer.version() % 5 == 1 {
            return Ok(());
        }
        self.hear(now)?;
        for (name, pool) in self.pools.pools() {
            let set = newer
                .set(name)
                .ok_or_else(|| Broken::of(Rule::Pools, "a job has no set"))?;
            let job = self.jobs.entry(name.clone()).or_default();
            check(job, pool, &set).map_err(|broken| broken.about(&**name))?;
        }
        self.scrapes.check()
    }

    /// Takes what the pools put out.
    fn hear(&mut self, now: Instant) -> Verdict {
        let mut stopped: BTreeSet<(Arc<str>, String)> = BTreeSet::new();
        while let Some((name, output)) = self.pools.poll_output() {
            let job = self.jobs.entry(name.clone()).or_default();
            let address = |id| address_of(self.pools.pool(&name), id);
            let wrong = |what: &str| Err(Broken::of(Rule::Pools, what).about(&*name));
            match output {
                PoolOutput::Stopped(id) => {
                    let Some(address) = job.scraped.remove(&id) else {
                        return wrong("a target was stopped that had not been started");
                    };
                    stopped.insert((name.clone(), address));
                    self.scrapes.stop(&name, id);
                }
                PoolOutput::Relabelled { old, new } => {
                    if job.scraped.remove(&old).is_none() {
                        return wrong("a target was relabelled that had not been started");
                    }
                    job.scraped.insert(new, address(new));
                    self.scrapes.relabel(now, &name, (old, new))?;
                }
                PoolOutput::Started(id) => {
                    let address = address(id);
                    if stopped.contains(&(name.clone(), address.clone())) {
                        return wrong("a target was stopped and started that has only other labels");
                    }
                    if job.scraped.insert(id, address).is_some() {
                        return wrong("a target was started twice");
                    }
                    self.scrapes.start(now, &name, id)?;
                }
            }
        }
        Ok(())
    }
}

/// Rules by which there are targets that differ in nothing but where they are scraped.
pub(crate) fn relabeling() -> Relabeling {
    let copy = |from: &str, to: &str| RelabelRule::Replace {
        source: SourceLabels {
            names: vec![from.to_owned()],
            ..SourceLabels::default()
        },
        regex: RuleRegex::new("(.*)"),
        target_label: to.to_owned(),
        replacement: "$1".to_owned(),
    };
    let rules = [
        copy("__meta_sim_service", "instance"),
        copy("__meta_sim_release", "release"),
    ];
    // Without them targets would have other labels than is checked.
    Relabeling::compile(rules, NameValidation::default()).unwrap_or_default()
}

/// A pool against what a reader of the snapshot makes of its set.
fn check(job: &mut Job, pool: &TargetPool, set: &SetView<'_>) -> Verdict {
    let expected = scraped_of(set);
    let (mut fates, mut found) = (Fates::new(), BTreeMap::<Place, bool>::new());
    for view in pool.targets() {
        let (id, is_scraped) = match view.fate {
            Fate::Active { id } => (id, true),
            Fate::Duplicate { id, .. } => (id, false),
            other => return Err(Broken::of(Rule::Pools, format!("a target became {other:?}"))),
        };
        let group = (view.provider, view.group.source_hash());
        found.insert((group.0, group.1, view.index as usize), is_scraped);
        fates.entry(group).or_default().push((id, is_scraped));
    }
    same(Rule::Pools, "which targets are scraped", &expected.places, &found)?;
    let active: BTreeSet<TargetId> = fates
        .values()
        .flatten()
        .filter(|fate| fate.1)
        .map(|fate| fate.0)
        .collect();
    let told: BTreeSet<TargetId> = job.scraped.keys().copied().collect();
    same(Rule::Pools, "the targets that were started", &active, &told)?;
    let counts = pool.counts();
    let counted = (
        counts.active,
        counts.duplicate,
        counts.dropped + counts.invalid,
        counts.shared_labels,
    );
    let wanted = (active.len(), found.len() - active.len(), 0, expected.shared);
    same(Rule::Pools, "how many targets have which fate", &wanted, &counted)?;
    let touched = pool
        .touched_since(job.seen)
        .map(|touched| touched.collect::<BTreeSet<_>>());
    if let Some(touched) = touched {
        let is_other = |group: &&(ProviderId, u64)| job.fates.get(*group) != fates.get(*group);
        // Of a group that is gone nobody asks what became of its targets.
        if let Some((provider, _)) = fates.keys().filter(is_other).find(|group| !touched.contains(*group)) {
            let reason = "targets of a group have other fates, and it is not among those that were touched";
            return Err(Broken::of(Rule::Pools, reason).by(*provider));
        }
    }
    (job.fates, job.seen) = (fates, pool.next_touched());
    Ok(())
}

/// What somebody makes of a set who has seen nothing else.
struct Scraped {
    /// Every target, and whether it is the one of its kind that is scraped.
    places: BTreeMap<Place, bool>,
    /// How many sets of labels several of those have that are scraped.
    shared: usize,
}

fn scraped_of(set: &SetView<'_>) -> Scraped {
    let mut last: BTreeMap<Same, Place> = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (provider, stored) in set.groups() {
        let group = stored.group();
        for (index, target) in group.targets().enumerate() {
            let place = (provider.id(), group.source_hash(), index);
            places.insert(place, false);
            let last = last.entry(what_counts(group, target)).or_insert(place);
            *last = (*last).max(place);
        }
    }
    let mut labels: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for ([address, service, release], place) in &last {
        places.insert(*place, true);
        let instance = if service.is_empty() { address } else { service };
        *labels.entry((instance, release)).or_default() += 1;
    }
    let shared = labels.values().filter(|count| **count > 1).count();
    Scraped { places, shared }
}

fn what_counts(group: &Group, target: LabelSet<'_>) -> Same {
    let label = |name| {
        target
            .get(name)
            .or_else(|| group.labels().get(name))
            .unwrap_or_default()
    };
    ["__address__", "__meta_sim_service", "__meta_sim_release"].map(|name| label(name).to_owned())
}

/// Where a target is scraped, by its discovered labels.
fn address_of(pool: Option<&TargetPool>, id: TargetId) -> String {
    let target = pool.and_then(|pool| pool.target(id));
    target.map_or_else(String::new, |target| {
        let [address, ..] = what_counts(target.group, target.labels);
        address
    })
}
