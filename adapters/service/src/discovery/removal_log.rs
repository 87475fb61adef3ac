//! Says in the log when many targets are gone at once, whose they were and why.
//!
//! A loss is many when it is both **10 targets or more**, which is more than a host that goes takes with it, and **5 %
//! or more of a set**, because in a set of thousands dozens come and go all day. Every single one is in the history.

use headcount_core::{Removal, Snapshot};

use super::health_log::few;
use super::history::because;

/// Fewer are no news.
const FEWEST: usize = 10;
/// A smaller share of each of the sets is none, either.
const LEAST_PERCENT: usize = 5;

/// Logs what is many of what `older` had.
pub(super) fn log(manager: &str, older: &Snapshot, removals: &[Removal]) {
    for removal in removals.iter().filter(|removal| is_many(older, removal)) {
        let Removal {
            sets,
            provider,
            cause,
            count,
            addresses,
        } = removal;
        let (provider, sets, count) = (&**provider, few(sets.iter()), *count);
        let cause = because(*cause, provider);
        let mut some = addresses.join(", ");
        if count > addresses.len() {
            some.push_str(", …");
        }
        tracing::info!(
            manager,
            sets,
            provider,
            count,
            some,
            cause,
            "many targets are gone at once"
        );
    }
}

fn is_many(older: &Snapshot, removal: &Removal) -> bool {
    let mut of = removal.sets.iter().filter_map(|set| older.set(set));
    removal.count >= FEWEST
        && of.any(|set| {
            let least = set.target_count().saturating_mul(LEAST_PERCENT);
            removal.count.saturating_mul(100) >= least
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::Sets;
    use headcount_core::{History, HistoryLimits, Instant, Readers};

    /// What `after` of `before` targets in a set looks like.
    fn is_many_of(before: usize, after: usize) -> bool {
        let mut sets = Sets::new(&["a", "b"]);
        let (mut readers, mut history) = (
            Readers::default(),
            History::new(Instant::ZERO, HistoryLimits::default()),
        );
        let mut shown = Snapshot::default();
        let mut lost = Vec::new();
        for count in [before, after] {
            let addresses: Vec<_> = (0..count).map(|number| format!("host-{number}:1")).collect();
            let targets = addresses.iter().map(|address| vec![("__address__", address.as_str())]);
            sets.update(0, vec![("s", vec![], targets.collect())]);
            let snapshot = sets.snapshot();
            let diff = snapshot.diff(&shown);
            readers.take(&diff);
            lost = history.take(&diff, &readers);
            if count == after {
                return lost.iter().any(|removal| is_many(&shown, removal));
            }
            shown = snapshot;
        }
        !lost.is_empty()
    }

    #[test]
    fn ten_and_a_twentieth_are_many() {
        assert!(is_many_of(10, 0));
        assert!(!is_many_of(9, 0));
        assert!(is_many_of(200, 190));
        assert!(!is_many_of(201, 191));
        assert!(is_many_of(2_000, 900), "one entry for all of them");
        assert!(!is_many_of(0, 100));
    }
}
