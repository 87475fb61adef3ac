//! What readers see: the newest snapshot, and its sets with their lists.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headcount_core::{ProviderId, SetChange, Snapshot};

use super::completeness::Spoken;
use super::job::{Job, List, Offer};
use super::target_list;

/// A state of a manager that was emitted. Immutable.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// The snapshot.
    pub(crate) snapshot: Snapshot,
    /// Its sets.
    pub(crate) jobs: BTreeMap<Arc<str>, Job>,
}

impl View {
    /// Whether the manager has emitted anything yet.
    pub(crate) fn is_started(&self) -> bool {
        self.snapshot.version() > 0
    }

    /// Whether every set is complete.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_started() && self.jobs.values().all(Job::is_complete)
    }

    /// The list of a set as it was discovered; `None` when there is no such set.
    pub(crate) fn offer(&self, set: &str) -> Option<Offer> {
        let (name, job) = self.jobs.get_key_value(set)?;
        let (snapshot, name) = (self.snapshot.clone(), name.clone());
        // A set that is not there has no targets.
        let encode = move || snapshot.set(&name).map_or_else(|| b"[]".to_vec(), target_list);
        Some(Offer {
            list: job.list.clone(),
            waiting_for: job.waiting_for.clone(),
            encode: Arc::new(encode),
        })
    }

    /// The lists of all sets; `None` before anything was discovered.
    pub(crate) fn offers(&self) -> Option<BTreeMap<Arc<str>, Offer>> {
        let offers = self
            .jobs
            .keys()
            .filter_map(|name| Some((name.clone(), self.offer(name)?)));
        self.is_started().then(|| offers.collect())
    }

    /// The view of `snapshot`. Lists of sets whose groups are the same are those of this view.
    pub(super) fn next(&self, snapshot: Snapshot, spoken: &Spoken) -> Self {
        let diff = snapshot.diff(&self.snapshot);
        let changed_pools: BTreeSet<ProviderId> = diff.providers().map(|change| change.id()).collect();
        let changed_sets: BTreeSet<&Arc<str>> = diff
            .sets()
            .filter_map(|change| match change {
                SetChange::Added(set, _) | SetChange::Changed { set, .. } => Some(set),
                SetChange::Removed(..) => None,
            })
            .collect();
        let mut jobs = BTreeMap::new();
        for name in snapshot.sets() {
            let Some(set) = snapshot.set(name) else { continue };
            let is_changed =
                changed_sets.contains(name) || set.providers().any(|pool| changed_pools.contains(&pool.id()));
            let waiting_for: Vec<_> = set
                .providers()
                .map(|pool| pool.id())
                .filter(|id| !spoken.has(*id))
                .collect();
            let job = match self.jobs.get(name) {
                Some(job) if !is_changed && *job.waiting_for == *waiting_for => job.clone(),
                before => Job {
                    list: match before {
                        Some(job) if is_changed => job.list.successor(),
                        Some(job) => job.list.clone(),
                        None => List::new(),
                    },
                    groups: set.group_count(),
                    targets: set.target_count(),
                    waiting_for: waiting_for.into(),
                },
            };
            jobs.insert(name.clone(), job);
        }
        Self { snapshot, jobs }
    }

    /// The sets whose list is not that of `older`.
    pub(super) fn changed_since<'a>(&'a self, older: &'a Self) -> impl Iterator<Item = (&'a Arc<str>, &'a Job)> {
        self.jobs.iter().filter(|(name, job)| {
            let before = older.jobs.get(*name);
            before.is_none_or(|before| !Arc::ptr_eq(&before.list, &job.list))
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::discovery::Observation;
    use headcount_backends::r#static::StaticSd;
    use headcount_core::{Encoder, Group, Instant, Manager, ManagerOptions, Update};
    use headcount_discoverer::mechanism::{SdConfig, Unsupported};

    pub(crate) type GroupParts<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a [(&'a str, &'a str)]]);

    /// A snapshot with one set of these groups.
    pub(crate) fn snapshot_of(set: &str, groups: &[GroupParts<'_>]) -> Snapshot {
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        for (source, labels, targets) in groups {
            let targets = targets.iter().map(|target| target.iter().copied());
            batch.group(source, labels.iter().copied(), targets).expect("valid");
        }
        snapshot_with(set, batch.finish())
    }

    pub(in crate::discovery) fn snapshot_with(set: &str, groups: Vec<Group>) -> Snapshot {
        let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
        let config = SdConfig::new(StaticSd::new(Vec::new()));
        let applied = manager.apply(Instant::ZERO, [(set.to_owned(), vec![config])]);
        let provider = *applied.started.first().expect("started");
        manager
            .handle_update(Instant::ZERO, provider, Update::full(groups))
            .expect("running");
        manager.snapshot(Instant::ZERO)
    }

    type Labels<'a> = Vec<(&'a str, &'a str)>;

    /// A source, the labels of its group, and its targets' labels.
    pub(crate) type OwnedParts<'a> = (&'a str, Labels<'a>, Vec<Labels<'a>>);

    /// Sets with a provider of its own each.
    pub(crate) struct Sets {
        manager: Manager<SdConfig>,
        encoder: Encoder,
        spoken: Spoken,
    }

    impl Sets {
        pub(crate) fn new(names: &[&str]) -> Self {
            let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
            let config = |name: &str| {
                SdConfig::unsupported(Unsupported {
                    mechanism: name.to_owned(),
                    entry: String::new(),
                })
            };
            let configs = names.iter().map(|name| ((*name).to_owned(), vec![config(name)]));
            manager.apply(Instant::ZERO, configs);
            Self {
                manager,
                encoder: Encoder::new(),
                spoken: Spoken::default(),
            }
        }

        /// The groups of the set with this number.
        pub(crate) fn update(&mut self, set: u64, groups: Vec<OwnedParts<'_>>) {
            let mut batch = self.encoder.batch();
            for (source, labels, targets) in groups {
                batch.group(source, labels, targets).expect("valid");
            }
            let update = Update::full(batch.finish());
            let provider = ProviderId::from_number(set);
            self.manager
                .handle_update(Instant::ZERO, provider, update)
                .expect("running");
        }

        pub(crate) fn view(&mut self) -> View {
            let observation = Observation::of(&self.manager, Instant::ZERO);
            self.spoken.note(&observation.newest);
            View::default().next(observation.newest, &self.spoken)
        }
    }

    /// A view of these sets.
    pub(crate) fn view_of(sets: Vec<(&str, Vec<OwnedParts<'_>>)>) -> View {
        let names: Vec<&str> = sets.iter().map(|(name, _)| *name).collect();
        let mut made = Sets::new(&names);
        for (number, (_, groups)) in (0..).zip(sets) {
            made.update(number, groups);
        }
        made.view()
    }

    #[test]
    fn lists_of_sets_that_did_not_change_are_kept() {
        let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
        let config = |mechanism: &str| {
            SdConfig::unsupported(Unsupported {
                mechanism: mechanism.to_owned(),
                entry: String::new(),
            })
        };
        let sets = |names: &[&str]| -> Vec<_> {
            names
                .iter()
                .map(|name| ((*name).to_owned(), vec![config(name)]))
                .collect()
        };
        let applied = manager.apply(Instant::ZERO, sets(&["a", "b"]));
        let mut encoder = Encoder::new();
        let mut update = |address: &str| {
            let mut batch = encoder.batch();
            batch
                .group("s", [("l", "v")], [[("__address__", address)]])
                .expect("valid");
            Update::full(batch.finish())
        };
        let mut spoken = Spoken::default();
        let mut view_after = |manager: &Manager<SdConfig>, view: &View| {
            let observation = Observation::of(manager, Instant::ZERO);
            spoken.note(&observation.newest);
            view.next(observation.newest, &spoken)
        };
        let generations = |view: &View| -> Vec<(String, u64)> {
            view.jobs
                .iter()
                .map(|(name, job)| (name.to_string(), job.list.generation()))
                .collect()
        };

        manager
            .handle_update(Instant::ZERO, applied.started[0], update("a:1"))
            .expect("running");
        let first = view_after(&manager, &View::default());
        assert!(first.jobs["a"].is_complete());
        assert!(!first.jobs["b"].is_complete(), "b's provider has not spoken");
        assert!(!first.is_complete());

        manager.handle_timeout(Instant::from_nanos(u64::MAX));
        while manager.poll_output().is_some() {}
        let emitted = view_after(&manager, &first);
        manager
            .handle_update(Instant::ZERO, applied.started[1], update("b:1"))
            .expect("running");
        let second = view_after(&manager, &emitted);
        assert!(second.is_complete());
        let (before, after) = (generations(&emitted), generations(&second));
        assert_eq!(before[0], after[0]);
        assert_ne!(before[1], after[1]);
        let changed: Vec<_> = second
            .changed_since(&emitted)
            .map(|(name, _)| name.to_string())
            .collect();
        assert_eq!(changed, ["b"]);

        manager.apply(Instant::ZERO, sets(&["a", "c"]));
        let third = view_after(&manager, &second);
        let names: Vec<_> = third.jobs.keys().map(ToString::to_string).collect();
        assert_eq!(names, ["a", "c"]);
        assert_eq!(generations(&third)[0], after[0]);
    }
}
