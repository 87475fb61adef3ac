//! Replays as a table.

use super::IncidentOutcome;
use crate::report::{count, short};
use crate::table;

/// A table with a row for each replay: by what the throttle is called, how long changes waited, and what that
/// took.
pub fn incident_table(replays: &[(String, IncidentOutcome)]) -> String {
    let header = [
        "throttle",
        "waited p50",
        "p99",
        "max",
        "changes",
        "snapshots",
        "groups",
        "delayed",
        "targets",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (throttle, outcome) in replays {
        rows.push(vec![
            throttle.clone(),
            short(outcome.delay_p50),
            short(outcome.delay_p99),
            short(outcome.delay_max),
            count(outcome.changes),
            count(outcome.emissions),
            count(outcome.groups_changed),
            count(outcome.delayed_updates),
            count(outcome.peak_targets),
        ]);
    }
    table(&rows)
}
