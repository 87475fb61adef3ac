//! `headcount run`: the daemon.

use std::process::ExitCode;

use anyhow::bail;
use futures_lite::FutureExt;
use headcount_service::{ListKind, Service, ServiceBuilder, Source, StartError, Workers};

use super::origin;
use crate::cli::{Manners, RunOptions};
use crate::signals::{Asked, Asking};
use crate::{limits, logging, service_manager};

/// Where it listens unless it is told otherwise.
const DEFAULT_LISTEN: &str = "127.0.0.1:9099";

pub(super) fn run(options: &RunOptions, manners: Manners) -> anyhow::Result<ExitCode> {
    logging::start(options.log_level.unwrap_or(manners.log_level()), options.log_format);
    limits::raise_open_files();
    let workers = origin::workers()?;
    workers.block_on(daemon(&workers, options))
}

async fn daemon(workers: &Workers, options: &RunOptions) -> anyhow::Result<ExitCode> {
    // First, so that a signal during the start is not lost.
    let mut asking = Asking::listen()?;
    let source = options.config.clone().map_or(Source::BuiltIn, Source::File);
    let service = match builder(workers, options).start(source).await {
        Ok(service) => service,
        Err(StartError::Config(errors)) => {
            for problem in &errors.problems {
                tracing::error!("{problem}");
            }
            tracing::error!(
                problems = errors.problems.len() + errors.omitted,
                "the configuration is wrong; not started"
            );
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error.into()),
    };
    service_manager::say_ready();
    if !serve(&service, &mut asking).await {
        // To go on would be to serve ever older lists.
        bail!("the discovery manager ended by itself; please report this with the log above");
    }
    service_manager::say_stopping();
    tracing::info!("stopping; a second signal stops at once");
    let at_once = async { while asking.next().await == Asked::Reload {} };
    service.stop().or(at_once).await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Reloads when that is asked for, until it is asked to stop; `false` when the service ends by itself. A reload
/// that is slow holds up no signal, and however many are asked for meanwhile, one more follows.
async fn serve(service: &Service, asking: &mut Asking) -> bool {
    let (sender, wanted) = async_channel::bounded(1);
    let stopped = async {
        while asking.next().await == Asked::Reload {
            // Full means that one is about to start, and reads what is there then.
            sender.try_send(()).ok();
        }
        true
    };
    let reloading = async {
        while wanted.recv().await.is_ok() {
            // What went wrong is in the log.
            service.reload().await.ok();
        }
        true
    };
    let ended = async {
        service.ended().await;
        false
    };
    stopped.or(reloading).or(ended).await
}

/// The service that the options ask for.
fn builder(workers: &Workers, options: &RunOptions) -> ServiceBuilder {
    let mut builder = Service::builder()
        .workers(workers)
        .loader(options.reading.loader())
        .limits(options.limits.limits());
    builder = match &options.listen {
        Some(address) => builder.listen(address),
        None => builder.listen_as_settings(DEFAULT_LISTEN),
    };
    builder = options.web.tell(builder);
    if let Some(throttle) = options.throttle {
        builder = builder.throttle(throttle);
    }
    if let Some(max_drop) = options.max_drop {
        builder = builder.max_drop(max_drop);
    }
    if let Some(hold) = options.hold {
        builder = builder.hold(hold);
    }
    if let Some(max_stale) = options.max_stale {
        builder = builder.max_stale(max_stale);
    }
    if options.scrape {
        builder = builder.scrape(Some(options.max_scrapes));
    }
    if let Some(folder) = &options.file_sd_dir {
        let kind = if options.file_sd_relabelled {
            ListKind::Relabelled
        } else {
            ListKind::Discovered
        };
        builder = builder.file_sd(folder, kind);
    }
    if let Some(file) = &options.record {
        builder = builder.record(file);
    }
    if let Some(config) = &options.config {
        builder = options.state.keep(builder, config);
    }
    if let Some(interval) = options.auto_reload {
        builder = builder.auto_reload(interval);
    }
    builder
}
