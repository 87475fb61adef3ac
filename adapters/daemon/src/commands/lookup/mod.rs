//! Where commands look targets up: a running daemon, or a discovery of their own.
//!
//! * `api`: asks either of them. `in_process`: the discovery of their own.
//! * `answers`: what they answer. `host`: when two names are those of one host, or nearly.
//!
//! The one rule: **both are asked the same way.** A configuration is run as the daemon would, and
//! answers as its API does; so no command can tell them apart, or say other things of either.

mod answers;
mod api;
mod host;
mod in_process;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;

use crate::cli::Origin;
use crate::executor;
use crate::plan::{Plan, Source};
pub(super) use answers::{Labels, Overview, Step, Target};
pub(super) use api::Api;
pub(super) use host::{Address, distance_within};

/// Lets `ask` ask, and ends what was started for it.
pub(super) fn ask<R>(origin: &Origin, ask: impl AsyncFnOnce(&Api) -> anyhow::Result<R>) -> anyhow::Result<R> {
    let executor = executor::start()?;
    smol::block_on(executor.clone().run(async {
        let api = match &origin.config {
            Some(file) => {
                let (_, plan) = Source::File(file.clone()).load();
                let plan = plan.map_err(|errors| anyhow!("the configuration is wrong:\n{errors}"))?;
                warn(&plan);
                Api::InProcess(in_process::start(&executor, plan, origin.timeout).await?)
            }
            None => Api::connect(&executor, origin.url.as_deref()).await?,
        };
        let answer = ask(&api).await;
        if let Api::InProcess(app) = &api {
            app.scrape.stop().await;
            app.notify.stop().await;
        }
        answer
    }))
}

/// Says on standard error what is remarkable about a configuration.
fn warn(plan: &Plan) {
    for warning in &plan.warnings {
        crate::console::complain(&format!("{warning} (warning)"));
    }
}

/// What time it is, in seconds since 1970-01-01 UTC.
pub(super) fn unix_now() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// How long ago a moment was, for people.
pub(super) fn ago(at: f64, now: f64) -> String {
    let seconds = Duration::try_from_secs_f64(now - at).unwrap_or_default().as_secs();
    format!(
        "{} ago",
        headcount_reader::format_duration(Duration::from_secs(seconds))
    )
}

/// What stands behind an HTTP client, made when one is needed.
fn env(executor: &Arc<smol::Executor<'static>>) -> headcount_discoverer::Env {
    headcount_runtime::env(&headcount_runtime::smol::on(executor.clone()))
}
