//! The work of a bench, counted: in all, and for each event.

use headcount_sim::{Outcome, Work, count, table};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What was allocated, in builds that count it.
#[derive(Debug, Default)]
pub(super) struct Allocations {
    #[cfg(feature = "count-allocations")]
    made: headcount_allocations::Allocations,
}

#[cfg(feature = "count-allocations")]
impl Allocations {
    /// Does something, and adds what it allocates.
    pub(super) fn during<T>(&mut self, what: impl FnOnce() -> T) -> T {
        let (result, more) = headcount_allocations::during(what);
        self.made += more;
        result
    }

    /// How often memory was asked for, and of how many bytes; `None` in builds that don't count it.
    pub(super) fn counts(&self) -> Option<(u64, u64)> {
        Some((self.made.count, self.made.bytes))
    }
}

#[cfg(not(feature = "count-allocations"))]
impl Allocations {
    /// Does something.
    pub(super) fn during<T>(&mut self, what: impl FnOnce() -> T) -> T {
        what()
    }

    /// How often memory was asked for, and of how many bytes; `None` in builds that don't count it.
    pub(super) fn counts(&self) -> Option<(u64, u64)> {
        None
    }
}

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
        let mut rows = vec![
            ("compares", "comparisons", work.compares()),
            ("times_compared", "  of times of events", work.times_compared),
            ("groups_compared", "  of groups in updates", work.groups_compared),
            ("differences_compared", "  of snapshots", work.differences_compared),
            ("nodes_visited", "tree nodes visited", work.nodes_visited),
            ("nodes_made", "tree nodes made", work.nodes_made),
        ];
        if let Some((count, bytes)) = made.counts() {
            rows.push(("allocations", "allocations", count));
            rows.push(("allocated_bytes", "bytes allocated", bytes));
        }
        rows.push(("backend_bytes", "bytes that backends sent", metrics.backend_bytes));
        rows.push(("handed_over_bytes", "bytes of differences", metrics.bytes_changed));
        Self {
            events: work.events,
            rows,
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
