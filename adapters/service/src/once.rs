//! A discovery that is made once, for who looks at what it finds themselves.
//!
//! The one rule: **nothing is waited for twice.** It ends when every provider has reported or failed, or
//! when the time is over; who reported nothing by then is a failure like any other. So no files are watched: where the
//! system has no watch left, as on busy build machines, they can be read all the same.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_core::{ManagerOptions, ProviderSnapshot, Throttle};
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{FileContents, FileError, FileWatch, Files, FolderIdentity};
use headcount_discoverer::mechanism::SdConfig;
use headcount_runtime::{DriverGone, Running};
use smol::Timer;

use crate::discovery::Observation;
use crate::{Awaited, Workers};

/// Someone who could not be asked.
#[derive(Debug)]
pub struct Failure {
    /// The sets that read it.
    pub sets: Vec<Arc<str>>,
    /// Who it is, and what went wrong.
    pub reason: String,
}

/// Runs until every provider has reported or failed, or the time is over; `awaited` names those that have not.
///
/// # Errors
/// When the manager ends by itself, which is a bug.
pub async fn discover(
    workers: &Workers,
    sets: Vec<(String, Vec<SdConfig>)>,
    timeout: Duration,
    awaited: &Awaited,
) -> Result<Observation, DriverGone> {
    let mut env = workers.env().clone();
    env.files = Arc::new(WatchedOtherwise {
        files: env.files,
        watch: |_| Ok(Box::new(Nothing)),
    });
    let options = ManagerOptions {
        // Who waits for one answer wants it at once.
        throttle: Throttle::Ticker {
            interval: Duration::ZERO,
        },
        seed: env.random.next_u64(),
        ..ManagerOptions::default()
    };
    let running = headcount_runtime::start(workers.runtime(), options, env.clone(), SdConfig::discoverer);
    let Running {
        handle, mut snapshots, ..
    } = running;
    let first = handle.apply(sets).await?.version;
    let all_reported = async {
        while let Some(snapshot) = snapshots.next().await {
            if snapshot.version() < first {
                continue;
            }
            let silent = snapshot.providers().filter(|it| !it.reports().has_reported());
            if !awaited.are(silent.map(InWords)) {
                return;
            }
        }
    };
    let too_late = async {
        Timer::after(timeout).await;
    };
    all_reported.or(too_late).await;
    awaited.nobody();
    let clock = env.clock.clone();
    let observation = handle.with(move |manager| Observation::of(manager, clock.now())).await;
    handle.stop().await;
    observation
}

/// A provider as it is named to who waits for it.
pub(crate) struct InWords<'a>(pub(crate) &'a ProviderSnapshot);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0.name(), self.0.description())
    }
}

/// Each provider that failed, got a part only or did not answer, and each config that could not be run.
#[must_use]
pub fn failures(observation: &Observation, timeout: Duration) -> Vec<Failure> {
    let mut failures = Vec::new();
    for provider in &observation.providers {
        let (name, description) = (&provider.name, &provider.description);
        let what = if let Some(failed) = provider.health.current_failure() {
            failed.message.to_string()
        } else if let Some(missing) = provider.health.reports.missing() {
            format!("could not get {missing}")
        } else if !provider.health.has_reported() {
            let timeout = headcount_core::format_duration(timeout);
            format!("no answer within {timeout}; see --timeout")
        } else {
            continue;
        };
        failures.push(Failure {
            sets: provider.subscribers.clone(),
            reason: format!("{name} ({description}): {what}"),
        });
    }
    failures.extend(observation.failed_configs.iter().map(|failed| Failure {
        sets: failed.sets.clone(),
        reason: format!("{}: {}", failed.name, failed.reason),
    }));
    failures
}

/// Files of whose changes somebody else tells.
struct WatchedOtherwise {
    files: Arc<dyn Files>,
    watch: Watch,
}

/// What is answered to who asks for a watch on folders.
type Watch = fn(&[PathBuf]) -> Result<Box<dyn FileWatch>, FileError>;

/// Never tells of one.
struct Nothing;

impl FileWatch for Nothing {
    fn changed(&mut self) -> BoxFuture<'_, Result<Vec<PathBuf>, FileError>> {
        Box::pin(std::future::pending())
    }
}

impl Files for WatchedOtherwise {
    fn read(&self, path: &Path, limit: u64) -> BoxFuture<'static, Result<FileContents, FileError>> {
        self.files.read(path, limit)
    }

    fn glob(&self, pattern: &str) -> BoxFuture<'static, Result<Vec<PathBuf>, FileError>> {
        self.files.glob(pattern)
    }

    fn list(&self, folder: &Path) -> BoxFuture<'static, Result<Vec<String>, FileError>> {
        self.files.list(folder)
    }

    fn identity(&self, folder: &Path) -> BoxFuture<'static, Result<FolderIdentity, FileError>> {
        self.files.identity(folder)
    }

    fn read_link(&self, path: &Path) -> BoxFuture<'static, Result<PathBuf, FileError>> {
        self.files.read_link(path)
    }

    fn watch(&self, folders: &[PathBuf]) -> Result<Box<dyn FileWatch>, FileError> {
        (self.watch)(folders)
    }
}

#[cfg(test)]
mod tests {
    use headcount_backends::file::FileSd;

    use super::*;

    /// On a machine that has no watch left.
    fn none_left(folders: &[PathBuf]) -> Result<Box<dyn FileWatch>, FileError> {
        let path = folders.first().cloned().unwrap_or_default();
        Err(FileError::TooManyWatches { path })
    }

    #[test]
    fn files_are_read_where_nothing_can_be_watched() {
        let folder = tempfile::tempdir().expect("a folder");
        let list = folder.path().join("a.json");
        std::fs::write(&list, r#"[{"targets": ["h:1"]}]"#).expect("a file");
        let pattern = folder.path().join("*.json");
        let entry = |path: &Path| {
            let file = FileSd::new([path.to_str().expect("UTF-8")], Duration::from_secs(60)).expect("a pattern");
            vec![SdConfig::new(file)]
        };
        let workers = Workers::start().expect("threads");
        let mut env = workers.env().clone();
        env.files = Arc::new(WatchedOtherwise {
            files: env.files,
            watch: none_left,
        });
        let workers = workers.in_world(env);
        let sets = vec![
            ("named".to_owned(), entry(&list)),
            ("found".to_owned(), entry(&pattern)),
            ("gone".to_owned(), entry(&folder.path().join("b.json"))),
        ];
        let timeout = Duration::from_secs(60);
        let observation = workers
            .block_on(discover(&workers, sets, timeout, &Awaited::default()))
            .expect("a manager");
        let failures = failures(&observation, timeout);
        // What is not there is a failure still.
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(
            failures[0].reason.ends_with("b.json: there is no such file"),
            "{failures:?}"
        );
        assert_eq!(failures[0].sets, ["gone".into()]);
    }
}
