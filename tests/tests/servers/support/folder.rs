//! A test's own folder.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder that goes away with its test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(
            tempfile::Builder::new()
                .prefix("headcount-test-")
                .tempdir()
                .expect("a temporary folder"),
        )
    }

    /// The path of what is or will be called `name` here.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same as text.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// Writes a file, replacing an older one as a whole. Creates folders as needed.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        replace(&path, content.as_ref());
        path
    }

    /// Removes a file.
    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("removing a file");
    }
}

/// Gives a file this content, at once.
fn replace(path: &Path, content: &[u8]) {
    let folder = path.parent().expect("a file is in a folder");
    fs::create_dir_all(folder).expect("creating a folder");
    let unfinished = folder.join(".unfinished");
    fs::write(&unfinished, content).expect("writing a file");
    fs::rename(unfinished, path).expect("renaming a file");
}
