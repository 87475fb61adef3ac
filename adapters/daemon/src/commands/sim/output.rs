//! Files that a run is written to: a replay has the labels of production in it, so they are for owner and group only.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Creates a file, or empties the one that is there.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path)
}

/// Writes a whole file.
pub(super) fn write(path: &Path, content: &str) -> io::Result<()> {
    create(path)?.write_all(content.as_bytes())
}
