//! A stream of lines, as it comes in pieces.

use headcount_discoverer::BODY_KNOB;
use headcount_discoverer::refresh::RefreshError;

/// Takes lines out of pieces. The end of a stream that no line break follows is no line.
#[derive(Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
    /// How much of it was looked at.
    seen: usize,
}

impl Lines {
    /// Adds a piece.
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.begun.extend_from_slice(piece);
    }

    /// How many bytes there are of a line that has not ended, when [`take`](Self::take) has given all others.
    fn pending(&self) -> usize {
        self.begun.len()
    }

    /// Refuses a line of more bytes than these, when [`take`](Self::take) has given all that have ended.
    pub(super) fn within(&self, most: u64) -> Result<(), RefreshError> {
        if self.pending() as u64 <= most {
            return Ok(());
        }
        let reason = format!("an object has more than {most} bytes; {BODY_KNOB}");
        Err(RefreshError::at_interval(reason))
    }

    /// Puts whole lines back, each with its line break, before all that is there.
    pub(super) fn put_back(&mut self, mut lines: Vec<u8>) {
        lines.append(&mut self.begun);
        (self.begun, self.seen) = (lines, 0);
    }

    /// The lines that are whole now, each without its line break.
    pub(super) fn take(&mut self, mut each: impl FnMut(&[u8])) {
        let mut start = 0;
        while let Some(length) = self
            .begun
            .get(self.seen.max(start)..)
            .and_then(|rest| rest.iter().position(|byte| *byte == b'\n'))
        {
            let end = self.seen.max(start).saturating_add(length);
            each(self.begun.get(start..end).unwrap_or_default());
            start = end.saturating_add(1);
        }
        self.begun.drain(..start.min(self.begun.len()));
        self.seen = self.begun.len();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_are_the_same_however_they_are_cut(text in "[ab\n]{0,60}", cuts in prop::collection::vec(1..7_usize, 0..40)) {
            let mut lines = Lines::default();
            let mut found: Vec<Vec<u8>> = Vec::new();
            let (mut rest, mut cuts) = (text.as_bytes(), cuts.into_iter());
            while !rest.is_empty() {
                let (piece, more) = rest.split_at(cuts.next().unwrap_or(rest.len()).min(rest.len()));
                lines.add(piece);
                lines.take(|line| found.push(line.to_vec()));
                // The last one once more, as one that was taken too early.
                if let Some(last) = found.pop() {
                    lines.put_back([last, vec![b'\n']].concat());
                    lines.take(|line| found.push(line.to_vec()));
                }
                rest = more;
            }
            let mut expected: Vec<Vec<u8>> = text.split('\n').map(|line| line.as_bytes().to_vec()).collect();
            let pending = expected.pop().unwrap_or_default();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(lines.pending(), pending.len());
        }
    }
}
