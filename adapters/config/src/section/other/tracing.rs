//! `tracing`.

use headcount_reader::{Fields, ProblemKind, TlsSettings};

use super::{check_durations, check_flags, check_headers, check_numbers, check_word};
use crate::section::Reading;

/// Checks the fields.
pub(super) fn check(fields: &mut Fields<'_>, reading: Reading<'_>) {
    check_word(fields, "client_type", &["http", "grpc"], "http, grpc");
    if fields.some_text("endpoint").is_none() {
        fields.at().report(ProblemKind::Missing { field: "endpoint" });
    }
    check_numbers(fields, ["sampling_fraction"]);
    check_flags(fields, ["insecure"]);
    check_durations(fields, ["timeout"]);
    check_headers(fields);
    check_word(fields, "compression", &["", "gzip"], "gzip");
    TlsSettings::read(fields, reading.folder);
}
