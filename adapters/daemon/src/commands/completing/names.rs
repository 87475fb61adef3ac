//! Names of jobs and providers: of the configuration that the command line names, or else of the daemon that it means.

use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use clap::{ArgMatches, CommandFactory};
use clap_complete::CompletionCandidate;
use headcount_config::Dialect;
use headcount_questions::Api;
use headcount_service::Plan;

use super::WORDS;
use crate::cli::{Cli, Server};
use crate::commands::{input, origin};

/// Who waits for a word to be completed waits no longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The jobs that can be meant.
pub(crate) fn jobs() -> Vec<CompletionCandidate> {
    let Some(matches) = said() else { return Vec::new() };
    let file = ["config", "file"].into_iter().find_map(|name| path(&matches, name));
    let names = match file {
        Some(file) if input::is_stdin(&file) => Vec::new(),
        Some(file) => jobs_in(&file),
        None => asked(&matches, async |api| api.job_names().await),
    };
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// The providers that can be meant, and what they discover.
pub(crate) fn providers() -> Vec<CompletionCandidate> {
    let Some(matches) = said() else { return Vec::new() };
    let names = asked(&matches, async |api| api.provider_names().await);
    let candidate = |(name, about): (String, String)| CompletionCandidate::new(name).help(Some(about.into()));
    names.into_iter().map(candidate).collect()
}

/// What the command line says so far, of the command that is named last. What is wrong with it is not looked at: it is
/// not complete.
fn said() -> Option<ArgMatches> {
    let matches = Cli::command().ignore_errors(true).try_get_matches_from(WORDS.get()?);
    let mut matches = matches.ok()?;
    while let Some((_, inner)) = matches.remove_subcommand() {
        matches = inner;
    }
    Some(matches)
}

/// The value of an option that this command may not have.
fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.try_get_one::<PathBuf>(name).ok().flatten().cloned()
}

/// Whoever's file it is.
fn jobs_in(file: &std::path::Path) -> Vec<String> {
    let plan = [Dialect::Prometheus, Dialect::Vmagent].into_iter().find_map(|dialect| {
        let loader = headcount_service::loader().allow_unsupported(true).dialect(dialect);
        Plan::load(&loader, file).ok()
    });
    let jobs = plan.into_iter().flat_map(|plan| plan.jobs);
    jobs.map(|job| job.job_name).collect()
}

/// What a daemon answers, if it does so at once.
fn asked<T: Default + Send + 'static>(
    matches: &ArgMatches,
    ask: impl AsyncFnOnce(&Api) -> anyhow::Result<T> + Send + 'static,
) -> T {
    let server = Server {
        url: matches.try_get_one::<String>("url").ok().flatten().cloned(),
        http_config: path(matches, "http_config"),
    };
    let (tell, told) = channel();
    // It ends with the process, which ends with what this answers.
    let asking = thread::Builder::new().spawn(move || {
        let answered = origin::workers()
            .and_then(|workers| workers.block_on(async { ask(&origin::connect(&workers, &server).await?).await }));
        tell.send(answered.unwrap_or_default()).ok();
    });
    asking
        .ok()
        .and_then(|_| told.recv_timeout(PATIENCE).ok())
        .unwrap_or_default()
}
