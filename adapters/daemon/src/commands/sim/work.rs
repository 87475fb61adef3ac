//! The work of a bench, counted: in all, and for each event.

use headcount_allocations::Allocations;
use headcount_sim::{Outcome, Work, count, table};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What a run took, in what can be counted.
#[derive(Debug)]
pub(super) struct Counted {
    events: u64,
    /// What is counted, by its name in JSON, and in words.
    rows: Vec<(&'static str, &'static str, u64)>,
}

/// An outcome with the work that it took.
#[derive(Debug, Serialize)]
pub(super) struct Measured<'a> {
    #[serde(flatten)]
    pub(super) outcome: &'a Outcome,
    pub(super) work: Map<String, Value>,
}

impl Counted {
    pub(super) fn new(work: &Work, made: &Allocations, outcome: &Outcome) -> Self {
        let metrics = &outcome.metrics;
        Self {
            events: work.events,
            rows: vec![
                ("compares", "comparisons", work.compares()),
                ("times_compared", "  of times of events", work.times_compared),
                ("groups_compared", "  of groups in updates", work.groups_compared),
                ("differences_compared", "  of snapshots", work.differences_compared),
                ("nodes_visited", "tree nodes visited", work.nodes_visited),
                ("nodes_made", "tree nodes made", work.nodes_made),
                ("allocations", "allocations", made.count),
                ("allocated_bytes", "bytes allocated", made.bytes),
                ("backend_bytes", "bytes that backends sent", metrics.backend_bytes),
                ("handed_over_bytes", "bytes of differences", metrics.bytes_changed),
            ],
        }
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let header = ["work", "total", "per event"].map(str::to_owned).to_vec();
        let rows = self.rows.iter().map(|(_, words, total)| {
            let thousandths = self.thousandths(*total);
            let each = format!("{}.{:03}", count(thousandths / 1_000), thousandths % 1_000);
            vec![(*words).to_owned(), count(*total), each]
        });
        table(&std::iter::once(header).chain(rows).collect::<Vec<_>>())
    }

    /// Each count by its name; whole numbers only, so that equal runs have equal JSON everywhere.
    pub(super) fn json(&self) -> Map<String, Value> {
        let rows = self.rows.iter().map(|(name, _, total)| {
            let counts = json!({"total": total, "per_1000_events": self.thousandths(*total)});
            ((*name).to_owned(), counts)
        });
        rows.collect()
    }

    /// So many for a thousand events, rounded down.
    fn thousandths(&self, total: u64) -> u64 {
        u64::try_from(u128::from(total) * 1_000 / u128::from(self.events.max(1))).unwrap_or(u64::MAX)
    }
}
