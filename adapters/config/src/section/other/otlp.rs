//! `otlp`.

use std::collections::HashSet;

use headcount_core::relabel::NameValidation;
use headcount_reader::{Cursor, Fields, ProblemKind};

use super::{check_flags, check_word};

const STRATEGIES: [&str; 5] = [
    "",
    "UnderscoreEscapingWithSuffixes",
    "UnderscoreEscapingWithoutSuffixes",
    "NoUTF8EscapingWithSuffixes",
    "NoTranslation",
];

/// Checks the fields; `names` is `global`'s `metric_name_validation_scheme`.
pub(super) fn check(fields: &mut Fields<'_>, names: NameValidation) {
    let strategy = check_word(
        fields,
        "translation_strategy",
        &STRATEGIES,
        "UnderscoreEscapingWithSuffixes, UnderscoreEscapingWithoutSuffixes, NoUTF8EscapingWithSuffixes, NoTranslation",
    );
    if names.is_legacy() && strategy.is_some_and(|strategy| strategy.starts_with("No")) {
        fields.at().report(ProblemKind::Rule(
            "this translation_strategy needs names in UTF-8, and global.metric_name_validation_scheme is legacy",
        ));
    }
    let promotes_all = fields.flag("promote_all_resource_attributes").unwrap_or_default();
    let promoted = fields.take("promote_resource_attributes");
    let ignored = fields.take("ignore_resource_attributes");
    if promotes_all {
        check_is_empty(
            promoted.as_ref(),
            ProblemKind::Excludes {
                other: "promote_all_resource_attributes",
            },
        );
        check_attributes(ignored.as_ref());
    } else {
        check_is_empty(
            ignored.as_ref(),
            ProblemKind::Needs {
                other: "promote_all_resource_attributes",
            },
        );
        check_attributes(promoted.as_ref());
    }
    check_flags(
        fields,
        [
            "keep_identifying_resource_attributes",
            "convert_histograms_to_nhcb",
            "promote_scope_metadata",
            "label_name_underscore_sanitization",
            "label_name_preserve_multiple_underscores",
        ],
    );
}

fn check_is_empty(list: Option<&Cursor<'_>>, otherwise: ProblemKind) {
    if let Some(at) = list
        && at.texts().is_some_and(|texts| !texts.is_empty())
    {
        at.report(otherwise);
    }
}

fn check_attributes(list: Option<&Cursor<'_>>) {
    let Some(at) = list else { return };
    let mut seen = HashSet::new();
    for (index, (attribute, position)) in at.texts().unwrap_or_default().into_iter().enumerate() {
        let found = attribute.trim().to_owned();
        let kind = if found.is_empty() {
            ProblemKind::EmptyEntry
        } else if seen.contains(&found) {
            ProblemKind::ListedTwice { found }
        } else {
            seen.insert(found);
            continue;
        };
        at.report_at(position, &format!("[{index}]"), kind);
    }
}
