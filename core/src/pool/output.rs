//! What changed among a pool's targets, as outputs.
//!
//! Identities come and go while groups are taken in, some of them more than once. **Only what differs
//! in the end is put out**: an identity that went and came again is no change, and one that went where
//! another came is the same target with other labels.

use std::collections::VecDeque;

use super::fate::TargetId;

/// What changed among the targets that are scraped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PoolOutput {
    /// A target is no longer there.
    Stopped(TargetId),
    /// A target is scraped where it was, and its labels are others.
    Relabelled {
        /// What it was.
        old: TargetId,
        /// What it is.
        new: TargetId,
    },
    /// A target is new.
    Started(TargetId),
}

/// Outputs that wait, and what they have yet to be made of.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    touched: Vec<Touched>,
    ready: VecDeque<PoolOutput>,
    /// Behind those that are ready, where nothing but this came: a million may start at once, and need no second list.
    started: std::vec::IntoIter<Touched>,
}

/// An identity that came or went.
#[derive(Debug, Clone, Copy)]
struct Touched {
    id: TargetId,
    /// A hash of where it is scraped.
    endpoint: u64,
    /// Whether it came; otherwise it went.
    came: bool,
}

impl Outputs {
    /// Makes room for so many more identities.
    pub(super) fn reserve(&mut self, identities: usize) {
        self.touched.reserve(identities);
    }

    /// An identity came.
    pub(super) fn came(&mut self, id: TargetId, endpoint: u64) {
        self.touched.push(Touched {
            id,
            endpoint,
            came: true,
        });
    }

    /// An identity went.
    pub(super) fn went(&mut self, id: TargetId, endpoint: u64) {
        self.touched.push(Touched {
            id,
            endpoint,
            came: false,
        });
    }

    /// The next output: what stopped, what was relabelled, then what started.
    pub(super) fn pop(&mut self) -> Option<PoolOutput> {
        self.settle();
        let started = || self.started.next().map(|touched| PoolOutput::Started(touched.id));
        let output = self.ready.pop_front().or_else(started);
        if output.is_none() {
            // Many start at once, and that is rare.
            (self.ready, self.started) = Default::default();
        }
        output
    }

    /// Makes outputs of what came and went.
    fn settle(&mut self) {
        if self.touched.is_empty() {
            return;
        }
        let touched = core::mem::take(&mut self.touched);
        let waiting = core::mem::take(&mut self.started);
        self.ready
            .extend(waiting.map(|touched| PoolOutput::Started(touched.id)));
        // Nothing went, so nothing came more than once or in the place of something else.
        if touched.iter().all(|touched| touched.came) {
            self.started = touched.into_iter();
            return;
        }
        let (went, came) = net(touched);
        let (mut stopped, mut relabelled, mut started) = (Vec::new(), Vec::new(), Vec::new());
        let mut went = went.into_iter().peekable();
        for (endpoint, new) in came {
            while let Some((_, old)) = went.next_if(|(other, _)| *other < endpoint) {
                stopped.push(PoolOutput::Stopped(old));
            }
            match went.next_if(|(other, _)| planted!(*other == endpoint, RelabelledIsStoppedAndStarted, false)) {
                Some((_, old)) => relabelled.push(PoolOutput::Relabelled { old, new }),
                None => started.push(PoolOutput::Started(new)),
            }
        }
        stopped.extend(went.map(|(_, old)| PoolOutput::Stopped(old)));
        for mut outputs in [stopped, relabelled, started] {
            outputs.sort_unstable();
            self.ready.extend(outputs);
        }
    }
}

/// Identities, each with where it is scraped, and in the order of that.
type ByEndpoint = Vec<(u64, TargetId)>;

/// What went and what came in the end.
fn net(mut touched: Vec<Touched>) -> (ByEndpoint, ByEndpoint) {
    // Stable: for each identity, what happened stays in order.
    touched.sort_by_key(|touched| touched.id);
    let (mut went, mut came) = (Vec::new(), Vec::new());
    for same in touched.chunk_by(|a, b| a.id == b.id) {
        // An identity comes and goes by turns, so the first and the last say what it was and is.
        match (same.first(), same.last()) {
            (Some(first), Some(last)) if planted!(!first.came, BriefTargetIsStopped, true) && !last.came => {
                went.push((first.endpoint, first.id))
            }
            (Some(first), Some(last)) if first.came && last.came => came.push((last.endpoint, last.id)),
            _ => {}
        }
    }
    went.sort_unstable();
    came.sort_unstable();
    (went, came)
}
