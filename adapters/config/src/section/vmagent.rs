//! Fields of jobs that only vmagent has. headcount does nothing with most of them, so they are checked roughly, said, and
//! forgotten.

use headcount_reader::{Cursor, Fields, ProblemKind};

use crate::Dialect;

#[derive(Debug, Clone, Copy)]
enum Kind {
    Flag,
    Text,
    Texts,
    Fields,
}

/// The fields, and what each is.
const FIELDS: [(&str, Kind); 17] = [
    ("max_scrape_size", Kind::Text),
    ("disable_keepalive", Kind::Flag),
    ("stream_parse", Kind::Flag),
    ("scrape_align_interval", Kind::Text),
    ("scrape_offset", Kind::Text),
    ("series_limit", Kind::Text),
    ("no_stale_markers", Kind::Flag),
    ("relabel_debug", Kind::Flag),
    ("metric_relabel_debug", Kind::Flag),
    ("headers", Kind::Texts),
    ("proxy_headers", Kind::Texts),
    ("proxy_authorization", Kind::Fields),
    ("proxy_basic_auth", Kind::Fields),
    ("proxy_oauth2", Kind::Fields),
    ("proxy_tls_config", Kind::Fields),
    ("proxy_bearer_token", Kind::Text),
    ("proxy_bearer_token_file", Kind::Text),
];

/// Takes them from a job, and gives those that say something. For Prometheus they are wrong.
pub(super) fn read_job(fields: &mut Fields<'_>, dialect: Dialect) -> Vec<&'static str> {
    let mut found = Vec::new();
    for (name, kind) in FIELDS {
        let Some(at) = fields.take_foreign(name) else { continue };
        if dialect.is_vmagent() {
            if says_something(&at, kind) {
                at.warn(ProblemKind::ForVmagent);
                found.push(name);
            }
        } else {
            refuse(&at, name);
        }
    }
    found
}

/// Whether a job's answers are not to be compressed, in vmagent's word for it.
pub(super) fn disables_compression(fields: &mut Fields<'_>, dialect: Dialect) -> bool {
    const FIELD: &str = "disable_compression";
    match fields.take_foreign(FIELD) {
        Some(at) if dialect.is_vmagent() => at.flag() == Some(true),
        Some(at) => {
            refuse(&at, FIELD);
            false
        }
        None => false,
    }
}

fn refuse(at: &Cursor<'_>, name: &str) {
    let what = format!("the field `{name}`");
    at.report(ProblemKind::OfVmagent { what });
}

fn says_something(at: &Cursor<'_>, kind: Kind) -> bool {
    match kind {
        Kind::Flag => at.flag() == Some(true),
        Kind::Text => at.text().is_some_and(|text| !text.is_empty()),
        Kind::Texts => at.texts().is_some_and(|texts| !texts.is_empty()),
        Kind::Fields => at.entries().is_some_and(|entries| !entries.is_empty()),
    }
}
