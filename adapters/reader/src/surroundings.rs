//! What reading a configuration needs of the world: files it names, and environment variables.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
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
        let (file, _) = open_file(path)?;
        io::Read::read_to_end(&mut io::Read::take(file, limit.saturating_add(1)), &mut bytes)?;
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

/// Something that is no file, where one was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is {what}, not a file")]
pub struct NotAFile {
    /// What it is.
    pub what: &'static str,
}

/// Opens a file, and refuses at once what is none: a named pipe would have whoever opens it wait for somebody who writes,
/// and a device may never end. The error's source is a [`NotAFile`] then.
///
/// # Errors
/// What the system says, or that it is no file.
pub fn open_file(path: &Path) -> io::Result<(File, Metadata)> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Of what is no file. It changes nothing about one that is.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let refused = |what| Err(io::Error::new(io::ErrorKind::InvalidInput, NotAFile { what }));
    let file = match options.open(path) {
        Ok(file) => file,
        // A socket can't be opened.
        Err(error) => match path.metadata().ok().and_then(|found| not_a_file(&found)) {
            Some(what) if error.kind() != io::ErrorKind::PermissionDenied => return refused(what),
            _ => return Err(error),
        },
    };
    // Of the one that was opened, whatever is there by now.
    let found = file.metadata()?;
    match not_a_file(&found) {
        Some(what) => refused(what),
        None => Ok((file, found)),
    }
}

fn not_a_file(found: &Metadata) -> Option<&'static str> {
    let kind = found.file_type();
    if kind.is_file() {
        return None;
    }
    if kind.is_dir() {
        return Some("a folder");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a named pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
    }
    Some("a device")
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

/// A path that starts in a folder, as Prometheus has it: nothing stays nothing, and `.` and `..` are resolved by their
/// text. Absolute if the folder is.
pub fn join(folder: &Path, path: &str) -> PathBuf {
    if path.is_empty() || Path::new(path).is_absolute() {
        return PathBuf::from(path);
    }
    let mut joined = PathBuf::new();
    for component in folder.join(path).components() {
        match component {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                // Of a path that starts elsewhere, what leads there stays.
                if joined.file_name().is_some() {
                    joined.pop();
                } else if !joined.has_root() {
                    joined.push("..");
                }
            }
            other => joined.push(other),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Go's `filepath.Join` has it.
    #[cfg(unix)]
    #[test]
    fn paths_are_joined_by_their_text() {
        for (folder, path, expected) in [
            ("", "a.json", "a.json"),
            (".", "a.json", "a.json"),
            ("./conf", "sd/a.json", "conf/sd/a.json"),
            ("../x", "a.json", "../x/a.json"),
            ("../x", "../../a.json", "../../a.json"),
            ("conf", "../../a.json", "../a.json"),
            ("", "../a.json", "../a.json"),
            ("/etc", "../../a.json", "/a.json"),
            ("/etc", "/b/../a.json", "/b/../a.json"),
            ("/etc", "", ""),
        ] {
            assert_eq!(
                join(Path::new(folder), path),
                Path::new(expected),
                "{folder:?} {path:?}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "text").unwrap();
        let status = std::process::Command::new("mkfifo").arg(path("pipe")).status();
        assert!(status.is_ok_and(|status| status.success()));
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        std::os::unix::fs::symlink(path("pipe"), path("link")).unwrap();
        let read = |path: &Path| Machine.read(path, 3).map_err(|error| error.to_string());
        assert_eq!(read(&path("file")), Ok(b"text".to_vec()), "one more than the limit");
        for (name, what) in [
            ("pipe", "it is a named pipe, not a file"),
            ("link", "it is a named pipe, not a file"),
            ("socket", "it is a socket, not a file"),
            ("/dev/null", "it is a device, not a file"),
            ("/dev/zero", "it is a device, not a file"),
            (".", "it is a folder, not a file"),
        ] {
            assert_eq!(read(&path(name)), Err(what.to_owned()), "{name}");
        }
    }

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
