//! Requests that change something, and the pages that send them.
//!
//! A browser sends a `POST` for any page that asks it to, to whatever the machine can reach: a hostile page could
//! confirm a drop that is held, or have the configuration reloaded. **What changes something is refused when a
//! browser says that the page is another's.** Browsers say so by `Sec-Fetch-Site` or `Origin`, which pages can't set;
//! programs send neither, and are let through.

use http::Uri;
use http::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use http::uri::Authority;

/// Fetch Metadata: where a request comes from, as the browser sees it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whose page sent the request, if neither our own nor the one at `external`. HTTP/2 has the host in `uri`.
pub(super) fn foreign(uri: &Uri, headers: &HeaderMap, external: Option<&str>) -> Option<String> {
    let origin = headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or("?"));
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        // `none` is somebody who typed the address.
        let is_own = [b"same-origin".as_slice(), b"none"].contains(&site.as_bytes());
        return (!is_own).then(|| origin.unwrap_or("another site").to_owned());
    }
    let origin = origin?;
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = uri.authority().map(Authority::as_str).or(host);
    // A page without an origin of its own says `null`.
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let is_own = authority.is_some_and(|authority| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)))
        || external.is_some_and(|external| external.eq_ignore_ascii_case(origin));
    (!is_own).then(|| origin.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(headers: &[(&'static str, &'static str)]) -> Option<String> {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), value.parse().expect("a header's value"))
        };
        foreign(
            &Uri::from_static("/"),
            &headers.iter().map(header).collect(),
            Some("https://sd.example"),
        )
    }

    #[test]
    fn programs_and_our_own_page_may_change_something() {
        for headers in [
            &[][..],
            &[("host", "h:9099")],
            &[("host", "h:9099"), ("origin", "http://h:9099")],
            &[("host", "H:9099"), ("origin", "https://h:9099")],
            &[("host", "127.0.0.1:9099"), ("origin", "https://sd.example")],
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://sd.example"),
                ("host", "127.0.0.1:9099"),
            ],
            &[("sec-fetch-site", "none")],
        ] {
            assert_eq!(page(headers), None, "{headers:?}");
        }
    }

    #[test]
    fn http_2_has_the_host_elsewhere() {
        let headers = HeaderMap::from_iter([(ORIGIN, "https://h:9099".parse().expect("a header's value"))]);
        let page = |uri| foreign(&Uri::from_static(uri), &headers, None);
        assert_eq!(page("https://h:9099/-/reload"), None);
        assert!(page("https://other:9099/-/reload").is_some() && page("/-/reload").is_some());
    }

    #[test]
    fn pages_of_others_may_not() {
        for headers in [
            &[("host", "h:9099"), ("origin", "http://evil.example")][..],
            &[("host", "h:9099"), ("origin", "http://h:9100")],
            &[("host", "h:9099"), ("origin", "null")],
            &[("host", "h:9099"), ("origin", "http://sd.example")],
            &[("origin", "http://h:9099")],
            &[("host", "h:9099"), ("sec-fetch-site", "cross-site")],
            &[
                ("host", "h:9099"),
                ("sec-fetch-site", "same-site"),
                ("origin", "http://h:9099"),
            ],
        ] {
            assert!(page(headers).is_some(), "{headers:?}");
        }
    }
}
