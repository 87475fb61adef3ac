//! What a run came to.

use super::rows::{bytes, count, facts};
use crate::{Mark, Outcome, Span};

impl Outcome {
    /// The last block of a report: the figures, what was broken, what was never seen, and the hash.
    pub fn table(&self) -> String {
        let metrics = &self.metrics;
        let (p50, p99, max) = (
            short(metrics.staleness_p50),
            short(metrics.staleness_p99),
            short(metrics.staleness_max),
        );
        let mut lines = vec![
            ("result", self.verdict()),
            ("staleness", format!("p50 {p50}, p99 {p99}, max {max}")),
            (
                "changes",
                format!(
                    "{} learned, {} still open",
                    count(metrics.changes_learned),
                    count(metrics.changes_open)
                ),
            ),
        ];
        if let Some(time) = metrics.time_to_converge {
            lines.push(("converged", format!("{} after the calm began", short(time))));
        }
        if metrics.drops_held > 0 {
            lines.push((
                "held",
                format!(
                    "{} drops, at most {} targets at a time",
                    count(metrics.drops_held),
                    count(metrics.peak_held)
                ),
            ));
        }
        lines.extend(self.traffic());
        lines.extend([
            ("never seen", self.never_seen()),
            ("events", count(self.events)),
            ("hash", format!("{:016x}", self.hash)),
        ]);
        let mut text = facts(&lines);
        for violation in &self.violations {
            text.push_str(&format!("\n{violation}\n"));
        }
        text
    }

    /// How much was said, between whom.
    fn traffic(&self) -> [(&'static str, String); 5] {
        let metrics = &self.metrics;
        [
            (
                "snapshots",
                format!(
                    "{}, of which {} delayed",
                    count(metrics.emissions),
                    count(metrics.delayed_updates)
                ),
            ),
            (
                "handed over",
                format!(
                    "{} as differences, {} as whole snapshots",
                    bytes(metrics.bytes_changed),
                    bytes(metrics.bytes_whole)
                ),
            ),
            (
                "updates",
                format!(
                    "{}, of which {} changed nothing",
                    count(metrics.received_updates),
                    count(metrics.unchanged_updates)
                ),
            ),
            (
                "backends",
                format!(
                    "{} calls, {} failed, {} sent",
                    count(metrics.backend_calls),
                    count(metrics.failures),
                    bytes(metrics.backend_bytes)
                ),
            ),
            (
                "peaks",
                format!(
                    "{} targets of {}, {} reports queued",
                    count(metrics.peak_targets),
                    bytes(metrics.peak_bytes),
                    count(metrics.peak_queue)
                ),
            ),
        ]
    }

    fn verdict(&self) -> String {
        match self.violations.first() {
            None => format!("clean: no rule broken in {}", self.time),
            Some(first) => match self.violations.len() {
                1 => format!("BROKEN: {} at {}", first.rule, first.at),
                all => format!("BROKEN: {} at {}, and {} more", first.rule, first.at, all - 1),
            },
        }
    }

    fn never_seen(&self) -> String {
        let marks = Mark::ALL.into_iter().filter(|mark| !self.marks.contains_key(mark));
        let names: Vec<String> = marks.map(words).collect();
        if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(", ")
        }
    }
}

/// What a mark stands for, as words.
fn words(mark: Mark) -> String {
    let mut words = String::new();
    for letter in format!("{mark:?}").chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

/// A span to a thousandth of what it is: nobody reads the nanoseconds of minutes.
pub(crate) fn short(span: Span) -> String {
    let nanos = span.as_nanos();
    let fine = match nanos {
        0..1_000_000 => 1_000,
        1_000_000..60_000_000_000 => 1_000_000,
        _ => 1_000_000_000,
    };
    Span::from_nanos(nanos / fine * fine).to_string()
}
