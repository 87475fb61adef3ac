//! Replays as a table.

use super::{Incident, IncidentOutcome};
use crate::report::{count, short};
use crate::{Span, table};

impl Incident {
    /// What it is, and a table with a row for each replay: by what its throttle is called, how long changes
    /// waited, and what that took.
    pub fn table(&self, replays: &[(String, IncidentOutcome)]) -> String {
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
        let (time, reports) = replays
            .first()
            .map_or((Span::ZERO, 0), |(_, first)| (first.time, first.reports));
        let (name, time, reports) = (&self.options.name, short(time), count(reports));
        format!(
            "recording of the manager `{name}`: {time}, {reports} reports\n\n{}",
            table(&rows)
        )
    }
}
