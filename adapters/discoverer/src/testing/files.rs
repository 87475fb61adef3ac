use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use super::VirtualClock;
use crate::BoxFuture;
use crate::env::{Clock, FileContents, FileError, FileWatch, Files, FolderIdentity};
use headcount_reader::pattern;

/// Files in memory. Cloning shares them.
///
/// A folder is there once it was made or something was written in it, and stays until it is removed.
#[derive(Debug, Clone)]
pub struct MemoryFiles {
    clock: VirtualClock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<PathBuf, Entry>,
    /// Each with a number of its own: a folder that is made again is another one.
    folders: BTreeMap<PathBuf, u64>,
    next_folder: u64,
    watches: BTreeMap<u64, Watched>,
    next_watch: u64,
    refuse_watches: Option<String>,
    reads: Vec<PathBuf>,
}

#[derive(Debug, Clone)]
enum Entry {
    File(FileContents),
    Unreadable(String),
    Link(PathBuf),
}

#[derive(Debug, Default)]
struct Watched {
    folders: Vec<PathBuf>,
    changed: BTreeSet<PathBuf>,
    error: Option<FileError>,
    waker: Option<Waker>,
}

impl MemoryFiles {
    pub(super) fn new(clock: VirtualClock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    /// Writes a whole file, and tells who watches.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) {
        self.write_silently(path.as_ref(), bytes);
        self.tell(path.as_ref());
    }

    /// Writes a whole file of which nobody is told, as on a file system without notification.
    pub fn write_silently(&self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) {
        let contents = FileContents {
            bytes: bytes.into(),
            modified: self.clock.unix_time(),
        };
        self.put(path.as_ref(), Entry::File(contents));
    }

    /// Makes every read of the file fail with `reason`, and tells who watches.
    pub fn make_unreadable(&self, path: impl AsRef<Path>, reason: &str) {
        self.put(path.as_ref(), Entry::Unreadable(reason.to_owned()));
        self.tell(path.as_ref());
    }

    /// Makes a symbolic link, and tells who watches.
    pub fn link(&self, path: impl AsRef<Path>, target: impl AsRef<Path>) {
        self.put(path.as_ref(), Entry::Link(target.as_ref().to_owned()));
        self.tell(path.as_ref());
    }

    /// Removes a file, and tells who watches.
    pub fn remove(&self, path: impl AsRef<Path>) {
        self.remove_silently(path.as_ref());
        self.tell(path.as_ref());
    }

    /// Removes a file, and tells nobody.
    pub fn remove_silently(&self, path: impl AsRef<Path>) {
        self.with(|state| state.entries.remove(path.as_ref()));
    }

    /// Makes a folder, and tells nobody.
    pub fn make_folder(&self, folder: impl AsRef<Path>) {
        self.with(|state| state.make_folders(folder.as_ref().ancestors()));
    }

    /// Removes a folder with all that is in it, and tells who watches.
    pub fn remove_folder(&self, folder: impl AsRef<Path>) {
        let folder = folder.as_ref();
        let gone: Vec<PathBuf> = self.with(|state| {
            state.folders.retain(|other, _| !other.starts_with(folder));
            let inside = state.entries.keys().filter(|path| path.starts_with(folder));
            let gone: Vec<_> = inside.cloned().collect();
            state.entries.retain(|path, _| !path.starts_with(folder));
            gone
        });
        gone.iter().for_each(|path| self.tell(path));
    }

    /// Tells who watches that something happened to `path`, whether or not it did.
    pub fn tell(&self, path: &Path) {
        self.with(|state| {
            for watched in state
                .watches
                .values_mut()
                .filter(|w| w.folders.iter().any(|f| path.parent() == Some(f)))
            {
                watched.changed.insert(path.to_owned());
                watched.waker.take().into_iter().for_each(Waker::wake);
            }
        });
    }

    /// Makes every running watch fail once.
    pub fn break_watches(&self, reason: &str) {
        self.with(|state| {
            for watched in state.watches.values_mut() {
                let path = watched.folders.first().cloned().unwrap_or_default();
                watched.error = Some(FileError::Io {
                    path,
                    cause: reason.into(),
                });
                watched.waker.take().into_iter().for_each(Waker::wake);
            }
        });
    }

    /// From now on nothing can be watched, for this reason; `None` lifts it.
    pub fn refuse_watches(&self, reason: Option<&str>) {
        self.with(|state| state.refuse_watches = reason.map(str::to_owned));
    }

    /// How many watches run.
    pub fn watches(&self) -> usize {
        self.with(|state| state.watches.len())
    }

    /// The files that were read since this was last called, in order.
    pub fn take_reads(&self) -> Vec<PathBuf> {
        self.with(|state| std::mem::take(&mut state.reads))
    }

    fn put(&self, path: &Path, entry: Entry) {
        self.with(|state| {
            state.make_folders(path.ancestors().skip(1));
            state.entries.insert(path.to_owned(), entry);
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn make_folders<'a>(&mut self, folders: impl Iterator<Item = &'a Path>) {
        for folder in folders {
            let number = &mut self.next_folder;
            self.folders.entry(folder.to_owned()).or_insert_with(|| {
                *number = number.wrapping_add(1);
                *number
            });
        }
    }

    fn read(&mut self, path: &Path, limit: u64) -> Result<FileContents, FileError> {
        self.reads.push(path.to_owned());
        match self.resolve(path.to_owned()).and_then(|path| self.entries.get(&path)) {
            Some(Entry::File(contents)) if contents.bytes.len() as u64 > limit => Err(FileError::TooLarge {
                path: path.to_owned(),
                limit,
            }),
            Some(Entry::File(contents)) => Ok(contents.clone()),
            Some(Entry::Unreadable(reason)) => Err(FileError::Io {
                path: path.to_owned(),
                cause: reason.as_str().into(),
            }),
            Some(Entry::Link(_)) | None => Err(FileError::NotFound { path: path.to_owned() }),
        }
    }

    /// Follows links anywhere in the path, a few times at most.
    fn resolve(&self, mut path: PathBuf) -> Option<PathBuf> {
        for _ in 0..16 {
            let link = path.ancestors().find_map(|part| match self.entries.get(part) {
                Some(Entry::Link(target)) => Some((part.to_owned(), target.clone())),
                _ => None,
            });
            let Some((link, target)) = link else { return Some(path) };
            let rest = path.strip_prefix(&link).ok()?.to_owned();
            let target = link.parent()?.join(target);
            path = if rest.as_os_str().is_empty() {
                target
            } else {
                target.join(rest)
            };
        }
        None
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &Path, limit: u64) -> BoxFuture<'static, Result<FileContents, FileError>> {
        ready(self.with(|state| state.read(path, limit)))
    }

    fn glob(&self, pattern: &str) -> BoxFuture<'static, Result<Vec<PathBuf>, FileError>> {
        if let Err(error) = pattern::check(pattern) {
            return ready(Err(FileError::Pattern {
                pattern: pattern.to_owned(),
                error,
            }));
        }
        let matching = |path: &&PathBuf| {
            path.to_str()
                .is_some_and(|path| pattern::matches(pattern, path) == Ok(true))
        };
        ready(Ok(
            self.with(|state| state.entries.keys().filter(matching).cloned().collect())
        ))
    }

    fn list(&self, folder: &Path) -> BoxFuture<'static, Result<Vec<String>, FileError>> {
        ready(self.with(|state| {
            if !state.folders.contains_key(folder) {
                return Err(FileError::NotFound {
                    path: folder.to_owned(),
                });
            }
            let paths = state.entries.keys().chain(state.folders.keys());
            let inside = paths
                .filter(|path| path.parent() == Some(folder))
                .filter_map(|path| path.file_name()?.to_str());
            Ok(inside.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect())
        }))
    }

    fn identity(&self, folder: &Path) -> BoxFuture<'static, Result<FolderIdentity, FileError>> {
        let number = self.with(|state| state.folders.get(folder).copied());
        ready(match number {
            Some(number) => Ok(FolderIdentity { device: 1, number }),
            None => Err(FileError::NotFound {
                path: folder.to_owned(),
            }),
        })
    }

    fn read_link(&self, path: &Path) -> BoxFuture<'static, Result<PathBuf, FileError>> {
        ready(self.with(|state| match state.entries.get(path) {
            Some(Entry::Link(target)) => Ok(target.clone()),
            Some(Entry::Unreadable(reason)) => Err(FileError::Io {
                path: path.to_owned(),
                cause: reason.as_str().into(),
            }),
            Some(Entry::File(_)) => Err(FileError::Io {
                path: path.to_owned(),
                cause: io::ErrorKind::InvalidInput.into(),
            }),
            None => Err(FileError::NotFound { path: path.to_owned() }),
        }))
    }

    fn watch(&self, folders: &[PathBuf]) -> Result<Box<dyn FileWatch>, FileError> {
        let number = self.with(|state| {
            for path in folders {
                if let Some(reason) = state.refuse_watches.clone() {
                    return Err(FileError::Io {
                        path: path.clone(),
                        cause: reason.into(),
                    });
                }
                if !state.folders.contains_key(path) {
                    return Err(FileError::NotFound { path: path.clone() });
                }
            }
            state.next_watch = state.next_watch.wrapping_add(1);
            state.watches.insert(
                state.next_watch,
                Watched {
                    folders: folders.to_vec(),
                    ..Watched::default()
                },
            );
            Ok(state.next_watch)
        })?;
        Ok(Box::new(MemoryWatch {
            files: self.clone(),
            number,
        }))
    }
}

struct MemoryWatch {
    files: MemoryFiles,
    number: u64,
}

impl FileWatch for MemoryWatch {
    fn changed(&mut self) -> BoxFuture<'_, Result<Vec<PathBuf>, FileError>> {
        Box::pin(std::future::poll_fn(|context| {
            self.files.with(|state| {
                let Some(watched) = state.watches.get_mut(&self.number) else {
                    return Poll::Pending;
                };
                if let Some(error) = watched.error.take() {
                    return Poll::Ready(Err(error));
                }
                if !watched.changed.is_empty() {
                    return Poll::Ready(Ok(std::mem::take(&mut watched.changed).into_iter().collect()));
                }
                watched.waker = Some(context.waker().clone());
                Poll::Pending
            })
        }))
    }
}

impl Drop for MemoryWatch {
    fn drop(&mut self) {
        self.files.with(|state| state.watches.remove(&self.number));
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    Box::pin(std::future::ready(value))
}
