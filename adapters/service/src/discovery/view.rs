//! What readers see: the newest snapshot, and its sets with their lists.
//!
//! The one rule: **a view costs what changed since the one before.** The difference is given; what it does
//! not name is shared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use headcount_core::{
    Condition, Instant, ProviderId, ProviderSnapshot, Readers, Reports, SetChange, Snapshot, SnapshotDiff, one_line,
};
use imbl::OrdMap;

use super::ServeIncomplete;
use super::feed::{Change, Jobs};
use super::job::{Job, List, ListHandle};
use super::pieces::{KeptIndex, Pieces};

/// A state of a manager that was emitted. Immutable.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// The snapshot.
    pub(crate) snapshot: Snapshot,
    /// Its sets.
    pub(crate) jobs: OrdMap<Arc<str>, Job>,
    /// Which of them are served without configs that can't be run.
    pub(super) serve: Arc<ServeIncomplete>,
    /// What lists consist of, in all views of the manager.
    pub(crate) pieces: Arc<Pieces>,
}

/// A provider that a set's list lacks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lacking<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// What it discovers, or was to discover.
    pub(crate) description: &'a str,
    /// Why it lacks.
    pub(crate) why: Why<'a>,
}

/// Why a provider lacks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Why<'a> {
    /// It was never read whole; this is what it reported.
    NotRead(ProviderId, &'a Reports),
    /// It can't be run, for this reason.
    NotRun(&'a str),
}

impl Why<'_> {
    /// Whether that is known: one that was started a moment ago, and is being read, lacks for a moment only.
    pub(super) fn is_known(self) -> bool {
        match self {
            Self::NotRun(_) => true,
            Self::NotRead(_, reports) => {
                reports.waited_out.is_some()
                    || matches!(reports.condition, Condition::Failing { .. } | Condition::Partial(_))
            }
        }
    }
}

/// For people, as what follows a name.
impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRun(reason) => write!(f, "can't be run: {}", one_line(reason)),
            Self::NotRead(_, reports) => match &reports.condition {
                Condition::Failing { last, .. } => write!(f, "fails: {}", one_line(&last.message)),
                Condition::Partial(missing) => write!(f, "could not get {}", one_line(&missing.to_string())),
                Condition::Healthy => f.write_str("has not told all yet"),
                Condition::Starting => f.write_str("has not answered yet"),
            },
        }
    }
}

/// What a view has that the one before had not. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ViewChange {
    /// The view.
    pub(crate) view: Arc<View>,
    /// What differs in its snapshot. It is made once, for all who follow.
    pub(crate) diff: Arc<SnapshotDiff>,
    /// The sets that came or went, or whose list or completeness may be another.
    pub(crate) jobs: Jobs,
}

impl Change for ViewChange {
    fn extend(&mut self, later: &Self) {
        self.view = later.view.clone();
        Arc::make_mut(&mut self.diff).extend(&later.diff);
        self.jobs.extend(&later.jobs);
    }
}

impl View {
    /// Whether the manager has emitted anything yet.
    pub(crate) fn is_started(&self) -> bool {
        self.snapshot.version() > 0
    }

    /// The list of a set as it was discovered; `None` when there is no such set.
    pub(crate) fn handle(&self, set: &str) -> Option<ListHandle> {
        let (name, job) = self.jobs.get_key_value(set)?;
        let (snapshot, name, pieces) = (self.snapshot.clone(), name.clone(), self.pieces.clone());
        let encode = move |kept: &KeptIndex| snapshot.set(&name).map(|set| pieces.list(set, kept));
        Some(ListHandle {
            list: job.list.clone(),
            delivery: job.delivery,
            is_complete: job.is_complete(),
            encode: Arc::new(encode),
        })
    }

    /// The providers of a set that were never read whole.
    pub(crate) fn unread(&self, set: &str) -> impl Iterator<Item = &ProviderSnapshot> {
        let providers = self.snapshot.set(set).into_iter().flat_map(|set| set.providers());
        providers.filter(|provider| !provider.reports().is_whole())
    }

    /// Who is not in a set's list, or not wholly: providers that were never read whole, and configs that can't be run.
    pub(crate) fn lacking(&self, set: &str) -> impl Iterator<Item = Lacking<'_>> {
        let unread = self.unread(set).map(|provider| Lacking {
            name: provider.name(),
            description: provider.description(),
            why: Why::NotRead(provider.id(), provider.reports()),
        });
        let failed = self.snapshot.set(set).into_iter().flat_map(|set| set.failed_configs());
        unread.chain(failed.map(|failed| Lacking {
            name: &failed.name,
            description: &failed.description,
            why: Why::NotRun(&failed.reason),
        }))
    }

    /// The providers of a set that were not read whole since they were restored, and when what they have was last known
    /// to be so.
    pub(crate) fn restored(&self, set: &str) -> impl Iterator<Item = (&ProviderSnapshot, Instant)> {
        let providers = self.snapshot.set(set).into_iter().flat_map(|set| set.providers());
        providers.filter_map(|provider| Some((provider, provider.reports().only_restored()?.as_of)))
    }

    /// The providers that a set does not want any more, and shows until what takes their place was read (B03).
    pub(crate) fn replaced(&self, set: &str) -> impl Iterator<Item = &ProviderSnapshot> {
        self.snapshot.set(set).into_iter().flat_map(|set| set.predecessors())
    }

    /// The view after `diff`, and the sets that came or went, or whose list or completeness may be
    /// another. Lists of sets whose groups are the same are those of this view.
    pub(super) fn next(
        &self,
        diff: &SnapshotDiff,
        readers: &Readers,
        serve: &Arc<ServeIncomplete>,
    ) -> (Self, BTreeSet<Arc<str>>) {
        let snapshot = diff.newer().clone();
        let mut jobs = self.jobs.clone();
        let mut touched = touched(diff, readers);
        if self.serve != *serve {
            for set in snapshot.sets().filter(|set| self.serve.of(set) != serve.of(set)) {
                touched.entry(set.clone()).or_default();
            }
        }
        for (name, has_other_groups) in &touched {
            let Some(set) = snapshot.set(name) else {
                jobs.remove(name);
                continue;
            };
            let old = self.jobs.get(name);
            let before = old.is_some_and(|job| job.was_delivered);
            let delivery = match serve.of(name) {
                true => set.delivery_without_failed(before),
                false => set.delivery(before),
            };
            let list = match old {
                Some(job) if *has_other_groups => job.list.successor(),
                Some(job) => job.list.clone(),
                None => List::new(),
            };
            let job = Job {
                list,
                groups: set.group_count(),
                targets: set.target_count(),
                delivery,
                has_stand_in: set.predecessors().next().is_some(),
                was_delivered: before || delivery.is_delivered(),
            };
            jobs.insert(name.clone(), job);
        }
        let view = Self {
            snapshot,
            jobs,
            serve: serve.clone(),
            pieces: self.pieces.clone(),
        };
        (view, touched.into_keys().collect())
    }

    /// Of these sets, those whose list is not that of `older`.
    pub(super) fn other_lists<'a>(
        &'a self,
        older: &'a Self,
        names: &'a BTreeSet<Arc<str>>,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Job)> {
        let there = names.iter().filter_map(|name| self.jobs.get_key_value(name));
        there.filter(|(name, job)| {
            let before = older.jobs.get(*name);
            before.is_none_or(|before| !Arc::ptr_eq(&before.list, &job.list))
        })
    }
}

/// The sets of which a difference says something, and whether that is of their groups.
fn touched(diff: &SnapshotDiff, readers: &Readers) -> BTreeMap<Arc<str>, bool> {
    let mut touched = BTreeMap::new();
    if diff.has_other_failed_configs() {
        let all = [diff.older(), diff.newer()].map(Snapshot::failed_configs);
        for set in all.into_iter().flatten().flat_map(|failed| &failed.sets) {
            touched.insert(set.clone(), false);
        }
    }
    for change in diff.reports() {
        let sets = readers.of(change.new.id());
        touched.extend(sets.map(|set| (set.clone(), false)));
    }
    for change in diff.providers() {
        let sets = readers.of(change.id());
        touched.extend(sets.map(|set| (set.clone(), true)));
    }
    for change in diff.sets() {
        let (SetChange::Added(set, _) | SetChange::Changed { set, .. } | SetChange::Removed(set, _)) = change;
        touched.insert(set.clone(), true);
    }
    touched
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use headcount_backends::r#static::StaticSd;
    use headcount_core::{
        Delivery, Encoder, Failure, Group, Manager, ManagerOptions, Missing, MissingPart, ProviderId, Update,
    };
    use headcount_discoverer::mechanism::{SdConfig, Unsupported};
    use std::time::Duration;

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
        /// What time it is.
        pub(crate) at: Instant,
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
                at: Instant::ZERO,
            }
        }

        /// Makes these all the sets there are, with one provider of another mechanism.
        pub(crate) fn reload(&mut self, names: &[&str], mechanism: &str) {
            let config = || {
                SdConfig::unsupported(Unsupported {
                    mechanism: mechanism.to_owned(),
                    entry: String::new(),
                })
            };
            let configs = names.iter().map(|name| ((*name).to_owned(), vec![config()]));
            self.manager.apply(self.at, configs);
        }

        /// The provider of the set with this number fails.
        pub(crate) fn fails(&mut self, set: u64, failure: Failure) {
            let provider = ProviderId::from_number(set);
            self.manager
                .handle_failure(self.at, provider, failure)
                .expect("running");
        }

        /// The provider with this number can't be run.
        pub(crate) fn can_not_run(&mut self, provider: u64) {
            let provider = ProviderId::from_number(provider);
            let reason = "no such mechanism";
            self.manager
                .handle_build_failure(self.at, provider, reason)
                .expect("running");
        }

        /// What is emitted next.
        pub(crate) fn snapshot(&self) -> Snapshot {
            self.manager.snapshot(self.at)
        }

        /// The groups of the set with this number.
        pub(crate) fn update(&mut self, set: u64, groups: Vec<OwnedParts<'_>>) {
            let mut batch = self.encoder.batch();
            for (source, labels, targets) in groups {
                batch.group(source, labels, targets).expect("valid");
            }
            let update = Update::full(batch.finish());
            let provider = ProviderId::from_number(set);
            self.manager.handle_update(self.at, provider, update).expect("running");
        }

        /// The provider of the set with this number finds these groups, and not all there are.
        pub(crate) fn finds_a_part(&mut self, set: u64, groups: Vec<OwnedParts<'_>>) {
            let mut batch = self.encoder.batch();
            for (source, labels, targets) in groups {
                batch.group(source, labels, targets).expect("valid");
            }
            let missing = Missing::of([MissingPart::new("zone a", "503")]).expect("a part");
            let update = Update::partial(batch.finish(), missing);
            let provider = ProviderId::from_number(set);
            self.manager.handle_update(self.at, provider, update).expect("running");
        }

        /// Time passes.
        pub(crate) fn pass(&mut self, time: Duration) {
            self.at = self.at + time;
            self.manager.handle_timeout(self.at);
        }

        pub(crate) fn view(&mut self) -> View {
            self.view_after(&View::default())
        }

        /// The view that follows another.
        pub(in crate::discovery) fn view_after(&self, before: &View) -> View {
            view_after(&self.manager, before)
        }

        /// Makes this set all there is, with so many providers of mechanisms of their own.
        pub(in crate::discovery) fn reload_many(&mut self, name: &str, providers: usize) {
            let config = |number| {
                SdConfig::unsupported(Unsupported {
                    mechanism: format!("m{number}"),
                    entry: String::new(),
                })
            };
            let configs = (0..providers).map(config).collect();
            self.manager.apply(self.at, [(name.to_owned(), configs)]);
        }
    }

    /// The view that follows another, as the manager is now.
    fn view_after(manager: &Manager<SdConfig>, before: &View) -> View {
        let diff = manager.snapshot(Instant::ZERO).diff(&before.snapshot);
        let mut readers = Readers::default();
        // As if they had followed from the beginning.
        readers.take(&diff.newer().diff(&Snapshot::default()));
        before.next(&diff, &readers, &before.serve).0
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

    /// B09, B10: what a list lacks must not look as if it were gone.
    #[test]
    fn a_set_is_complete_once_its_providers_were_read_whole() {
        let mut sets = Sets::new(&["a"]);
        let provider = ProviderId::from_number(0);
        let mut view = View::default();
        let mut is_complete = |sets: &Sets| {
            view = view_after(&sets.manager, &view);
            view.jobs["a"].delivery == Delivery::Whole
        };
        assert!(!is_complete(&sets), "nothing was reported yet");
        sets.fails(0, Failure::new("no"));
        assert!(!is_complete(&sets), "a failure brings no groups");
        let zone = Missing::of([MissingPart::new("zone a", "503")]).expect("a part");
        sets.manager
            .handle_update(Instant::ZERO, provider, Update::partial(Vec::new(), zone))
            .expect("running");
        assert!(!is_complete(&sets), "a part is not all");
        sets.update(0, Vec::new());
        assert!(is_complete(&sets), "that there is nothing is an answer");
        sets.update(0, vec![("s", vec![], vec![vec![("__address__", "a:1")]])]);
        assert!(is_complete(&sets));
        sets.fails(0, Failure::new("no"));
        assert!(is_complete(&sets), "what was read stays");
        sets.update(0, Vec::new());
        assert!(is_complete(&sets), "it may lose its groups");
        sets.manager
            .handle_build_failure(Instant::ZERO, provider, "no such mechanism")
            .expect("running");
        assert!(!is_complete(&sets), "what can't be run is never there");
    }

    /// B10: a set that was delivered goes on being delivered, whatever comes and goes. B03: what takes the place of a
    /// provider takes nothing away.
    #[test]
    fn b10_a_set_that_was_delivered_goes_on_being_delivered() {
        let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
        let config = |name: &&str| {
            SdConfig::unsupported(Unsupported {
                mechanism: (*name).to_owned(),
                entry: String::new(),
            })
        };
        let mut view = View::default();
        let mut apply = |configs: &[&str], whole: &[&str], failed: &[&str]| {
            manager.apply(Instant::ZERO, [("a".to_owned(), configs.iter().map(config).collect())]);
            let id = |manager: &Manager<SdConfig>, name: &&str| manager.provider_of(&config(name)).expect("it runs");
            for name in whole {
                let id = id(&manager, name);
                manager
                    .handle_update(Instant::ZERO, id, Update::full(Vec::new()))
                    .expect("running");
            }
            for name in failed {
                let id = id(&manager, name);
                manager
                    .handle_failure(Instant::ZERO, id, Failure::new("no"))
                    .expect("running");
            }
            view = view_after(&manager, &view);
            view.jobs["a"].delivery
        };
        assert_eq!(apply(&["x", "y"], &["x", "y"], &[]), Delivery::Whole);
        assert_eq!(
            apply(&["x", "y", "z"], &[], &[]),
            Delivery::Withheld,
            "z may say all in a moment"
        );
        assert_eq!(apply(&["x", "y", "z"], &[], &["z"]), Delivery::Incomplete);
        assert_eq!(apply(&["x", "z"], &[], &[]), Delivery::Incomplete, "y is not missed");
        assert_eq!(apply(&["x", "w"], &[], &["w"]), Delivery::Incomplete, "nor is z");
        assert_eq!(apply(&["x", "w"], &["w"], &[]), Delivery::Whole);
        assert_eq!(apply(&["x", "v"], &[], &["v"]), Delivery::Whole, "w stands in for v");
    }

    /// B10: that somebody asks for what there is counts at once, and of nothing else.
    #[test]
    fn b10_what_is_to_be_served_without_configs_that_can_not_be_run_may_change() {
        let mut sets = Sets::new(&["a", "b"]);
        sets.reload(&["a", "b"], "good");
        let mut manager = sets.manager;
        let both = |mechanism: &str| {
            SdConfig::unsupported(Unsupported {
                mechanism: mechanism.to_owned(),
                entry: String::new(),
            })
        };
        let wanted = ["a", "b"].map(|set| (set.to_owned(), vec![both("good"), both("bad")]));
        let applied = manager.apply(Instant::ZERO, wanted);
        manager
            .handle_build_failure(Instant::ZERO, applied.started[0], "no such mechanism")
            .expect("running");
        let good = manager.provider_of(&both("good")).expect("it runs");
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        batch
            .group("s", [("l", "v")], [[("__address__", "a:1")]])
            .expect("valid");
        manager
            .handle_update(Instant::ZERO, good, Update::full(batch.finish()))
            .expect("running");
        let mut view = View::default();
        let mut next = |serve: ServeIncomplete| {
            let diff = manager.snapshot(Instant::ZERO).diff(&view.snapshot);
            let mut readers = Readers::default();
            readers.take(&diff.newer().diff(&Snapshot::default()));
            let touched;
            (view, touched) = view.next(&diff, &readers, &Arc::new(serve));
            let touched: Vec<_> = touched.iter().map(|set| set.to_string()).collect();
            let lacking: Vec<_> = view.lacking("a").map(|lacking| lacking.name.to_owned()).collect();
            assert_eq!(lacking, [format!("bad/{}", applied.started[0])]);
            (touched.join(" "), ["a", "b"].map(|set| view.jobs[set].delivery))
        };
        let (withheld, incomplete) = (Delivery::Withheld, Delivery::Incomplete);
        assert_eq!(next(ServeIncomplete::default()).1, [withheld; 2]);
        let a = || ServeIncomplete::new(false, [("a".to_owned(), true)]);
        assert_eq!(next(a()), ("a".to_owned(), [incomplete, withheld]));
        assert_eq!(next(a()), (String::new(), [incomplete, withheld]));
        let all_but_a = ServeIncomplete::new(true, [("a".to_owned(), false)]);
        assert_eq!(next(all_but_a), ("a b".to_owned(), [withheld, incomplete]));
        assert_eq!(next(ServeIncomplete::default()).1, [withheld; 2]);
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
        assert!(first.jobs["a"].delivery.is_delivered());
        assert!(
            !first.jobs["b"].delivery.is_delivered(),
            "b's provider has not reported"
        );

        manager.handle_timeout(Instant::from_nanos(u64::MAX));
        while manager.poll_output().is_some() {}
        let emitted = view_after(&manager, &first);
        manager
            .handle_update(Instant::ZERO, applied.started[1], update("b:1"))
            .expect("running");
        let second = view_after(&manager, &emitted);
        assert!(second.jobs["b"].delivery.is_delivered());
        let (before, after) = (generations(&emitted), generations(&second));
        assert_eq!(before[0], after[0]);
        assert_ne!(before[1], after[1]);
        let names = second.jobs.keys().cloned().collect();
        let changed: Vec<_> = second
            .other_lists(&emitted, &names)
            .map(|(name, _)| name.to_string())
            .collect();
        assert_eq!(changed, ["b"]);

        manager.apply(Instant::ZERO, sets(&["a", "c"]));
        let third = view_after(&manager, &second);
        let names: Vec<_> = third.jobs.keys().map(ToString::to_string).collect();
        assert_eq!(names, ["a", "c"]);
        assert_eq!(generations(&third)[0], after[0]);
    }

    /// A reload changes a list without any provider reporting anything: who reads it by its generation has to see that.
    #[test]
    fn a_set_that_is_given_or_loses_a_provider_of_another_has_another_list() {
        let config = |mechanism: &&str| {
            SdConfig::unsupported(Unsupported {
                mechanism: (*mechanism).to_owned(),
                entry: String::new(),
            })
        };
        let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
        let sets = |a: &[&str], b: &[&str]| {
            [("a", a), ("b", b)].map(|(name, configs)| (name.to_owned(), configs.iter().map(config).collect()))
        };
        let mut encoder = Encoder::new();
        let applied = manager.apply(Instant::ZERO, sets(&["x"], &["x", "y"]));
        for (number, provider) in applied.started.iter().enumerate() {
            let mut batch = encoder.batch();
            let address = format!("{number}:1");
            let target = [[("__address__", address.as_str())]];
            batch.group("s", [("l", "v")], target).expect("valid");
            let update = Update::full(batch.finish());
            manager
                .handle_update(Instant::ZERO, *provider, update)
                .expect("running");
        }
        let mut view = view_after(&manager, &View::default());
        let mut after = |manager: &Manager<SdConfig>| {
            let next = view_after(manager, &view);
            let names = next.jobs.keys().cloned().collect();
            let others = next.other_lists(&view, &names);
            let others: Vec<String> = others.map(|(name, _)| name.to_string()).collect();
            let moved = |name: &str| view.jobs[name].list.generation() != next.jobs[name].list.generation();
            let moved: Vec<String> = ["a", "b"]
                .into_iter()
                .filter(|name| moved(name))
                .map(str::to_owned)
                .collect();
            assert_eq!(others, moved);
            view = next;
            moved
        };
        manager.apply(Instant::ZERO, sets(&["x", "y"], &["x", "y"]));
        assert_eq!(after(&manager), ["a"], "a is given y");
        manager.apply(Instant::ZERO, sets(&["x", "y"], &["x"]));
        assert_eq!(after(&manager), ["b"], "b loses it");
        manager.apply(Instant::ZERO, sets(&["x", "y"], &["x"]));
        assert_eq!(after(&manager), [""; 0], "nothing changed");
    }
}
