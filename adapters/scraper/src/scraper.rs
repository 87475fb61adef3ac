//! Scrapes the targets of all jobs when they are due.

use std::collections::{BTreeMap, HashMap};
use std::future::pending;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use async_executor::Executor;
use event_listener::Event;
use futures_lite::FutureExt;
use headcount_core::{
    PoolOutput, Schedule, ScheduleCounts, ScheduleOptions, Scrape, ScrapePace, ScrapeResult, TargetId, planted,
};
use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpClient, HttpError};
use headcount_reader::HttpClientSettings;

use crate::failure::ScrapeFailure;
use crate::health::TargetHealth;
use crate::metrics;
use crate::scrape::{Scraped, scrape};
use crate::settings::{ScrapeSettings, ScrapeTarget};

/// Settings of a [`Scraper`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScraperOptions {
    /// Moves every target's place in its interval; see [`ScheduleOptions::seed`].
    pub seed: u64,
    /// How many scrapes may run at once; absent is not limited.
    pub max_in_flight: Option<NonZeroUsize>,
}

/// Who knows the targets.
pub trait Targets: Send + Sync {
    /// Gives those of these targets that are there as they are now, in any order.
    fn find(&self, job: &str, ids: &[TargetId], found: &mut dyn FnMut(TargetId, ScrapeTarget));

    /// Why no target of the job is asked, and all count as down: there are too many of them.
    fn refused(&self, job: &str) -> Option<String>;
}

/// Scrapes targets. Cloning it clones a handle.
///
/// Tell it the jobs with [`set_jobs`](Self::set_jobs) and what changes among their targets with
/// [`handle`](Self::handle); nothing is scraped unless [`run`](Self::run) is polled.
#[derive(Clone)]
pub struct Scraper(Arc<Shared>);

struct Shared {
    env: Env,
    targets: Arc<dyn Targets>,
    state: Mutex<State>,
    changed: Event,
}

#[derive(Default)]
struct State {
    /// With the targets' URLs.
    schedule: Schedule<Arc<str>>,
    jobs: BTreeMap<Arc<str>, Job>,
}

/// A job, and the client that its targets share, with the connections that it keeps.
#[derive(Clone)]
struct Job {
    settings: Arc<ScrapeSettings>,
    client: Result<Arc<dyn HttpClient>, HttpError>,
}

impl Scraper {
    /// Knows no jobs yet.
    pub fn new(env: Env, targets: Arc<dyn Targets>, options: ScraperOptions) -> Self {
        metrics::show(&env.metrics);
        let (now, unix) = (env.clock.now(), env.clock.unix_time());
        let schedule = Schedule::new(ScheduleOptions {
            seed: options.seed,
            unix_epoch: unix.saturating_sub(std::time::Duration::from_nanos(now.as_nanos())),
            max_in_flight: options.max_in_flight,
        });
        Self(Arc::new(Shared {
            env,
            targets,
            state: Mutex::new(State {
                schedule,
                ..State::default()
            }),
            changed: Event::new(),
        }))
    }

    /// Takes the list of all jobs. When targets are due stays as it is; a job whose HTTP settings
    /// stay keeps its connections.
    pub fn set_jobs(&self, jobs: impl IntoIterator<Item = (Arc<str>, ScrapeSettings)>) {
        let before = self.0.with(|state| state.jobs.clone());
        let job = |(name, settings): (Arc<str>, ScrapeSettings)| {
            let client = match planted!(before.get(&name), ReloadClosesConnections, None::<&Job>) {
                Some(job)
                    if planted!(job.settings.client == settings.client, OldSettingsStay, true)
                        && job.client.is_ok() =>
                {
                    job.client.clone()
                }
                _ => self.client(&settings.client),
            };
            let settings = Arc::new(settings);
            (name, Job { settings, client })
        };
        let jobs = jobs.into_iter().map(job).collect();
        self.0.with(|state| state.jobs = jobs);
    }

    /// Takes changes of a job's targets.
    pub fn handle(&self, job: &Arc<str>, changes: &[PoolOutput]) {
        let ids: Vec<TargetId> = changes.iter().filter_map(new_target).collect();
        let mut found = HashMap::with_capacity(ids.len());
        // Looked up before the lock is taken, which those who scrape wait for.
        self.0.targets.find(job, &ids, &mut |id, target| {
            let pace = ScrapePace::from_labels(&target.labels);
            found.extend(pace.map(|pace| (id, (pace, Arc::from(target.url)))));
        });
        let now = self.0.env.clock.now();
        self.0.with(|state| {
            for change in changes {
                let known = new_target(change).and_then(|id| found.remove(&id));
                match (*change, known) {
                    (PoolOutput::Started(id), Some((pace, url))) => state.schedule.start(now, job, id, pace, url),
                    (PoolOutput::Relabelled { old, new }, Some((pace, url))) => {
                        state.schedule.relabel(now, job, (old, new), pace, url);
                    }
                    // One that is gone already is not started.
                    (PoolOutput::Started(_), None) => {}
                    (PoolOutput::Stopped(id) | PoolOutput::Relabelled { old: id, .. }, _) => {
                        planted!(state.schedule.stop(job, id), RelabelledAwayIsScraped, {
                            if matches!(change, PoolOutput::Stopped(_)) {
                                state.schedule.stop(job, id);
                            }
                        });
                    }
                }
            }
        });
        self.0.changed.notify(usize::MAX);
    }

    /// Forgets all targets, because nobody knows any longer what changed among them. Those that
    /// there are have to be told again.
    pub fn forget_targets(&self) {
        self.0.with(|state| state.schedule.clear());
    }

    /// What is known of a target; `None` if it is not there.
    pub fn health(&self, job: &str, id: TargetId) -> Option<TargetHealth> {
        self.0
            .with(|state| state.schedule.status(job, id).map(TargetHealth::from))
    }

    /// What was counted.
    pub fn counts(&self) -> ScheduleCounts {
        self.0.with(|state| state.schedule.counts())
    }

    /// Scrapes what is due, for ever. Dropping the future ends all scrapes that run.
    ///
    /// Only one may run at a time.
    pub async fn run(&self) {
        let executor = Executor::new();
        let shared = &self.0;
        let scrapes = async {
            loop {
                let changed = shared.changed.listen();
                let (due, next) = shared.due();
                for scrape in due {
                    executor.spawn(carry_out(shared.clone(), scrape)).detach();
                }
                let now = shared.env.clock.now();
                let in_time = async {
                    match next {
                        Some(next) => shared.env.clock.sleep(next.saturating_duration_since(now)).await,
                        None => pending().await,
                    }
                };
                in_time.or(changed).await;
            }
        };
        executor.run(scrapes).await;
    }

    fn client(&self, settings: &HttpClientSettings) -> Result<Arc<dyn HttpClient>, HttpError> {
        self.0.env.http.client(settings)
    }
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is due now, and when there is more.
    fn due(&self) -> (Vec<Scrape<Arc<str>>>, Option<headcount_core::Instant>) {
        let now = self.env.clock.now();
        let (due, next, before, after) = self.with(|state| {
            let before = state.schedule.counts();
            let due: Vec<_> = std::iter::from_fn(|| state.schedule.poll_scrape(now)).collect();
            (due, state.schedule.poll_timeout(), before, state.schedule.counts())
        });
        metrics::begun(&self.env.metrics, now, &due, before, after);
        (due, next)
    }
}

fn new_target(change: &PoolOutput) -> Option<TargetId> {
    match change {
        PoolOutput::Started(id) | PoolOutput::Relabelled { new: id, .. } => Some(*id),
        PoolOutput::Stopped(_) => None,
    }
}

/// Carries a scrape out and tells what came of it.
async fn carry_out(shared: Arc<Shared>, due: Scrape<Arc<str>>) {
    let job = shared.with(|state| state.jobs.get(due.job()).cloned());
    let scraped = match job {
        Some(job) => {
            let scrape = AssertUnwindSafe(ask(&shared, &job, &due));
            // Its place has to become free whatever happens.
            let scraped = scrape.catch_unwind().await;
            Some(scraped.unwrap_or_else(|_| Scraped::failed(ScrapeFailure::Panicked)))
        }
        // It was stopped in this moment.
        None => None,
    };
    let failure = scraped.as_ref().and_then(|scraped| scraped.failure.as_ref());
    let is_ours = planted!(
        matches!(failure, Some(ScrapeFailure::OwnLimit(_))),
        OwnLimitIsDown,
        false
    );
    let result = scraped
        .as_ref()
        .map_or_else(ScrapeResult::default, |scraped| ScrapeResult {
            samples: scraped.samples,
            body_bytes: scraped.body_bytes,
            error: failure.map(|failure| failure.to_string().into()),
        });
    let now = shared.env.clock.now();
    let duration = now.saturating_duration_since(due.started());
    let counts = shared.with(|state| {
        match is_ours {
            true => state.schedule.abandon(due),
            false => state.schedule.finish(now, due, result),
        }
        state.schedule.counts()
    });
    if let Some(scraped) = scraped {
        metrics::ended(&shared.env.metrics, now, &scraped, duration, counts);
    }
    shared.changed.notify(usize::MAX);
}

async fn ask(shared: &Shared, job: &Job, due: &Scrape<Arc<str>>) -> Scraped {
    if let Some(refused) = planted!(shared.targets.refused(due.job()), RefusedIsAsked, None::<String>) {
        return Scraped::failed(ScrapeFailure::Refused(refused));
    }
    let client = match &job.client {
        Ok(client) => client,
        Err(error) => return Scraped::failed(ScrapeFailure::of_http(error, due.what(), false)),
    };
    let mut labels = Vec::new();
    if job.settings.wants_target_labels() {
        let found = &mut |_, target: ScrapeTarget| labels = target.labels;
        shared.targets.find(due.job(), &[due.target()], found);
    }
    scrape(&**client, &job.settings, due.what(), &labels, due.pace().timeout()).await
}
