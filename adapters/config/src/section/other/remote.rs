//! `remote_write` and `remote_read`.

use std::collections::HashMap;

use headcount_core::relabel::NameValidation;
use headcount_reader::{Cursor, Fields, HttpClientSettings, Mentioned, ProblemKind, Url, is_label_name, join};

use super::{Check, azuread, check_durations, check_flags, check_headers, check_numbers, check_word, inside};
use crate::section::Reading;
use crate::section::relabel::{RelabelRules, Subject};

const MESSAGES: &str = "prometheus.WriteRequest, io.prometheus.write.v2.Request";

/// The fields of which at most one may be set.
const WAYS_TO_AUTHENTICATE: &str = "basic_auth, authorization, oauth2, sigv4, azuread and google_iam";

/// Checks `remote_write`.
pub(super) fn check_writes(list: &Cursor<'_>, names: NameValidation, reading: Reading<'_>) {
    each(list, |fields| {
        check_common(fields);
        RelabelRules::of(fields, "write_relabel_configs", reading.dialect).check(names, Subject::Metrics);
        check_word(
            fields,
            "protobuf_message",
            &["prometheus.WriteRequest", "io.prometheus.write.v2.Request"],
            MESSAGES,
        );
        check_flags(
            fields,
            [
                "send_exemplars",
                "send_native_histograms",
                "round_robin_dns",
                "failed_request_logging",
            ],
        );
        inside(fields, "queue_config", check_queue);
        inside(fields, "metadata_config", |fields| {
            check_flags(fields, ["send"]);
            check_durations(fields, ["send_interval"]);
            check_numbers(fields, ["max_samples_per_send"]);
        });
        check_authentication(fields, reading);
    });
}

/// Checks `remote_read`.
pub(super) fn check_reads(list: &Cursor<'_>, reading: Reading<'_>) {
    each(list, |fields| {
        check_common(fields);
        fields.count("chunked_read_limit");
        check_flags(fields, ["read_recent", "filter_external_labels"]);
        let matchers = fields.take("required_matchers").and_then(|at| at.entries());
        for (name, at) in matchers.unwrap_or_default() {
            at.text();
            if !is_label_name(&name, false) {
                at.report(ProblemKind::LabelName { name, legacy: false });
            }
        }
        HttpClientSettings::read(fields, reading.folder);
    });
}

/// Checks every entry, and that no two have one name.
fn each(list: &Cursor<'_>, check: impl Fn(&mut Fields<'_>)) {
    let mut names: HashMap<String, usize> = HashMap::new();
    for entry in list.list().unwrap_or_default() {
        if entry.is_null() {
            entry.report(ProblemKind::EmptyEntry);
        }
        let Some(mut fields) = entry.fields() else { continue };
        if let Some(at) = fields.take("name")
            && let Some(name) = at.text().filter(|name| !name.is_empty())
        {
            if let Some(first) = names.get(&name) {
                at.report(ProblemKind::RepeatedName { name, first: *first });
            } else {
                names.insert(name, at.position().line);
            }
        }
        check(&mut fields);
        fields.finish();
    }
}

/// What both have. An empty URL passes, as it does in Prometheus; none at all does not.
fn check_common(fields: &mut Fields<'_>) {
    match fields.take_some("url") {
        None => fields.at().report(ProblemKind::Missing { field: "url" }),
        Some(at) => {
            if let Some(Err(error)) = at.text().map(|url| Url::parse(&url)) {
                at.report(error);
            }
        }
    }
    check_durations(fields, ["remote_timeout"]);
    check_headers(fields);
}

fn check_queue(fields: &mut Fields<'_>) {
    check_numbers(fields, ["capacity", "max_shards", "min_shards", "max_samples_per_send"]);
    check_durations(
        fields,
        ["batch_send_deadline", "min_backoff", "max_backoff", "sample_age_limit"],
    );
    check_flags(fields, ["retry_on_http_429"]);
}

/// The client's fields, and the ways to authenticate that only writers have.
fn check_authentication(fields: &mut Fields<'_>, reading: Reading<'_>) {
    let client = HttpClientSettings::read(fields, reading.folder);
    let mut authenticates = client.authenticates();
    let checks: [(_, Check); 3] = [
        ("sigv4", |fields, _| check_sigv4(fields)),
        ("azuread", azuread::check),
        ("google_iam", check_google_iam),
    ];
    for (name, check) in checks {
        let Some(at) = fields.take_some(name) else { continue };
        if std::mem::replace(&mut authenticates, true) {
            at.report(ProblemKind::Conflict {
                fields: WAYS_TO_AUTHENTICATE,
            });
        }
        if let Some(mut inside) = at.fields() {
            check(&mut inside, reading);
            inside.finish();
        }
    }
}

fn check_google_iam(fields: &mut Fields<'_>, reading: Reading<'_>) {
    mention_file(fields, "credentials_file", reading);
}

/// Notes a file that a field names. Relative paths start in the working directory of Prometheus for these, which
/// is not known here, so only absolute ones can be looked at.
pub(super) fn mention_file(fields: &mut Fields<'_>, name: &'static str, reading: Reading<'_>) -> bool {
    let at = fields.take_some(name);
    let Some((at, path)) =
        at.and_then(|at| Some((at.text().filter(|path| !path.is_empty())?, at)).map(|(p, a)| (a, p)))
    else {
        return false;
    };
    if path.starts_with('/') {
        at.mention(Mentioned::File(join(reading.folder, &path)));
    }
    true
}

/// The fields of `sigv4`, which stand by themselves.
pub(crate) fn check_sigv4(fields: &mut Fields<'_>) {
    for name in ["region", "profile", "service_name"] {
        fields.text(name);
    }
    let access_key = fields.some_text("access_key");
    let secret_key = fields.some_text("secret_key");
    let role = fields.some_text("role_arn");
    let external_id = fields.some_text("external_id");
    fields.flag("use_fips_sts_endpoint");
    if access_key.is_some() != secret_key.is_some() {
        fields
            .at()
            .report(ProblemKind::Rule("access_key and secret_key must be set together"));
    }
    if external_id.is_some() && role.is_none() {
        fields
            .at()
            .report(ProblemKind::Rule("external_id needs role_arn as well"));
    }
}
