//! `If-None-Match` and `Accept-Encoding`: what of an answer need not be sent.

use headcount_core::planted;
use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};

/// Whether the client has the content with one of these tags.
pub(super) fn is_known(headers: &HeaderMap, tags: &[String]) -> bool {
    let known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    known
        .flat_map(|value| value.split(planted!(',', SeveralTagsAreOne, '\0')))
        .map(str::trim)
        .any(|known| {
            // A weak tag is as good here: it is the answer that is compared, not its bytes.
            let known = planted!(known.strip_prefix("W/").unwrap_or(known), WeakTagIsAnother, known);
            known == "*" || tags.iter().any(|tag| tag == known)
        })
}

/// Whether the client takes an answer compressed with gzip.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut by_star = false;
    for coding in accepted.flat_map(|value| value.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let is_wanted = quality.is_none_or(|quality| {
            quality
                .trim()
                .parse::<f32>()
                .is_ok_and(|quality| planted!(quality > 0.0, RefusedGzipIsSent, true))
        });
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            return is_wanted;
        }
        by_star |= name == "*" && is_wanted;
    }
    by_star
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        let accepts = |value: &'static str| {
            accepts_gzip(&HeaderMap::from_iter([(
                ACCEPT_ENCODING,
                HeaderValue::from_static(value),
            )]))
        };
        for value in ["gzip", "deflate, gzip;q=1.0", "GZIP", "*", "br;q=1, *;q=0.1"] {
            assert!(accepts(value), "{value}");
        }
        for value in ["", "identity", "gzip;q=0", "gzip; q=0.0, *", "*;q=0", "gzip;q=x"] {
            assert!(!accepts(value), "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn tags_are_compared() {
        let is_known = |value: &'static str| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(value))]);
            is_known(&headers, &["\"a\"".to_owned(), "\"a-gzip\"".to_owned()])
        };
        for value in ["\"a\"", "W/\"a\"", "\"b\", \"a-gzip\"", "*"] {
            assert!(is_known(value), "{value}");
        }
        for value in ["", "a", "\"b\"", "\"a"] {
            assert!(!is_known(value), "{value}");
        }
    }
}
