//! The page that draws a comparison. It needs nothing but a browser, and asks nobody for anything.

use serde_json::{Value, json};

use super::{Varied, comparison, verdict};
use crate::report::{bytes, count, short};
use crate::{Outcome, Scenario, Span};

const PAGE: &str = include_str!("page.html");

/// A page about a comparison: which settings meet what is expected, and what each costs. `again` is the command that makes the
/// same comparison again.
pub fn page(scenario: &Scenario, seed: u64, runs: &[Varied], again: &str) -> String {
    let data = json!({
        "name": scenario.name,
        "about": scenario.about,
        "again": again,
        "opening": scenario.opening(seed),
        "table": comparison(runs),
        "verdict": verdict(runs),
        "words": runs.first().into_iter().flat_map(|run| &run.settings).map(|(word, _)| word).collect::<Vec<_>>(),
        "runs": runs.iter().map(run).collect::<Vec<_>>(),
    });
    // In JSON `<` stands in strings only; written so, none of them can end the script.
    let data = data.to_string().replace('<', "\\u003c");
    let title = scenario.name.replace('&', "&amp;").replace('<', "&lt;");
    PAGE.replace("/*DATA*/null", &data).replace("{{TITLE}}", &title)
}

fn run(varied: &Varied) -> Value {
    let Outcome {
        metrics, violations, ..
    } = &varied.outcome;
    json!({
        "name": varied.name(),
        "values": varied.settings.iter().map(|(_, value)| value).collect::<Vec<_>>(),
        "cheapest": varied.is_cheapest,
        "broken": violations.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "p50": millis(metrics.staleness_p50),
        "p99": millis(metrics.staleness_p99),
        "max": millis(metrics.staleness_max),
        "calls": metrics.backend_calls,
        "bytes": metrics.bytes_changed,
        "said": [
            short(metrics.staleness_p50),
            short(metrics.staleness_p99),
            short(metrics.staleness_max),
            count(metrics.backend_calls),
            bytes(metrics.bytes_changed),
            count(metrics.emissions),
            count(metrics.vanished),
        ],
    })
}

fn millis(span: Span) -> u64 {
    span.as_nanos() / 1_000_000
}
