//! What a comparison comes to: a table, and which setting is the cheapest that does.

use super::Varied;
use crate::report::{bytes, count, short};
use crate::{Outcome, table};

/// What a run costs: calls to backends first, then what is handed over, then how often.
fn cost(outcome: &Outcome) -> (u64, u64, u64) {
    let metrics = &outcome.metrics;
    (metrics.backend_calls, metrics.bytes_changed, metrics.emissions)
}

/// The place of the cheapest run that breaks no rule and meets what the scenario expects; of equals the first. None, if none
/// does. Calls to backends count first, then the bytes of differences, then snapshots.
pub(super) fn cheapest(runs: &[Varied]) -> Option<usize> {
    let clean = runs.iter().enumerate().filter(|(_, run)| run.outcome.is_clean());
    clean
        .min_by_key(|(place, run)| (cost(&run.outcome), *place))
        .map(|(place, _)| place)
}

/// One line: which setting is the cheapest that meets what the scenario expects, and what it costs.
pub fn verdict(runs: &[Varied]) -> String {
    let all = runs.len();
    let Some(best) = runs.iter().find(|run| run.is_cheapest) else {
        return format!("none of the {all} meets what is expected");
    };
    let meet = runs.iter().filter(|run| run.outcome.is_clean()).count();
    let metrics = &best.outcome.metrics;
    format!(
        "the cheapest that meets what is expected: {} ({} calls, {} of differences, {} snapshots; {meet} of {all} meet it)",
        best.name(),
        count(metrics.backend_calls),
        bytes(metrics.bytes_changed),
        count(metrics.emissions)
    )
}

/// A table with a row for each run: how old what the receiver knows is, and what that costs. Where a
/// guard is compared, also what it held, and what was taken away although it was there.
pub fn comparison(runs: &[Varied]) -> String {
    let settings = runs.first().map(|run| run.settings.as_slice()).unwrap_or_default();
    let mut header: Vec<String> = settings.iter().map(|(word, _)| word.clone()).collect();
    let guards = settings.iter().any(|(word, _)| word.contains("guard"));
    let figures = [
        "stale p50",
        "p99",
        "max",
        "snapshots",
        "differences",
        "whole",
        "delayed",
        "calls",
    ];
    let of_guards = ["held", "vanished"].into_iter().filter(|_| guards);
    header.extend(
        figures
            .into_iter()
            .chain(of_guards)
            .chain(["result"])
            .map(str::to_owned),
    );
    let mut rows = vec![header];
    for Varied { settings, outcome, .. } in runs {
        let metrics = &outcome.metrics;
        let mut row: Vec<String> = settings.iter().map(|(_, value)| value.clone()).collect();
        row.extend([
            short(metrics.staleness_p50),
            short(metrics.staleness_p99),
            short(metrics.staleness_max),
            count(metrics.emissions),
            bytes(metrics.bytes_changed),
            bytes(metrics.bytes_whole),
            count(metrics.delayed_updates),
            count(metrics.backend_calls),
        ]);
        if guards {
            row.extend([count(metrics.drops_held), count(metrics.vanished)]);
        }
        let first = outcome.violations.first();
        row.push(first.map_or_else(|| "clean".to_owned(), |first| first.rule.to_string()));
        rows.push(row);
    }
    table(&rows)
}
