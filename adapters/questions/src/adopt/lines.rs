//! A text by its lines, and a place in it that is written anew.

use std::ops::Range;

use headcount_reader::Position;

/// A text, and where its lines begin.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

/// What comes in the place of some bytes of a text.
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(breaks.filter(|at| *at < text.len()));
        Self {
            text,
            starts: starts.collect(),
        }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// A line, counted from 0, without its end.
    pub(super) fn line(&self, number: usize) -> &'t str {
        let line = self.text.get(self.range(number..number + 1)).unwrap_or_default();
        line.strip_suffix('\n')
            .map_or(line, |line| line.strip_suffix('\r').unwrap_or(line))
    }

    /// The bytes of these lines.
    pub(super) fn range(&self, lines: Range<usize>) -> Range<usize> {
        let start = |line: usize| self.starts.get(line).copied().unwrap_or(self.text.len());
        start(lines.start)..start(lines.end)
    }

    /// The byte at which something stands.
    pub(super) fn offset(&self, at: Position) -> usize {
        let line = self.range(at.line - 1..at.line);
        let text = self.text.get(line.clone()).unwrap_or_default();
        line.start
            + text
                .char_indices()
                .nth(at.column - 1)
                .map_or(text.len(), |(byte, _)| byte)
    }

    /// How lines end.
    pub(super) fn newline(&self) -> &'static str {
        if self.line_ends_with_return(0) { "\r\n" } else { "\n" }
    }

    fn line_ends_with_return(&self, number: usize) -> bool {
        let line = self.text.get(self.range(number..number + 1));
        line.is_some_and(|line| line.ends_with("\r\n"))
    }
}

/// The text with these edits, which are in order and apart from each other.
pub(super) fn edited(text: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for edit in edits {
        out.push_str(text.get(from..edit.range.start).unwrap_or_default());
        out.push_str(&edit.text);
        from = edit.range.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}
