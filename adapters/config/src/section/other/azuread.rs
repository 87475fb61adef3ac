//! `azuread` of a `remote_write`.

use headcount_reader::{Cursor, Fields, ProblemKind};

use super::remote::mention_file;
use super::{Check, check_word};
use crate::section::Reading;

const CLOUDS: &str = "AzurePublic, AzureGovernment, AzureChina";
const WAYS: &str = "managed_identity, workload_identity, oauth, certificate and sdk";

/// Checks the fields.
pub(super) fn check(fields: &mut Fields<'_>, reading: Reading<'_>) {
    check_word(
        fields,
        "cloud",
        &["AzurePublic", "AzureGovernment", "AzureChina"],
        CLOUDS,
    );
    fields.text("scope");
    let checks: [(_, Check); 5] = [
        ("managed_identity", |fields, _| {
            // Without one it is the system's.
            check_uuid(fields, "client_id");
        }),
        ("workload_identity", |fields, reading| {
            require_uuid(fields, "client_id");
            require_uuid(fields, "tenant_id");
            mention_file(fields, "token_file_path", reading);
        }),
        ("oauth", |fields, _| {
            require_uuid(fields, "client_id");
            require(fields, "client_secret");
            require_tenant(fields);
        }),
        ("certificate", check_certificate),
        ("sdk", |fields, _| {
            let tenant = fields.take("tenant_id");
            check_tenant(tenant.as_ref());
        }),
    ];
    let mut ways = Vec::new();
    for (name, check) in checks {
        let Some(at) = fields.take_some(name) else { continue };
        if let Some(mut inside) = at.fields() {
            check(&mut inside, reading);
            inside.finish();
        }
        ways.push(at);
    }
    match ways.as_slice() {
        [] => fields.at().report(ProblemKind::Rule(
            "say how to authenticate: managed_identity, workload_identity, oauth, certificate or sdk",
        )),
        [_] => {}
        [.., last] => last.report(ProblemKind::Conflict { fields: WAYS }),
    }
}

fn check_certificate(fields: &mut Fields<'_>, reading: Reading<'_>) {
    require_uuid(fields, "client_id");
    require_tenant(fields);
    if !mention_file(fields, "certificate_path", reading) {
        let field = "certificate_path";
        fields.at().report(ProblemKind::Missing { field });
    }
    mention_file(fields, "certificate_key_path", reading);
    fields.text("certificate_password");
    fields.flag("send_certificate_chain");
}

fn require(fields: &mut Fields<'_>, field: &'static str) {
    if fields.some_text(field).is_none() {
        fields.at().report(ProblemKind::Missing { field });
    }
}

fn require_uuid(fields: &mut Fields<'_>, field: &'static str) {
    if !check_uuid(fields, field) {
        fields.at().report(ProblemKind::Missing { field });
    }
}

/// Whether there is one.
fn check_uuid(fields: &mut Fields<'_>, field: &'static str) -> bool {
    let Some(at) = fields.take(field) else { return false };
    let Some(text) = at.text().filter(|text| !text.is_empty()) else {
        return false;
    };
    if !is_uuid(&text) {
        at.report(ProblemKind::Rule(
            "not a UUID, such as 00000000-0000-0000-0000-000000000000",
        ));
    }
    true
}

fn require_tenant(fields: &mut Fields<'_>) {
    let tenant = fields.take("tenant_id");
    if !check_tenant(tenant.as_ref()) {
        fields.at().report(ProblemKind::Missing { field: "tenant_id" });
    }
}

/// Whether there is one.
fn check_tenant(at: Option<&Cursor<'_>>) -> bool {
    let Some((at, text)) = at.and_then(|at| Some((at, at.text().filter(|text| !text.is_empty())?))) else {
        return false;
    };
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.') {
        at.report(ProblemKind::Rule("a tenant is letters, digits, `-` and `.` only"));
    }
    true
}

/// In any of the forms that are in use: with or without hyphens, in braces, or as a URN.
fn is_uuid(text: &str) -> bool {
    let braced = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let named = text.get(..9).filter(|start| start.eq_ignore_ascii_case("urn:uuid:"));
    let bare = match (braced, named) {
        (Some(inside), _) => inside,
        (None, Some(_)) => text.get(9..).unwrap_or_default(),
        (None, None) => text,
    };
    let is_hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = bare.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_shaped = lengths == [8, 4, 4, 4, 12] || (lengths == [32] && bare.len() == text.len());
    is_shaped && parts.into_iter().all(is_hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::is_uuid;

    #[test]
    fn uuids() {
        for text in [
            "12345678-9abc-DEF0-1234-56789abcdef0",
            "123456789abcdef0123456789abcdef0",
            "{12345678-9abc-def0-1234-56789abcdef0}",
            "urn:uuid:12345678-9abc-def0-1234-56789abcdef0",
        ] {
            assert!(is_uuid(text), "{text}");
        }
        for text in [
            "",
            "1234",
            "12345678-9abc-def0-1234-56789abcdefg",
            "{123456789abcdef0123456789abcdef0}",
            "12345678-9abc-def01-234-56789abcdef0",
            "ümlaut-",
        ] {
            assert!(!is_uuid(text), "{text}");
        }
    }
}
