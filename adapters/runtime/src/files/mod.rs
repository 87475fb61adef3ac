//! Files over `std::fs`, on the pool of threads that `blocking` keeps for calls that block.
//!
//! The one rule: **no call reads more than it was allowed to**, and none waits on something that
//! is not a file.

mod hub;
mod watch;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use blocking::unblock;
use headcount_core::planted;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{FileContents, FileError, FileWatch, Files, FolderIdentity};
use headcount_reader::{Machine, NotAFile, open_file, pattern};

use crate::runtime::SharedRuntime;

/// This machine's files. Clones share one watcher.
#[derive(Clone)]
pub struct SystemFiles {
    runtime: SharedRuntime,
    hub: Arc<hub::Hub>,
}

impl SystemFiles {
    /// Files whose watches use the timers of `runtime`.
    pub fn new(runtime: SharedRuntime) -> Self {
        Self {
            runtime,
            hub: Arc::default(),
        }
    }
}

impl Files for SystemFiles {
    fn read(&self, path: &Path, limit: u64) -> BoxFuture<'static, Result<FileContents, FileError>> {
        let path = path.to_owned();
        Box::pin(unblock(move || read(&path, limit)))
    }

    fn glob(&self, pattern: &str) -> BoxFuture<'static, Result<Vec<PathBuf>, FileError>> {
        let pattern = pattern.to_owned();
        Box::pin(unblock(move || {
            pattern::glob(&Machine, &pattern).map_err(|error| FileError::Pattern { pattern, error })
        }))
    }

    fn list(&self, folder: &Path) -> BoxFuture<'static, Result<Vec<String>, FileError>> {
        let folder = folder.to_owned();
        Box::pin(unblock(move || {
            list(&folder).map_err(|error| file_error(&folder, error))
        }))
    }

    fn identity(&self, folder: &Path) -> BoxFuture<'static, Result<FolderIdentity, FileError>> {
        let folder = folder.to_owned();
        Box::pin(unblock(move || {
            identity(&folder).map_err(|error| file_error(&folder, error))
        }))
    }

    fn read_link(&self, path: &Path) -> BoxFuture<'static, Result<PathBuf, FileError>> {
        let path = path.to_owned();
        Box::pin(unblock(move || {
            fs::read_link(&path).map_err(|error| file_error(&path, error))
        }))
    }

    fn watch(&self, folders: &[PathBuf]) -> Result<Box<dyn FileWatch>, FileError> {
        Ok(Box::new(watch::Watch::new(
            self.runtime.clone(),
            self.hub.clone(),
            folders,
        )?))
    }
}

/// A system's error as ours.
fn file_error(path: &Path, error: io::Error) -> FileError {
    let not_a_file = error.get_ref().and_then(|inside| inside.downcast_ref::<NotAFile>());
    if let Some(NotAFile { what }) = not_a_file {
        return FileError::NotAFile {
            path: path.to_owned(),
            what,
        };
    }
    match error.kind() {
        io::ErrorKind::NotFound => planted!(
            FileError::NotFound { path: path.to_owned() },
            MissingIsAnyError,
            FileError::Io {
                path: path.to_owned(),
                cause: error.into()
            }
        ),
        _ => FileError::Io {
            path: path.to_owned(),
            cause: error.into(),
        },
    }
}

fn read(path: &Path, limit: u64) -> Result<FileContents, FileError> {
    let failed = |error: io::Error| file_error(path, error);
    let too_large = || FileError::TooLarge {
        path: path.to_owned(),
        limit,
    };
    // Of the file that was opened, which may be another one by now.
    let (file, found) = open_file(path).map_err(failed)?;
    if found.len() > limit {
        return Err(too_large());
    }
    let modified = found.modified().map_err(failed)?;
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or(0));
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if planted!(
        u64::try_from(bytes.len()).is_ok_and(|length| length > limit),
        GrownFileIsCutOff,
        false
    ) {
        return Err(too_large());
    }
    Ok(FileContents {
        bytes,
        modified: modified.duration_since(UNIX_EPOCH).unwrap_or_default(),
    })
}

fn list(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(unix)]
fn identity(folder: &Path) -> io::Result<FolderIdentity> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(folder)?;
    Ok(FolderIdentity {
        device: found.dev(),
        number: found.ino(),
    })
}

#[cfg(not(unix))]
fn identity(folder: &Path) -> io::Result<FolderIdentity> {
    fs::metadata(folder).map(|_| FolderIdentity { device: 0, number: 0 })
}
