//! What a service is to do, and how it is started.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use blocking::unblock;
use headcount_config::{LoadErrors, Loader};
use headcount_core::{DropGuard, ManagerOptions, Percent, SavedState, Throttle};
use headcount_discoverer::Limits;
use headcount_discoverer::mechanism::SdConfig;
use headcount_runtime::{Descriptors, DriverGone};
use smol::{Task, Timer};

use crate::app::{self, App, VISIBLE_WITHIN};
use crate::discovery::{Beginning, Managed};
use crate::effective::{Fixed, Overrides};
use crate::output::{FileSd, Lists, RecordError, Recording};
use crate::plan::{Plan, Source};
use crate::reload::{AGAIN, Changes, Reloaded, Reloader, Turns};
use crate::server::{
    Access, ConnectionLimits, CorsOrigin, ExternalUrl, Front, ListenError, Requests, RoutePrefix, Server,
    WatchedConfig, WebOptions, WrittenJobs,
};
use crate::service::Running;
use crate::state::{States, Status, has_more, state_folder, state_root};
use crate::targets::{GlobalUrls, Names};
use crate::{Service, Workers, discovery, mechanisms, scraping, server, targets};

/// The managers' names.
const SCRAPE: &str = "scrape";
const NOTIFY: &str = "notify";

/// How many scrapes run at once unless it is said otherwise.
const MAX_SCRAPES: NonZeroUsize = NonZeroUsize::new(2_000).unwrap();

/// What a [`Service`] is to do. Without more, it discovers, and answers who has it at hand: nothing
/// listens, nothing is scraped, no file is written.
#[derive(Debug, Clone, Default)]
#[must_use = "nothing runs before it is started"]
pub struct ServiceBuilder {
    loader: Option<Loader>,
    workers: Option<Workers>,
    listen: Option<String>,
    /// Where it listens unless it is told or its settings say otherwise.
    default_listen: Option<String>,
    told: Overrides,
    web: WebOptions,
    web_config: Option<PathBuf>,
    connections: ConnectionLimits,
    limits: Limits,
    scrape: Option<NonZeroUsize>,
    file_sd: Option<(PathBuf, ListKind)>,
    record: Option<PathBuf>,
    auto_reload: Option<Duration>,
    state: State,
}

/// Where what is found is kept.
#[derive(Debug, Clone, Default)]
enum State {
    /// Nowhere.
    #[default]
    Nowhere,
    /// In this folder.
    In(PathBuf),
    /// Where the settings say, or in a place that is sure, in the folder of this configuration.
    AsSettings(PathBuf),
}

/// Which list of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ListKind {
    /// The targets as they are discovered, for readers that relabel them themselves.
    #[default]
    Discovered,
    /// The targets as they are after relabelling, for readers without rules of their own.
    Relabelled,
    /// The same for a Prometheus 2: names of labels have letters, digits and underscores only. A target of which two names
    /// become one is left out; `/api/v1/targets` says why.
    RelabelledInUnderscores,
}

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] LoadErrors),
    /// Nothing can listen at the address.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The recording can't be begun.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The system gives no thread.
    #[error("starting a thread")]
    Thread(#[source] io::Error),
    /// The manager ended by itself, which is a bug.
    #[error(transparent)]
    Gone(#[from] DriverGone),
}

impl ServiceBuilder {
    /// Reads configurations over the mechanisms of this loader, which may have some of one's own. Without
    /// this it has all that are built in, and [those that this build lacks](Loader::allow_unsupported) are errors,
    /// at the start and when the configuration is loaded again.
    pub fn loader(mut self, loader: Loader) -> Self {
        self.loader = Some(loader);
        self
    }

    /// Runs its tasks on these threads. Without this it starts some of its own.
    pub fn workers(mut self, workers: &Workers) -> Self {
        self.workers = Some(workers.clone());
        self
    }

    /// Serves the lists, the API and the page at `host:port`, or at `:port` of every interface. Port 0
    /// takes any that is free; [`Service::address`] says which.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = Some(address.into());
        self
    }

    /// The same where the settings say (`web.listen`), or else at this address. [`listen`](Self::listen) counts over both.
    pub fn listen_as_settings(mut self, default: impl Into<String>) -> Self {
        self.default_listen = Some(default.into());
        self
    }

    /// The URL by which others know it. Its host is one by which clients may ask, and its page may change something; all
    /// paths begin with its path. Without it that is the machine's name.
    ///
    /// Clients may ask by any address, by `localhost`, by the machine's own name, by the one where it
    /// [listens](Self::listen), and by those that the settings allow (`web.allowed_hosts`). Where it listens to more than
    /// this machine and no name is set, lists, metrics and probes are answered under any.
    pub fn external_url(mut self, url: ExternalUrl) -> Self {
        self.web.external_url = Some(url);
        self
    }

    /// What all paths begin with that are asked for over the network, where that is not the path of the
    /// [external URL](Self::external_url). [`Service::get`] takes paths without it.
    pub fn route_prefix(mut self, prefix: RoutePrefix) -> Self {
        self.web.prefix = Some(prefix);
        self
    }

    /// Whether clients may change something: reload, confirm, refresh. Without this they may where only this machine can
    /// ask, or where they have to say who they are.
    pub fn lifecycle(mut self, is_on: bool) -> Self {
        self.web.lifecycle = Some(is_on);
        self
    }

    /// Lets pages of these origins read what it serves; without this none may. Change something may none of them.
    pub fn cors_origin(mut self, origin: CorsOrigin) -> Self {
        self.web.cors_origin = Some(origin);
        self
    }

    /// Serves as this file says, which is Prometheus's web-config.yml: with TLS, to clients with certificates, to users with
    /// passwords. The file and what it names are read again when they change.
    pub fn web_config(mut self, file: impl Into<PathBuf>) -> Self {
        self.web_config = Some(file.into());
        self
    }

    /// How many clients may be connected, and how slow they may be.
    pub fn connections(mut self, limits: ConnectionLimits) -> Self {
        self.connections = limits;
        self
    }

    /// How soon changes become visible. This and what follows is for all jobs, in the place of `defaults` of the
    /// [settings](headcount_config::Settings), which count where nothing is said here.
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        self.told.throttle = Some(throttle);
        self
    }

    /// Holds what would remove too many of a job's targets.
    pub fn guard(mut self, guard: DropGuard) -> Self {
        self.told.count = Some(guard.count);
        self.max_drop(guard.max_drop).hold(guard.hold)
    }

    /// Holds what would remove more than this share of a job's targets.
    pub fn max_drop(mut self, max_drop: Percent) -> Self {
        self.told.max_drop = Some(max_drop);
        self
    }

    /// How long a drop is held; ten minutes unless it is said otherwise.
    pub fn hold(mut self, hold: Duration) -> Self {
        self.told.hold = Some(hold);
        self
    }

    /// No longer shows what a provider has found when it has failed for so long. Without it, that stays for as long as
    /// it takes.
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.told.max_stale = Some(max_stale);
        self
    }

    /// What is taken of one provider at most; what exceeds it is a failure of the provider.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Scrapes the targets, to know whether they are there: at most so many at once, or a sensible number; fewer where the
    /// system lets this process have few open files.
    pub fn scrape(mut self, max_in_flight: Option<NonZeroUsize>) -> Self {
        self.scrape = Some(max_in_flight.unwrap_or(MAX_SCRAPES));
        self
    }

    /// Keeps a file for `file_sd_configs` in this folder for each job.
    pub fn file_sd(mut self, folder: impl Into<PathBuf>, kind: ListKind) -> Self {
        self.file_sd = Some((folder.into(), kind));
        self
    }

    /// Writes all that the jobs' manager is given and says to a file, for a replay in the simulator.
    pub fn record(mut self, file: impl Into<PathBuf>) -> Self {
        self.record = Some(file.into());
        self
    }

    /// Keeps what is found in this folder, and begins with what the one before it had: lists are there at once after a
    /// restart, until they are known better. [`state_root`](crate::state_root) and
    /// [`state_folder`](crate::state_folder) say where that may be.
    ///
    /// One service writes to a folder; another one runs without. So does one that [records](Self::record), but for
    /// Alertmanagers: a recording begins with nothing. The clock of its world has to count from 1970.
    pub fn state(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state = State::In(folder.into());
        self
    }

    /// The same as the settings say (`state`), or else below [`state_root`](crate::state_root), in the
    /// [folder](crate::state_folder) of this configuration.
    pub fn state_as_settings(mut self, config: impl Into<PathBuf>) -> Self {
        self.state = State::AsSettings(config.into());
        self
    }

    /// Looks each `interval` whether the configuration's files have changed, and reloads if so.
    pub fn auto_reload(mut self, interval: Duration) -> Self {
        self.auto_reload = Some(interval);
        self
    }

    /// Loads the configuration and runs it. Completes when its jobs can be seen, which is before their
    /// targets are.
    ///
    /// # Errors
    /// Whatever is in the way; nothing runs then.
    pub async fn start(self, source: Source) -> Result<Service, StartError> {
        let workers = match &self.workers {
            Some(workers) => workers.clone(),
            None => Workers::start().map_err(StartError::Thread)?,
        };
        let loader = self.loader.clone().unwrap_or_else(mechanisms::loader);
        let now = workers.env().clock.unix_time().as_secs_f64();
        let reloader = Reloader::start(loader, source.clone(), now).await?;
        self.settle(&reloader).await?;
        let plan = reloader.plan();
        let web = match self.web_config.clone() {
            Some(file) => unblock(move || WatchedConfig::load(&file)).await?,
            None => WatchedConfig::none(),
        };
        let scheme = if web.speaks_tls() { "https" } else { "http" };
        let at = self.address(&plan).map(str::to_owned);
        let listener = match &at {
            Some(address) => Some(server::bind(address).await?),
            None => None,
        };
        let recording = self.record.as_deref().map(Recording::begin).transpose()?;
        // What is empty may be about to be written, and what is known is not to be forgotten meanwhile.
        let emptied = reloader.emptied();
        let saved = self.saved(&workers, &source, plan.clone(), recording.is_some(), emptied);
        let (states, saved) = saved.await?;
        let status = states.as_ref().map(|states| states.status().clone());
        let address = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let (mut app, mut tasks) = self.app(&workers, reloader, recording.as_ref(), saved, status)?;
        app.global = GlobalUrls::new(self.web.external_url.as_ref(), scheme, address);
        let app = Arc::new(app);
        if let Some(states) = &states {
            // A recording begins with nothing, and what members had was of targets that are not known then.
            if recording.is_none() {
                let kept = states.restore_members();
                app.targets.sharing.begin_with(kept.clone());
                states.follow_members(app.targets.clone(), kept);
            }
            let is_saved = |managed: &&Arc<Managed>| recording.is_none() || managed.name() != SCRAPE;
            for managed in app.managers().into_iter().filter(is_saved) {
                states.follow(managed.clone(), workers.env());
            }
        }
        greet(
            &source,
            &plan,
            address.map(|address| (scheme, address)),
            &self.web.prefix(),
        );
        let executor = workers.executor();
        let scrape = app.scrape.clone();
        let tell = move |members: &[_]| scrape.note_members(members);
        tasks.push(executor.spawn(app.targets.clone().keep_shares(app.env.clone(), tell)));
        let found = app.targets.clone().keep_found(app.env.clone(), app.notify.clone());
        tasks.push(executor.spawn(found));
        let server = match (listener, at, address) {
            (Some(listener), Some(at), Some(address)) => {
                let access = Access::new(&at, address, self.web.clone());
                let limits = self.connections.clone();
                let prefix = self.web.prefix();
                let front = Front {
                    access,
                    web,
                    limits,
                    prefix,
                };
                Some(Server::start(executor, listener, app.clone(), front))
            }
            _ => None,
        };
        if let Some((folder, kind)) = self.file_sd {
            let lists = match kind {
                ListKind::Discovered => Lists::discovered(&app.scrape, &app.overwritten),
                ListKind::Relabelled => Lists::relabelled(&app.targets, Names::AsTheyAre),
                ListKind::RelabelledInUnderscores => Lists::relabelled(&app.targets, Names::Underscores),
            };
            tasks.push(executor.spawn(FileSd::new(folder, lists).run()));
        }
        app::log_settings(None, &plan);
        app::log_warnings(&plan);
        let (visible_from, _) = app.apply(&plan).await?;
        let begun = Reloaded {
            changes: Changes::default(),
            visible_from: Some(visible_from),
        };
        app.visible(&begun, VISIBLE_WITHIN).await;
        // Whether anybody asks or not: what was ready once stays so, whatever is reloaded.
        let starting = app.clone();
        tasks.push(executor.spawn(async move { starting.ready().await }));
        if let Some(interval) = self.auto_reload {
            let app = app.clone();
            tasks.push(executor.spawn(async move { app.reload_on_change(interval).await }));
        }
        let running = Running {
            app,
            server,
            recording,
            states,
            tasks,
        };
        Ok(Service::new(workers, running, address))
    }

    /// Waits until a configuration that was just written is whole, where something was saved of what it lacks (B11).
    async fn settle(&self, reloader: &Reloader) -> Result<(), LoadErrors> {
        let has_less = async |plan: Arc<Plan>| {
            let Some(folder) = self.state_folder(&plan) else {
                return false;
            };
            unblock(move || {
                has_more(&folder, SCRAPE, &plan.scrape_sets()) || has_more(&folder, NOTIFY, &plan.notify_sets())
            })
            .await
        };
        let wait = async || {
            tracing::info!(
                "the configuration lacks sources of which something was saved, and was just written, or includes files of a \
                 folder in which nothing is; it is read again in a second"
            );
            Timer::after(AGAIN).await;
        };
        reloader.settle(has_less, wait).await
    }

    /// What keeps states, if there is one, and what it has of the jobs' manager and the Alertmanagers'.
    async fn saved(
        &self,
        workers: &Workers,
        source: &Source,
        plan: Arc<Plan>,
        is_recorded: bool,
        emptied: Option<LoadErrors>,
    ) -> Result<(Option<States>, [Option<SavedState<SdConfig>>; 2]), LoadErrors> {
        let Some(folder) = self.state_folder(&plan) else {
            if matches!(self.state, State::AsSettings(_)) && plan.settings.state.enabled != Some(false) {
                tracing::info!(
                    "nothing is kept over a restart, because there is no place for it: none of STATE_DIRECTORY, \
                     XDG_STATE_HOME and HOME is set; name a folder with --state-dir or `state.dir`, or say --no-state"
                );
            }
            return Ok((None, [None, None]));
        };
        let config = match source {
            Source::File(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
            Source::BuiltIn | Source::Text { .. } | Source::Plan(_) => PathBuf::new(),
        };
        let clock = workers.env().clock.clone();
        if is_recorded {
            tracing::info!("a recording begins with nothing, so what was found for jobs before is not used, nor saved");
        }
        let read = move || {
            let states = States::open(folder, &config.to_string_lossy(), clock);
            let restore = |manager, sets: &[_]| match &states {
                Some(states) => states.restore(manager, sets, emptied.as_ref()),
                None => Ok(None),
            };
            let scrape = if is_recorded {
                None
            } else {
                restore(SCRAPE, &plan.scrape_sets())?
            };
            let notify = restore(NOTIFY, &plan.notify_sets())?;
            Ok((states, [scrape, notify]))
        };
        unblock(read).await
    }

    /// What runs, before it has a configuration, and the tasks that end with it.
    fn app(
        &self,
        workers: &Workers,
        reloader: Reloader,
        recording: Option<&Recording>,
        [saved, saved_notify]: [Option<SavedState<SdConfig>>; 2],
        state: Option<Arc<Status>>,
    ) -> Result<(App, Vec<Task<()>>), StartError> {
        let (executor, env) = (workers.executor(), workers.env());
        let plan = reloader.plan();
        let effective = self.told.over(&plan.settings);
        let common = ManagerOptions {
            throttle: effective.throttle,
            per_set: effective.per_set,
            max_stale: effective.defaults.max_stale,
            incomplete_after: effective.defaults.incomplete_after,
            ..ManagerOptions::default()
        };
        let guarded = ManagerOptions {
            guard: effective.defaults.guard,
            ..common.clone()
        };
        let beginning = |saved: Option<_>| saved.map_or(Beginning::Nothing, Beginning::Saved);
        let recorded = recording.map(Beginning::Recorded);
        let first = recorded.unwrap_or_else(|| beginning(saved));
        let scrape = discovery::start_limited(workers, SCRAPE, guarded, first, self.limits);
        let notify = discovery::start_limited(workers, NOTIFY, common, beginning(saved_notify), self.limits);
        let (changes, changed) = async_channel::unbounded();
        let targets = targets::start(
            executor,
            scrape.clone(),
            self.scrape.map(|_| changes),
            env.clock.clone(),
        );
        let targets = targets.map_err(StartError::Thread)?;
        // Of descriptors, others have their share, too.
        let may = NonZeroUsize::new(Descriptors::of_this_process().scrapes).unwrap_or(NonZeroUsize::MIN);
        let scraping = self
            .scrape
            .map(|most| scraping::start(executor, env, &targets, changed, &plan, most.min(may)));
        let (scraping, tasks) = scraping.unzip();
        let app = App {
            executor: executor.clone(),
            env: env.clone(),
            scrape,
            targets,
            scraping,
            overwritten: Arc::default(),
            notify,
            reloader,
            told: self.told,
            fixed: self.fixed(&plan),
            turns: Turns::default(),
            state,
            applied: OnceLock::new(),
            was_ready: AtomicBool::new(false),
            global: None,
            requests: Requests::default(),
            written_jobs: WrittenJobs::default(),
            trials: Arc::default(),
        };
        Ok((app, tasks.into_iter().flatten().collect()))
    }
}

impl ServiceBuilder {
    /// Where it is to listen, if it is.
    fn address<'a>(&'a self, plan: &'a Plan) -> Option<&'a str> {
        let by_settings = self.default_listen.as_deref();
        let by_settings = by_settings.map(|default| plan.settings.web.listen.as_deref().unwrap_or(default));
        self.listen.as_deref().or(by_settings)
    }

    /// Where what is found is to be kept, if it is.
    fn state_folder(&self, plan: &Plan) -> Option<PathBuf> {
        let said = &plan.settings.state;
        match &self.state {
            State::Nowhere => None,
            State::In(folder) => Some(folder.clone()),
            State::AsSettings(_) if said.enabled == Some(false) => None,
            State::AsSettings(config) => {
                let root = said.dir.clone().or_else(state_root)?;
                Some(state_folder(&root, config))
            }
        }
    }

    /// What settings decide now, and can't decide later.
    fn fixed(&self, plan: &Plan) -> Fixed {
        let follows_web = self.listen.is_none() && self.default_listen.is_some();
        let follows_state = matches!(self.state, State::AsSettings(_));
        Fixed {
            web: follows_web.then(|| plan.settings.web.clone()),
            state: follows_state.then(|| plan.settings.state.clone()),
        }
    }
}

/// Says in the log what runs, and where to look.
fn greet(source: &Source, plan: &Plan, at: Option<(&str, SocketAddr)>, prefix: &RoutePrefix) {
    if let Some((scheme, address)) = at {
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening on {scheme}://{address}");
    }
    match source {
        Source::BuiltIn => tracing::info!("no configuration: the job `local` is what listens on this machine"),
        Source::File(path) => {
            let (jobs, alertmanagers) = (plan.jobs.len(), plan.alertmanagers.len());
            tracing::info!(config = %path.display(), jobs, alertmanagers, "configuration loaded");
        }
        Source::Text { .. } | Source::Plan(_) => {}
    }
    let Some((scheme, address)) = at else { return };
    if let Some(job) = plan.jobs.first() {
        let path = prefix.of(&server::path_of(&job.job_name));
        tracing::info!("targets: {scheme}://{address}{path}");
    }
    tracing::info!("everything else: {scheme}://{address}{}", prefix.of("/"));
}
