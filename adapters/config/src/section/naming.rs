//! Which names metrics and labels may have, and how others are escaped.

use headcount_core::relabel::NameValidation;
use headcount_reader::{Cursor, NameEscaping, ProblemKind};

/// What is said of a scheme that there is not.
pub(super) type Complain = fn(&Cursor<'_>, ProblemKind);

/// It is wrong.
pub(super) fn refuse(at: &Cursor<'_>, kind: ProblemKind) {
    at.report(kind);
}

/// It is remarkable.
pub(super) fn remark(at: &Cursor<'_>, kind: ProblemKind) {
    at.warn(kind);
}

/// A validation scheme; `None` when it is empty.
pub(super) fn read_validation(at: &Cursor<'_>, complain: Complain) -> Option<NameValidation> {
    let text = at.text()?;
    match text.as_str() {
        "" => None,
        "utf8" => Some(NameValidation::Utf8),
        "legacy" => Some(NameValidation::Legacy),
        _ => {
            let allowed = "utf8, legacy";
            complain(at, ProblemKind::NotOneOf { found: text, allowed });
            None
        }
    }
}

/// An escaping scheme; `None` when it is empty.
pub(super) fn read_escaping(at: &Cursor<'_>, complain: Complain) -> Option<NameEscaping> {
    let text = at.text()?;
    match text.as_str() {
        "" => None,
        "allow-utf-8" => Some(NameEscaping::AllowUtf8),
        "underscores" => Some(NameEscaping::Underscores),
        "dots" => Some(NameEscaping::Dots),
        "values" => Some(NameEscaping::Values),
        _ => {
            let allowed = "allow-utf-8, underscores, dots, values";
            complain(at, ProblemKind::NotOneOf { found: text, allowed });
            None
        }
    }
}
