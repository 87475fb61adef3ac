//! Whether a configuration would do what it says, found out without running it.
//!
//! The one rule: **what passes starts, and none of its configs is failed.** What `run` would only find out by
//! and by is looked at here at once: files that are named and lists that are there are read, HTTP clients are made,
//! targets that are written down are relabelled. Nobody is asked over the network.

mod clients;
mod files;
mod targets;

use std::path::{Path, PathBuf};

use headcount_config::{Examined, LoadErrors, Loader, Machine, Problem};
use headcount_discoverer::env::Http;

use crate::plan::Plan;
use files::Files;

/// How many problems are kept. Nobody reads more.
const KEPT: usize = 1_000;

/// What was found out about a configuration.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// The configuration, if it could be read.
    pub plan: Option<Plan>,
    /// The files that it consists of.
    pub files: Vec<PathBuf>,
    /// What is wrong, file by file.
    pub errors: Vec<Problem>,
    /// How many more errors there are that were not kept.
    pub omitted: usize,
    /// What is remarkable and not wrong.
    pub warnings: Vec<Problem>,
}

impl Checked {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.errors.is_empty() && self.omitted == 0
    }
}

/// Checks a prometheus.yml. Blocks while it reads files.
///
/// ```
/// use headcount_service::{Workers, check, loader};
///
/// let workers = Workers::start()?;
/// let text = "scrape_configs: [{job_name: a, bearer_token_file: /no/such/token, static_configs: [{targets: ['a:1']}]}]";
/// let checked = check(&*workers.env().http, &loader(), text.as_bytes(), "prometheus.yml".as_ref());
/// assert_eq!(
///     checked.errors[0].to_string(),
///     "prometheus.yml:1:51: scrape_configs[0].bearer_token_file: /no/such/token can't be read: \
///      No such file or directory (os error 2)"
/// );
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// `origin` is the file that the bytes stand for: messages name it, and paths are relative to its folder.
#[must_use]
pub fn check(http: &dyn Http, loader: &Loader, bytes: &[u8], origin: &Path) -> Checked {
    look_at(http, loader.examine(bytes, origin, &Machine))
}

/// Checks the prometheus.yml in a file, and headcount's own settings beside it. Blocks while it reads files.
#[must_use]
pub fn check_file(http: &dyn Http, loader: &Loader, path: &Path) -> Checked {
    look_at(http, loader.examine_file(path, &Machine))
}

/// Looks at what a configuration names.
fn look_at(http: &dyn Http, examined: Examined) -> Checked {
    let Examined { config, mentions } = examined;
    let mut checked = Checked::default();
    let names = config
        .as_ref()
        .map(|config| config.global.name_validation)
        .unwrap_or_default();
    match config {
        Ok(config) => {
            checked.files.clone_from(&config.files);
            checked.warnings.clone_from(&config.warnings);
            let plan = Plan::from(config);
            checked.warnings.append(&mut targets::invalid(&plan));
            checked.plan = Some(plan);
        }
        Err(LoadErrors { problems, omitted }) => (checked.errors, checked.omitted) = (problems, omitted),
    }
    let mut files = Files::new(&Machine, names);
    for mention in &mentions {
        files.look_at(mention);
    }
    let mut found = files.finish();
    clients::check(http, &Machine, &mentions, &mut found);
    checked.errors.append(&mut found.problems);
    checked.omitted = checked.omitted.saturating_add(found.omitted);
    checked.warnings.append(&mut found.warnings);
    sort(&mut checked.errors);
    sort(&mut checked.warnings);
    let more = checked.errors.len().saturating_sub(KEPT);
    checked.omitted = checked.omitted.saturating_add(more);
    checked.errors.truncate(KEPT);
    checked
}

/// Brings together what belongs to one file; files stay in the order in which they were found.
fn sort(problems: &mut [Problem]) {
    let mut order: Vec<std::sync::Arc<Path>> = Vec::new();
    for problem in problems.iter() {
        if !order.contains(&problem.file) {
            order.push(problem.file.clone());
        }
    }
    problems.sort_by_key(|problem| (order.iter().position(|file| *file == problem.file), problem.position));
}

#[cfg(test)]
mod tests;
