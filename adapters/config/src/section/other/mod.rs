//! Sections that concern other parts of Prometheus: remote storage, rules, its own storage, tracing, OTLP.
//!
//! headcount does nothing with them. They are checked all the same, because **what is taken here must not keep
//! Prometheus from starting**: each is read as Prometheus reads it, and forgotten. Files that they name are
//! noted like all others.

mod azuread;
mod local;
mod otlp;
mod remote;
mod tracing;

use headcount_core::relabel::NameValidation;
use headcount_reader::{Cursor, Fields, Mentioned, ProblemKind, join, pattern, reserved_header};

use super::Reading;

pub(crate) use remote::check_sigv4;

/// Checks the fields of a mapping.
type Check = fn(&mut Fields<'_>, Reading<'_>);

/// Takes all of them from the top of a configuration.
pub(crate) fn check(fields: &mut Fields<'_>, names: NameValidation, reading: Reading<'_>) {
    if let Some(patterns) = fields.take("rule_files") {
        check_rule_files(&patterns, reading);
    }
    if let Some(list) = fields.take("remote_write") {
        remote::check_writes(&list, names, reading);
    }
    if let Some(list) = fields.take("remote_read") {
        remote::check_reads(&list, reading);
    }
    for (name, check) in [
        ("runtime", local::check_runtime as fn(&mut Fields<'_>)),
        ("storage", local::check_storage),
    ] {
        inside(fields, name, check);
    }
    inside(fields, "tracing", |fields| tracing::check(fields, reading));
    inside(fields, "otlp", |fields| otlp::check(fields, names));
}

/// Whether a path may be one of `rule_files` or `scrape_config_files`: no slash after a `*`.
pub(crate) fn is_include_pattern(pattern: &str) -> bool {
    pattern.split_once('*').is_none_or(|(_, after)| !after.contains('/'))
}

fn check_rule_files(patterns: &Cursor<'_>, reading: Reading<'_>) {
    for (index, (written, position)) in patterns.texts().unwrap_or_default().into_iter().enumerate() {
        let place = format!("[{index}]");
        let refused = |reason: String| ProblemKind::Pattern {
            pattern: written.clone(),
            reason,
        };
        if written.is_empty() {
            // It means no file, and not the folder that it is joined to.
        } else if !is_include_pattern(&written) {
            let reason = "a * may stand in the last part of the path only".to_owned();
            patterns.report_at(position, &place, refused(reason));
        } else if let Err(error) = pattern::check(&written) {
            patterns.report_at(position, &place, refused(error.to_string()));
        } else {
            let whole = join(reading.folder, &written).display().to_string();
            patterns.mention_at(position, &place, Mentioned::Rules(whole));
        }
    }
}

/// Reads the mapping of a field, if there is one, and reports what is left over of it.
fn inside(fields: &mut Fields<'_>, name: &'static str, check: impl FnOnce(&mut Fields<'_>)) {
    if let Some(mut inside) = fields.take(name).and_then(|at| at.fields()) {
        check(&mut inside);
        inside.finish();
    }
}

/// Numbers that Prometheus does not look at when it reads them: they may be negative.
fn check_numbers<const N: usize>(fields: &mut Fields<'_>, names: [&'static str; N]) {
    for name in names {
        fields.take(name).and_then(|at| at.number());
    }
}

fn check_flags<const N: usize>(fields: &mut Fields<'_>, names: [&'static str; N]) {
    for name in names {
        fields.flag(name);
    }
}

fn check_durations<const N: usize>(fields: &mut Fields<'_>, names: [&'static str; N]) {
    for name in names {
        fields.duration(name);
    }
}

/// `headers`: what Prometheus sets itself can't be set.
fn check_headers(fields: &mut Fields<'_>) {
    let entries = fields.take("headers").and_then(|at| at.entries()).unwrap_or_default();
    for (name, at) in entries {
        // Scraping's own header is free here.
        if let Some(header) = reserved_header(&name).filter(|header| !header.starts_with("X-Prometheus-Scrape")) {
            let header = header.to_owned();
            at.report(ProblemKind::ReservedHeader { header });
        }
        at.text();
    }
}

/// A word out of a few; nothing written is right.
fn check_word(fields: &mut Fields<'_>, name: &'static str, words: &[&str], allowed: &'static str) -> Option<String> {
    let at = fields.take_some(name)?;
    let found = at.text()?;
    if !words.contains(&found.as_str()) {
        at.report(ProblemKind::NotOneOf {
            found: found.clone(),
            allowed,
        });
    }
    Some(found)
}
