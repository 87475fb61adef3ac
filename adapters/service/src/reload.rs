//! From one configuration to the next while running.
//!
//! The one rule: **a configuration that is wrong changes nothing.** What ran before goes on, the
//! problems are said, and the metrics show it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_channel::Sender;
use blocking::unblock;
use futures_lite::FutureExt;
use headcount_config::LoadErrors;
use headcount_runtime::DriverGone;
use smol::Timer;

use crate::app::App;
use crate::plan::{Fingerprint, Plan, Source};
use crate::targets::Targets;

/// How long a reload waits for its sets to be seen. With a slow throttle they are seen later.
const VISIBLE_WITHIN: Duration = Duration::from_secs(2);

/// The configuration that runs, and where the next comes from.
pub(crate) struct Reloader {
    source: Source,
    plan: ArcSwap<Plan>,
    state: Mutex<State>,
    /// One reload at a time.
    turn: smol::lock::Mutex<()>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// Of the files as they were last read, rightly or wrongly.
    fingerprint: Fingerprint,
    status: ReloadStatus,
}

/// How reloading went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ReloadStatus {
    /// Whether the last attempt worked.
    pub(crate) is_successful: bool,
    /// When an attempt last worked, in seconds since 1970-01-01 UTC.
    pub(crate) last_success: f64,
}

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] LoadErrors),
    /// The service is about to end.
    #[error(transparent)]
    Gone(#[from] DriverGone),
}

impl Reloader {
    /// The state after a first configuration was loaded, at `now` seconds since 1970-01-01 UTC.
    pub(crate) fn new(source: Source, fingerprint: Fingerprint, plan: Plan, now: f64) -> Self {
        let status = ReloadStatus {
            is_successful: true,
            last_success: now,
        };
        Self {
            source,
            plan: ArcSwap::from_pointee(plan),
            state: Mutex::new(State { fingerprint, status }),
            turn: smol::lock::Mutex::new(()),
        }
    }

    /// The configuration that runs.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        self.plan.load_full()
    }

    /// How reloading went.
    pub(crate) fn status(&self) -> ReloadStatus {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).status
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn fingerprint(&self) -> Fingerprint {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).fingerprint
    }
}

/// Loads the configuration again and applies it. Completes when it is seen, or soon after.
pub(crate) async fn reload(app: &App) -> Result<(), ReloadError> {
    let reloader = &app.reloader;
    let _turn = reloader.turn.lock().await;
    let source = reloader.source.clone();
    let (fingerprint, plan) = unblock(move || source.load()).await;
    take(app, fingerprint, plan).await
}

/// Asks for reloads without waiting for them.
pub(crate) struct ReloadWanted(Sender<()>);

impl ReloadWanted {
    /// Asks for a reload. However often this is called while one is under way, one more follows.
    pub(crate) fn send(&self) {
        // Full means that one is about to start, and reads what is there then.
        self.0.try_send(()).ok();
    }
}

/// Starts the task that reloads whenever it is asked to. It is one of its own so that a slow
/// reload, or many, hold up nobody who has to hear of signals.
pub(crate) fn reload_when_wanted(app: &Arc<App>) -> ReloadWanted {
    let (sender, wanted) = async_channel::bounded(1);
    let reloading = app.clone();
    let reload_each_time = async move {
        while wanted.recv().await.is_ok() {
            // What went wrong is in the log.
            reload(&reloading).await.ok();
        }
    };
    app.executor.spawn(reload_each_time).detach();
    ReloadWanted(sender)
}

/// Reloads whenever the configuration's files have changed.
pub(crate) async fn reload_on_change(app: Arc<App>, interval: Duration) {
    loop {
        Timer::after(interval).await;
        let _turn = app.reloader.turn.lock().await;
        let source = app.reloader.source.clone();
        let (fingerprint, plan) = unblock(move || source.load()).await;
        if fingerprint != app.reloader.fingerprint() {
            // What went wrong is in the log.
            take(&app, fingerprint, plan).await.ok();
        }
    }
}

async fn take(app: &App, fingerprint: Fingerprint, plan: Result<Plan, LoadErrors>) -> Result<(), ReloadError> {
    let reloader = &app.reloader;
    reloader.change(|state| state.fingerprint = fingerprint);
    let plan = match plan {
        Ok(plan) => plan,
        Err(errors) => {
            reloader.change(|state| state.status.is_successful = false);
            let problems = one_line(&errors);
            tracing::error!(problems, "the configuration was not reloaded; what was running goes on");
            return Err(errors.into());
        }
    };
    log_warnings(&plan);
    let plan = Arc::new(plan);
    reloader.plan.store(plan.clone());
    apply(app, &plan).await?;
    let now = app.env.clock.unix_time().as_secs_f64();
    reloader.change(|state| {
        state.status = ReloadStatus {
            is_successful: true,
            last_success: now,
        }
    });
    tracing::info!(
        jobs = plan.jobs.len(),
        alertmanagers = plan.alertmanagers.len(),
        "the configuration was reloaded"
    );
    Ok(())
}

/// Applies a plan to both managers, and waits for a while until it is seen.
pub(crate) async fn apply(app: &App, plan: &Plan) -> Result<(), DriverGone> {
    if let Some(scraping) = &app.scraping {
        scraping.set_jobs(&plan.jobs);
    }
    // First, so that no list of a job is seen without its rules.
    let configuration = app.targets.configure(plan.job_options());
    let version = app.scrape.apply(plan.scrape_sets()).await?;
    app.notify.apply(plan.notify_sets()).await?;
    app.is_applied.store(true, Ordering::Release);
    let too_late = async {
        Timer::after(VISIBLE_WITHIN).await;
    };
    seen(&app.targets, configuration, version).or(too_late).await;
    Ok(())
}

/// Logs what is remarkable about a plan.
pub(crate) fn log_warnings(plan: &Plan) {
    for warning in &plan.warnings {
        tracing::warn!("{warning}");
    }
}

/// Completes when targets of this configuration and snapshot, or of later ones, are published.
pub(crate) async fn seen(targets: &Targets, configuration: u64, snapshot: u64) {
    loop {
        let news = targets.news();
        if targets.published().is_of(configuration, snapshot) {
            return;
        }
        news.await;
    }
}

fn one_line(errors: &LoadErrors) -> String {
    const MOST: usize = 10;
    let mut line = errors
        .problems
        .iter()
        .take(MOST)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ");
    let more = errors
        .problems
        .len()
        .saturating_sub(MOST)
        .saturating_add(errors.omitted);
    if more > 0 {
        line.push_str(&format!("; and {more} more"));
    }
    line
}
