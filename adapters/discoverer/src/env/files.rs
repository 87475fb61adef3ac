use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Cause;
use crate::BoxFuture;
use headcount_reader::pattern::PatternError;

/// A file's bytes, and when it was last changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContents {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Last modification, since 1970-01-01 UTC.
    pub modified: Duration,
}

/// Which folder it is that a path leads to: the same as long as nobody mounts something there, unmounts it, or puts
/// another folder in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FolderIdentity {
    /// The file system that it is on.
    pub device: u64,
    /// Its number there.
    pub number: u64,
}

/// Why a file operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileError {
    /// There is no such file.
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than the caller takes.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The pattern can't be understood.
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        error: PatternError,
    },
    /// It is something else, which can't be read as a file.
    NotAFile {
        /// What is there.
        path: PathBuf,
        /// A folder, a socket, …
        what: &'static str,
    },
    /// Changes of files may have been missed.
    Missed {
        /// The folder that was watched.
        path: PathBuf,
        /// How that came.
        reason: &'static str,
    },
    /// The system allows no more watches.
    TooManyWatches {
        /// The folder that was to be watched.
        path: PathBuf,
    },
    /// Anything else.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: Cause,
    },
}

impl FileError {
    /// What is wrong, without the file's name.
    pub fn reason(&self) -> String {
        match self {
            Self::NotFound { .. } => "no such file".to_owned(),
            Self::TooLarge { limit, .. } => format!("larger than the limit of {limit} bytes"),
            Self::Pattern { error, .. } => format!("not a valid pattern: {error}"),
            Self::NotAFile { what, .. } => format!("{what}, not a file"),
            Self::Missed { reason, .. } => format!("{reason}; changes may have been missed"),
            Self::TooManyWatches { .. } => {
                "the system's limit of watches is reached; raise fs.inotify.max_user_watches".to_owned()
            }
            Self::Io { cause, .. } => cause.to_string(),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern { pattern, .. } => write!(f, "{pattern}")?,
            Self::NotFound { path }
            | Self::TooLarge { path, .. }
            | Self::NotAFile { path, .. }
            | Self::Missed { path, .. }
            | Self::TooManyWatches { path }
            | Self::Io { path, .. } => write!(f, "{}", path.display())?,
        }
        write!(f, ": {}", self.reason())
    }
}

impl std::error::Error for FileError {}

/// Files, folders, and being told when they change.
pub trait Files: Send + Sync {
    /// Reads a whole file of at most `limit` bytes.
    fn read(&self, path: &Path, limit: u64) -> BoxFuture<'static, Result<FileContents, FileError>>;

    /// The paths that match a shell pattern (`*`, `?`, `[…]` as in Go's `filepath.Glob`), sorted.
    /// [`pattern`](headcount_reader::pattern) says what matches.
    ///
    /// A pattern that matches nothing gives an empty list.
    fn glob(&self, pattern: &str) -> BoxFuture<'static, Result<Vec<PathBuf>, FileError>>;

    /// The names in a folder, sorted.
    fn list(&self, folder: &Path) -> BoxFuture<'static, Result<Vec<String>, FileError>>;

    /// Which folder it is that is there. Where the system does not tell folders apart, all are the same.
    fn identity(&self, folder: &Path) -> BoxFuture<'static, Result<FolderIdentity, FileError>>;

    /// Where a symbolic link points.
    fn read_link(&self, path: &Path) -> BoxFuture<'static, Result<PathBuf, FileError>>;

    /// Starts watching folders for changes of the files directly in them. What is told is called as the folder was, with the
    /// file's name behind it.
    ///
    /// A folder that does not exist is an error; the caller falls back on polling.
    fn watch(&self, folders: &[PathBuf]) -> Result<Box<dyn FileWatch>, FileError>;
}

/// A running watch; dropping it ends it.
pub trait FileWatch: Send {
    /// Completes when something changed, with the paths that did, sorted and without repeats.
    ///
    /// Changes that come together are told together. An error means that changes may have been
    /// missed: the caller should look at everything. Dropping the future before it completes
    /// loses nothing: the next call tells it.
    fn changed(&mut self) -> BoxFuture<'_, Result<Vec<PathBuf>, FileError>>;
}
