//! A file with all that the jobs' manager is given and says, for `headcount sim replay`.
//!
//! **Recording never holds discovery up**: lines are written on a thread of its own, and when they can't
//! be written, that is logged once and discovery goes on without.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};

use headcount_core::{Recorded, RecordedOptions, Sink};
use serde::Serialize;

/// A recording that is being written.
#[derive(Debug)]
pub(crate) struct Recording {
    lines: Sender<Line>,
    writer: JoinHandle<()>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Line {
    Head(RecordedOptions),
    Event(Recorded),
}

/// Why a recording can't be begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// What stands in the file can't be kept.
    #[error("renaming the recording {} to {}", path.display(), old.display())]
    Rename {
        /// The recording that is there.
        path: PathBuf,
        /// What it should be called.
        old: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file can't be made.
    #[error("creating the recording {}", path.display())]
    Create {
        /// The recording.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no thread to write it.
    #[error("starting the thread that writes the recording")]
    Thread(#[source] io::Error),
}

impl Recording {
    /// Begins one. What stands in the file already is from another run, and becomes `FILE.old`.
    pub(crate) fn begin(path: &Path) -> Result<Self, RecordError> {
        let old = old(path);
        // What is no file, such as a pipe or /dev/stdout, is written to as it is.
        if path.is_file() {
            fs::rename(path, &old).map_err(|source| RecordError::Rename {
                path: path.to_owned(),
                old,
                source,
            })?;
        }
        let file = create(path).map_err(|source| RecordError::Create {
            path: path.to_owned(),
            source,
        })?;
        let (lines, received) = channel();
        let shown = path.to_owned();
        let write = move || {
            if let Err(error) = write_all(&received, file) {
                tracing::error!(file = %shown.display(), %error, "the recording can't be written any more; going on without");
            }
        };
        let writer = thread::Builder::new().name("recording".to_owned()).spawn(write);
        let writer = writer.map_err(RecordError::Thread)?;
        Ok(Self { lines, writer })
    }

    /// Where a manager tells its events; it begins with how it was set up.
    pub(crate) fn sink(&self, options: RecordedOptions) -> Sink {
        let lines = self.lines.clone();
        // An error means that the writer gave up, which it has said.
        lines.send(Line::Head(options)).ok();
        Box::new(move |recorded| drop(lines.send(Line::Event(recorded))))
    }

    /// Waits until all is written. The manager has to have ended before.
    pub(crate) fn end(self) {
        drop(self.lines);
        self.writer.join().ok();
    }
}

/// Creates a file that nobody else can read: it holds every label that there was. What is there is no file.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn old(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".old");
    name.into()
}

/// Writes lines as they come, and has all of them in the file whenever there is none to wait for.
fn write_all(lines: &Receiver<Line>, file: File) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    loop {
        let line = match lines.try_recv() {
            Ok(line) => line,
            Err(TryRecvError::Disconnected) => return file.flush(),
            Err(TryRecvError::Empty) => {
                file.flush()?;
                match lines.recv() {
                    Ok(line) => line,
                    Err(_) => return Ok(()),
                }
            }
        };
        serde_json::to_writer(&mut file, &line)?;
        file.write_all(b"\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount_core::{Instant, ManagerOptions, RecordedEvent};

    /// Who ends a process a moment after something has happened has that in the file.
    #[test]
    fn when_it_is_ended_all_is_written_to_the_last_line() {
        const EVENTS: u64 = 50_000;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("incident.jsonl");
        let recording = Recording::begin(&path).expect("it can be written");
        let mut sink = recording.sink(RecordedOptions::of(Instant::ZERO, &ManagerOptions::default()));
        for at in 1..=EVENTS {
            let what = RecordedEvent::Timeout;
            sink(Recorded { at, what });
        }
        drop(sink);
        recording.end();
        let text = fs::read_to_string(&path).expect("it is there");
        assert!(text.ends_with('\n'));
        let last: Recorded = serde_json::from_str(text.lines().last().expect("lines")).expect("a whole line");
        assert_eq!((text.lines().count() as u64, last.at), (EVENTS + 1, EVENTS));
    }
}
