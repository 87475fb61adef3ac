//! Keeps the pools up to date with what is discovered and configured.

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Instant;

use async_channel::Sender;
use futures_lite::FutureExt;
use headcount_core::JobOptions;
use smol::Executor;

use super::{Changes, Counters, Published, State, Targets};
use crate::discovery::{List, Managed, View};

/// Starts the thread that keeps the targets of what `managed` discovers, and tells `changes` what
/// changes among them. It ends with the manager.
pub(crate) fn start(
    executor: &Arc<Executor<'static>>,
    managed: Arc<Managed>,
    changes: Option<Sender<Changes>>,
) -> io::Result<Arc<Targets>> {
    let targets = Arc::new(Targets::default());
    let mut keeper = Keeper {
        targets: targets.clone(),
        executor: executor.clone(),
        changes,
        jobs: None,
    };
    thread::Builder::new()
        .name("headcount-targets".to_owned())
        .spawn(move || smol::block_on(keeper.run(managed)))?;
    Ok(targets)
}

struct Keeper {
    targets: Arc<Targets>,
    executor: Arc<Executor<'static>>,
    changes: Option<Sender<Changes>>,
    /// The jobs that are configured, and their configuration's number.
    jobs: Option<(u64, Vec<JobOptions>)>,
}

/// What is to be taken.
struct Change {
    view: Arc<View>,
    configuration: Option<(u64, Vec<JobOptions>)>,
}

impl Keeper {
    async fn run(&mut self, managed: Arc<Managed>) {
        loop {
            let (discovered, configured) = (managed.published(), self.targets.configured.listen());
            if let Some(change) = self.next(managed.view()) {
                self.take(&change);
                continue;
            }
            let news = async {
                discovered.or(configured).await;
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

    fn next(&mut self, view: Arc<View>) -> Option<Change> {
        let mut wanted = self.targets.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let configuration = wanted.jobs.take().map(|jobs| (wanted.number, jobs));
        let is_new = !Arc::ptr_eq(&view, &self.targets.published().view);
        if configuration.is_some() {
            self.jobs.clone_from(&configuration);
        }
        (is_new || configuration.is_some()).then_some(Change { view, configuration })
    }

    fn take(&self, change: &Change) {
        let (begun, is_followed) = (Instant::now(), self.changes.is_some());
        let taken = catch_unwind(AssertUnwindSafe(|| {
            self.targets.state.change(|state| state.take(change, is_followed))
        }));
        let changes = taken.unwrap_or_else(|_| {
            tracing::error!("working out targets panicked; they are worked out anew, please report this");
            self.start_over(change)
        });
        let before = self.targets.published();
        let mut next = self.targets.read(|state| published(state, &before, &changes.jobs));
        next.counters.syncs += 1;
        next.counters.sync_time += begun.elapsed();
        let next = Arc::new(next);
        self.targets.published.store(next.clone());
        self.targets.news.notify(usize::MAX);
        self.prepare(&next, &changes.jobs);
        if let Some(sender) = &self.changes
            && (changes.is_anew || !changes.outputs.is_empty())
        {
            // Nobody listens any more when the daemon stops.
            sender.try_send(changes).ok();
        }
    }

    /// Makes the whole state anew, because nobody knows what is in it. If that panics as well,
    /// there are no targets until something changes.
    fn start_over(&self, change: &Change) -> Changes {
        let change = Change {
            view: change.view.clone(),
            configuration: self.jobs.clone(),
        };
        let made = catch_unwind(AssertUnwindSafe(|| {
            self.targets.state.change(|state| {
                *state = State::default();
                Changes {
                    is_anew: true,
                    ..state.take(&change, self.changes.is_some())
                }
            })
        }));
        made.unwrap_or_else(|_| {
            self.targets.state.change(|state| {
                *state = State {
                    view: change.view.clone(),
                    ..State::default()
                };
            });
            Changes {
                is_anew: true,
                jobs: change.view.jobs.keys().cloned().collect(),
                outputs: Vec::new(),
            }
        })
    }

    /// Lets the lists that somebody reads be encoded before they are asked for.
    fn prepare(&self, next: &Published, changed: &BTreeSet<Arc<str>>) {
        for job in changed {
            if let Some(offer) = next.offer(&self.targets, job)
                && offer.list.is_wanted()
            {
                self.executor.spawn(async move { offer.prepare().await }).detach();
            }
        }
    }
}

impl State {
    /// Takes a change in, and says what differs among the targets to scrape.
    fn take(&mut self, change: &Change, is_followed: bool) -> Changes {
        if let Some((number, jobs)) = &change.configuration {
            self.configuration = *number;
            self.pools.configure(jobs.iter().cloned());
        }
        self.pools.handle_snapshot(&change.view.snapshot);
        self.view = change.view.clone();
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

fn published(state: &State, before: &Published, changed: &BTreeSet<Arc<str>>) -> Published {
    let jobs = state.view.jobs.keys().filter(|job| state.pools.pool(job).is_some());
    let list = |job: &Arc<str>| match before.lists.get(job) {
        Some(list) if changed.contains(job) => list.successor(),
        Some(list) => list.clone(),
        None => List::new(),
    };
    Published {
        view: state.view.clone(),
        configuration: state.configuration,
        lists: jobs.map(|job| (job.clone(), list(job))).collect(),
        counters: counted(state, &before.counters, changed),
    }
}

fn counted(state: &State, before: &Counters, changed: &BTreeSet<Arc<str>>) -> Counters {
    let mut counters = before.clone();
    counters.job_syncs.retain(|job, _| state.pools.pool(job).is_some());
    counters.failed.retain(|job, _| state.pools.pool(job).is_some());
    for job in changed {
        let Some(pool) = state.pools.pool(job) else { continue };
        *counters.job_syncs.entry(job.clone()).or_default() += 1;
        *counters.failed.entry(job.clone()).or_default() += pool.counts().invalid as u64;
        counters.exceeded_target_limit += u64::from(pool.exceeded_target_limit().is_some());
    }
    counters
}

/// The targets of these jobs in a view, without a thread that keeps them.
#[cfg(test)]
pub(crate) fn targets_of(jobs: Vec<JobOptions>, view: View) -> Arc<Targets> {
    let keeper = Keeper {
        targets: Arc::new(Targets::default()),
        executor: Arc::new(Executor::new()),
        changes: None,
        jobs: None,
    };
    keeper.take(&Change {
        view: Arc::new(view),
        configuration: Some((1, jobs)),
    });
    keeper.targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::Sets;

    #[test]
    fn only_lists_of_jobs_that_changed_get_another_generation() {
        let jobs = || vec![JobOptions::new("a"), JobOptions::new("b")];
        let mut sets = Sets::new(&["a", "b"]);
        let groups = |rack| vec![("s", vec![("rack", rack)], vec![vec![("__address__", "h:1")]])];
        sets.update(0, groups("1"));
        sets.update(1, groups("1"));
        let targets = targets_of(jobs(), sets.view());
        let generations = |targets: &Arc<Targets>| {
            let offers = targets.offers().expect("known");
            offers
                .into_iter()
                .map(|(job, offer)| (job.to_string(), offer.list.generation()))
                .collect::<Vec<_>>()
        };
        let first = generations(&targets);
        let keeper = Keeper {
            targets: targets.clone(),
            executor: Arc::new(Executor::new()),
            changes: None,
            jobs: None,
        };
        let take = |view: View, configuration| {
            keeper.take(&Change {
                view: Arc::new(view),
                configuration,
            });
            generations(&targets)
        };
        assert_eq!(take(sets.view(), Some((2, jobs()))), first, "nothing changed");
        sets.update(0, groups("2"));
        let second = take(sets.view(), None);
        assert_ne!(second[0], first[0]);
        assert_eq!(second[1], first[1]);
        let third = take(sets.view(), Some((3, vec![JobOptions::new("b")])));
        assert_eq!(third, second[1..]);
        let published = targets.published();
        assert!(published.is_of(3, 0) && !published.is_of(4, 0));
        assert_eq!(published.counters.syncs, 4);
        assert_eq!(published.counters.job_syncs.values().collect::<Vec<_>>(), [&1]);
    }
}
