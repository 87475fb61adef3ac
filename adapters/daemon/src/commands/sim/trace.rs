//! Writing a run's events while it goes on.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use headcount_sim::{LEGEND, Traced, short_log};

use super::output;

/// Where a run's events go.
pub(super) struct Trace {
    path: PathBuf,
    is_full: bool,
    out: Box<dyn Write>,
}

impl Trace {
    /// Starts a file, or the standard output.
    pub(super) fn to(path: &Path) -> anyhow::Result<Self> {
        let out: Box<dyn Write> = if path == Path::new("-") {
            Box::new(BufWriter::new(io::stdout()))
        } else {
            let file = output::create(path).with_context(|| format!("writing {}", path.display()))?;
            Box::new(BufWriter::new(file))
        };
        let mut trace = Self {
            path: path.to_owned(),
            is_full: path.extension().is_some_and(|extension| extension == "jsonl"),
            out,
        };
        if !trace.is_full {
            trace.write(LEGEND)?;
        }
        Ok(trace)
    }

    pub(super) fn add(&mut self, events: &[Traced]) -> anyhow::Result<()> {
        for traced in events {
            let line = if self.is_full {
                Some(serde_json::to_string(traced).context("writing JSON")?)
            } else {
                short_log(traced)
            };
            if let Some(line) = line {
                self.write(&line)?;
                self.write("\n")?;
            }
        }
        Ok(())
    }

    /// The last line is out; on the standard output something else follows.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        if self.path == Path::new("-") {
            self.write("\n")?;
        }
        let ended = self.out.flush();
        self.told(ended)
    }

    fn write(&mut self, text: &str) -> anyhow::Result<()> {
        let written = self.out.write_all(text.as_bytes());
        self.told(written)
    }

    /// A reader of the standard output that goes away is no error.
    fn told(&self, result: io::Result<()>) -> anyhow::Result<()> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.with_context(|| format!("writing {}", self.path.display())),
        }
    }
}
