//! What the parts of a running service share, and how a configuration gets to all of them.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use blocking::unblock;
use futures_lite::FutureExt;
use headcount_config::{LoadErrors, Problem};
use headcount_core::Reports;
use headcount_discoverer::Env;
use headcount_reader::ProblemKind;
use headcount_runtime::DriverGone;
use smol::{Executor, Timer};

use crate::Awaited;
use crate::discovery::{Managed, Observation};
use crate::effective::{Fixed, Overrides};
use crate::once::InWords;
use crate::overwritten::Overwritten;
use crate::plan::{Plan, Source};
use crate::reload::{
    AGAIN, Changes, Loaded, Outcome, Providers, ReloadError, Reloaded, Reloader, SettledChanges, Turn, Turns,
};
use crate::scraping::Scraping;
use crate::server::{Requests, WrittenJobs};
use crate::state;
use crate::targets::{GlobalUrls, Targets};
use crate::wall_clock::WallClock;

/// How long who embeds a service waits for what it applied to be seen. With a slow throttle it is seen later.
pub(crate) const VISIBLE_WITHIN: Duration = Duration::from_secs(2);

/// The same of who asks for a reload over the network, and waits for an answer: a little longer than the throttle takes
/// after a quiet time.
pub(crate) const VISIBLE_SOON: Duration = Duration::from_millis(150);

/// How long files that have changed have to stay as they are before they are a configuration: whoever writes one
/// takes his time, and half of one is often one, too, with less in it (B11).
const SETTLE: Duration = Duration::from_secs(5);

/// A running service.
pub(crate) struct App {
    /// Runs all tasks.
    pub(crate) executor: Arc<Executor<'static>>,
    /// The world, and the mechanisms' own metrics.
    pub(crate) env: Env,
    /// Discovers the jobs' targets.
    pub(crate) scrape: Arc<Managed>,
    /// The jobs' targets after relabelling.
    pub(crate) targets: Arc<Targets>,
    /// Whether the targets are there, if that was asked for.
    pub(crate) scraping: Option<Scraping>,
    /// The jobs with rules that find something else in a Prometheus.
    pub(crate) overwritten: Arc<Overwritten>,
    /// Discovers Alertmanagers.
    pub(crate) notify: Arc<Managed>,
    /// The configuration that runs, and where the next comes from.
    pub(crate) reloader: Reloader,
    /// What the program was told, which counts over the settings.
    pub(crate) told: Overrides,
    /// What can't change while it runs.
    pub(crate) fixed: Fixed,
    /// Who asked for a reload.
    pub(crate) turns: Turns,
    /// How saving what is found fares, if it is saved.
    pub(crate) state: Option<Arc<state::Status>>,
    /// The first snapshots that have the configuration's sets, of both managers; before them, having no
    /// provider means nothing.
    pub(crate) applied: OnceLock<[u64; 2]>,
    /// Whether no provider was waited for, once.
    pub(crate) was_ready: AtomicBool,
    /// How others reach targets of this machine, if that is known.
    pub(crate) global: Option<GlobalUrls>,
    /// What clients asked for.
    pub(crate) requests: Requests,
    /// The jobs as collectors are told them.
    pub(crate) written_jobs: WrittenJobs,
    /// Who tries rules: one at a time.
    pub(crate) trials: Arc<smol::lock::Mutex<()>>,
}

impl App {
    /// Both managers.
    pub(crate) fn managers(&self) -> [&Arc<Managed>; 2] {
        [&self.scrape, &self.notify]
    }

    /// What both managers say of their providers now.
    pub(crate) async fn observe(&self) -> Result<Vec<(&'static str, Observation)>, DriverGone> {
        let mut all = Vec::new();
        for managed in self.managers() {
            all.push((managed.name(), managed.observe().await?));
        }
        Ok(all)
    }

    /// What is waited for: providers of which it can't be seen yet that they have reported or failed since
    /// the service was started, and that were not read whole before that, either (B09); none once there was none,
    /// whatever is reloaded later.
    pub(crate) fn unready(&self) -> Vec<String> {
        if self.was_ready.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let silent = self.silent(|reports| reports.has_reported() || reports.is_whole());
        if silent.is_empty() {
            self.was_ready.store(true, Ordering::Relaxed);
        }
        silent
    }

    /// The providers of which it can't be seen that they have done what is waited for.
    fn silent(&self, is_done: impl Fn(&Reports) -> bool) -> Vec<String> {
        let views = self.managers().map(|managed| managed.view());
        let applied = self.applied.get();
        if !applied.is_some_and(|first| {
            first
                .iter()
                .zip(&views)
                .all(|(first, view)| view.snapshot.version() >= *first)
        }) {
            return vec!["the configuration to be applied".to_owned()];
        }
        let providers = views.iter().flat_map(|view| view.snapshot.providers());
        let silent = providers.filter(|provider| !is_done(provider.reports()));
        silent.map(|provider| InWords(provider).to_string()).collect()
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(&self) {
        self.until(|| self.unready().is_empty()).await;
    }

    /// Waits until every provider has reported or failed.
    pub(crate) async fn all_reported(&self, awaited: &Awaited) {
        self.until(|| !awaited.are(self.silent(Reports::has_reported))).await;
    }

    async fn until(&self, condition: impl Fn() -> bool) {
        loop {
            let [scrape, notify] = self.managers().map(|managed| managed.published());
            if condition() {
                return;
            }
            scrape.or(notify).await;
        }
    }

    /// Loads the configuration again, or from another source, and applies it. Completes when it is applied; when that
    /// is seen is up to the throttle. All who ask for a reload while one is under way get the same.
    ///
    /// Dropping the future changes nothing: what was asked for is done.
    pub(crate) async fn reload(self: &Arc<Self>, source: Option<Source>) -> Outcome {
        let (asked, outcome) = async_channel::bounded(1);
        if self.turns.ask(source, asked) {
            let app = self.clone();
            let work_off = async move {
                while let Some(turn) = app.turns.next() {
                    // Who asked learns of a panic by getting no answer, and the others have theirs.
                    AssertUnwindSafe(app.take_turn(turn)).catch_unwind().await.ok();
                }
            };
            self.executor.spawn(work_off).detach();
        }
        outcome.recv().await.unwrap_or(Err(ReloadError::Gone(DriverGone)))
    }

    async fn take_turn(&self, turn: Turn) {
        let outcome = self.reload_now(turn.source).await;
        for asked in turn.asked {
            // Nobody may be waiting any more.
            asked.try_send(outcome.clone()).ok();
        }
    }

    async fn reload_now(&self, source: Option<Source>) -> Outcome {
        let _turn = self.reloader.turn().await;
        if source.is_none() && self.reloader.is_current().await {
            self.reloader.note_current();
            self.reloader.note_success(self.env.clock.unix_time().as_secs_f64());
            tracing::info!("the configuration was reloaded; nothing in it has changed");
            return Ok(Arc::new(Reloaded {
                changes: Changes::default(),
                visible_from: None,
            }));
        }
        let again = async || {
            Timer::after(AGAIN).await;
        };
        let loaded = self.reloader.load_settled(source, again).await;
        self.take(loaded).await
    }

    /// Waits until a reload can be seen, and no longer than `within`.
    pub(crate) async fn visible(&self, reloaded: &Reloaded, within: Duration) {
        let Some((configuration, version)) = reloaded.visible_from else {
            return;
        };
        let too_late = async {
            Timer::after(within).await;
        };
        self.targets.seen(configuration, version).or(too_late).await;
    }

    /// Reloads whenever the configuration's files have changed, and stayed as they are for a moment.
    pub(crate) async fn reload_on_change(&self, interval: Duration) {
        let mut changes = SettledChanges::default();
        loop {
            let wait = if changes.is_waiting() { SETTLE } else { interval };
            Timer::after(wait).await;
            let _turn = self.reloader.turn().await;
            if self.reloader.runs_what_was_read() && self.reloader.is_current().await {
                changes.count(None);
                continue;
            }
            let loaded = self.reloader.load(None).await;
            let news = self.reloader.news(&loaded).await;
            if changes.count(news) {
                // What went wrong is in the log.
                self.take(loaded).await.ok();
            }
        }
    }

    async fn take(&self, loaded: Loaded) -> Outcome {
        let before = self.reloader.plan();
        let plan = match self.reloader.accept(loaded) {
            Ok(plan) => plan,
            Err(errors) => {
                let problems = one_line(&errors);
                tracing::error!(problems, "the configuration was not reloaded; what was running goes on");
                self.scrape.note_refused(&problems);
                return Err(errors.into());
            }
        };
        log_warnings(&plan);
        let mut changes = Changes::between(&before, &plan);
        let (visible_from, providers) = self.apply(&plan).await?;
        changes.providers = providers;
        self.reloader.note_success(self.env.clock.unix_time().as_secs_f64());
        tracing::info!(
            jobs = plan.jobs.len(),
            alertmanagers = plan.alertmanagers.len(),
            jobs_added = changes.jobs.added.len(),
            jobs_removed = changes.jobs.removed.len(),
            jobs_changed = changes.jobs.changed.len(),
            providers_started = changes.providers.started.len(),
            providers_stopped = changes.providers.stopped.len(),
            "the configuration was reloaded"
        );
        log_settings(Some(&before), &plan);
        let sections = self.needs_restart().join(", ");
        if !sections.is_empty() {
            tracing::warn!(sections, "what the settings say here counts after a restart only");
        }
        Ok(Arc::new(Reloaded {
            changes,
            visible_from: Some(visible_from),
        }))
    }

    /// The sections of the settings that differ from those with which this was started, and count after a restart only.
    pub(crate) fn needs_restart(&self) -> Vec<&'static str> {
        self.fixed.differing(&self.reloader.plan().settings)
    }

    /// Applies a plan to both managers. Gives from when on it can be seen, in the pools and in the jobs' snapshots, and
    /// what it did to providers.
    pub(crate) async fn apply(&self, plan: &Plan) -> Result<((u64, u64), Providers), DriverGone> {
        if let Some(scraping) = &self.scraping {
            scraping.set_jobs(&plan.jobs);
        }
        let effective = self.told.over(&plan.settings);
        self.notify.configure(effective.for_alertmanagers()).await?;
        self.scrape.configure(effective).await?;
        self.overwritten.configure(&plan.jobs);
        let options = plan.job_options();
        let (targets, members, jobs) = (self.targets.clone(), plan.settings.members.clone(), options.clone());
        let clock = self.env.clock.clone();
        unblock(move || targets.sharing.configure(clock.now(), members.as_ref(), &jobs)).await;
        // First, so that no list of a job is seen without its rules.
        let configuration = self.targets.configure(options);
        let (version, providers) = self.scrape.apply(plan.scrape_sets()).await?;
        let (notified, others) = self.notify.apply(plan.notify_sets()).await?;
        let targets = self.targets.clone();
        unblock(move || targets.sharing.found_from(notified)).await;
        self.applied.get_or_init(|| [version, notified]);
        Ok(((configuration, version), providers.and(others)))
    }

    /// Both clocks.
    pub(crate) fn wall_clock(&self) -> WallClock {
        WallClock::read(&*self.env.clock)
    }
}

/// Logs whose settings count, if they are not those of before.
pub(crate) fn log_settings(before: Option<&Plan>, plan: &Plan) {
    let file = |plan: &Plan| plan.settings.file.as_ref().map(|file| file.display().to_string());
    match (before.and_then(file), file(plan)) {
        (before, Some(settings)) if before.as_ref() != Some(&settings) => {
            tracing::info!(settings, "headcount's own settings are read");
        }
        (Some(settings), None) => tracing::warn!(settings, "headcount's own settings are gone, and no longer count"),
        _ => {}
    }
}

/// Logs what is remarkable about a plan.
pub(crate) fn log_warnings(plan: &Plan) {
    // What is overwritten on the way is said when somebody goes that way.
    let is_said = |warning: &&Problem| !matches!(warning.kind, ProblemKind::Overwritten { .. });
    for warning in plan.warnings.iter().filter(is_said) {
        tracing::warn!("{warning}");
    }
}

fn one_line(errors: &LoadErrors) -> String {
    const MOST: usize = 10;
    let problems = errors.problems.iter().take(MOST).map(ToString::to_string);
    let mut line = problems.collect::<Vec<_>>().join("; ");
    let more = errors.problems.len().saturating_sub(MOST);
    let more = more.saturating_add(errors.omitted);
    if more > 0 {
        line.push_str(&format!("; and {more} more"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Workers, discovery, mechanisms, targets};
    use headcount_core::ManagerOptions;

    #[test]
    fn nothing_is_ready_before_the_configuration_is_applied() {
        let workers = Workers::start().expect("threads");
        let start = |name| discovery::start(&workers, name, ManagerOptions::default(), discovery::Beginning::Nothing);
        let (scrape, notify) = (start("scrape"), start("notify"));
        let targets =
            targets::start(workers.executor(), scrape.clone(), None, workers.env().clock.clone()).expect("a thread");
        workers.block_on(async {
            let source = Source::Plan(Arc::default());
            let reloader = Reloader::start(mechanisms::loader(), source, 0.0).await;
            let app = App {
                executor: workers.executor().clone(),
                env: workers.env().clone(),
                scrape,
                targets,
                scraping: None,
                overwritten: Arc::default(),
                notify,
                reloader: reloader.expect("nothing is wrong with it"),
                told: Overrides::default(),
                fixed: Fixed::default(),
                turns: Turns::default(),
                state: None,
                applied: OnceLock::new(),
                was_ready: AtomicBool::new(false),
                global: None,
                requests: Requests::default(),
                written_jobs: WrittenJobs::default(),
                trials: Arc::default(),
            };
            assert!(!app.unready().is_empty(), "no provider yet is not no provider");
            app.apply(&Plan::default()).await.expect("running");
            app.ready().await;
            assert!(app.unready().is_empty());
        });
    }
}
