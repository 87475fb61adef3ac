//! Which redirects are followed, and with what: the rules of Go's `net/http`, which Prometheus
//! follows.

use bytes::Bytes;
use headcount_core::planted;
use headcount_discoverer::env::{Cause, HttpError};
use headcount_reader::sounds_secret;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use url::Url;

use crate::request::{Outgoing, bare_host, parse_url, shown};

/// Requests that one call may make in all.
pub(crate) const MAX_REQUESTS: u32 = 10;

/// Headers that are for the first host only, besides those that sound like secrets.
const SENSITIVE: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::WWW_AUTHENTICATE,
    header::COOKIE,
    HeaderName::from_static("cookie2"),
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
];

/// The request that an answer redirects to, if it does.
pub(crate) fn next_request(
    request: &Outgoing,
    status: StatusCode,
    answer: &HeaderMap,
) -> Result<Option<Outgoing>, HttpError> {
    let keeps_method = match status.as_u16() {
        301..=303 => planted!(false, PostStaysPost, true),
        307 | 308 => true,
        _ => return Ok(None),
    };
    let Some(location) = answer.get(header::LOCATION) else {
        return Ok(None);
    };
    let unusable = |cause: Cause| HttpError::Url {
        url: shown(&request.url),
        cause,
    };
    let location = location
        .to_str()
        .map_err(|_| unusable("it redirects to what is not text".into()))?;
    if location.is_empty() {
        return Ok(None);
    }
    // What a server writes there may hold credentials, so the error doesn't repeat it.
    let url = request
        .url
        .join(location)
        .map_err(|error| unusable(Cause::new(BadLocation(error))))?;
    let mut next = Outgoing {
        url: parse_url(url.as_str())?,
        ..request.clone()
    };
    if !keeps_method {
        if planted!(next.method != Method::HEAD, HeadBecomesGet, true) {
            next.method = Method::GET;
        }
        next.body = Bytes::new();
        for body_header in [
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
            header::CONTENT_LANGUAGE,
            header::CONTENT_LENGTH,
        ] {
            next.headers.remove(body_header);
        }
    }
    if bare_host(&next.url) != bare_host(&request.url) {
        next.headers.remove(header::HOST);
    }
    Ok(Some(next))
}

#[derive(Debug, thiserror::Error)]
#[error("it redirects to a bad URL")]
struct BadLocation(#[source] url::ParseError);

/// Whether `url` belongs to the host that was asked first: the same, or a part of its domain.
pub(crate) fn same_host(first: &Url, url: &Url) -> bool {
    let (first, host) = (bare_host(first), bare_host(url));
    // An IPv6 zone could end like a domain.
    let is_name = !host.contains([':', '%']);
    host == first
        || (is_name
            && host
                .strip_suffix(&first)
                .is_some_and(|rest| planted!(rest.ends_with('.'), AlikeEndIsADomain, true)))
}

/// Whether a header is for the first host only, by its name. A value that is marked as sensitive is as well.
fn is_sensitive(name: &HeaderName) -> bool {
    SENSITIVE.contains(name) || sounds_secret(name.as_str())
}

/// Removes what is for the first host only.
pub(crate) fn strip_sensitive(headers: &mut HeaderMap) {
    let is_gone = |(name, value): (&HeaderName, &HeaderValue)| {
        is_sensitive(name) || planted!(value.is_sensitive(), MarkedSecretIsSent, false)
    };
    let gone: Vec<HeaderName> = headers
        .iter()
        .filter(|header| is_gone(*header))
        .map(|(name, _)| name.clone())
        .collect();
    for name in gone {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use headcount_discoverer::env::HttpLimits;

    use super::*;

    fn request(method: &str) -> Outgoing {
        Outgoing {
            method: method.parse().unwrap(),
            url: Url::parse("https://user:pass@a.example/x/y?z=1").unwrap(),
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, "text/plain".parse().unwrap())]),
            body: Bytes::from_static(b"body"),
            socket: None,
            limits: HttpLimits::default(),
        }
    }

    fn followed(method: &str, status: u16, location: &str) -> Option<Outgoing> {
        let headers = HeaderMap::from_iter([(header::LOCATION, location.parse().unwrap())]);
        next_request(&request(method), StatusCode::from_u16(status).unwrap(), &headers).unwrap()
    }

    #[test]
    fn the_method_and_body_survive_where_go_lets_them() {
        for (status, method, expected, body) in [
            (301, "POST", "GET", ""),
            (302, "PUT", "GET", ""),
            (303, "HEAD", "HEAD", ""),
            (307, "POST", "POST", "body"),
            (308, "DELETE", "DELETE", "body"),
        ] {
            let next = followed(method, status, "/elsewhere").unwrap();
            assert_eq!(next.method, expected, "{status} {method}");
            assert_eq!(next.body, body, "{status} {method}");
            assert_eq!(next.headers.contains_key(header::CONTENT_TYPE), !body.is_empty());
        }
        for status in [200, 300, 304, 305, 306] {
            assert!(followed("GET", status, "/elsewhere").is_none(), "{status}");
        }
    }

    #[test]
    fn locations_are_resolved_and_checked() {
        assert_eq!(
            followed("GET", 302, "w").unwrap().url.as_str(),
            "https://user:pass@a.example/x/w"
        );
        assert_eq!(
            followed("GET", 302, "//b.example/w").unwrap().url.as_str(),
            "https://b.example/w"
        );
        let headers = HeaderMap::from_iter([(header::LOCATION, "file:///etc/passwd".parse().unwrap())]);
        assert!(next_request(&request("GET"), StatusCode::FOUND, &headers).is_err());
        assert!(
            next_request(&request("GET"), StatusCode::FOUND, &HeaderMap::new())
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn what_is_for_the_first_host_stays_there() {
        let mut secret = HeaderValue::from_static("s");
        secret.set_sensitive(true);
        let mut headers = HeaderMap::new();
        for name in ["authorization", "x-consul-token", "x-api-key", "accept", "x-scope"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("v"));
        }
        headers.append("x-marked", HeaderValue::from_static("v"));
        headers.append("x-marked", secret);
        strip_sensitive(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "x-scope"]);
    }

    #[test]
    fn a_host_is_the_same_when_it_is_or_lies_below() {
        let same = |first: &str, url: &str| same_host(&Url::parse(first).unwrap(), &Url::parse(url).unwrap());
        assert!(same("http://a.example/", "https://a.example:8443/"));
        assert!(same("http://a.example/", "http://b.a.example/"));
        assert!(!same("http://b.a.example/", "http://a.example/"));
        assert!(!same("http://a.example/", "http://ba.example/"));
        assert!(same("http://[::1]:1/", "http://[::1]:2/"));
        assert!(!same("http://[::1]/", "http://[1::1]/"));
    }
}
