//! Keeps the pools up to date with what is discovered and configured.

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Instant;

use async_channel::Sender;
use futures_lite::FutureExt;
use headcount_core::{JobOptions, Snapshot, SnapshotDiff};
use headcount_discoverer::env::Clock;
use imbl::OrdMap;
use smol::Executor;

use super::shared::SharedLabels;
use super::{Changes, Counters, Lists, Names, Published, State, Targets};
use crate::discovery::{Follower, Jobs, Managed, View, ViewChange};

/// Starts the thread that keeps the targets of what `managed` discovers, and tells `changes` what
/// changes among them. It ends with the manager.
pub(crate) fn start(
    executor: &Arc<Executor<'static>>,
    managed: Arc<Managed>,
    changes: Option<Sender<Changes>>,
    clock: Arc<dyn Clock>,
) -> io::Result<Arc<Targets>> {
    let targets = Arc::new(Targets::default());
    let mut updater = PoolUpdater::new(targets.clone(), executor.clone(), changes);
    updater.clock = Some(clock);
    let discovered = managed.follow();
    thread::Builder::new()
        .name("headcount-targets".to_owned())
        .spawn(move || smol::block_on(updater.run(managed, discovered)))?;
    Ok(targets)
}

struct PoolUpdater {
    targets: Arc<Targets>,
    executor: Arc<Executor<'static>>,
    changes: Option<Sender<Changes>>,
    /// Without it, time stands still.
    clock: Option<Arc<dyn Clock>>,
    /// The jobs that are configured, and their configuration's number.
    jobs: Option<(u64, Vec<JobOptions>)>,
    /// What was discovered, as it was taken last.
    view: Arc<View>,
    shared: SharedLabels,
}

/// What is to be taken.
#[derive(Default)]
struct Change {
    discovered: Option<ViewChange>,
    configuration: Option<(u64, Vec<JobOptions>)>,
}

impl PoolUpdater {
    fn new(targets: Arc<Targets>, executor: Arc<Executor<'static>>, changes: Option<Sender<Changes>>) -> Self {
        Self {
            targets,
            executor,
            changes,
            clock: None,
            jobs: None,
            view: Arc::default(),
            shared: SharedLabels::default(),
        }
    }

    async fn run(&mut self, managed: Arc<Managed>, discovered: Follower<ViewChange>) {
        loop {
            let (news, configured) = (discovered.news(), self.targets.configured.listen());
            if let Some(change) = self.next(&discovered) {
                self.take(&change);
                continue;
            }
            let news = async {
                news.or(configured).await;
                true
            };
            let ended = async {
                managed.ended().await;
                false
            };
            if !news.or(ended).await {
                return;
            }
        }
    }

    fn next(&self, discovered: &Follower<ViewChange>) -> Option<Change> {
        // Before the configuration, so that no list of a job is seen without its rules.
        let discovered = discovered.take();
        let mut wanted = self.targets.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let configuration = wanted.jobs.take().map(|jobs| (wanted.number, jobs));
        (discovered.is_some() || configuration.is_some()).then_some(Change {
            discovered,
            configuration,
        })
    }

    fn take(&mut self, change: &Change) {
        if let Some(discovered) = &change.discovered {
            self.view = discovered.view.clone();
        }
        if change.configuration.is_some() {
            self.jobs.clone_from(&change.configuration);
        }
        let begun = Instant::now();
        let is_followed = self.changes.is_some() || self.targets.sharing.is_on();
        let taken = catch_unwind(AssertUnwindSafe(|| {
            let take = |state: &mut State| state.take(change, is_followed);
            let share = |state: &State, changes: &Changes| self.targets.sharing.follow(self.now(), state, changes);
            let follow = |state: &mut State, first: &State| state.take_after(first, change);
            self.targets.state.change_after(take, share, follow)
        }));
        let changes = taken.unwrap_or_else(|_| {
            tracing::error!("working out targets panicked; they are worked out anew, please report this");
            self.start_over()
        });
        let before = self.targets.published();
        let touched = self.touched(change, &changes);
        let mut next = self
            .targets
            .read(|state| published(state, &before, &touched, &changes.jobs));
        let is_configured = change.configuration.is_some();
        let shared = &mut self.shared;
        let shared = self.targets.read(|state| shared.news(state, &touched, is_configured));
        for shared in shared {
            tracing::warn!("{shared}");
        }
        next.counters.syncs += 1;
        next.counters.sync_time += begun.elapsed();
        let next = Arc::new(next);
        self.targets.published.store(next.clone());
        self.targets.feed.put(&Jobs(Arc::new(touched)));
        self.targets.news.notify(usize::MAX);
        self.prepare(&next, &changes.jobs);
        if let Some(sender) = &self.changes
            && (changes.is_anew || !changes.outputs.is_empty())
        {
            // Nobody listens any more when the daemon stops.
            sender.try_send(changes).ok();
        }
    }

    fn now(&self) -> headcount_core::Instant {
        let clock = self.clock.as_ref();
        clock.map_or(headcount_core::Instant::ZERO, |clock| clock.now())
    }

    /// The jobs of which something else is published than before.
    fn touched(&self, change: &Change, changes: &Changes) -> BTreeSet<Arc<str>> {
        let mut touched = changes.jobs.clone();
        if let Some(discovered) = &change.discovered {
            touched.extend(discovered.jobs.0.iter().cloned());
        }
        if change.configuration.is_some() || changes.is_anew {
            let before = self.targets.published();
            let known = before.lists.keys().chain(before.counters.job_syncs.keys());
            touched.extend(known.chain(self.view.jobs.keys()).cloned());
        }
        touched
    }

    /// Makes the whole state anew, because nobody knows what is in it. If that panics as well,
    /// there are no targets until something changes.
    fn start_over(&self) -> Changes {
        let all = Arc::new(self.view.snapshot.diff(&Snapshot::default()));
        let made = catch_unwind(AssertUnwindSafe(|| {
            let change = Change {
                discovered: Some(ViewChange {
                    view: self.view.clone(),
                    diff: all,
                    jobs: Jobs(Arc::default()),
                }),
                configuration: self.jobs.clone(),
            };
            let make = |state: &mut State| {
                state.begin_anew();
                state.take(&change, self.changes.is_some())
            };
            let follow = |state: &mut State, first: &State| {
                state.begin_anew();
                state.take_after(first, &change);
            };
            let share = |state: &State, _: &Changes| {
                let all = Changes {
                    is_anew: true,
                    ..Changes::default()
                };
                self.targets.sharing.follow(self.now(), state, &all)
            };
            Changes {
                is_anew: true,
                ..self.targets.state.change_after(make, share, follow)
            }
        }));
        made.unwrap_or_else(|_| {
            let empty = |state: &mut State| {
                state.begin_anew();
                state.view = self.view.clone();
            };
            let share = |_: &State, _: &()| self.targets.sharing.lose_track();
            self.targets.state.change_after(empty, share, |state, _| empty(state));
            Changes {
                is_anew: true,
                jobs: self.view.jobs.keys().cloned().collect(),
                outputs: Vec::new(),
            }
        })
    }

    /// Lets the lists that somebody reads be encoded before they are asked for.
    fn prepare(&self, next: &Published, changed: &BTreeSet<Arc<str>>) {
        for job in changed {
            for names in [Names::AsTheyAre, Names::Underscores] {
                if let Some(handle) = next.handle(&self.targets, job, names)
                    && handle.list.is_wanted()
                {
                    self.executor.spawn(async move { handle.prepare().await }).detach();
                }
            }
        }
    }
}

impl State {
    /// Takes a change in, and says what differs among the targets to scrape.
    fn take(&mut self, change: &Change, is_followed: bool) -> Changes {
        if let Some((number, jobs)) = &change.configuration {
            self.configure(*number, jobs);
        }
        if let Some(discovered) = &change.discovered {
            self.discover(&discovered.view, &discovered.diff);
        }
        self.changes(is_followed)
    }

    /// Becomes what `first` became of the same change, copying what was worked out to a good part.
    fn take_after(&mut self, first: &Self, change: &Change) {
        let Self {
            pools,
            view,
            configuration,
            ..
        } = self;
        pools.take_after(&first.pools, |pools| {
            if let Some((_, jobs)) = &change.configuration {
                pools.configure(jobs.iter().cloned());
            }
            if let Some(discovered) = &change.discovered {
                pools.handle_diff(&discovered.diff);
            }
            while pools.poll_output().is_some() {}
        });
        view.clone_from(&first.view);
        *configuration = first.configuration;
    }

    fn begin_anew(&mut self) {
        *self = Self {
            life: self.life + 1,
            ..Self::default()
        };
    }

    fn configure(&mut self, number: u64, jobs: &[JobOptions]) {
        self.configuration = number;
        self.pools.configure(jobs.iter().cloned());
    }

    fn discover(&mut self, view: &Arc<View>, diff: &SnapshotDiff) {
        self.pools.handle_diff(diff);
        self.view = view.clone();
    }

    fn changes(&mut self, is_followed: bool) -> Changes {
        let mut changes = Changes::default();
        while let Some((job, output)) = self.pools.poll_output() {
            if !changes.jobs.contains(&job) {
                changes.jobs.insert(job.clone());
            }
            if is_followed {
                changes.outputs.push((job, output));
            }
        }
        changes
    }
}

/// What is published after the state that was published `before`: something else of the jobs that are `touched`, and
/// other targets of those that are `changed`.
fn published(
    state: &State,
    before: &Published,
    touched: &BTreeSet<Arc<str>>,
    changed: &BTreeSet<Arc<str>>,
) -> Published {
    let mut lists = before.lists.clone();
    for job in touched {
        if !state.view.jobs.contains_key(job) || state.pools.pool(job).is_none() {
            lists.remove(job);
            continue;
        }
        let of_job = match before.lists.get(job) {
            Some(lists) if changed.contains(job) => lists.successors(),
            Some(_) => continue,
            None => Lists::new(),
        };
        lists.insert(job.clone(), of_job);
    }
    Published {
        view: state.view.clone(),
        configuration: state.configuration,
        lists,
        counters: counted(state, &before.counters, touched, changed),
    }
}

fn counted(state: &State, before: &Counters, touched: &BTreeSet<Arc<str>>, changed: &BTreeSet<Arc<str>>) -> Counters {
    let mut counters = before.clone();
    for job in touched {
        let Some(pool) = state.pools.pool(job) else {
            counters.job_syncs.remove(job);
            counters.failed.remove(job);
            continue;
        };
        if changed.contains(job) {
            add(&mut counters.job_syncs, job, 1);
            add(&mut counters.failed, job, pool.counts().invalid as u64);
            counters.exceeded_target_limit += u64::from(pool.exceeded_target_limit().is_some());
        }
    }
    counters
}

fn add(counts: &mut OrdMap<Arc<str>, u64>, job: &Arc<str>, more: u64) {
    *counts.entry(job.clone()).or_default() += more;
}

/// The targets of these jobs in a view, without a thread that keeps them.
#[cfg(test)]
pub(crate) fn targets_of(jobs: Vec<JobOptions>, view: View) -> Arc<Targets> {
    let mut updater = PoolUpdater::new(Arc::default(), Arc::new(Executor::new()), None);
    updater.take(&Change {
        discovered: Some(tests::change_to(view, &Snapshot::default())),
        configuration: Some((1, jobs)),
    });
    updater.targets
}

/// The same where other views may follow.
#[cfg(test)]
pub(crate) struct Following(PoolUpdater);

#[cfg(test)]
impl Following {
    pub(crate) fn new(jobs: Vec<JobOptions>, view: View) -> Self {
        let mut following = Self(PoolUpdater::new(Arc::default(), Arc::new(Executor::new()), None));
        following.0.jobs = Some((1, jobs));
        following.take(view, true);
        following
    }

    pub(crate) fn targets(&self) -> Arc<Targets> {
        self.0.targets.clone()
    }

    pub(crate) fn follow(&mut self, view: View) {
        self.take(view, false);
    }

    fn take(&mut self, view: View, is_configured: bool) {
        let discovered = Some(tests::change_to(view, &self.0.view.snapshot));
        let configuration = self.0.jobs.clone().filter(|_| is_configured);
        self.0.take(&Change {
            discovered,
            configuration,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::{KeptIndex, Sets};
    use proptest::prelude::*;

    /// What a view has that a snapshot had not.
    pub(super) fn change_to(view: View, older: &Snapshot) -> ViewChange {
        ViewChange {
            diff: Arc::new(view.snapshot.diff(older)),
            jobs: Jobs(Arc::new(view.jobs.keys().cloned().collect())),
            view: Arc::new(view),
        }
    }

    /// Of each job's lists.
    fn generations(targets: &Arc<Targets>) -> Vec<(String, [u64; 2])> {
        let generation = |job: &str, names| targets.handle(job, names).expect("a job").list.generation();
        let of_job = |job: Arc<str>| {
            let both = [Names::AsTheyAre, Names::Underscores].map(|names| generation(&job, names));
            (job.to_string(), both)
        };
        targets.jobs().into_iter().map(of_job).collect()
    }

    #[test]
    fn only_lists_of_jobs_that_changed_get_another_generation() {
        let jobs = || vec![JobOptions::new("a"), JobOptions::new("b")];
        let mut sets = Sets::new(&["a", "b"]);
        let groups = |rack| vec![("s", vec![("rack", rack)], vec![vec![("__address__", "h:1")]])];
        sets.update(0, groups("1"));
        sets.update(1, groups("1"));
        let mut updater = PoolUpdater::new(Arc::default(), Arc::new(Executor::new()), None);
        let mut take = |view: View, configuration| {
            let discovered = Some(change_to(view, &updater.view.snapshot));
            updater.take(&Change {
                discovered,
                configuration,
            });
            generations(&updater.targets)
        };
        let first = take(sets.view(), Some((1, jobs())));
        assert_eq!(take(sets.view(), Some((2, jobs()))), first, "nothing changed");
        sets.update(0, groups("2"));
        let second = take(sets.view(), None);
        for names in 0..2 {
            assert_ne!(second[0].1[names], first[0].1[names]);
        }
        assert_eq!(second[1], first[1]);
        let third = take(sets.view(), Some((3, vec![JobOptions::new("b")])));
        assert_eq!(third, second[1..]);
        let published = updater.targets.published();
        assert!(published.is_of(3, 0) && !published.is_of(4, 0));
        assert_eq!(published.counters.syncs, 4);
        assert_eq!(published.counters.job_syncs.values().collect::<Vec<_>>(), [&1]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Groups that change give targets of others another fate: those are in several.
        #[test]
        fn a_list_that_follows_is_the_list_that_is_made_anew(
            steps in prop::collection::vec(prop::collection::btree_map(0..40_u8, prop::collection::vec((0..6_u8, 0..3_u8), 0..5), 0..20), 1..12),
        ) {
            let rules = "relabel_configs: [{source_labels: [rack], regex: '2', action: drop}, \
                         {source_labels: [rack], regex: '1', target_label: job, replacement: other}, \
                         {regex: rack, action: labeldrop}, \
                         {source_labels: [__address__], regex: 'h[123]:.*', target_label: a.b}, \
                         {source_labels: [__address__], regex: 'h[34]:.*', target_label: a_b}]";
            let mut updater = PoolUpdater::new(Arc::default(), Arc::new(Executor::new()), None);
            let (mut sets, kept, kept_for_2) = (Sets::new(&["node"]), KeptIndex::default(), KeptIndex::default());
            for (number, groups) in (0_u64..).zip(steps) {
                let texts: Vec<_> = groups
                    .iter()
                    .map(|(source, hosts)| {
                        let host = |(host, rack): &(u8, u8)| (format!("h{host}:1"), rack.to_string());
                        (source.to_string(), hosts.iter().map(host).collect::<Vec<_>>())
                    })
                    .collect();
                let parts = texts.iter().map(|(source, hosts)| {
                    let target = |(host, rack): &'_ (String, String)| vec![("__address__", host.clone()), ("rack", rack.clone())];
                    (source.as_str(), hosts.iter().map(target).collect::<Vec<_>>())
                });
                let parts: Vec<_> = parts.collect();
                let borrowed = parts.iter().map(|(source, targets)| {
                    let targets = targets.iter().map(|labels| labels.iter().map(|(name, value)| (*name, value.as_str())).collect());
                    (*source, Vec::new(), targets.collect())
                });
                sets.update(0, borrowed.collect());
                // Now and then the configuration is another one.
                let is_other = number % 5 == 0;
                let configuration = is_other.then(|| (number + 1, vec![crate::targets::list::tests::job(rules)]));
                let discovered = Some(change_to(sets.view(), &updater.view.snapshot));
                updater.take(&Change { discovered, configuration });
                let [followed, anew] = [&kept, &KeptIndex::default()].map(|kept| {
                    updater.targets.read(|state| state.deliverable_list("node", Names::AsTheyAre, kept)).expect("whole")
                });
                let plain = updater.targets.read(|state| {
                    crate::targets::relabelled_list(&state.pools, &state.view.snapshot, "node")
                });
                prop_assert_eq!(String::from_utf8(followed.to_vec()), String::from_utf8(plain));
                prop_assert_eq!(followed.tag(), anew.tag());
                let [followed_for_2, anew_for_2] = [&kept_for_2, &KeptIndex::default()].map(|kept| {
                    updater.targets.read(|state| state.deliverable_list("node", Names::Underscores, kept)).expect("whole")
                });
                prop_assert_eq!(
                    String::from_utf8(followed_for_2.to_vec()),
                    String::from_utf8(anew_for_2.to_vec())
                );
                // Of those with both names nothing is said, and all others are there.
                let text = String::from_utf8(followed.to_vec()).expect("UTF-8");
                let entries = text.lines().filter(|line| line.starts_with('{'));
                let sayable = entries.filter(|line| !(line.contains("\"a.b\"") && line.contains("\"a_b\""))).count();
                let text = String::from_utf8(followed_for_2.to_vec()).expect("UTF-8");
                prop_assert_eq!(text.lines().filter(|line| line.starts_with('{')).count(), sayable);
            }
        }
    }

    /// What a reader got before a reload must not become a list of what is left after it.
    #[test]
    fn no_list_is_made_of_a_state_in_which_it_is_not_complete() {
        let mut sets = Sets::new(&["a", "b"]);
        for set in 0..2 {
            sets.update(set, vec![("s", vec![], vec![vec![("__address__", "h:1")]])]);
        }
        let mut updater = PoolUpdater::new(Arc::default(), Arc::new(Executor::new()), None);
        let mut take = |view: View, jobs: &[&str]| {
            let discovered = Some(change_to(view, &updater.view.snapshot));
            let configuration = Some((1, jobs.iter().copied().map(JobOptions::new).collect()));
            updater.take(&Change {
                discovered,
                configuration,
            });
            updater.targets.clone()
        };
        let targets = take(sets.view(), &["a", "b"]);
        let before = ["a", "b"].map(|job| targets.handle(job, Names::AsTheyAre).expect("a job"));
        assert!(before.iter().all(|handle| handle.delivery.is_delivered()));
        sets.reload(&["a"], "another");
        sets.can_not_run(2);
        take(sets.view(), &["a"]);
        for handle in &before {
            assert_eq!(smol::block_on(handle.json()), None);
        }
        sets.reload(&["a"], "a third");
        sets.update(3, vec![("s", vec![], vec![vec![("__address__", "h:2")]])]);
        take(sets.view(), &["a"]);
        let list = smol::block_on(before[0].json()).expect("it is complete again");
        assert!(String::from_utf8_lossy(&list.to_vec()).contains("h:2"), "a later state");
    }
}
