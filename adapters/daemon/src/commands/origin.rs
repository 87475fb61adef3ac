//! Whom a question is for: a running daemon, or a discovery of its own.

use anyhow::{Context, anyhow};
use headcount_questions::Api;
use headcount_reader::{HttpClientSettings, without_credentials};
use headcount_service::{Awaited, Plan, Workers};

use super::input;
use crate::cli::{Origin, Server};
use crate::console;
use crate::console::progress::Progress;

/// Threads for what is asked.
pub(super) fn workers() -> anyhow::Result<Workers> {
    Workers::start().context("starting a thread")
}

/// Lets `ask` ask, and ends what was started for it.
pub(super) fn ask<R>(
    workers: &Workers,
    origin: &Origin,
    ask: impl AsyncFnOnce(&Api) -> anyhow::Result<R>,
) -> anyhow::Result<R> {
    let awaited = Awaited::default();
    let _progress = Progress::of(&awaited);
    workers.block_on(async {
        let api = match &origin.config {
            Some(file) => {
                let plan = input::load(&origin.reading.loader(), file)
                    .map_err(|errors| anyhow!("the configuration is wrong:\n{errors}"))?;
                warn(&plan);
                Api::discover(workers, plan, origin.timeout, &awaited).await?
            }
            None => {
                awaited.are([daemon(&origin.server)]);
                connect(workers, &origin.server).await?
            }
        };
        let answer = ask(&api).await;
        api.close().await;
        answer
    })
}

/// The daemon that is meant, in words.
pub(super) fn daemon(server: &Server) -> String {
    match &server.url {
        Some(url) => format!("the daemon at {}", without_credentials(url)),
        None => "the daemon".to_owned(),
    }
}

/// Waits for what a daemon does, and says so.
pub(super) fn ask_daemon<R>(
    workers: &Workers,
    server: &Server,
    ask: impl AsyncFnOnce(&Api) -> anyhow::Result<R>,
) -> anyhow::Result<R> {
    let awaited = Awaited::default();
    awaited.are([daemon(server)]);
    let _progress = Progress::of(&awaited);
    workers.block_on(async { ask(&connect(workers, server).await?).await })
}

/// The daemon that is meant.
pub(super) async fn connect(workers: &Workers, server: &Server) -> anyhow::Result<Api> {
    let client = match &server.http_config {
        Some(file) => {
            HttpClientSettings::load(file).map_err(|errors| anyhow!("--http.config.file is wrong:\n{errors}"))?
        }
        None => HttpClientSettings::default(),
    };
    Api::connect(workers, server.url.as_deref(), &client).await
}

/// Says on standard error what is remarkable about a configuration.
pub(super) fn warn(plan: &Plan) {
    warn_of([plan]);
}

/// The same of several, which may have the same to remark.
pub(super) fn warn_of<'a>(plans: impl IntoIterator<Item = &'a Plan>) {
    let notes = console::notes(plans.into_iter().flat_map(|plan| &plan.warnings));
    notes.iter().for_each(|note| console::complain(note));
}
