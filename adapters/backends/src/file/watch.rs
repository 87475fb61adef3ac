//! Being told of changes, and what to do when that is not possible.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use headcount_discoverer::Env;
use headcount_discoverer::env::{FileError, FileWatch};

use super::WATCHER_ERRORS;
use super::trouble::Trouble;

/// A watch that fails more often than this within an interval is given up until its end, so that
/// one that fails at once each time does not keep the processor busy.
const FAILURES_BEFORE_REST: u32 = 3;

/// The watch over all folders, as far as it is possible.
pub(super) struct Watch {
    env: Env,
    folders: Vec<PathBuf>,
    interval: Duration,
    running: Option<Box<dyn FileWatch>>,
    /// Folders that could not be watched, and why.
    missing: Vec<FileError>,
    failures: u32,
    /// What was reported last, so that it is reported once.
    reported: Option<Trouble>,
}

impl Watch {
    pub(super) fn start(env: &Env, folders: Vec<PathBuf>, interval: Duration) -> Self {
        let (running, missing) = watch(env, &folders);
        Self {
            env: env.clone(),
            folders,
            interval,
            running,
            missing,
            failures: 0,
            reported: None,
        }
    }

    /// Completes when something changed, or when the watch failed; never while there is none.
    pub(super) async fn changed(&mut self) -> Result<Vec<PathBuf>, FileError> {
        match &mut self.running {
            Some(running) => running.changed().await,
            None => std::future::pending().await,
        }
    }

    /// Takes note that the watch failed, and starts another unless it fails all the time.
    pub(super) fn failed(&mut self, error: &FileError) {
        self.env.metrics.add(WATCHER_ERRORS, &[], 1.0);
        self.failures = self.failures.saturating_add(1);
        if self.failures > FAILURES_BEFORE_REST {
            self.running = None;
            self.missing = vec![error.clone()];
        } else {
            (self.running, self.missing) = watch(&self.env, &self.folders);
        }
    }

    /// Starts over. To be called once each interval, before everything is read: what was not
    /// possible may be possible now, and a folder that was made anew is another folder.
    pub(super) fn renew(&mut self) {
        self.failures = 0;
        (self.running, self.missing) = watch(&self.env, &self.folders);
    }

    /// What can't be watched, and whether that is news.
    pub(super) fn trouble(&mut self) -> (Option<Trouble>, bool) {
        let reasons: Vec<_> = self.missing.iter().map(ToString::to_string).collect();
        let trouble = (!reasons.is_empty()).then(|| {
            let (reasons, interval) = (reasons.join("; "), self.interval);
            Trouble::watching(format!(
                "{reasons}; the files there are read every {interval:?} instead, and when a folder that was missing comes"
            ))
        });
        let is_news = trouble != self.reported;
        self.reported.clone_from(&trouble);
        (trouble, is_news)
    }
}

/// Watches all folders, or those that can be, and says which can't.
fn watch(env: &Env, folders: &[PathBuf]) -> (Option<Box<dyn FileWatch>>, Vec<FileError>) {
    if let Ok(running) = env.files.watch(folders) {
        return (Some(running), Vec::new());
    }
    let (mut possible, mut missing) = (Vec::new(), Vec::new());
    for folder in folders {
        match env.files.watch(std::slice::from_ref(folder)) {
            Ok(_) => possible.push(folder.clone()),
            Err(error) => missing.push(error),
        }
    }
    env.metrics.add(WATCHER_ERRORS, &[], missing.len() as f64);
    if possible.is_empty() {
        return (None, missing);
    }
    match env.files.watch(&possible) {
        Ok(running) => (Some(running), missing),
        Err(error) => {
            missing.push(error);
            (None, missing)
        }
    }
}

/// Whether a symbolic link is among the changed paths that are no file of ours.
pub(super) async fn is_link_among(env: &Env, paths: &[PathBuf], files: &BTreeSet<PathBuf>) -> bool {
    for path in paths.iter().filter(|path| !files.contains(*path)) {
        if env.files.read_link(path).await.is_ok() {
            return true;
        }
    }
    false
}
