//! A file with all that the jobs' manager is given and says, for `headcount sim replay`.
//!
//! **Recording never holds discovery up**: lines are written on a thread of its own, and when they can't
//! be written, that is logged once and discovery goes on without.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};

use anyhow::Context;
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

impl Recording {
    /// Begins one. What stands in the file already is from another run, and becomes `FILE.old`.
    pub(crate) fn begin(path: &Path) -> anyhow::Result<Self> {
        let old = old(path);
        // What is no file, such as a pipe or /dev/stdout, is written to as it is.
        if path.is_file() {
            fs::rename(path, &old).with_context(|| format!("renaming {} to {}", path.display(), old.display()))?;
        }
        let file = File::create(path).with_context(|| format!("creating the recording {}", path.display()))?;
        let (lines, received) = channel();
        let shown = path.to_owned();
        let write = move || {
            if let Err(error) = write_all(&received, file) {
                tracing::error!(file = %shown.display(), %error, "the recording can't be written any more; going on without");
            }
        };
        let writer = thread::Builder::new().name("recording".to_owned()).spawn(write);
        let writer = writer.context("starting the thread that writes the recording")?;
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

fn old(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".old");
    name.into()
}

/// Writes lines as they come, and has all of them in the file whenever there is none to wait for.
fn write_all(lines: &Receiver<Line>, file: File) -> std::io::Result<()> {
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
