//! Which names metrics and labels may have, and how others are escaped.

use headcount_core::relabel::NameValidation;
use headcount_reader::{Cursor, NameEscaping, ProblemKind};

/// A validation scheme; `None` when it is empty.
pub(super) fn read_validation(at: &Cursor<'_>) -> Option<NameValidation> {
    let text = at.text()?;
    match text.as_str() {
        "" => None,
        "utf8" => Some(NameValidation::Utf8),
        "legacy" => Some(NameValidation::Legacy),
        _ => {
            at.report(ProblemKind::NotOneOf {
                found: text,
                allowed: "utf8, legacy",
            });
            None
        }
    }
}

/// An escaping scheme; `None` when it is empty.
pub(super) fn read_escaping(at: &Cursor<'_>) -> Option<NameEscaping> {
    let text = at.text()?;
    match text.as_str() {
        "" => None,
        "allow-utf-8" => Some(NameEscaping::AllowUtf8),
        "underscores" => Some(NameEscaping::Underscores),
        "dots" => Some(NameEscaping::Dots),
        "values" => Some(NameEscaping::Values),
        _ => {
            at.report(ProblemKind::NotOneOf {
                found: text,
                allowed: "allow-utf-8, underscores, dots, values",
            });
            None
        }
    }
}
