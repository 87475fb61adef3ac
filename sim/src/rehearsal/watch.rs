//! What the receiver has, held against the truth.

use std::collections::{BTreeMap, BTreeSet};

use headcount_core::{Instant, Snapshot};

use crate::metrics::Histogram;
use crate::{Rule, Span, Violation};

/// Who watches one job: the addresses that there are, those that the receiver has, and since
/// when which differ.
#[derive(Debug, Default)]
pub(super) struct Watch {
    job: String,
    there: BTreeSet<String>,
    known: BTreeSet<String>,
    /// Which addresses differ, and since when.
    open: BTreeMap<String, Instant>,
}

impl Watch {
    pub(super) fn new(job: String) -> Self {
        Self { job, ..Self::default() }
    }

    pub(super) fn open(&self) -> u64 {
        self.open.len() as u64
    }

    /// These are the addresses that there are from now on.
    pub(super) fn truth(&mut self, now: Instant, there: &BTreeSet<String>) {
        for address in there.symmetric_difference(&self.there) {
            if there.contains(address) == self.known.contains(address) {
                self.open.remove(address);
            } else {
                self.open.insert(address.clone(), now);
            }
        }
        self.there.clone_from(there);
    }

    /// The receiver took a snapshot. `lied` is until when somebody received less than there is.
    pub(super) fn took(
        &mut self,
        now: Instant,
        snapshot: &Snapshot,
        lied: bool,
        staleness: &mut Histogram,
    ) -> Option<Violation> {
        let set = snapshot.set(&self.job);
        let groups = set.into_iter().flat_map(|set| set.groups());
        let targets = groups.flat_map(|(_, stored)| stored.group().targets());
        let known: BTreeSet<String> = targets
            .filter_map(|target| target.get("__address__").map(str::to_owned))
            .collect();
        let lost = self
            .known
            .iter()
            .find(|address| self.there.contains(*address) && !known.contains(*address));
        let lost = lost.filter(|_| !lied).map(|address| Violation {
            rule: Rule::FailureKeeps,
            at: Span::since_start(now),
            provider: Some(self.job.clone()),
            target: Some(address.clone()),
            reason: "the target is there, was known, and is no longer, and no backend has said that it is gone"
                .to_owned(),
        });
        for address in known.symmetric_difference(&self.known) {
            if known.contains(address) != self.there.contains(address) {
                self.open.insert(address.clone(), now);
            } else if let Some(since) = self.open.remove(address) {
                staleness.add(Span::from_nanos(now.as_nanos() - since.as_nanos()));
            }
        }
        self.known = known;
        lost
    }

    /// What is late: it differs for longer than this, and for as long no fault was in the way.
    pub(super) fn late(&self, now: Instant, clear_since: Instant, within: Span) -> Option<Violation> {
        let is_late = |since: Instant| now > since.max(clear_since) + within.into();
        let (address, since) = self.open.iter().find(|(_, since)| is_late(**since))?;
        let (rule, what) = if self.known.contains(address) {
            (Rule::NoGhost, "gone")
        } else {
            (Rule::NoHole, "there")
        };
        Some(Violation {
            rule,
            at: Span::since_start(now),
            provider: Some(self.job.clone()),
            target: Some(address.clone()),
            reason: format!(
                "it is {what} since {}, no fault is in the way since {}, and the receiver does not know",
                Span::since_start(*since),
                Span::since_start(clear_since)
            ),
        })
    }
}
