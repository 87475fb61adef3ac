//! The text formats in which targets say their metrics: Prometheus's and OpenMetrics.
//!
//! Read as far as needed to count samples and to say what is wrong and in which line, with
//! Prometheus's strictness and mostly in its words. **What is kept is one entry**: bodies may be of any
//! length, and come in any pieces.
//!
//! * [`Exposition`]: takes a body piece by piece.
//! * `split`: where entries end. `text`, `openmetrics`: what they may be.

mod cursor;
mod error;
mod number;
mod openmetrics;
mod sample;
mod split;
#[cfg(test)]
mod tests;
mod text;

use cursor::{Cursor, Span};
use split::Splitter;

pub use error::{ExpositionError, ExpositionProblem};
pub use sample::Sample;

/// The longest entry that is read, in bytes. Prometheus has no such limit; a line of this length
/// is no metric.
pub const LONGEST_ENTRY: usize = 1 << 20;

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus's own, `text/plain`.
    Text,
    /// `application/openmetrics-text`.
    OpenMetrics,
}

/// A body that is being read.
///
/// ```
/// use headcount_scraper::exposition::{Exposition, ExpositionError, Format, Sample};
///
/// let mut samples = 0;
/// let mut count = |_: &Sample<'_>| -> Result<(), ExpositionError> {
///     samples += 1;
///     Ok(())
/// };
/// let mut exposition = Exposition::new(Format::Text);
/// exposition.push(b"# TYPE up gauge\nup{job=\"node\"", &mut count)?;
/// exposition.push(b"} 1\nup 0", &mut count)?;
/// exposition.finish(&mut count)?;
/// assert_eq!(samples, 2);
///
/// let mut exposition = Exposition::new(Format::Text);
/// let error = exposition.push(b"up 1\nup one\n", &mut |_: &Sample<'_>| Ok::<_, ExpositionError>(())).unwrap_err();
/// assert_eq!(error.line, 2);
/// # Ok::<(), ExpositionError>(())
/// ```
#[derive(Debug)]
pub struct Exposition {
    format: Format,
    splitter: Splitter,
    /// The beginning of an entry whose end has not come.
    kept: Vec<u8>,
    /// The line in which the entry begins that comes next, counted from 1.
    line: u64,
    is_ended: bool,
    labels: Vec<(Span, Span)>,
}

/// What an entry was.
enum Entry {
    /// A sample with this name.
    Sample(Span),
    /// Metadata, a comment, an empty line.
    Other,
    /// What says that there is no more.
    End,
}

impl Exposition {
    /// Nothing has come yet.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            splitter: Splitter::default(),
            kept: Vec::new(),
            line: 1,
            is_ended: false,
            labels: Vec::new(),
        }
    }

    /// Takes the next piece, and gives each sample that is complete to `on_sample`.
    ///
    /// # Errors
    /// The text is malformed, or `on_sample` failed. There is nothing more to be read then.
    pub fn push<E: From<ExpositionError>>(
        &mut self,
        piece: &[u8],
        on_sample: &mut impl FnMut(&Sample<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = piece;
        while let Some(end) = self.splitter.find_end(rest) {
            let (entry, after) = rest.split_at(end);
            rest = after;
            if self.kept.is_empty() {
                self.read(entry, on_sample)?;
                continue;
            }
            let mut whole = std::mem::take(&mut self.kept);
            whole.extend_from_slice(entry);
            let read = self.read(&whole, on_sample);
            whole.clear();
            self.kept = whole;
            read?;
        }
        self.kept.extend_from_slice(rest);
        if self.kept.len() > LONGEST_ENTRY {
            let problem = ExpositionProblem::TooLong;
            return Err(ExpositionError::new(self.line, problem, &self.kept).into());
        }
        Ok(())
    }

    /// There is no more.
    ///
    /// # Errors
    /// The text is malformed or not complete, or `on_sample` failed.
    pub fn finish<E: From<ExpositionError>>(
        mut self,
        on_sample: &mut impl FnMut(&Sample<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.kept.is_empty() {
            let last = std::mem::take(&mut self.kept);
            self.read(&last, on_sample)?;
        }
        if self.format == Format::OpenMetrics && !self.is_ended {
            return Err(ExpositionError::new(self.line, ExpositionProblem::NoEof, b"").into());
        }
        Ok(())
    }

    fn read<E: From<ExpositionError>>(
        &mut self,
        entry: &[u8],
        on_sample: &mut impl FnMut(&Sample<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let line = self.line;
        if self.is_ended {
            return match self.format {
                // Prometheus's lexer takes a NUL for the end, and does not look further.
                Format::Text => Ok(()),
                Format::OpenMetrics => Err(ExpositionError::new(line, ExpositionProblem::AfterEof, entry).into()),
            };
        }
        self.labels.clear();
        let mut cursor = Cursor::new(entry);
        let read = match self.format {
            Format::Text => text::read(&mut cursor, &mut self.labels),
            Format::OpenMetrics => openmetrics::read(&mut cursor, &mut self.labels),
        };
        let (read_so_far, all) = (cursor.lines(), cursor.all_lines());
        match read {
            Ok(Entry::Sample(name)) => on_sample(&Sample::new(entry, name, &self.labels))?,
            Ok(Entry::Other) => {}
            Ok(Entry::End) => self.is_ended = true,
            Err(problem) => {
                let line = line.saturating_add(read_so_far);
                return Err(ExpositionError::new(line, problem, cursor.shown()).into());
            }
        }
        self.line = line.saturating_add(all);
        Ok(())
    }
}
