//! What was looked at while a configuration was read, so that it can be said later, without reading it again, whether
//! reading it again would give the same.
//!
//! The one rule: **reading depends on nothing that is not in the trace**: files, names in folders, whether something is
//! there, variables.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use headcount_config::{Machine, SETTINGS_FILE, Surroundings};
use headcount_reader::pattern::Folders;
use rapidhash::v3::rapidhash_v3;

/// The content of all files that make up a configuration, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Fingerprint(u64);

/// All that was looked at, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    looks: Vec<Look>,
    fingerprint: Fingerprint,
}

/// One look, with a hash of what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Look {
    File {
        path: PathBuf,
        limit: u64,
        seen: u64,
        /// Whether nothing but white space is in it.
        is_blank: bool,
    },
    Names {
        folder: PathBuf,
        seen: u64,
        /// Whether nothing is in it, or it is not there.
        is_empty: bool,
    },
    Exists {
        path: PathBuf,
        seen: bool,
    },
    Variable {
        name: String,
        seen: u64,
    },
}

impl Trace {
    /// What the files had in them, rightly or wrongly.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Whether everything looks as it did. Reads the files; call it where blocking is allowed.
    pub(crate) fn is_current(&self) -> bool {
        self.looks.iter().all(Look::is_current)
    }

    /// The files in which there was nothing.
    pub(crate) fn blank_files(&self) -> impl Iterator<Item = &Path> {
        self.looks.iter().filter_map(|look| match look {
            Look::File {
                path, is_blank: true, ..
            } => Some(&**path),
            _ => None,
        })
    }

    /// Where files were looked for that are included, and nothing was: folders that are empty or not there.
    pub(crate) fn found_nothing(&self) -> impl Iterator<Item = &Path> {
        self.looks.iter().filter_map(|look| match look {
            Look::Names {
                folder, is_empty: true, ..
            } => Some(&**folder),
            Look::Exists { path, seen: false } if !path.ends_with(SETTINGS_FILE) => Some(path),
            _ => None,
        })
    }

    /// Where headcount's own file stands beside the configuration, and whether it is there, if that was looked at.
    pub(crate) fn settings(&self) -> Option<(&Path, bool)> {
        self.looks.iter().find_map(|look| match look {
            Look::Exists { path, seen } if path.ends_with(SETTINGS_FILE) => Some((&**path, *seen)),
            _ => None,
        })
    }

    /// The folders that were looked through and in which something was.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.looks.iter().filter_map(|look| match look {
            Look::Names {
                folder,
                is_empty: false,
                ..
            } => Some(&**folder),
            _ => None,
        })
    }

    /// The files that were modified that recently, or seem to be from the future. Asks the system; call it where blocking is
    /// allowed.
    pub(crate) fn modified_within(&self, recently: Duration) -> Vec<PathBuf> {
        // It is an error where that is yet to come.
        let is_recent = |at: &SystemTime| at.elapsed().map_or(true, |age| age < recently);
        let recent = self.modified().into_iter().filter(|(_, at)| is_recent(at));
        recent.map(|(path, _)| path).collect()
    }

    /// When each of the files was modified. Asks the system, too.
    pub(crate) fn modified(&self) -> Vec<(PathBuf, SystemTime)> {
        let modified = |look: &Look| match look {
            Look::File { path, .. } => Some((path.clone(), fs::metadata(path).ok()?.modified().ok()?)),
            _ => None,
        };
        self.looks.iter().filter_map(modified).collect()
    }

    pub(crate) fn note_file(&mut self, path: &Path, limit: u64, content: &io::Result<Vec<u8>>) {
        let seen = file(content);
        let hashed = rapidhash_v3(path.as_os_str().as_encoded_bytes());
        let all = [self.fingerprint.0, hashed, seen].map(u64::to_le_bytes);
        self.fingerprint = Fingerprint(rapidhash_v3(all.as_flattened()));
        self.looks.push(Look::File {
            path: path.to_owned(),
            limit,
            seen,
            is_blank: content.as_ref().is_ok_and(|bytes| bytes.trim_ascii().is_empty()),
        });
    }

    pub(crate) fn note_names(&mut self, folder: &Path, found: &[OsString]) {
        self.looks.push(Look::Names {
            folder: folder.to_owned(),
            seen: names(found),
            is_empty: found.is_empty(),
        });
    }

    pub(crate) fn note_exists(&mut self, path: &Path, seen: bool) {
        let path = path.to_owned();
        self.looks.push(Look::Exists { path, seen });
    }

    pub(crate) fn note_variable(&mut self, name: &str, value: Option<&str>) {
        let (name, seen) = (name.to_owned(), variable(value));
        self.looks.push(Look::Variable { name, seen });
    }
}

impl Look {
    fn is_current(&self) -> bool {
        match self {
            Self::File { path, limit, seen, .. } => file(&Machine.read(path, *limit)) == *seen,
            Self::Names { folder, seen, .. } => names(&Machine.names(folder)) == *seen,
            Self::Exists { path, seen } => Machine.exists(path) == *seen,
            Self::Variable { name, seen } => variable(Machine.variable(name).as_deref()) == *seen,
        }
    }
}

fn file(content: &io::Result<Vec<u8>>) -> u64 {
    match content {
        Ok(bytes) => rapidhash_v3(bytes),
        Err(error) => rapidhash_v3(error.to_string().as_bytes()),
    }
}

/// They come in any order.
fn names(found: &[OsString]) -> u64 {
    let mut sorted: Vec<&[u8]> = found.iter().map(|name| name.as_encoded_bytes()).collect();
    sorted.sort_unstable();
    // No name has a zero byte.
    rapidhash_v3(&sorted.join(&0))
}

fn variable(value: Option<&str>) -> u64 {
    value.map_or(0, |value| rapidhash_v3(value.as_bytes()).max(1))
}
