//! What reading a configuration needs of the world: files it names, and environment variables.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::pattern::Folders;

/// Files and environment variables. Reading a configuration touches nothing else.
pub trait Surroundings: Folders {
    /// A whole file. A file of more than `limit` bytes may be cut off after `limit + 1`.
    ///
    /// # Errors
    /// What the system says.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The machine that this runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Folders for Machine {
    fn names(&self, folder: &Path) -> Vec<OsString> {
        // Of the folder that has no name, which is where a relative pattern starts, too.
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name()).collect()
    }

    fn exists(&self, path: &Path) -> bool {
        // Not followed: a dangling link is there, and reading it says what is wrong.
        path.symlink_metadata().is_ok()
    }
}

impl Surroundings for Machine {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io::Read::read_to_end(
            &mut io::Read::take(std::fs::File::open(path)?, limit.saturating_add(1)),
            &mut bytes,
        )?;
        Ok(bytes)
    }

    fn variable(&self, name: &str) -> Option<String> {
        // A name with `=` or a zero byte can't be set, and asking for it would panic.
        if name.is_empty() || name.contains(['=', '\0']) {
            return None;
        }
        std::env::var(name).ok()
    }
}

/// An empty world: no file, no variable. For tests and fuzzing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

impl Folders for Nowhere {
    fn names(&self, _: &Path) -> Vec<OsString> {
        Vec::new()
    }

    fn exists(&self, _: &Path) -> bool {
        false
    }
}

impl Surroundings for Nowhere {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

/// Makes a path absolute against a folder, as Prometheus does: nothing stays nothing, and `.` and
/// `..` are resolved by their text.
pub fn join(folder: &Path, path: &str) -> PathBuf {
    if path.is_empty() || Path::new(path).is_absolute() {
        return PathBuf::from(path);
    }
    let mut joined = PathBuf::new();
    for component in folder.join(path).components() {
        match component {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                joined.pop();
            }
            other => joined.push(other),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_as_prometheus_does() {
        let join = |path| join(Path::new("/etc/prometheus"), path).display().to_string();
        assert_eq!(join(""), "");
        assert_eq!(join("/a/../b"), "/a/../b");
        assert_eq!(join("a/./b/*.yml"), "/etc/prometheus/a/b/*.yml");
        assert_eq!(join("../a"), "/etc/a");
        assert_eq!(join("../../../a"), "/a");
    }
}
