//! One sample, as far as it was read.

use std::borrow::Cow;

use headcount_core::planted;

use super::cursor::Span;

/// A sample's name and labels, where they stand in its line.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    entry: &'a [u8],
    name: (usize, usize),
    labels: &'a [(Span, Span)],
}

impl<'a> Sample<'a> {
    pub(super) fn new(entry: &'a [u8], name: Span, labels: &'a [(Span, Span)]) -> Self {
        Self {
            entry,
            name: (name.start, name.end),
            labels,
        }
    }

    /// The metric's name, without escapes. It may be empty, and not be UTF-8.
    pub fn name(&self) -> Cow<'a, [u8]> {
        plain(self.entry.get(self.name.0..self.name.1).unwrap_or_default())
    }

    /// The labels' names and values, without escapes, in the text's order; the metric's name is
    /// not among them. Names may be empty, may not be UTF-8, and may be there more than once.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = (Cow<'a, [u8]>, Cow<'a, [u8]>)> {
        let entry = self.entry;
        let text = move |span: &Span| plain(entry.get(span.clone()).unwrap_or_default());
        self.labels.iter().map(move |(name, value)| (text(name), text(value)))
    }
}

/// A quoted text without its escapes: `\\`, `\"` and `\n`. Others stand for themselves.
fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, after) {
            (b'\\', [b'\\', after @ ..]) => (b'\\', after),
            (b'\\', [b'"', after @ ..]) => (b'"', after),
            (b'\\', [b'n', after @ ..]) => (planted!(b'\n', LineEndStaysEscaped, b'n'), after),
            _ => (byte, after),
        };
        out.push(byte);
        rest = after;
    }
    Cow::Owned(out)
}
