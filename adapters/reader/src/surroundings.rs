//! What reading a configuration needs of the world: files it names, and environment variables.

use std::io;
use std::path::{Path, PathBuf};

use crate::pattern;
use crate::problem::ProblemKind;

/// Files and environment variables. Reading a configuration touches nothing else.
pub trait Surroundings {
    /// A whole file. A file of more than `limit` bytes may be cut off after `limit + 1`.
    ///
    /// # Errors
    /// What the system says.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// The names in a folder; nothing when it can't be read.
    fn names(&self, folder: &Path) -> Vec<String>;

    /// Whether there is something at this path.
    fn exists(&self, path: &Path) -> bool;

    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The machine that this runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Surroundings for Machine {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io::Read::read_to_end(
            &mut io::Read::take(std::fs::File::open(path)?, limit.saturating_add(1)),
            &mut bytes,
        )?;
        Ok(bytes)
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect()
    }

    fn exists(&self, path: &Path) -> bool {
        path.symlink_metadata().is_ok()
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

impl Surroundings for Nowhere {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn names(&self, _: &Path) -> Vec<String> {
        Vec::new()
    }

    fn exists(&self, _: &Path) -> bool {
        false
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

/// The paths that an absolute pattern matches, sorted.
pub fn glob(surroundings: &dyn Surroundings, text: &str) -> Result<Vec<PathBuf>, ProblemKind> {
    pattern::check(text).map_err(|error| ProblemKind::Pattern {
        pattern: text.to_owned(),
        reason: error.to_string(),
    })?;
    let mut found = vec![PathBuf::from("/")];
    for component in text.split('/').filter(|component| !component.is_empty()) {
        let mut next = Vec::new();
        for folder in found {
            if pattern::is_pattern(component) {
                let mut names = surroundings.names(&folder);
                names.retain(|name| pattern::matches(component, name) == Ok(true));
                names.sort_unstable();
                next.extend(names.into_iter().map(|name| folder.join(name)));
            } else if surroundings.exists(&folder.join(component)) {
                next.push(folder.join(component));
            }
        }
        found = next;
    }
    Ok(found)
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

    #[test]
    fn finds_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yml", "a.yml", "c.json"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("d")).unwrap();
        std::fs::write(folder.path().join("d/a.yml"), "").unwrap();
        let found = |pattern: &str| -> Vec<String> {
            let paths = glob(&Machine, &format!("{}/{pattern}", folder.path().display())).unwrap();
            paths
                .iter()
                .map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string())
                .collect()
        };
        assert_eq!(found("*.yml"), ["a.yml", "b.yml"]);
        assert_eq!(found("?/[a-c].yml"), ["d/a.yml"]);
        assert_eq!(found("c.json"), ["c.json"]);
        assert!(found("missing").is_empty());
        assert!(glob(&Machine, "/[").is_err());
    }
}
