//! A manager's two files: a base, and a log of what changed since.
//!
//! ```text
//!  scrape.base   all there was at one moment; replaced as a whole
//!  scrape.log    changes since then; written at its end
//! ```
//!
//! The one rule: **what is written stays as it is.** A base is written beside the one that there is and renamed over it
//! when the disk has it; a log that does not belong to the base is none. What of a change could not be written is cut
//! off again, so that the next one follows what is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use headcount_core::{Instant, planted};

use super::codec::{self, About};
use super::format::{Chain, FRAME, HEAD, Head, Kind};
use super::image::End;

/// A log that is shorter than this is not folded, however small the base is.
const SHORT_LOG: u64 = 1 << 20;

/// The files of one manager.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    manager: &'static str,
    log: Option<Log>,
    /// Bytes of the base to which the log belongs.
    base: u64,
}

/// A log that can be written to.
#[derive(Debug)]
struct Log {
    file: File,
    chain: Chain,
    /// Bytes that are whole.
    length: u64,
    /// Whether there is more than that.
    is_torn: bool,
}

/// A base that is being written.
#[derive(Debug)]
pub(super) struct BaseWriter {
    file: BufWriter<File>,
    unfinished: PathBuf,
    chain: Chain,
    id: u64,
    length: u64,
    frame: Vec<u8>,
}

/// Where the base of a manager is.
pub(super) fn base_path(folder: &Path, manager: &str) -> PathBuf {
    folder.join(format!("{manager}.base"))
}

/// Where its log is.
pub(super) fn log_path(folder: &Path, manager: &str) -> PathBuf {
    folder.join(format!("{manager}.log"))
}

impl Store {
    /// One that has no base of its own yet: whatever is there stays until it has.
    pub(super) fn new(folder: PathBuf, manager: &'static str) -> Self {
        Self {
            folder,
            manager,
            log: None,
            base: 0,
        }
    }

    /// Whether the next thing to write is a base: there is none, or the log has outgrown it.
    pub(super) fn wants_base(&self) -> bool {
        let is_long = |log: &Log| planted!(log.length > self.worth_appending(), LogIsNeverFolded, false);
        // Somebody may have removed them.
        let is_there = |path: PathBuf| path.exists();
        let are_there =
            is_there(base_path(&self.folder, self.manager)) && is_there(log_path(&self.folder, self.manager));
        planted!(!are_there, RemovedStateStaysAway, false) || self.log.as_ref().is_none_or(is_long)
    }

    /// More bytes than this are better written as a base.
    pub(super) fn worth_appending(&self) -> u64 {
        self.base.max(SHORT_LOG)
    }

    /// Whether changes can be appended.
    pub(super) fn has_log(&self) -> bool {
        self.log.is_some()
    }

    /// Begins a base. Until it is finished, changes are appended to the log of the one before.
    pub(super) fn begin_base(&self, id: u64, config: &str) -> io::Result<BaseWriter> {
        let unfinished = self.folder.join(format!("{}.base.unfinished", self.manager));
        let (head, chain) = Head { kind: Kind::Base, id }.write();
        let mut base = BaseWriter {
            file: BufWriter::with_capacity(1 << 18, create(&unfinished)?),
            unfinished,
            chain,
            id,
            length: HEAD as u64,
            frame: Vec::new(),
        };
        base.file.write_all(&head)?;
        base.push(&About::of(self.manager, config).write())?;
        Ok(base)
    }

    /// Puts a base that ends with a commit in the place of the one that there is, with an empty log. Gives how many
    /// bytes it has.
    pub(super) fn finish_base(&mut self, mut base: BaseWriter) -> io::Result<u64> {
        base.file.flush()?;
        base.file.get_ref().sync_all()?;
        // From here on the log is of no base, whatever happens.
        self.log = None;
        fs::rename(&base.unfinished, base_path(&self.folder, self.manager))?;
        self.base = base.length;
        self.log = Some(self.begin_log(base.id, base.chain)?);
        Ok(base.length)
    }

    /// An empty log of a base that is there.
    fn begin_log(&self, id: u64, base: Chain) -> io::Result<Log> {
        let mut file = create(&log_path(&self.folder, self.manager))?;
        let (head, chain) = Head { kind: Kind::Log, id }.write();
        file.write_all(&head)?;
        file.sync_all()?;
        sync_folder(&self.folder);
        Ok(Log {
            file,
            chain: chain.after(base),
            length: HEAD as u64,
            is_torn: false,
        })
    }

    /// Goes on with files that were read, if they are still those; what was torn at their end is cut off.
    pub(super) fn go_on(&mut self, end: &End) -> io::Result<()> {
        let mut base = File::open(base_path(&self.folder, self.manager))?;
        let mut head = [0; HEAD];
        base.read_exact(&mut head)?;
        let head = Head::take(&mut head.as_slice()).ok().map(|(head, _)| head);
        let (kind, id) = (Kind::Base, end.id);
        if head != Some(Head { kind, id }) || base.metadata()?.len() != end.base {
            return Err(io::ErrorKind::NotFound.into());
        }
        let log = match end.log {
            None => self.begin_log(end.id, end.chain)?,
            Some((chain, length)) => {
                let file = OpenOptions::new()
                    .write(true)
                    .open(log_path(&self.folder, self.manager))?;
                let mut log = Log {
                    file,
                    chain,
                    length,
                    is_torn: true,
                };
                log.cut()?;
                log
            }
        };
        (self.base, self.log) = (end.base, Some(log));
        Ok(())
    }

    /// Appends nothing more to the files that are there.
    pub(super) fn let_go(&mut self) {
        self.log = None;
    }

    /// Appends a change: all of these records and that it was so at `at`, or nothing. Gives how many bytes it took.
    pub(super) fn append(&mut self, records: &[Vec<u8>], at: Instant) -> io::Result<u64> {
        let log = self.log.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let appended = log.append(records, at);
        if appended.is_err() {
            // Without a log a base is written next.
            let is_whole = planted!(log.cut().is_ok(), TornLogGoesOn, true);
            if !is_whole {
                self.log = None;
            }
        }
        appended
    }
}

impl Log {
    fn append(&mut self, records: &[Vec<u8>], at: Instant) -> io::Result<u64> {
        let mut chain = self.chain;
        let mut bytes = Vec::with_capacity(records.iter().map(|record| record.len() + FRAME).sum::<usize>() + 32);
        let commit = codec::commit(at);
        for record in records.iter().chain([&commit]) {
            chain.push(&mut bytes, record).ok_or_else(too_long)?;
        }
        self.is_torn = true;
        self.file.write_all(&bytes)?;
        self.file.sync_data()?;
        self.is_torn = false;
        self.chain = chain;
        self.length += bytes.len() as u64;
        Ok(bytes.len() as u64)
    }

    /// Removes what is not whole.
    fn cut(&mut self) -> io::Result<()> {
        if self.is_torn {
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            self.is_torn = false;
        }
        Ok(())
    }
}

impl BaseWriter {
    /// Adds a record.
    pub(super) fn push(&mut self, record: &[u8]) -> io::Result<()> {
        self.frame.clear();
        self.chain.push(&mut self.frame, record).ok_or_else(too_long)?;
        self.file.write_all(&self.frame)?;
        self.length += self.frame.len() as u64;
        Ok(())
    }

    /// All that was added was so at `at`. What follows changes it.
    pub(super) fn commit(&mut self, at: Instant) -> io::Result<()> {
        self.push(&codec::commit(at))
    }

    /// Removes it.
    pub(super) fn abandon(self) {
        // Without that it is overwritten the next time.
        fs::remove_file(&self.unfinished).ok();
    }
}

/// Creates a file that nobody else can read, or empties the one that there is.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes renaming last. Not every file system can, and files are whole either way.
pub(super) fn sync_folder(folder: &Path) {
    File::open(folder).and_then(|folder| folder.sync_all()).ok();
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a group of 4 GiB or more can't be saved")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANAGER: &str = "scrape";

    /// With a base, and a log in which nothing is.
    fn started(folder: &Path) -> Store {
        let mut store = Store::new(folder.to_owned(), MANAGER);
        let mut base = store.begin_base(1, "").expect("begun");
        base.commit(Instant::ZERO).expect("written");
        store.finish_base(base).expect("finished");
        store
    }

    #[test]
    fn a_log_that_has_outgrown_its_base_is_folded() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = started(folder.path());
        let records = [vec![0; usize::try_from(SHORT_LOG / 4).expect("a mebibyte")]];
        for number in 0..4 {
            assert!(!store.wants_base(), "after {number}");
            store.append(&records, Instant::ZERO).expect("written");
        }
        assert!(store.wants_base());
    }

    /// What is in it behind its last change is not known, and nothing may follow that.
    #[test]
    fn a_log_that_can_not_be_cut_is_not_written_to_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = started(folder.path());
        let log = store.log.as_mut().expect("there is one");
        log.file = File::open(log_path(folder.path(), MANAGER)).expect("for reading alone");
        assert!(store.append(&[vec![1]], Instant::ZERO).is_err());
        assert!(!store.has_log() && store.wants_base());
    }
}
