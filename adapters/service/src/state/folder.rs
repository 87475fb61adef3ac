//! Where states are: which folder, and whose it is.
//!
//! The one rule: **one process writes to a folder.** It holds a lock for as long as it runs, which the system lets go
//! when it ends, however it ends. What is in the folder is for its owner only.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rapidhash::v3::rapidhash_v3;

const LOCK: &str = "lock";

/// Where states of this user's services belong, if that is sure: what systemd gives a service (`StateDirectory=`), or
/// `headcount` in the user's folder for state.
#[must_use]
pub fn state_root() -> Option<PathBuf> {
    root_of(|name| env::var_os(name).map(PathBuf::from))
}

fn root_of(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    // A path that is not absolute is none, says the XDG specification; and systemd gives no other.
    let path = |name| variable(name).filter(|path| path.is_absolute());
    let of_service = variable("STATE_DIRECTORY").and_then(|paths| env::split_paths(&paths).next());
    let of_user = || path("XDG_STATE_HOME").or_else(|| Some(path("HOME")?.join(".local/state")));
    of_service
        .filter(|path| path.is_absolute())
        .or_else(|| Some(of_user()?.join("headcount")))
}

/// The folder below `root` for the configuration in this file: another for each, so that several services of one user
/// don't meet.
#[must_use]
pub fn state_folder(root: &Path, config: &Path) -> PathBuf {
    const LONGEST: usize = 100;
    let config = fs::canonicalize(config).or_else(|_| std::path::absolute(config));
    let config = config.unwrap_or_default();
    let name = config.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let plain = name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c));
    let plain: String = plain.take(LONGEST).collect();
    let hash = rapidhash_v3(config.as_os_str().as_encoded_bytes());
    root.join(format!("{}-{hash:016x}", plain.trim_start_matches('.')))
}

/// A folder with states.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Held while this process may write.
    lock: Mutex<Option<File>>,
}

/// Why nothing can be written to a folder.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    #[error("another headcount uses {}", .0.display())]
    Taken(PathBuf),
    #[error("the folder {}", path.display())]
    System { path: PathBuf, source: io::Error },
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            lock: Mutex::default(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that it is there and ours; somebody may have removed it.
    pub(super) fn ensure(&self) -> Result<(), FolderError> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_some() && self.path.join(LOCK).exists() {
            return Ok(());
        }
        *lock = None;
        *lock = Some(self.take()?);
        Ok(())
    }

    fn take(&self) -> Result<File, FolderError> {
        let system = |source| FolderError::System {
            path: self.path.clone(),
            source,
        };
        let lock = create(&self.path).map_err(system)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(FolderError::Taken(self.path.clone())),
            Err(TryLockError::Error(error)) => Err(system(error)),
        }
    }
}

/// Makes the folder and the file that is locked.
fn create(path: &Path) -> io::Result<File> {
    let (mut folder, mut options) = (DirBuilder::new(), OpenOptions::new());
    folder.recursive(true);
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    folder.create(path)?;
    // One that was there already may be open to others.
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    options.open(path.join(LOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_that_of_the_service_or_of_the_user() {
        let root = |variables: &[(&str, &str)]| {
            let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
            root_of(|name| find(name).map(|(_, value)| value.into()))
        };
        let home = ("HOME", "/home/a");
        assert_eq!(root(&[home]), Some("/home/a/.local/state/headcount".into()));
        assert_eq!(root(&[home, ("XDG_STATE_HOME", "/s")]), Some("/s/headcount".into()));
        assert_eq!(
            root(&[home, ("XDG_STATE_HOME", "s")]),
            Some("/home/a/.local/state/headcount".into())
        );
        assert_eq!(root(&[home, ("STATE_DIRECTORY", "/v/h:/v/i")]), Some("/v/h".into()));
        assert_eq!(root(&[("HOME", "")]), None);
        assert_eq!(root(&[]), None);
    }

    #[test]
    fn each_configuration_has_a_folder_of_its_own() {
        let made = tempfile::tempdir().expect("a folder");
        let (a, b) = (made.path().join("a.yml"), made.path().join("b").join("a.yml"));
        fs::write(&a, "").expect("written");
        let root = Path::new("/s");
        let of = |path: &Path| state_folder(root, path);
        assert_ne!(of(&a), of(&b));
        assert_eq!(
            of(&made.path().join("b/../a.yml").canonicalize().unwrap_or(a.clone())),
            of(&a)
        );
        let name = of(&a).file_name().expect("a name").to_string_lossy().into_owned();
        assert!(name.starts_with("a.yml-") && name.len() == 22, "{name}");
        let strange = of(Path::new("/etc/.. a/%\n/..\u{e9} x.yml"));
        assert_eq!(strange.parent(), Some(root));
    }

    #[test]
    fn one_process_has_it_and_nobody_else_sees_what_is_in_it() {
        let made = tempfile::tempdir().expect("a folder");
        let path = made.path().join("new").join("state");
        let first = Folder::new(path.clone());
        first.ensure().expect("it is free");
        first.ensure().expect("it is ours");
        let second = Folder::new(path.clone());
        assert!(matches!(second.ensure(), Err(FolderError::Taken(_))));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
            assert_eq!((mode(&path), mode(&path.join(LOCK))), (0o700, 0o600));
        }
        drop(first);
        second.ensure().expect("it is free again");
        fs::remove_dir_all(&path).expect("removed");
        second.ensure().expect("it is made anew");
        fs::remove_dir_all(&path).expect("removed");
        fs::write(&path, "").expect("written");
        assert!(matches!(second.ensure(), Err(FolderError::System { .. })));
    }
}
