//! `http_headers`: headers that are added to every request.

use std::path::Path;

use super::settings::HeaderValues;
use crate::mention::Mentioned;
use crate::problem::ProblemKind;
use crate::secret::Secret;
use crate::surroundings::join;
use crate::yaml::Fields;

/// Headers that Prometheus sets itself, that change the connection, or that have a field of their own.
const RESERVED: [&str; 18] = [
    "Authorization",
    "Host",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "User-Agent",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Www-Authenticate",
    "Accept-Encoding",
    "X-Prometheus-Remote-Write-Version",
    "X-Prometheus-Remote-Read-Version",
    "X-Prometheus-Scrape-Timeout-Seconds",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Amz-Content-Sha256",
];

/// The usual spelling of a header that can't be set by hand.
pub fn reserved_header(name: &str) -> Option<&'static str> {
    RESERVED
        .into_iter()
        .find(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// Reads the field `http_headers`, sorted by name.
pub(super) fn read(fields: &mut Fields<'_>, folder: &Path) -> Vec<(String, HeaderValues)> {
    let entries = fields
        .take("http_headers")
        .and_then(|at| at.entries())
        .unwrap_or_default();
    let read_entry = |(name, at): (String, crate::yaml::Cursor<'_>)| {
        if let Some(header) = reserved_header(&name) {
            at.report(ProblemKind::ReservedHeader {
                header: header.to_owned(),
            });
        }
        let mut values = HeaderValues::default();
        if let Some(mut fields) = at.fields() {
            let mut texts = |name| fields.texts(name).unwrap_or_default().into_iter().map(|(text, _)| text);
            values.values = texts("values").collect();
            values.secrets = texts("secrets").map(Secret::new).collect();
            if let Some(at) = fields.take("files") {
                for (index, (path, position)) in at.texts().unwrap_or_default().into_iter().enumerate() {
                    let path = join(folder, &path);
                    at.mention_at(position, &format!("[{index}]"), Mentioned::File(path.clone()));
                    values.files.push(path);
                }
            }
            fields.finish();
        }
        (name, values)
    };
    entries.into_iter().map(read_entry).collect()
}
