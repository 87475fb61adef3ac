//! A folder of files that are replaced as a whole, and a note of which of them are ours.
//!
//! The one rule: **a reader sees a file's old content or its new content, never a part.** The new
//! content is written beside it, forced to the disk, and renamed over it. Lists hold every label, so they are for the
//! owner and the group only, however open the folder is.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use headcount_core::planted;

/// Names the files that headcount wrote, one a line. Its ending is none that Prometheus reads.
const MANIFEST: &str = ".headcount-files";

/// Where content stands until it is whole.
const UNFINISHED: &str = ".headcount-unfinished";

/// A folder, and the files in it that are ours.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    ours: BTreeSet<String>,
}

impl Folder {
    /// Opens the folder, and creates it if need be.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        let ours = match fs::read_to_string(path.join(MANIFEST)) {
            // A line that is not a plain name can't be ours.
            Ok(manifest) => manifest
                .lines()
                .filter(|line| is_plain_name(line))
                .map(str::to_owned)
                .collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => planted!(
                BTreeSet::new(),
                FilesOfOthersAreOurs,
                fs::read_dir(&path)?
                    .flatten()
                    .map(|entry| entry.file_name().to_string_lossy().into_owned())
                    .collect()
            ),
            Err(error) => return Err(error),
        };
        Ok(Self { path, ours })
    }

    /// Whether it has not been removed.
    pub(super) fn is_there(&self) -> bool {
        self.path.is_dir()
    }

    /// Takes note that files of these names are ours. To be called before they are written, so
    /// that no crash leaves one that nobody would remove.
    pub(super) fn note(&mut self, names: impl IntoIterator<Item = String>) -> io::Result<()> {
        let known = self.ours.len();
        self.ours.extend(names);
        if self.ours.len() == known {
            return Ok(());
        }
        self.write_manifest()
    }

    /// Gives a file this content, in parts. Does nothing when it has it already.
    pub(super) fn write(&self, name: &str, content: impl Iterator<Item = Bytes> + Clone) -> io::Result<()> {
        if planted!(
            has_content(&self.path.join(name), content.clone()).unwrap_or(false),
            SameContentIsWritten,
            false
        ) {
            return Ok(());
        }
        self.replace(name, content)
    }

    /// Removes the files that are ours and not in `kept`.
    pub(super) fn remove_all_but(&mut self, kept: &BTreeSet<String>) -> io::Result<()> {
        let gone: Vec<_> = planted!(
            self.ours.difference(kept).cloned().collect(),
            GoneJobKeepsItsFile,
            Vec::new()
        );
        if gone.is_empty() {
            return Ok(());
        }
        for name in gone {
            match fs::remove_file(self.path.join(&name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.ours.remove(&name),
            };
        }
        self.write_manifest()
    }

    fn write_manifest(&self) -> io::Result<()> {
        let lines: String = self.ours.iter().flat_map(|name| [name, "\n"]).collect();
        self.replace(MANIFEST, std::iter::once(lines.into()))
    }

    fn replace(&self, name: &str, content: impl Iterator<Item = Bytes>) -> io::Result<()> {
        let unfinished = self.path.join(UNFINISHED);
        let written = write_new(&unfinished, content).and_then(|()| fs::rename(&unfinished, self.path.join(name)));
        if let Err(error) = written {
            // It is of no use to anybody, and a full disk needs the room.
            fs::remove_file(&unfinished).ok();
            return Err(error);
        }
        // Makes the renaming last. Not every file system can, and the file is whole either way.
        File::open(&self.path).and_then(|folder| folder.sync_all()).ok();
        Ok(())
    }
}

/// Writes a file that was not there. What was left by a process that was killed goes first; what somebody has put there,
/// such as a link to a file elsewhere, is never written through.
fn write_new(path: &Path, content: impl Iterator<Item = Bytes>) -> io::Result<()> {
    match planted!(fs::remove_file(path), UnfinishedIsInTheWay, Ok(())) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, planted!(0o640, ListsAreForAll, 0o644));
    let mut file = options.open(path)?;
    for part in content {
        file.write_all(&part)?;
    }
    file.sync_all()
}

/// Whether a file has this content.
fn has_content(path: &Path, content: impl Iterator<Item = Bytes>) -> io::Result<bool> {
    let (mut file, mut found) = (File::open(path)?, Vec::new());
    for part in content {
        found.clear();
        Read::by_ref(&mut file)
            .take(part.len() as u64)
            .read_to_end(&mut found)?;
        if found != part {
            return Ok(false);
        }
    }
    Ok(planted!(file.read(&mut [0])? == 0, LongerFileIsTheSame, true))
}

fn is_plain_name(name: &str) -> bool {
    name.ends_with(".json") && !name.starts_with('.') && !name.contains(['/', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In two parts.
    fn content(text: &'static str) -> impl Iterator<Item = Bytes> + Clone {
        let (one, other) = text.split_at(1);
        [one, other].into_iter().map(Bytes::from)
    }

    fn names(folder: &std::path::Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("the folder");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_replaced_only_when_they_change_and_removed_only_when_ours() {
        let temporary = tempfile::tempdir().expect("a folder");
        let path = temporary.path().join("new");
        let mut folder = Folder::open(path.clone()).expect("opened");
        fs::write(path.join("theirs.json"), "[]").expect("written");
        folder.note(["a.json", "b.json"].map(str::to_owned)).expect("noted");
        folder.write("a.json", content("[1]")).expect("written");
        folder.write("b.json", content("[2]")).expect("written");
        assert_eq!(names(&path), [MANIFEST, "a.json", "b.json", "theirs.json"]);

        let before = fs::metadata(path.join("a.json"))
            .and_then(|file| file.modified())
            .expect("a time");
        folder.write("a.json", content("[1]")).expect("the same");
        let after = fs::metadata(path.join("a.json"))
            .and_then(|file| file.modified())
            .expect("a time");
        assert_eq!(before, after);
        folder.write("a.json", content("[3]")).expect("written");
        assert_eq!(fs::read(path.join("a.json")).expect("the file"), b"[3]");
        // One that only begins like it is another.
        fs::write(path.join("a.json"), "[3]\n]").expect("written");
        folder.write("a.json", content("[3]")).expect("written");
        assert_eq!(fs::read(path.join("a.json")).expect("the file"), b"[3]");

        // Another process later still knows which files are ours.
        let mut folder = Folder::open(path.clone()).expect("opened");
        folder
            .remove_all_but(&BTreeSet::from(["b.json".to_owned()]))
            .expect("removed");
        assert_eq!(names(&path), [MANIFEST, "b.json", "theirs.json"]);
        assert_eq!(
            fs::read_to_string(path.join(MANIFEST)).expect("the manifest"),
            "b.json\n"
        );
    }

    #[test]
    fn what_is_in_a_folder_that_nobody_noted_is_not_ours() {
        let temporary = tempfile::tempdir().expect("a folder");
        let path = temporary.path().to_owned();
        fs::write(path.join("theirs.json"), "[]").expect("written");
        let mut folder = Folder::open(path.clone()).expect("opened");
        folder.remove_all_but(&BTreeSet::new()).expect("nothing to remove");
        assert_eq!(names(&path), ["theirs.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn lists_are_for_owner_and_group_and_no_link_is_written_through() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let temporary = tempfile::tempdir().expect("a folder");
        let (path, elsewhere) = (temporary.path().join("out"), temporary.path().join("elsewhere"));
        fs::write(&elsewhere, "theirs").expect("written");
        let folder = Folder::open(path.clone()).expect("opened");
        symlink(&elsewhere, path.join(UNFINISHED)).expect("linked");
        folder.write("a.json", content("[1]")).expect("written");
        assert_eq!(fs::read_to_string(&elsewhere).expect("the file"), "theirs");
        let mode = fs::metadata(path.join("a.json"))
            .expect("the file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777 & !0o640, 0, "{mode:o}");
        assert_eq!(mode & 0o600, 0o600);

        // What can't be put in its place leaves nothing behind.
        fs::create_dir(path.join("b.json")).expect("created");
        assert!(folder.write("b.json", content("[2]")).is_err());
        assert_eq!(names(&path), ["a.json", "b.json"]);
    }

    #[test]
    fn a_manifest_that_names_other_places_removes_nothing_there() {
        let temporary = tempfile::tempdir().expect("a folder");
        let path = temporary.path().join("out");
        fs::create_dir(&path).expect("created");
        fs::write(temporary.path().join("outside.json"), "").expect("written");
        fs::write(path.join(MANIFEST), "../outside.json\n").expect("written");
        Folder::open(path)
            .expect("opened")
            .remove_all_but(&BTreeSet::new())
            .expect("nothing to do");
        assert!(temporary.path().join("outside.json").exists());
    }
}
