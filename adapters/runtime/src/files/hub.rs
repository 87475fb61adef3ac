//! One watcher for all watches: the system allows few (128 for each user, by default), and each
//! costs a thread.
//!
//! The one rule: **the lock on the watcher is never taken by the watcher's own thread**. That
//! thread answers to whoever holds it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headcount_core::planted;
use headcount_discoverer::env::FileError;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::watch::{Changes, watch_error};

/// The watches that want to know about each folder, by its absolute path: events have that.
type Listeners = HashMap<PathBuf, Vec<Arc<Changes>>>;

/// The watcher, made when the first watch needs it.
#[derive(Default)]
pub(super) struct Hub {
    watcher: Mutex<Option<RecommendedWatcher>>,
    listeners: Arc<Mutex<Listeners>>,
}

impl Hub {
    /// Lets `changes` hear of its folders. On an error it hears of none.
    pub(super) fn join(&self, changes: &Arc<Changes>) -> Result<(), FileError> {
        let mut watcher = lock(&self.watcher);
        for folder in changes.folders() {
            if let Err(error) = self.join_folder(&mut watcher, folder, changes) {
                self.part_all(&mut watcher, changes);
                let called = changes.called(folder).next().unwrap_or_default();
                return Err(watch_error(&called, notify::Error::new(error.kind)));
            }
        }
        Ok(())
    }

    /// Lets `changes` hear no more.
    pub(super) fn part(&self, changes: &Arc<Changes>) {
        self.part_all(&mut lock(&self.watcher), changes);
    }

    fn join_folder(
        &self,
        watcher: &mut Option<RecommendedWatcher>,
        folder: &Path,
        changes: &Arc<Changes>,
    ) -> notify::Result<()> {
        if watcher.is_none() {
            let listeners = self.listeners.clone();
            *watcher = Some(notify::recommended_watcher(move |event| {
                tell(&lock(&listeners), event)
            })?);
        }
        // Before the watch starts, so that not even its first event is missed.
        lock(&self.listeners)
            .entry(folder.to_owned())
            .or_default()
            .push(changes.clone());
        match watcher {
            // Even if others watch it already: it may be another folder by now.
            Some(watcher) => watcher.watch(folder, RecursiveMode::NonRecursive),
            None => Ok(()),
        }
    }

    fn part_all(&self, watcher: &mut Option<RecommendedWatcher>, changes: &Arc<Changes>) {
        for folder in changes.folders() {
            let mut listeners = lock(&self.listeners);
            let Some(others) = listeners.get_mut(folder) else {
                continue;
            };
            others.retain(|other| !Arc::ptr_eq(other, changes));
            if planted!(others.is_empty(), OneWatchEndsAll, true) {
                listeners.remove(folder);
                drop(listeners);
                // An error means that the folder is gone, and its watch with it.
                watcher.as_mut().map(|watcher| watcher.unwatch(folder).ok());
            }
        }
    }
}

/// Hands an event to those whom it concerns; what is not about a path concerns all.
fn tell(listeners: &Listeners, event: notify::Result<Event>) {
    let event = event.map_err(|error| watch_error(Path::new(""), error));
    let about = |event: &Event| -> Vec<PathBuf> { event.paths.clone() };
    let paths = event.as_ref().map(about).unwrap_or_default();
    if paths.is_empty() {
        for changes in listeners.values().flatten() {
            changes.handle(event.as_ref());
        }
    }
    // A path is a file in a folder that is watched, or such a folder itself.
    for folder in paths
        .iter()
        .flat_map(|path| path.parent().into_iter().chain([path.as_path()]))
    {
        for changes in listeners.get(folder).into_iter().flatten() {
            changes.handle(event.as_ref());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
