//! Which format an answer is in.

use headcount_reader::ScrapeProtocol;

use crate::exposition::Format;

/// Why it can't be said in which format an answer is. In Prometheus's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentTypeError {
    /// There is no content type.
    #[error(
        "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target"
    )]
    Blank,
    /// The content type is none.
    #[error("cannot parse Content-Type {found:?} and no fallback_scrape_protocol for target")]
    Malformed {
        /// What was said.
        found: String,
    },
    /// It is not that of metrics.
    #[error("received unsupported Content-Type {found:?} and no fallback_scrape_protocol specified for target")]
    Unsupported {
        /// What was said.
        found: String,
    },
    /// The answer is in a format that only Prometheus reads.
    #[error("the answer is in Prometheus's protobuf format, which headcount neither asks for nor reads")]
    Protobuf,
}

/// The format that a content type says, or else the fallback.
pub(crate) fn format(content_type: &str, fallback: Option<ScrapeProtocol>) -> Result<Format, ContentTypeError> {
    let found = || content_type.to_owned();
    let error = match media_type(content_type).as_deref() {
        Some("text/plain") => return Ok(Format::Text),
        Some("application/openmetrics-text") => return Ok(Format::OpenMetrics),
        Some("application/vnd.google.protobuf") => return Err(ContentTypeError::Protobuf),
        _ if content_type.is_empty() => ContentTypeError::Blank,
        Some(_) => ContentTypeError::Unsupported { found: found() },
        None => ContentTypeError::Malformed { found: found() },
    };
    match fallback {
        None => Err(error),
        Some(ScrapeProtocol::PrometheusProto) => Err(ContentTypeError::Protobuf),
        Some(ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0) => Ok(Format::Text),
        Some(ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0) => Ok(Format::OpenMetrics),
    }
}

/// The media type in lower case, if it and its parameters are well formed.
fn media_type(content_type: &str) -> Option<String> {
    let (media_type, mut rest) = content_type.split_at(content_type.find(';').unwrap_or(content_type.len()));
    let media_type = media_type.trim().to_ascii_lowercase();
    let is_well_formed = match media_type.split_once('/') {
        Some((kind, sub)) => is_token(kind) && is_token(sub),
        None => is_token(&media_type),
    };
    let mut names = Vec::new();
    while !rest.is_empty() {
        let parameter = rest.strip_prefix(';')?.trim_start();
        // One semicolon at the end is let through.
        if parameter.is_empty() {
            break;
        }
        let (name, after) = parameter.split_once('=')?;
        let name = name.trim_end().to_ascii_lowercase();
        let after = after.trim_start();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => after.split_at(after.find([';', ' ', '\t']).unwrap_or(after.len())),
        };
        let is_quoted = after.len() + value.len() != rest.len();
        if !is_token(&name) || names.contains(&name) || (value.is_empty() && !is_quoted) {
            return None;
        }
        names.push(name);
        rest = after.trim();
    }
    is_well_formed.then_some(media_type)
}

/// What stands up to the closing quote, and what comes after it.
fn quoted_value(text: &str) -> Option<(&str, &str)> {
    let mut is_escaped = false;
    let end = text.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn is_token(text: &str) -> bool {
    let is_of_token = |byte: u8| byte.is_ascii_graphic() && !br#"()<>@,;:\"/[]?="#.contains(&byte);
    !text.is_empty() && text.bytes().all(is_of_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_as_prometheus_3_tells_them() {
        use Format::{OpenMetrics, Text};
        for (content_type, expected) in [
            ("text/plain", Ok(Text)),
            ("text/plain; version=0.0.4; charset=utf-8", Ok(Text)),
            ("TEXT/Plain;", Ok(Text)),
            (" text/plain ;version=\"0.0.4\"", Ok(Text)),
            (
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
                Ok(OpenMetrics),
            ),
            (
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily",
                Err(ContentTypeError::Protobuf),
            ),
            ("", Err(ContentTypeError::Blank)),
        ] {
            assert_eq!(format(content_type, None), expected, "{content_type}");
        }
        for (content_type, is_malformed) in [
            ("text/html", false),
            ("application/json; charset=utf-8", false),
            ("text", false),
            ("text/", true),
            ("/plain", true),
            ("text/plain; version", true),
            ("text/plain; version=\"0", true),
            ("text/plain; a=1; a=2", true),
            ("text/plain, text/html", true),
        ] {
            let error = format(content_type, None).unwrap_err();
            assert_eq!(
                matches!(error, ContentTypeError::Malformed { .. }),
                is_malformed,
                "{content_type}"
            );
            assert_eq!(
                format(content_type, Some(ScrapeProtocol::PrometheusText0_0_4)),
                Ok(Text)
            );
            assert_eq!(
                format(content_type, Some(ScrapeProtocol::OpenMetricsText1_0_0)),
                Ok(OpenMetrics)
            );
            let proto = format(content_type, Some(ScrapeProtocol::PrometheusProto));
            assert_eq!(proto, Err(ContentTypeError::Protobuf));
        }
    }
}
