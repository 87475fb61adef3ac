//! What becomes of one job's targets.
//!
//! The one rule: **what is told is what a reload does in the daemon.** The core's pool is given the old
//! job and its groups, then the new one, and says what it stops, relabels and starts; labels and
//! reasons are looked up for that, and nothing is compared here that the core compares.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::iter;

use headcount_config::ScrapeConfig;
use headcount_core::{JobOptions, PoolOutput, ProviderId, SetView, Snapshot, TargetId, TargetPool};

use super::pairs::pairs;
use super::report::{Counts, JobDiff, JobState};
use super::settings::settings;
use super::sides::{Side, Use, set_name};
use super::teller::Teller;
use super::telling::Telling;

/// A job of either configuration, or of both.
pub(super) struct Compared<'a> {
    pub(super) name: &'a str,
    pub(super) old: Option<&'a ScrapeConfig>,
    pub(super) new: Option<&'a ScrapeConfig>,
    /// The sides on which one of its providers could not be asked.
    pub(super) unasked: &'a BTreeSet<Side>,
}

/// What the pool said.
#[derive(Default)]
pub(super) struct Outputs {
    pub(super) started: HashSet<TargetId>,
    pub(super) stopped: HashSet<TargetId>,
    /// From what it was to what it is.
    pub(super) relabelled: HashMap<TargetId, TargetId>,
    /// What those are that were relabelled.
    pub(super) became: HashSet<TargetId>,
}

/// Compares a job's two sides, whose sets are in `snapshot`.
pub(super) fn compare(compared: &Compared<'_>, snapshot: &Snapshot) -> Option<JobDiff> {
    let (old_job, new_job) = (compared.old, compared.new);
    // A side without the job has no targets, whatever it would make of them.
    let old_options = JobOptions::from(old_job.or(new_job)?);
    let new_options = JobOptions::from(new_job.or(old_job)?);
    let (old_name, new_name) = (
        set_name(Side::Old, Use::Job, compared.name),
        set_name(Side::New, Use::Job, compared.name),
    );
    let (old_set, new_set) = (snapshot.set(&old_name), snapshot.set(&new_name));
    let (old_ids, new_ids) = (ids(old_set), ids(new_set));
    let old_pool = pool_of(old_options.clone(), old_set);
    let mut diff = JobDiff {
        job: compared.name.to_owned(),
        state: match (old_job, new_job) {
            (None, _) => JobState::Added,
            (_, None) => JobState::Removed,
            _ => JobState::Unchanged,
        },
        settings: match (old_job, new_job) {
            (Some(old), Some(new)) => settings(old, new),
            _ => Vec::new(),
        },
        before: old_job.map(|_| Counts::of(&old_pool)),
        after: new_job.map(|_| Counts::of(&old_pool)),
        kept: old_pool.counts().active,
        started: Vec::new(),
        stopped: Vec::new(),
        relabelled: Vec::new(),
        moved: Vec::new(),
        others: Vec::new(),
    };
    if old_options != new_options || old_ids != new_ids {
        let mut new_pool = pool_of(old_options, old_set);
        let outputs = reload(&mut new_pool, new_options, old_set, new_set);
        diff.after = new_job.map(|_| Counts::of(&new_pool));
        let came = outputs.started.len() + outputs.relabelled.len();
        diff.kept = new_pool.counts().active.saturating_sub(came);
        let old = Teller::new(&old_pool, snapshot, compared.name, old_job.is_some());
        let new = Teller::new(&new_pool, snapshot, compared.name, new_job.is_some());
        let mut telling = Telling::new(old, new, compared.unasked, &outputs, &mut diff);
        pairs(&old_pool, old_set, &new_pool, new_set, |pair| telling.tell(&pair));
        telling.finish();
    }
    if diff.state == JobState::Unchanged && (diff.has_other_targets() || !diff.settings.is_empty()) {
        diff.state = JobState::Changed;
    }
    Some(diff)
}

fn ids(set: Option<SetView<'_>>) -> BTreeSet<ProviderId> {
    set.into_iter()
        .flat_map(|set| set.providers())
        .map(headcount_core::ProviderSnapshot::id)
        .collect()
}

fn pool_of(options: JobOptions, set: Option<SetView<'_>>) -> TargetPool {
    let mut pool = TargetPool::new(options);
    for (provider, stored) in set.into_iter().flat_map(|set| set.groups()) {
        pool.put_group(provider.id(), stored.group());
    }
    // They were there before.
    while pool.poll_output().is_some() {}
    pool
}

/// Does to the old side's pool what a reload does.
fn reload(pool: &mut TargetPool, options: JobOptions, old: Option<SetView<'_>>, new: Option<SetView<'_>>) -> Outputs {
    let (old_ids, new_ids) = (ids(old), ids(new));
    pool.configure(options);
    for (provider, stored) in old.into_iter().flat_map(|set| set.groups()) {
        if !new_ids.contains(&provider.id()) {
            pool.remove_group(provider.id(), stored.group().source());
        }
    }
    for (provider, stored) in new.into_iter().flat_map(|set| set.groups()) {
        if !old_ids.contains(&provider.id()) {
            pool.put_group(provider.id(), stored.group());
        }
    }
    let mut outputs = Outputs::default();
    for output in iter::from_fn(|| pool.poll_output()) {
        match output {
            PoolOutput::Started(id) => drop(outputs.started.insert(id)),
            PoolOutput::Stopped(id) => drop(outputs.stopped.insert(id)),
            PoolOutput::Relabelled { old, new } => {
                outputs.relabelled.insert(old, new);
                outputs.became.insert(new);
            }
        }
    }
    outputs
}
