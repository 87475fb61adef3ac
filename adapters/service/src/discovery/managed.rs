//! A manager on its driver, and the newest view of it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use async_channel::Receiver;
use event_listener::EventListener;
use headcount_core::{Manager, ManagerOptions, Past, ProviderId, SavedState, UnknownProvider};
use headcount_discoverer::mechanism::SdConfig;
use headcount_discoverer::{Env, Limits, QueueStatus};
use headcount_runtime::{DriverGone, Handle, RefreshRequest, Running};

use super::churn::{Churn, ChurnLog};
use super::feed::{Follower, Jobs};
use super::hold_counts::HoldCounts;
use super::publication::Publication;
use super::publisher::{Publisher, Shared};
use super::{MemberEvent, Observation, Provider, ServeIncomplete, SharedHistory, View, ViewChange};
use crate::Workers;
use crate::effective::Effective;
use crate::output::Recording;
use crate::reload::Providers;

/// A running manager.
#[derive(Debug)]
pub(crate) struct Managed {
    name: &'static str,
    handle: Handle<SdConfig>,
    env: Env,
    publication: Arc<Publication>,
    serve: Arc<ArcSwap<ServeIncomplete>>,
    history: Arc<SharedHistory>,
    ended: Receiver<Infallible>,
    hold_counts: Arc<HoldCounts>,
    churn: Arc<ChurnLog>,
    refreshes: AtomicU64,
    /// How often the manager was asked something.
    #[cfg(test)]
    questions: std::sync::atomic::AtomicUsize,
}

/// What a name means to a manager.
pub(crate) enum Called {
    /// A provider that runs.
    Running(Box<Provider>),
    /// A config that can't be run, for this reason.
    Failed(String),
    Nothing,
}

/// What a manager begins with.
pub(crate) enum Beginning<'a> {
    /// Nothing.
    Nothing,
    /// What another process had saved.
    Saved(SavedState<SdConfig>),
    /// Nothing, and all that it is given and says is recorded.
    Recorded(&'a Recording),
}

/// Starts the manager called `name`, with the bounds of [`Limits::default`].
#[cfg(test)]
pub(crate) fn start(
    workers: &Workers,
    name: &'static str,
    options: ManagerOptions,
    beginning: Beginning<'_>,
) -> Arc<Managed> {
    start_limited(workers, name, options, beginning, Limits::default())
}

/// Starts the manager called `name`, and the task that publishes what it finds.
pub(crate) fn start_limited(
    workers: &Workers,
    name: &'static str,
    options: ManagerOptions,
    beginning: Beginning<'_>,
    limits: Limits,
) -> Arc<Managed> {
    let runtime = workers.runtime();
    let mut env = workers.env().clone();
    env.limits = limits;
    let options = ManagerOptions {
        name: name.to_owned(),
        seed: env.random.next_u64(),
        ..options
    };
    let build = SdConfig::discoverer;
    let running = match beginning {
        Beginning::Recorded(recording) => {
            let record = |options| recording.sink(options);
            headcount_runtime::start_recorded(runtime, options, env.clone(), build, record)
        }
        Beginning::Saved(saved) => headcount_runtime::start_restored(runtime, options, env.clone(), build, saved),
        Beginning::Nothing => headcount_runtime::start(runtime, options, env.clone(), build),
    };
    let Running {
        handle,
        snapshots,
        events,
    } = running;
    let (ending, ended) = async_channel::bounded(1);
    let shared = Shared::default();
    let history = Arc::new(SharedHistory::new(env.clock.now()));
    let publisher = Publisher::new(
        name,
        shared.clone(),
        history.clone(),
        snapshots,
        events,
        workers.executor().clone(),
    );
    let publish = async move {
        publisher.run().await;
        drop(ending);
    };
    workers.executor().spawn(publish).detach();
    Arc::new(Managed {
        name,
        handle,
        env,
        publication: shared.publication,
        serve: shared.serve,
        history,
        ended,
        hold_counts: shared.hold_counts,
        churn: shared.churn,
        refreshes: AtomicU64::new(0),
        #[cfg(test)]
        questions: std::sync::atomic::AtomicUsize::default(),
    })
}

impl Managed {
    /// The manager's name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The newest view.
    pub(crate) fn view(&self) -> Arc<View> {
        self.publication.view()
    }

    /// Completes when another view is published. Get it before looking at the view, and nothing
    /// is missed.
    pub(crate) fn published(&self) -> EventListener {
        self.publication.published()
    }

    /// Who gets all that changes from now on.
    pub(crate) fn follow(&self) -> Follower<ViewChange> {
        self.publication.follow()
    }

    /// Who gets to know which jobs may have other lists from now on.
    pub(crate) fn follow_jobs(&self) -> Follower<Jobs> {
        self.publication.follow_jobs()
    }

    /// What the manager says of its providers now. It is asked, and has other things to do: for who answers a
    /// request, and nothing else.
    pub(crate) async fn observe(&self) -> Result<Observation, DriverGone> {
        #[cfg(test)]
        self.questions.fetch_add(1, Ordering::Relaxed);
        let clock = self.env.clock.clone();
        self.handle
            .with(move |manager| Observation::of(manager, clock.now()))
            .await
    }

    /// What the manager says now of these providers, as far as they run.
    pub(crate) async fn observe_some(&self, ids: Vec<ProviderId>) -> Result<Vec<Provider>, DriverGone> {
        let observe = move |manager: &Manager<SdConfig>| {
            let running = ids.iter().filter_map(|id| manager.provider(*id));
            running.map(Provider::of).collect()
        };
        self.handle.with(observe).await
    }

    /// From now on, and for the sets that are applied next, this counts.
    pub(crate) async fn configure(&self, effective: Effective) -> Result<(), DriverGone> {
        let Effective {
            throttle,
            per_set,
            defaults,
            by_set,
            serve,
        } = effective;
        if **self.serve.load() != serve {
            self.serve.store(Arc::new(serve));
        }
        self.handle.set_throttle(throttle, per_set).await?;
        self.handle.set_options(defaults, by_set).await
    }

    /// Makes `sets` all the sets there are. Gives the version of the first snapshot with them, and what that did to
    /// providers.
    pub(crate) async fn apply(&self, sets: Vec<(String, Vec<SdConfig>)>) -> Result<(u64, Providers), DriverGone> {
        // Before what comes of it.
        let now = self.env.clock.now();
        // Who is stopped has no name afterwards.
        let before = self.handle.with(|manager| names(manager, |_| true)).await?;
        let applied = self.handle.apply(sets).await?;
        let newest = before.last().map(|(id, _)| *id);
        let started = self
            .handle
            .with(move |manager| names(manager, |id| Some(id) > newest))
            .await?;
        let is_idle = applied.started.is_empty() && applied.stopped.is_empty() && applied.kept.is_empty();
        if !is_idle {
            self.history.write(|history| history.reloaded(now, &applied));
        }
        let providers = Providers {
            started: called(&applied.started, &started),
            stopped: called(&applied.stopped, &before),
            kept: applied.kept.len(),
        };
        Ok((applied.version, providers))
    }

    /// Notes that a configuration was not applied, and why.
    pub(crate) fn note_refused(&self, reason: &str) {
        let now = self.env.clock.now();
        self.history.write(|history| history.reload_refused(now, reason));
    }

    /// Notes that members of those who share the targets came or went.
    pub(crate) fn note_members(&self, members: &[MemberEvent]) {
        self.history.write(|history| {
            for event in members {
                history.member(event.at, &event.name, event.change, event.targets);
            }
        });
    }

    /// What happened so far.
    pub(crate) fn past(&self) -> Arc<Past> {
        self.history.past()
    }

    /// Lets go what the guard holds of a provider. Gives how many targets that were.
    pub(crate) async fn confirm_drop(&self, id: ProviderId) -> Result<Result<usize, UnknownProvider>, DriverGone> {
        self.handle.confirm_drop(id).await
    }

    /// Has a provider ask its backend now.
    pub(crate) async fn refresh(&self, id: ProviderId) -> Result<Result<RefreshRequest, UnknownProvider>, DriverGone> {
        self.refreshes.fetch_add(1, Ordering::Relaxed);
        self.handle.refresh(id).await
    }

    /// How often a provider was to ask its backend because somebody asked for it.
    pub(crate) fn refreshes(&self) -> u64 {
        self.refreshes.load(Ordering::Relaxed)
    }

    /// What is called so.
    pub(crate) async fn called(&self, name: &str) -> Result<Called, DriverGone> {
        let name = name.to_owned();
        let find = move |manager: &Manager<SdConfig>| {
            let failed = manager.failed_configs().iter().find(|failed| *failed.name == name);
            match manager.providers().find(|status| **status.name == name) {
                Some(status) => Called::Running(Box::new(Provider::of(status))),
                None => failed.map_or(Called::Nothing, |failed| Called::Failed(failed.reason.clone())),
            }
        };
        self.handle.with(find).await
    }

    /// The reports that wait for the manager, and what became of those before.
    pub(crate) fn queue(&self) -> QueueStatus {
        self.handle.queue()
    }

    /// Drops that were held and let go so far.
    pub(crate) fn hold_counts(&self) -> &HoldCounts {
        &self.hold_counts
    }

    /// How much of what each provider finds changes.
    pub(crate) fn churn(&self) -> BTreeMap<ProviderId, Churn> {
        self.churn.all(self.env.clock.now())
    }

    /// Completes when the manager has ended.
    pub(crate) async fn ended(&self) {
        self.ended.recv().await.ok();
    }

    /// Stops the manager and its discoverers, and waits for them.
    pub(crate) async fn stop(&self) {
        self.handle.stop().await;
    }

    /// Another number when other targets are held.
    pub(crate) fn holds(&self) -> u64 {
        self.publication.holds()
    }
}

/// The names of providers that run, in the order of their ids.
fn names(manager: &Manager<SdConfig>, is_wanted: impl Fn(ProviderId) -> bool) -> Vec<(ProviderId, Arc<str>)> {
    let wanted = manager.providers().filter(|status| is_wanted(status.id));
    wanted.map(|status| (status.id, status.name.clone())).collect()
}

/// The names of these, as far as they have one: who could not be started has none.
fn called(ids: &[ProviderId], names: &[(ProviderId, Arc<str>)]) -> Vec<String> {
    let find = |id: &ProviderId| {
        let place = names.binary_search_by_key(id, |(id, _)| *id).ok()?;
        names.get(place).map(|(_, name)| name.to_string())
    };
    ids.iter().filter_map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{FileSd, Lists};
    use crate::targets::Names;
    use headcount_backends::r#static::{StaticGroup, StaticSd};
    use headcount_core::{JobOptions, Throttle};
    use std::time::{Duration, Instant};

    /// Pools, files and the log work with what they are given.
    #[test]
    fn the_manager_is_asked_nothing_while_snapshots_flow() {
        let workers = Workers::start().expect("threads");
        let throttle = Throttle::Ticker {
            interval: Duration::ZERO,
        };
        let options = ManagerOptions {
            throttle,
            ..ManagerOptions::default()
        };
        let managed = start(&workers, "scrape", options, Beginning::Nothing);
        let targets = crate::targets::start(workers.executor(), managed.clone(), None, workers.env().clock.clone())
            .expect("a thread");
        let folder = tempfile::tempdir().expect("a folder");
        let lists = [
            Lists::discovered(&managed, &Arc::default()),
            Lists::relabelled(&targets, Names::AsTheyAre),
        ];
        let paths = ["discovered", "relabelled"].map(|name| folder.path().join(name));
        let files = paths.iter().zip(lists);
        let tasks: Vec<_> = files
            .map(|(path, lists)| workers.executor().spawn(FileSd::new(path.clone(), lists).run()))
            .collect();
        workers.block_on(async {
            for round in 1..=10 {
                let address = format!("h:{round}");
                let group = StaticGroup {
                    targets: vec![address.clone()],
                    labels: Vec::new(),
                };
                let sets = vec![("job".to_owned(), vec![SdConfig::new(StaticSd::new(vec![group]))])];
                let configuration = targets.configure(vec![JobOptions::new("job")]);
                let (version, _) = managed.apply(sets).await.expect("running");
                targets.seen(configuration, version).await;
                for path in &paths {
                    let path = path.join("job.json");
                    let deadline = Instant::now() + Duration::from_secs(60);
                    while !std::fs::read_to_string(&path).is_ok_and(|text| text.contains(&address)) {
                        assert!(Instant::now() < deadline, "{address} is not in {}", path.display());
                        smol::Timer::after(Duration::from_millis(5)).await;
                    }
                }
            }
        });
        drop(tasks);
        assert_eq!(managed.questions.load(Ordering::Relaxed), 0);
    }
}
