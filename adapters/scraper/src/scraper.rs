//! Scrapes the targets of all jobs when they are due.

use std::collections::BTreeMap;
use std::future::pending;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use async_executor::Executor;
use event_listener::Event;
use futures_lite::FutureExt;
use headcount_core::{
    PoolOutput, Schedule, ScheduleCounts, ScheduleOptions, Scrape, ScrapePace, ScrapeResult, TargetId,
};
use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpClient, HttpError};
use headcount_discoverer::settings::HttpClientSettings;

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

/// Who knows the targets, and how they are reached.
pub trait Targets: Send + Sync {
    /// The target as it is now; `None` if it is gone.
    fn find(&self, job: &str, id: TargetId) -> Option<ScrapeTarget>;
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
    schedule: Schedule,
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
            let client = match before.get(&name) {
                Some(job) if job.settings.client == settings.client && job.client.is_ok() => job.client.clone(),
                _ => self.client(&settings.client),
            };
            let settings = Arc::new(settings);
            (name, Job { settings, client })
        };
        let jobs = jobs.into_iter().map(job).collect();
        self.0.with(|state| state.jobs = jobs);
    }

    /// Takes changes of targets.
    pub fn handle(&self, changes: impl IntoIterator<Item = (Arc<str>, PoolOutput)>) {
        let pace = |job: &str, id| ScrapePace::from_labels(&self.0.targets.find(job, id)?.labels);
        // Looked up before the lock is taken, which those who scrape wait for.
        let changes: Vec<_> = changes
            .into_iter()
            .map(|(job, change)| match change {
                PoolOutput::Stopped(_) => (None, job, change),
                PoolOutput::Started(id) | PoolOutput::Relabelled { new: id, .. } => (pace(&job, id), job, change),
            })
            .collect();
        let now = self.0.env.clock.now();
        self.0.with(|state| {
            for (pace, job, change) in changes {
                match (change, pace) {
                    (PoolOutput::Started(id), Some(pace)) => state.schedule.start(now, &job, id, pace),
                    (PoolOutput::Relabelled { old, new }, Some(pace)) => {
                        state.schedule.relabel(now, &job, old, new, pace);
                    }
                    // One that is gone already is not started.
                    (PoolOutput::Started(_), None) => {}
                    (PoolOutput::Stopped(id) | PoolOutput::Relabelled { old: id, .. }, _) => {
                        state.schedule.stop(&job, id)
                    }
                }
            }
        });
        self.0.changed.notify(usize::MAX);
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
    fn due(&self) -> (Vec<Scrape>, Option<headcount_core::Instant>) {
        let now = self.env.clock.now();
        let (due, next, before, after) = self.with(|state| {
            let before = state.schedule.counts();
            let due: Vec<_> = std::iter::from_fn(|| state.schedule.poll_scrape(now)).collect();
            (due, state.schedule.poll_timeout(), before, state.schedule.counts())
        });
        metrics::begun(&self.env.metrics, &due, before, after);
        (due, next)
    }
}

/// Carries a scrape out and tells what came of it.
async fn carry_out(shared: Arc<Shared>, due: Scrape) {
    let job = shared.with(|state| state.jobs.get(due.job()).cloned());
    let target = shared.targets.find(due.job(), due.target());
    let scraped = match (job, target) {
        (Some(job), Some(target)) => match &job.client {
            Ok(client) => Some(scrape(&**client, &job.settings, &target, due.pace().timeout()).await),
            Err(error) => Some(Scraped::failed(ScrapeFailure::of_http(error, &target.url, false))),
        },
        // It was stopped in this moment.
        _ => None,
    };
    let result = scraped
        .as_ref()
        .map_or_else(ScrapeResult::default, |scraped| ScrapeResult {
            samples: scraped.samples,
            body_bytes: scraped.body_bytes,
            error: scraped.failure.as_ref().map(|failure| failure.to_string().into()),
        });
    let now = shared.env.clock.now();
    let duration = now.saturating_duration_since(due.started());
    let counts = shared.with(|state| {
        state.schedule.finish(now, due, result);
        state.schedule.counts()
    });
    if let Some(scraped) = scraped {
        metrics::ended(&shared.env.metrics, &scraped, duration, counts);
    }
    shared.changed.notify(usize::MAX);
}
