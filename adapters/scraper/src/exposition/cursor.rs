//! A place in an entry, and what both formats are made of: names, quoted strings, words.

use super::ExpositionProblem;

/// A part of an entry.
pub(super) type Span = std::ops::Range<usize>;

/// An entry and how far it was read.
pub(super) struct Cursor<'a> {
    entry: &'a [u8],
    at: usize,
}

/// Where a quoted string may have the end of a line in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    Many,
    One,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(entry: &'a [u8]) -> Self {
        Self { entry, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.entry.get(self.at).copied()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.entry.get(self.at..).unwrap_or_default()
    }

    pub(super) fn text(&self, span: Span) -> &'a [u8] {
        self.entry.get(span).unwrap_or_default()
    }

    /// Goes past `word`, if that is what comes.
    pub(super) fn eat(&mut self, word: &[u8]) -> bool {
        let is_next = self.rest().starts_with(word);
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    /// Goes past blanks; whether there were any.
    pub(super) fn blanks(&mut self) -> bool {
        !self.take_while(|byte| matches!(byte, b' ' | b'\t')).is_empty()
    }

    pub(super) fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> Span {
        let length = self.rest().iter().take_while(|byte| belongs(**byte)).count();
        let start = self.at;
        self.at += length;
        start..self.at
    }

    /// A name of letters, digits and underscores, and of colons for metrics.
    pub(super) fn name(&mut self, with_colons: bool) -> Option<Span> {
        let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || (with_colons && byte == b':');
        if !self.peek().is_some_and(is_first) {
            return None;
        }
        Some(self.take_while(|byte| is_first(byte) || byte.is_ascii_digit()))
    }

    /// A quoted string, without its quotes. If it does not end, the cursor stays.
    pub(super) fn quoted(&mut self, lines: Lines) -> Option<Span> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let start = self.at + 1;
        let mut at = start;
        loop {
            let byte = *self.entry.get(at)?;
            match byte {
                b'"' => break,
                // A backslash escapes anything but the end of the line.
                b'\\' if self.entry.get(at + 1).is_none_or(|next| *next == b'\n') => return None,
                b'\\' => at += 2,
                b'\n' if lines == Lines::One => return None,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Some(start..at)
    }

    /// Something else has to stand here.
    pub(super) fn expected(&self, expected: &'static str) -> ExpositionProblem {
        let rest = self.rest();
        let length = rest.iter().skip(1).take_while(|byte| **byte & 0xc0 == 0x80).count() + 1;
        let got = String::from_utf8_lossy(rest.get(..length).unwrap_or(rest)).into_owned();
        ExpositionProblem::Expected { expected, got }
    }

    /// What was read, and a little more.
    pub(super) fn shown(&self) -> &'a [u8] {
        let end = self.entry.len().min(self.at + 1);
        self.entry.get(..end).unwrap_or_default()
    }

    /// How many lines ended in what was read.
    pub(super) fn lines(&self) -> u64 {
        count_lines(self.entry.get(..self.at).unwrap_or_default())
    }

    /// How many lines end in the entry.
    pub(super) fn all_lines(&self) -> u64 {
        // Most entries are one line, or are read to the end of their only one.
        count_lines(self.entry)
    }
}

fn count_lines(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}
