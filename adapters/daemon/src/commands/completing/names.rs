//! Names of jobs and providers: of the configuration that the command line names, or else of the daemon that it means.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use clap::{ArgMatches, CommandFactory};
use clap_complete::CompletionCandidate;
use headcount_config::Dialect;
use headcount_core::{is_printable, one_line};
use headcount_questions::Api;
use headcount_service::Plan;

use super::WORDS;
use crate::cli::{Cli, Server, Whose};
use crate::commands::{input, origin};

/// Who waits for a word to be completed waits no longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The jobs that can be meant.
pub(crate) fn jobs() -> Vec<CompletionCandidate> {
    let Some(matches) = said() else { return Vec::new() };
    let file = ["config", "file"].into_iter().find_map(|name| path(&matches, name));
    let names = match file {
        Some(file) if input::is_stdin(&file) => Vec::new(),
        Some(file) => {
            let said = dialect(&matches);
            in_time(move || jobs_in(&file, said))
        }
        None => asked(&matches, async |api| api.job_names().await),
    };
    let names = names.into_iter().filter(|name| is_seen(name));
    names.map(CompletionCandidate::new).collect()
}

/// The providers that can be meant, and what they discover.
pub(crate) fn providers() -> Vec<CompletionCandidate> {
    let Some(matches) = said() else { return Vec::new() };
    let names = asked(&matches, async |api| api.provider_names().await);
    let names = names.into_iter().filter(|(name, _)| is_seen(name));
    let candidate = |(name, about): (String, String)| {
        let about = one_line(&about).into_owned();
        CompletionCandidate::new(name).help(Some(about.into()))
    };
    names.map(candidate).collect()
}

/// Whether a name has letters only that are seen. Another can't be told from what it is not, and not be typed.
fn is_seen(name: &str) -> bool {
    name.chars().all(is_printable)
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

/// The value of an option that this command may not have. A shell has not put a folder in place of `~` yet.
fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    let path = matches.try_get_one::<PathBuf>(name).ok().flatten()?;
    Some(match (path.strip_prefix("~"), env::home_dir()) {
        (Ok(inside), Some(home)) => home.join(inside),
        _ => path.clone(),
    })
}

/// Whoever's file it is: first as whose it is said to be.
fn jobs_in(file: &Path, said: Dialect) -> Vec<String> {
    let other = match said {
        Dialect::Prometheus => Dialect::Vmagent,
        Dialect::Vmagent => Dialect::Prometheus,
    };
    let plan = [said, other].into_iter().find_map(|dialect| {
        let loader = headcount_service::loader().allow_unsupported(true).dialect(dialect);
        Plan::load(&loader, file).ok()
    });
    let jobs = plan.into_iter().flat_map(|plan| plan.jobs);
    jobs.map(|job| job.job_name).collect()
}

/// Whose file the command line says it is.
fn dialect(matches: &ArgMatches) -> Dialect {
    let whose = matches.try_get_one::<Whose>("whose").ok().flatten();
    whose.map_or_else(Dialect::default, |whose| (*whose).into())
}

/// What this makes, if that does not take long.
fn in_time<T: Default + Send + 'static>(make: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = channel();
    // It ends with the process, which ends with what this answers.
    let making = thread::Builder::new().spawn(move || tell.send(make()));
    making
        .ok()
        .and_then(|_| told.recv_timeout(PATIENCE).ok())
        .unwrap_or_default()
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
    in_time(move || {
        let answered = origin::workers()
            .and_then(|workers| workers.block_on(async { ask(&origin::connect(&workers, &server).await?).await }));
        answered.unwrap_or_default()
    })
}
