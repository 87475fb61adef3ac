//! `headcount run`: the daemon.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::bail;
use futures_lite::FutureExt;
use smol::Executor;
use smol::net::TcpListener;

use crate::app::App;
use crate::cli::RunOptions;
use crate::output::{FileSd, Lists, Recording};
use crate::plan::{Fingerprint, Plan, Source};
use crate::reload::{self, Reloader};
use crate::signals::{Asked, Asking};
use crate::{discovery, executor, limits, logging, scraping, server, targets};

pub(super) fn run(options: RunOptions) -> anyhow::Result<ExitCode> {
    logging::start(options.log_level, options.log_format);
    limits::raise_open_files();
    let source = options.config.clone().map_or(Source::BuiltIn, Source::File);
    let (fingerprint, plan) = source.load();
    let plan = match plan {
        Ok(plan) => plan,
        Err(errors) => {
            for problem in &errors.problems {
                tracing::error!("{problem}");
            }
            tracing::error!(
                problems = errors.problems.len() + errors.omitted,
                "the configuration is wrong; not started"
            );
            return Ok(ExitCode::FAILURE);
        }
    };
    let executor = executor::start()?;
    smol::block_on(
        executor
            .clone()
            .run(daemon(executor, options, source, fingerprint, plan)),
    )?;
    Ok(ExitCode::SUCCESS)
}

async fn daemon(
    executor: Arc<Executor<'static>>,
    options: RunOptions,
    source: Source,
    fingerprint: Fingerprint,
    plan: Plan,
) -> anyhow::Result<()> {
    // First, so that a signal during the start is not lost.
    let mut asking = Asking::listen()?;
    let listener = server::bind(&options.listen).await?;
    let runtime = headcount_runtime::smol::on(executor.clone());
    let env = headcount_runtime::env(&runtime);
    let recording = options.record.as_deref().map(Recording::begin).transpose()?;
    let start =
        |name, guard, recording| discovery::start(&executor, &runtime, &env, name, options.throttle, guard, recording);
    let scrape = start("scrape", options.guard(), recording.as_ref());
    let notify = start("notify", None, None);
    let (changes, changed) = async_channel::unbounded();
    let targets = targets::start(&executor, scrape.clone(), options.scrape.then_some(changes))?;
    let scraping = options
        .scrape
        .then(|| scraping::start(&executor, &env, &targets, changed, &plan, options.max_scrapes));
    let now = env.clock.unix_time().as_secs_f64();
    let reloader = Reloader::new(source.clone(), fingerprint, plan, now);
    let app = App {
        executor: executor.clone(),
        env,
        scrape,
        targets,
        scraping,
        notify,
        reloader,
        is_applied: AtomicBool::new(false),
        was_ready: AtomicBool::new(false),
    };
    let app = Arc::new(app);

    greet(&app, &source, &listener);
    let server = server::start(&executor, listener, app.clone());
    if let Some(folder) = options.file_sd_dir {
        let lists = if options.file_sd_relabelled {
            Lists::Relabelled(app.targets.clone())
        } else {
            Lists::Discovered(app.scrape.clone())
        };
        executor.spawn(FileSd::new(folder).run(lists)).detach();
    }
    let plan = app.reloader.plan();
    reload::log_warnings(&plan);
    reload::apply(&app, &plan).await?;
    if let Some(interval) = options.auto_reload {
        executor.spawn(reload::reload_on_change(app.clone(), interval)).detach();
    }

    let reload_wanted = reload::reload_when_wanted(&app);
    loop {
        let asked = async { Some(asking.next().await) };
        let ended = async {
            app.scrape.ended().or(app.notify.ended()).await;
            None
        };
        match asked.or(ended).await {
            Some(Asked::Reload) => reload_wanted.send(),
            Some(Asked::Stop) => break,
            // To go on would be to serve ever older lists.
            None => bail!("the discovery manager ended by itself; please report this with the log above"),
        }
    }
    tracing::info!("stopping; a second signal stops at once");
    let stop = async {
        server.stop().await;
        app.scrape.stop().await;
        app.notify.stop().await;
        if let Some(recording) = recording {
            recording.end();
        }
    };
    let at_once = async { while asking.next().await == Asked::Reload {} };
    stop.or(at_once).await;
    tracing::info!("stopped");
    Ok(())
}

/// Says where to look.
fn greet(app: &App, source: &Source, listener: &TcpListener) {
    let Ok(address) = listener.local_addr() else { return };
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(%address, version, "listening on http://{address}");
    let plan = app.reloader.plan();
    match source {
        Source::BuiltIn => tracing::info!("without --config: the job `local` is what listens on this machine"),
        Source::File(path) => {
            let (jobs, alertmanagers) = (plan.jobs.len(), plan.alertmanagers.len());
            tracing::info!(config = %path.display(), jobs, alertmanagers, "configuration loaded");
        }
    }
    if let Some(job) = plan.jobs.first() {
        let path = server::path_of(&job.job_name);
        tracing::info!("targets: http://{address}{path}");
    }
    tracing::info!("everything else: http://{address}/");
}
