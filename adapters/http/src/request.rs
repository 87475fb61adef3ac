//! A request that has been checked, in hyper's types.

use std::path::PathBuf;

use bytes::Bytes;
use headcount_discoverer::env::{Cause, HttpError, HttpLimits, HttpRequest};
use headcount_reader::without_secret_parameters;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use url::{Host, Url};

/// A request on its way out.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The UNIX socket that is connected to in place of the URL's host.
    pub(crate) socket: Option<PathBuf>,
    pub(crate) limits: HttpLimits,
}

impl Outgoing {
    /// Checks a caller's request.
    pub(crate) fn new(request: HttpRequest) -> Result<Self, HttpError> {
        let url = parse_url(&request.url)?;
        let unusable = |cause: Cause| HttpError::Url {
            url: shown(&url),
            cause,
        };
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| unusable(format!("{:?} is not an HTTP method", request.method).into()))?;
        let mut headers = HeaderMap::with_capacity(request.headers.len());
        for (name, value) in &request.headers {
            let (name, value) = header(name, value).map_err(|error| unusable(Cause::new(error)))?;
            headers.append(name, value);
        }
        Ok(Self {
            method,
            url,
            headers,
            body: request.body.into(),
            socket: request.socket,
            limits: request.limits,
        })
    }

    /// Host and port, for errors.
    pub(crate) fn host(&self) -> String {
        host_and_port(&self.url)
    }
}

/// Reads an absolute `http` or `https` URL.
pub(crate) fn parse_url(text: &str) -> Result<Url, HttpError> {
    let unusable = |url: String, cause: Cause| Err(HttpError::Url { url, cause });
    match Url::parse(text) {
        Err(error) => unusable(shown_unparsed(text), Cause::new(error)),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            unusable(shown(&url), "the scheme must be http or https".into())
        }
        Ok(url) if url.host().is_none() => unusable(shown(&url), "it names no host".into()),
        Ok(url) => Ok(url),
    }
}

/// Why a header can't be sent. It names the header, not the value, which may be secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadHeader {
    #[error("{0:?} is not a name for an HTTP header")]
    Name(String),
    #[error("the value of the header {0:?} holds characters that a header can't")]
    Value(String),
}

/// A header from text.
pub(crate) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), BadHeader> {
    let bad_name = |_| BadHeader::Name(name.to_owned());
    let bad_value = |_| BadHeader::Value(name.to_owned());
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(bad_name)?;
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(bad_value)?;
    Ok((name, value))
}

/// The host as a name or an address, without an IPv6 address's brackets.
pub(crate) fn bare_host(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => String::new(),
    }
}

/// The port, or the scheme's own.
pub(crate) fn port(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or(80)
}

/// Host and port, for errors and for asking proxies.
pub(crate) fn host_and_port(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), port(url))
}

/// The URL without its credentials and secret parameters.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // These fail for URLs that have no credentials.
    url.set_username("").ok();
    url.set_password(None).ok();
    without_secret_parameters(url.as_str()).into_owned()
}

/// Text that is no URL, without whatever may have been meant as credentials: all up to its last `@`. The URLs of
/// a configuration are read by other rules than these (Go's), so `without_credentials` may take for a host what
/// these don't.
fn shown_unparsed(text: &str) -> String {
    let text = &*without_secret_parameters(text);
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    match rest.rsplit_once('@') {
        Some((_, after)) if scheme.is_empty() => after.to_owned(),
        Some((_, after)) => format!("{scheme}://{after}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_show_no_credentials() {
        for url in [
            "http://user:hunter2@host:port/",
            "http://user:hun/hunter2@host/",
            "ftp://user:hunter2@host/",
            "ftp://host/?token=hunter2",
            "http://host:port/?a=b&api-key=hunter2",
        ] {
            let error = parse_url(url).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.contains("host"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_password_is_shown(user in "[a-z/:?#@]{0,6}", rest in ".{0,20}") {
            let url = format!("http://{user}:Hunter2Secret@{}", rest.replace('@', ""));
            if let Err(error) = parse_url(&url) {
                prop_assert!(!error.to_string().contains("Hunter2Secret"));
            }
        }
    }
}
