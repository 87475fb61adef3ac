//! What was asked of a daemon, put together.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::lookup::status::{Pool, Provider, Runtime};

/// How a daemon fares.
#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub(super) runtime: Runtime,
    pub(super) summary: Summary,
    pub(super) jobs: Vec<Job>,
    pub(super) providers: Vec<Listed>,
}

/// How many there are of each kind.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    pub(super) jobs: usize,
    /// Jobs whose lists are served without everything.
    pub(super) incomplete_jobs: usize,
    /// Jobs whose lists are not served.
    pub(super) withheld_jobs: usize,
    /// Jobs of whose targets some are as they were when a provider last worked.
    pub(super) stale_jobs: usize,
    pub(super) active: usize,
    pub(super) dropped: usize,
    pub(super) duplicate: usize,
    pub(super) invalid: usize,
    pub(super) over_label_limits: usize,
    pub(super) providers: usize,
    pub(super) troubled_providers: usize,
    pub(super) held_targets: usize,
}

/// A job.
#[derive(Debug, Serialize)]
pub(super) struct Job {
    #[serde(flatten)]
    pub(super) pool: Pool,
    pub(super) list: List,
    /// Those of its providers that don't find anything new, and for how many seconds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) stale: BTreeMap<String, f64>,
}

/// What becomes of a job's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum List {
    Withheld,
    Incomplete,
    Whole,
}

/// A provider.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    #[serde(flatten)]
    pub(super) provider: Provider,
    pub(super) condition: Condition,
}

/// The worst that can be said of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Condition {
    /// Its last read failed.
    Failing,
    /// A drop of its targets waits for somebody's word, or for its time.
    Held,
    /// It was not read whole: a part is as it was.
    Partial,
    /// It was not read since a restart: all is as it was.
    Restored,
    /// It has not said anything yet.
    Starting,
    /// Nothing bad.
    Ok,
}

impl Report {
    pub(super) fn new(runtime: Runtime, pools: Vec<Pool>, providers: Vec<Provider>) -> Self {
        let providers: Vec<Listed> = providers.into_iter().map(Listed::new).collect();
        let mut stale: BTreeMap<&str, BTreeMap<String, f64>> = BTreeMap::new();
        for Listed { provider, .. } in providers.iter().filter(|listed| listed.provider.manager == "scrape") {
            if let Some(age) = provider.stale_for() {
                for set in &provider.subscribers {
                    stale.entry(set).or_default().insert(provider.name.clone(), age);
                }
            }
        }
        let job = |pool: Pool| Job {
            stale: stale.get(&*pool.name).cloned().unwrap_or_default(),
            list: List::of(&pool),
            pool,
        };
        let jobs: Vec<Job> = pools.into_iter().map(job).collect();
        Self {
            summary: Summary::of(&jobs, &providers),
            runtime,
            jobs,
            providers,
        }
    }

    /// Whether there is nothing that somebody should look at.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let Summary {
            incomplete_jobs,
            withheld_jobs,
            troubled_providers,
            ..
        } = self.summary;
        let troubles = incomplete_jobs + withheld_jobs + troubled_providers;
        let runtime = &self.runtime;
        troubles == 0
            && runtime.waiting_for.is_empty()
            && runtime.not_saved.is_empty()
            && runtime.reload_config_success
            && !self.jobs.iter().any(|job| job.pool.exceeds_target_limit)
    }
}

impl Summary {
    fn of(jobs: &[Job], providers: &[Listed]) -> Self {
        let count = |list| jobs.iter().filter(|job| job.list == list).count();
        let sum = |of: fn(&Pool) -> usize| jobs.iter().map(|job| of(&job.pool)).sum();
        let held = providers.iter().filter_map(|listed| listed.provider.held.as_ref());
        Self {
            jobs: jobs.len(),
            incomplete_jobs: count(List::Incomplete),
            withheld_jobs: count(List::Withheld),
            stale_jobs: jobs.iter().filter(|job| !job.stale.is_empty()).count(),
            active: sum(|pool| pool.active),
            dropped: sum(|pool| pool.dropped),
            duplicate: sum(|pool| pool.duplicate),
            invalid: sum(|pool| pool.invalid),
            over_label_limits: sum(|pool| pool.over_label_limits),
            providers: providers.len(),
            troubled_providers: providers
                .iter()
                .filter(|listed| listed.condition != Condition::Ok)
                .count(),
            held_targets: held.map(|held| held.targets).sum(),
        }
    }
}

impl List {
    fn of(pool: &Pool) -> Self {
        match (pool.complete, pool.served) {
            (true, _) => Self::Whole,
            (false, true) => Self::Incomplete,
            (false, false) => Self::Withheld,
        }
    }
}

impl Listed {
    fn new(provider: Provider) -> Self {
        let health = &provider.health;
        let condition = match &*health.state {
            "failing" => Condition::Failing,
            _ if provider.held.is_some() => Condition::Held,
            _ if health.missing.is_some() => Condition::Partial,
            _ if health.restored_age.is_some() => Condition::Restored,
            "starting" => Condition::Starting,
            _ => Condition::Ok,
        };
        Self { provider, condition }
    }
}

impl Provider {
    /// Its name, with whose it is where that is not a job's: each manager counts its own.
    pub(super) fn called(&self) -> Cow<'_, str> {
        match &*self.manager {
            "scrape" => Cow::Borrowed(&self.name),
            manager => Cow::Owned(format!("{manager} {}", self.name)),
        }
    }

    /// For how many seconds what it has is what it had; `None` if it is what it is.
    pub(super) fn stale_for(&self) -> Option<f64> {
        let health = &self.health;
        let is_stale = health.state == "failing" || health.restored_age.is_some();
        // After a restart it is older than the last word of the new process.
        let age = health
            .restored_age
            .or(health.last_success_age)
            .or(health.last_update_age);
        let age = age.unwrap_or_default();
        (is_stale && (self.targets > 0 || health.last_update_age.is_some())).then_some(age)
    }
}
