//! Watching folders, over `notify`.
//!
//! The one rule: **a change is told, or an error is** – never silence. What can't be told path by
//! path (the system's queue overflowed, the folder itself went away) is an error, upon which the
//! caller looks at everything and watches anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_channel::{Receiver, Sender};
use headcount_core::planted;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{Cause, FileError, FileWatch};
use notify::Event;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RemoveKind};

use super::hub::Hub;
use crate::runtime::SharedRuntime;

/// How long to wait for more after the first change: writing a file or replacing it makes
/// several events, and one of them may find it half-written.
const SETTLE: Duration = Duration::from_millis(5);
/// More paths than this are told as an error: the caller does better to look at everything.
const PATHS: usize = 10_000;

/// A running watch.
pub(super) struct Watch {
    runtime: SharedRuntime,
    hub: Arc<Hub>,
    changes: Arc<Changes>,
    signal: Receiver<()>,
}

impl Watch {
    /// Starts watching `folders`.
    pub(super) fn new(runtime: SharedRuntime, hub: Arc<Hub>, folders: &[PathBuf]) -> Result<Self, FileError> {
        let (wake, signal) = async_channel::bounded(1);
        let changes = Arc::new(Changes {
            folders: by_path(folders),
            seen: Mutex::default(),
            wake,
        });
        hub.join(&changes)?;
        Ok(Self {
            runtime,
            hub,
            changes,
            signal,
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.hub.part(&self.changes);
    }
}

impl FileWatch for Watch {
    fn changed(&mut self) -> BoxFuture<'_, Result<Vec<PathBuf>, FileError>> {
        Box::pin(async move {
            loop {
                if self.changes.is_quiet() && self.signal.recv().await.is_err() {
                    // The other end lives in `self`, so this does not happen.
                    return Err(FileError::Missed {
                        path: PathBuf::new(),
                        reason: "the watch ended",
                    });
                }
                self.runtime.sleep(SETTLE).await;
                match self.changes.take() {
                    Ok(paths) if paths.is_empty() => {}
                    told => return told,
                }
            }
        })
    }
}

/// What was seen and not told yet.
#[derive(Default)]
struct Seen {
    paths: BTreeSet<PathBuf>,
    error: Option<FileError>,
}

/// Folders as the system's events call them, each with how those call it who watch it, and want to hear of what is in it.
type Folders = BTreeMap<PathBuf, Vec<PathBuf>>;

/// Filled by the watcher's thread, emptied by the watch.
pub(super) struct Changes {
    folders: Folders,
    seen: Mutex<Seen>,
    wake: Sender<()>,
}

impl Changes {
    /// The folders, as the system's events call them.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.keys().map(PathBuf::as_path)
    }

    /// What an event calls so, if it is one of the folders or in one, as whoever watches would call it.
    pub(super) fn called<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
        let itself = self.folders.get(path).into_iter().flatten().cloned();
        let names = path
            .parent()
            .and_then(|folder| self.folders.get(folder))
            .into_iter()
            .flatten();
        itself.chain(names.filter_map(|folder| Some(folder.join(path.file_name()?))))
    }

    /// Notes an event, or the watcher's own trouble.
    pub(super) fn handle(&self, event: Result<&Event, &FileError>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Err(error) => seen.error = Some(error.clone()),
            Ok(event) if planted!(event.need_rescan(), OverflowIsSilent, false) => {
                seen.error = Some(self.missed("the system's queue of file events overflowed"));
            }
            Ok(event) if !is_change(&event.kind) => return,
            Ok(event) => {
                if planted!(self.lost_folder(event), LostFolderIsSilent, false) {
                    seen.error = Some(self.missed("a watched folder was removed or moved"));
                }
                seen.paths.extend(event.paths.iter().flat_map(|path| self.called(path)));
                if seen.paths.len() > PATHS {
                    seen.paths.clear();
                    seen.error = Some(self.missed("too many files changed at once"));
                }
            }
        }
        drop(seen);
        // Full means that a signal is waiting already.
        self.wake.try_send(()).ok();
    }

    fn is_quiet(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.paths.is_empty() && seen.error.is_none()
    }

    /// What was seen since the last time, or the error, which covers all of it.
    fn take(&self) -> Result<Vec<PathBuf>, FileError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Seen { paths, error } = std::mem::take(&mut *seen);
        match error {
            Some(error) => Err(error),
            None => Ok(paths.into_iter().collect()),
        }
    }

    fn lost_folder(&self, event: &Event) -> bool {
        let gone = matches!(
            event.kind,
            EventKind::Remove(RemoveKind::Folder | RemoveKind::Other) | EventKind::Modify(ModifyKind::Name(_))
        );
        gone && event.paths.iter().any(|path| self.folders.contains_key(path))
    }

    fn missed(&self, reason: &'static str) -> FileError {
        let path = self.folders.values().flatten().next().cloned().unwrap_or_default();
        FileError::Missed { path, reason }
    }
}

/// The folders as they are without links: the system watches a folder once, however many ways lead to it, and tells of it by
/// the last of them. One that is not there can't be watched, which is said.
fn by_path(folders: &[PathBuf]) -> Folders {
    let mut all = Folders::new();
    for given in folders {
        let folder = match given.as_os_str().is_empty() {
            true => Path::new("."),
            false => given,
        };
        let path = fs::canonicalize(folder).or_else(|_| std::path::absolute(folder));
        all.entry(path.unwrap_or_else(|_| folder.to_owned()))
            .or_default()
            .push(given.clone());
    }
    all
}

/// Whether it says that a file may be another one than before. Our own reading of the files says
/// that they were opened and closed, which is no change.
fn is_change(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(access) => planted!(*access == AccessKind::Close(AccessMode::Write), ReadingIsAChange, true),
        _ => true,
    }
}

/// The watcher's error as ours.
pub(super) fn watch_error(folder: &Path, error: notify::Error) -> FileError {
    let path = error.paths.first().map_or(folder, PathBuf::as_path).to_owned();
    match error.kind {
        notify::ErrorKind::PathNotFound => FileError::NotFound { path },
        notify::ErrorKind::Io(io) => super::file_error(&path, io),
        notify::ErrorKind::MaxFilesWatch => FileError::TooManyWatches { path },
        kind => FileError::Io {
            path,
            cause: Cause::new(notify::Error::new(kind)),
        },
    }
}

#[cfg(test)]
mod tests {
    use notify::event::Flag;

    use super::*;

    fn changes(folder: &str) -> (Changes, Receiver<()>) {
        let (wake, signal) = async_channel::bounded(1);
        (
            Changes {
                folders: by_path(&[folder.into()]),
                seen: Mutex::default(),
                wake,
            },
            signal,
        )
    }

    #[test]
    fn an_overflow_is_an_error_and_covers_what_was_seen() {
        let (changes, signal) = changes("/d");
        changes.handle(Ok(&Event::new(EventKind::Any).add_path("/d/a".into())));
        changes.handle(Ok(&Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        assert!(signal.try_recv().is_ok());
        let error = changes.take().unwrap_err();
        assert!(error.to_string().contains("overflowed"), "{error}");
        assert_eq!(changes.take(), Ok(vec![]), "told once");
    }

    #[test]
    fn a_flood_of_names_takes_bounded_memory() {
        let (changes, _signal) = changes("/d");
        for number in 0..3 * PATHS {
            changes.handle(Ok(&Event::new(EventKind::Any).add_path(format!("/d/{number}").into())));
            assert!(changes.seen.lock().unwrap().paths.len() <= PATHS);
        }
        assert!(changes.take().is_err());
    }

    /// The system's events have absolute paths, however the folder was called.
    #[test]
    fn what_changes_is_called_as_its_folder_is() {
        let here = std::env::current_dir().expect("a current folder");
        for folder in [".", "", "lists", "./lists", "../lists", "/etc/lists"] {
            let (changes, _signal) = changes(folder);
            let event = here.join(folder).join("a.json");
            changes.handle(Ok(&Event::new(EventKind::Any).add_path(event)));
            assert_eq!(changes.take(), Ok(vec![Path::new(folder).join("a.json")]), "{folder:?}");
            let event = here.join("elsewhere/a.json");
            changes.handle(Ok(&Event::new(EventKind::Any).add_path(event)));
            assert_eq!(changes.take(), Ok(vec![]), "{folder:?}");
        }
    }

    #[test]
    fn reading_a_file_is_no_change() {
        let (changes, signal) = changes("/d");
        for kind in [AccessKind::Open(AccessMode::Any), AccessKind::Close(AccessMode::Read)] {
            changes.handle(Ok(&Event::new(EventKind::Access(kind)).add_path("/d/a".into())));
        }
        assert!(changes.is_quiet());
        assert!(signal.try_recv().is_err());
    }
}
