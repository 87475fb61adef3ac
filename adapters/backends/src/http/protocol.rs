//! The parts of the protocol that need no request: what a status, a header means.

use std::time::{Duration, UNIX_EPOCH};

use headcount_discoverer::env::{HttpError, HttpResponse};

/// Whether a content type is `application/json`, with no charset or that of UTF-8.
pub(super) fn is_json(content_type: &str) -> bool {
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

/// Whether a status says that it may be another in a moment.
pub(super) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

/// Whether sending the same request at once may give another result.
pub(super) fn worth_a_quick_retry(result: &Result<HttpResponse, HttpError>) -> bool {
    match result {
        // Who says when to come again must not be asked before.
        Ok(answer) => is_transient(answer.status) && answer.header("retry-after").is_none(),
        Err(HttpError::Connect { .. } | HttpError::Protocol { .. }) => true,
        Err(_) => false,
    }
}

/// How long a `Retry-After` header asks to wait: seconds, or a date.
pub(super) fn retry_after(value: &str, unix_time: Duration) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(date.saturating_sub(unix_time))
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

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Duration::from_secs(784_111_777);
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:49:57 GMT", now),
            Some(Duration::from_secs(20))
        );
        assert_eq!(retry_after("Tue, 06 Nov 1990 08:49:57 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("-1", now), None);
    }
}
