//! `runtime` and `storage`: Prometheus's own process and disk.

use headcount_reader::{Fields, ProblemKind};

use super::{check_durations, check_numbers, check_word, inside};

/// Checks `runtime`.
pub(super) fn check_runtime(fields: &mut Fields<'_>) {
    check_numbers(fields, ["gogc"]);
}

/// Checks `storage`.
pub(super) fn check_storage(fields: &mut Fields<'_>) {
    inside(fields, "tsdb", |fields| {
        check_durations(fields, ["out_of_order_time_window"]);
        check_numbers(fields, ["stale_series_compaction_threshold"]);
        inside(fields, "chunk_encoding", |fields| {
            check_word(fields, "floats", &["", "xor", "xor2"], "xor, xor2");
        });
        inside(fields, "retention", check_retention);
    });
    inside(fields, "exemplars", |fields| check_numbers(fields, ["max_exemplars"]));
}

fn check_retention(fields: &mut Fields<'_>) {
    check_durations(fields, ["time"]);
    if let Some(at) = fields.take("size")
        && at.size().is_some_and(|size| size < 0)
    {
        at.report(ProblemKind::Rule("a size can't be negative"));
    }
    if let Some(at) = fields.take("percentage")
        && at.number().is_some_and(|share| !(0.0..=100.0).contains(&share))
    {
        at.report(ProblemKind::Rule("a percentage is from 0 to 100"));
    }
}
