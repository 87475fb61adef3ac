//! The configuration that a daemon runs, as the old side of a difference.
//!
//! A daemon hides its secrets. The one rule: **what is hidden is not known, and is no difference.** An entry that says the
//! same as one of the new configuration but for its secrets is taken for that one; any other that has a secret can't be
//! asked, and what it finds is uncertain.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use headcount_config::{Loader, Machine, Surroundings};
use headcount_core::{Failure, ProviderConfig};
use headcount_discoverer::mechanism::{Mechanism, Place, SdConfig};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates};
use headcount_reader::Fields;
use headcount_reader::pattern::Folders;
use headcount_service::Plan;

use crate::lookup::Api;

/// What stands in place of a secret.
const MASK: &str = "<secret>";
/// Between the configuration and headcount's own settings, before their file.
const SETTINGS: &str = "\n---\n# ";

/// Asks a daemon for what it runs. Relative paths are beside `new_file`, as those of `new` are.
///
/// # Errors
/// When nobody answers, or what is answered can't be read here.
pub async fn running(api: &Api, loader: Loader, new_file: &Path, new: &Plan) -> anyhow::Result<Plan> {
    let text = api.configuration().await?;
    let mut plan = read(&text, loader, new_file).context("what the daemon runs can't be read here")?;
    fill_in(&mut plan, new);
    Ok(plan)
}

/// Reads both documents as files that lie beside `new_file`.
fn read(text: &str, loader: Loader, new_file: &Path) -> anyhow::Result<Plan> {
    // As it has to be written in a URL. It is hidden there again.
    let text = &text.replace(&format!(":{MASK}@"), ":%3Csecret%3E@");
    let beside = |name: &str| new_file.with_file_name(name);
    let config = beside("the running prometheus.yml");
    let mut files = BTreeMap::new();
    let mut loader = loader;
    // Text in a document is indented, or quoted on one line, so this begins the next one.
    let own = match text.split_once(SETTINGS) {
        Some((own, settings)) => {
            let file = beside("the running headcount.yml");
            files.insert(file.clone(), format!("# {settings}").into_bytes());
            loader = loader.settings(file);
            own
        }
        None => text,
    };
    files.insert(config.clone(), own.as_bytes().to_vec());
    let read = loader.examine_file(&config, &Running(files)).config;
    read.map(Plan::from).map_err(|errors| anyhow!("{errors}"))
}

/// Takes from `new` what is the same but for secrets, and has what is hidden fail.
fn fill_in(old: &mut Plan, new: &Plan) {
    let known = new.jobs.iter().flat_map(|job| &job.sd);
    let known = known.chain(new.alertmanagers.iter().flat_map(|(_, config)| &config.sd));
    // Of equal ones the first: they differ in secrets only, and nobody can tell which it is.
    let mut by_fingerprint = BTreeMap::new();
    for config in known {
        if let Some(fingerprint) = config.fingerprint() {
            by_fingerprint.entry(fingerprint.hash).or_insert(config);
        }
    }
    let configs = old.jobs.iter_mut().flat_map(|job| &mut job.sd);
    let configs = configs.chain(old.alertmanagers.iter_mut().flat_map(|(_, config)| &mut config.sd));
    for config in configs {
        let Some(fingerprint) = config.fingerprint().filter(|fingerprint| !fingerprint.is_exact) else {
            continue;
        };
        *config = match by_fingerprint.get(&fingerprint.hash) {
            Some(same) => (*same).clone(),
            None => SdConfig::new(Hidden(format!("{} {}", config.mechanism(), config.describe()))),
        };
    }
    let clients: BTreeMap<&str, _> = new.jobs.iter().map(|job| (&*job.job_name, &job.client)).collect();
    for job in &mut old.jobs {
        let same = clients
            .get(&*job.job_name)
            .filter(|client| shown(**client) == shown(&job.client));
        if let Some(same) = same {
            job.client = (*same).clone();
        }
    }
}

/// What is shown of a value: secrets are hidden in it.
fn shown(value: &impl Debug) -> String {
    format!("{value:?}")
}

/// Files that are not there, and this machine.
struct Running(BTreeMap<PathBuf, Vec<u8>>);

impl Folders for Running {
    fn names(&self, folder: &Path) -> Vec<OsString> {
        Machine.names(folder)
    }

    fn exists(&self, path: &Path) -> bool {
        Machine.exists(path)
    }
}

impl Surroundings for Running {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().map_or_else(|| Machine.read(path, limit), Ok)
    }

    fn variable(&self, name: &str) -> Option<String> {
        Machine.variable(name)
    }
}

/// An entry that can't be asked, because it is not known with what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Hidden(String);

impl Mechanism for Hidden {
    const NAME: &'static str = "hidden";
    const SUMMARY: &'static str = "what a daemon discovers with secrets that it does not show";
    const METRICS: &'static [Definition] = &[];

    fn read(_: &mut Fields<'_>, _: &Place<'_>) -> Option<Self> {
        None
    }

    fn describe(&self) -> String {
        self.0.clone()
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |_: Env, updates: Updates| {
            let failure =
                Failure::new("the daemon does not show its secrets, and the new configuration has no such entry");
            // Nobody listens any more when the time is over.
            updates.fail(failure).await.ok();
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Plan {
        Plan::parse(&headcount_service::loader(), text.as_bytes(), "/srv/new.yml".as_ref()).expect("right")
    }

    /// What a daemon that runs `text` shows of it.
    fn shown_by_a_daemon(text: &str) -> Plan {
        let text = plan(text).redacted.text();
        assert!(!text.contains("very-secret"), "{text}");
        read(&text, headcount_service::loader(), "/srv/new.yml".as_ref()).expect("it can be read again")
    }

    const RUNS: &str = "\
scrape_configs:
- job_name: a
  basic_auth: {username: u, password: very-secret}
  http_sd_configs:
  - {url: 'http://127.0.0.1:1/a', authorization: {credentials: very-secret}}
  - {url: 'http://ann:very-secret@127.0.0.1:1/b'}
  - {url: 'http://127.0.0.1:1/c', basic_auth: {username: u, password_file: pw}}
- job_name: b
  file_sd_configs: [{files: ['l/*.json']}]
";

    #[test]
    fn what_differs_in_secrets_only_is_the_same() {
        let new = plan(RUNS);
        let mut old = shown_by_a_daemon(RUNS);
        let said = |plan: &Plan| -> Vec<_> {
            let jobs = plan.jobs.iter();
            jobs.map(|job| (job.sd.clone(), job.client.clone())).collect()
        };
        assert_ne!(said(&old), said(&new));
        fill_in(&mut old, &new);
        assert_eq!(said(&old), said(&new));
    }

    #[test]
    fn what_is_hidden_and_has_no_counterpart_can_not_be_asked() {
        let other = RUNS
            .replace("1/a", "1/other")
            .replace("username: u, password: v", "username: w, password: v");
        let new = plan(&other);
        let mut old = shown_by_a_daemon(RUNS);
        fill_in(&mut old, &new);
        let sd = &old.jobs[0].sd;
        assert_eq!(sd[0].mechanism(), "hidden");
        assert_eq!(sd[0].describe(), "http http://127.0.0.1:1/a");
        assert_eq!(sd[1..], new.jobs[0].sd[1..]);
        assert_ne!(old.jobs[0].client, new.jobs[0].client, "another user");
    }

    #[test]
    fn settings_are_a_document_of_their_own() {
        let text = "scrape_configs: []\n---\n# /etc/headcount.yml\ndefaults: {max_drop: 30%}\n";
        let plan = read(text, headcount_service::loader(), "/srv/new.yml".as_ref()).expect("right");
        assert!(
            plan.settings.fields().keys().any(|name| name == "defaults.max_drop"),
            "{:?}",
            plan.settings.fields()
        );
    }
}
