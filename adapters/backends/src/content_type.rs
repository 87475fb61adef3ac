//! Whether an answer says that it is JSON.

/// Whether a content type is `application/json`, with no charset or that of UTF-8: what Prometheus takes of servers that
/// its users write.
pub(crate) fn is_json(content_type: &str) -> bool {
    let white = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}');
    let lower = content_type.trim().to_ascii_lowercase();
    match lower.strip_prefix("application/json") {
        Some("") => true,
        Some(rest) => rest.strip_prefix(';').is_some_and(|parameter| {
            matches!(
                parameter.trim_start_matches(white),
                "charset=utf-8" | "charset=\"utf-8\""
            )
        }),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_that_prometheus_takes_and_no_others() {
        for taken in [
            "application/json",
            "Application/JSON",
            " application/json ",
            "application/json; charset=utf-8",
            "application/json;charset=UTF-8",
            "application/json;  charset=\"utf-8\"",
        ] {
            assert!(is_json(taken), "{taken}");
        }
        for refused in [
            "",
            "text/plain",
            "application/jsonl",
            "application/json; charset=iso-8859-1",
            "application/json ; charset=utf-8",
            "application/json; charset='utf-8'",
            "application/json; charset=utf-8; x=y",
        ] {
            assert!(!is_json(refused), "{refused}");
        }
    }
}
