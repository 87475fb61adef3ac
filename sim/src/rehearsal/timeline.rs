//! What is on its way to a discoverer, by the time at which it arrives.

use std::collections::BTreeMap;

use headcount_core::Instant;

use super::line::Stream;

/// What arrives when. What arrives at one instant keeps the order in which it was sent.
#[derive(Debug)]
pub(super) struct Timeline<A> {
    due: BTreeMap<(Instant, u64), (Stream<A>, A)>,
    sent: u64,
}

impl<A> Default for Timeline<A> {
    fn default() -> Self {
        Self {
            due: BTreeMap::new(),
            sent: 0,
        }
    }
}

impl<A> Timeline<A> {
    /// Something arrives at this time.
    pub(super) fn send(&mut self, at: Instant, stream: &Stream<A>, what: A) {
        self.due.insert((at, self.sent), (stream.clone(), what));
        self.sent += 1;
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// Lets everything arrive that is due; says whether there was anything.
    pub(super) fn deliver(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let (stream, what) = entry.remove();
            stream.push(what);
            any = true;
        }
        any
    }

    /// Nothing of it arrives any more; gives the streams on which it was, in the order of their next
    /// piece.
    pub(super) fn cut(&mut self) -> Vec<Stream<A>> {
        let mut streams: Vec<Stream<A>> = Vec::new();
        for (stream, _) in core::mem::take(&mut self.due).into_values() {
            if !streams.iter().any(|other| other.is(&stream)) {
                streams.push(stream);
            }
        }
        streams
    }
}
