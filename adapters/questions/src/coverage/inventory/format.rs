//! What an inventory is written in, by its name, what its server says, and its content.

use super::InventoryFormat;

/// Says what a text is written in. `from` is its file or URL.
pub(super) fn detect(from: &str, content_type: Option<&str>, text: &str) -> InventoryFormat {
    let by_server = content_type.and_then(by_content_type);
    by_server.or_else(|| by_name(from)).unwrap_or_else(|| by_content(text))
}

fn by_content_type(content_type: &str) -> Option<InventoryFormat> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_lowercase();
    if kind.contains("json") {
        Some(InventoryFormat::Json)
    } else if kind.contains("yaml") {
        Some(InventoryFormat::Yaml)
    } else if kind.contains("csv") || kind.contains("tab-separated") {
        Some(InventoryFormat::Csv)
    } else {
        // `text/plain` is what servers say of anything.
        None
    }
}

fn by_name(from: &str) -> Option<InventoryFormat> {
    let path = from.split(['?', '#']).next().unwrap_or_default();
    let (_, extension) = path.rsplit_once('.')?;
    match &*extension.to_lowercase() {
        "json" | "jsonl" | "ndjson" => Some(InventoryFormat::Json),
        "csv" | "tsv" => Some(InventoryFormat::Csv),
        "yml" | "yaml" => Some(InventoryFormat::Yaml),
        "txt" => Some(InventoryFormat::Text),
        _ => None,
    }
}

fn by_content(text: &str) -> InventoryFormat {
    let lines = text.lines().map(str::trim);
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next().unwrap_or_default();
    if is_json(first, lines.next().unwrap_or_default()) {
        InventoryFormat::Json
    } else if first == "---" || first == "-" || first.starts_with("- ") || first.ends_with(':') {
        InventoryFormat::Yaml
    } else if first.contains([',', ';', '\t']) {
        InventoryFormat::Csv
    } else {
        InventoryFormat::Text
    }
}

/// In a list of hosts, `[` begins an IPv6 address or a section, which is no JSON.
fn is_json(first: &str, second: &str) -> bool {
    let within = first.strip_prefix('[').map(str::trim_start);
    let within = within.map(|rest| if rest.is_empty() { second } else { rest });
    first.starts_with('{')
        || (first.starts_with('"') && first.ends_with('"') && !first.contains(','))
        || within.is_some_and(|rest| rest.starts_with(['"', '{', ']']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognised() {
        use InventoryFormat::{Csv, Json, Text, Yaml};
        for (from, content_type, text, format) in [
            ("x.JSON", None, "", Json),
            ("x.d/hosts", None, "[\n  \"a\"\n]", Json),
            ("-", None, "{\"a\": 1}", Json),
            ("-", None, "\"a\"\n\"b\"", Json),
            ("-", None, "[::1]:9100\n", Text),
            ("-", None, "[web]\na\n", Text),
            ("-", None, "# x\n\na\nb\n", Text),
            ("-", None, "a,b\n", Csv),
            ("-", None, "\"a\",\"b\"\n", Csv),
            ("-", None, "- a\n", Yaml),
            ("-", None, "hosts:\n- a\n", Yaml),
            ("http://x/hosts.csv?a=b.json", None, "", Csv),
            ("http://x/hosts", Some("application/json; charset=utf-8"), "a", Json),
            ("http://x/hosts.csv", Some("text/plain"), "", Csv),
            ("http://x/hosts.txt", Some("text/csv"), "", Csv),
        ] {
            assert_eq!(detect(from, content_type, text), format, "{from} {text}");
        }
    }
}
