//! How a request says who sends it (<https://docs.oracle.com/iaas/Content/API/Concepts/signingrequests.htm>).
//!
//! **What is signed is what is sent**: the path with its parameters, as they stand in the URL, the host and the time; of a
//! request with a body also its length, type and digest.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use headcount_discoverer::env::HttpRequest;
use ring::digest;

use crate::bearer::{RsaKey, SigningError};

/// Who signs.
pub(super) struct Signer<'a> {
    pub(super) key_id: &'a str,
    pub(super) key: &'a RsaKey,
}

impl Signer<'_> {
    /// The request with its signature as of `unix_time`.
    pub(super) fn sign(&self, request: HttpRequest, unix_time: Duration) -> Result<HttpRequest, SigningError> {
        let (host, target) = parts(&request.url);
        let (host, target) = (
            host.to_owned(),
            format!("{} {target}", request.method.to_ascii_lowercase()),
        );
        let date = date(unix_time);
        self.with_signature(
            request.header("Date", date.as_str()),
            &[("date", date), ("(request-target)", target), ("host", host)],
        )
    }

    /// The same for a request to the service that gives tokens, which has a body, and whose host is not signed.
    pub(super) fn sign_body(&self, request: HttpRequest, unix_time: Duration) -> Result<HttpRequest, SigningError> {
        let (_, target) = parts(&request.url);
        let target = format!("{} {target}", request.method.to_ascii_lowercase());
        let date = date(unix_time);
        let digest = STANDARD.encode(digest::digest(&digest::SHA256, &request.body));
        let length = request.body.len().to_string();
        let kinds = request
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let kind = kinds.map(|(_, kind)| kind.clone()).unwrap_or_default();
        let request = request
            .header("Date", date.as_str())
            .header("X-Content-SHA256", digest.as_str());
        self.with_signature(
            request,
            &[
                ("date", date),
                ("(request-target)", target),
                ("content-length", length),
                ("content-type", kind),
                ("x-content-sha256", digest),
            ],
        )
    }

    fn with_signature(&self, request: HttpRequest, signed: &[(&str, String)]) -> Result<HttpRequest, SigningError> {
        let lines: Vec<String> = signed.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
        let signature = STANDARD.encode(self.key.sign(lines.join("\n").as_bytes())?);
        let authorization = format!(
            "Signature version=\"1\",headers=\"{}\",keyId=\"{}\",algorithm=\"rsa-sha256\",signature=\"{signature}\"",
            names.join(" "),
            self.key_id,
        );
        Ok(request.header("Authorization", authorization))
    }
}

/// A URL's host, and its path with what follows.
fn parts(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let slash = rest.find('/').unwrap_or(rest.len());
    rest.split_at_checked(slash).unwrap_or((rest, "/"))
}

/// A time as HTTP has it.
fn date(unix_time: Duration) -> String {
    let time = UNIX_EPOCH.checked_add(unix_time).unwrap_or(UNIX_EPOCH);
    httpdate::fmt_http_date(time)
}

#[cfg(test)]
mod tests {
    use headcount_reader::Secret;

    use super::*;

    const KEY: &str = include_str!("../bearer/testdata/rsa.pem");

    fn signed(sign: impl Fn(&Signer<'_>) -> Result<HttpRequest, SigningError>) -> (HttpRequest, RsaKey) {
        let key = RsaKey::from_pem(&Secret::new(KEY)).expect("a key");
        let request = sign(&Signer {
            key_id: "t/u/f",
            key: &key,
        })
        .expect("it can sign");
        (request, key)
    }

    fn authorization(request: &HttpRequest) -> &str {
        let header = request.headers.iter().find(|(name, _)| name == "Authorization");
        &header.expect("it is signed").1
    }

    /// The forms are those of the documentation's examples.
    #[test]
    fn a_request_is_signed_with_its_time_target_and_host() {
        let url = "https://iaas.us-phoenix-1.oraclecloud.com/20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1&compartmentId=c";
        let time = Duration::from_secs(1_767_225_600);
        let (request, key) = signed(|signer| signer.sign(HttpRequest::get(url), time));
        let message = "date: Thu, 01 Jan 2026 00:00:00 GMT\n(request-target): get \
                       /20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1&compartmentId=c\nhost: \
                       iaas.us-phoenix-1.oraclecloud.com";
        let signature = STANDARD.encode(key.sign(message.as_bytes()).expect("it can sign"));
        let expected = format!(
            "Signature version=\"1\",headers=\"date (request-target) host\",keyId=\"t/u/f\",algorithm=\"rsa-sha256\",signature=\"{signature}\""
        );
        assert_eq!(authorization(&request), expected);
        assert_eq!(
            request.headers[0],
            ("Date".to_owned(), "Thu, 01 Jan 2026 00:00:00 GMT".to_owned())
        );
    }

    #[test]
    fn a_body_is_signed_with_its_length_type_and_digest() {
        let request = HttpRequest::post("https://auth.r.example/v1/x509", "application/json", "{}");
        let (request, key) = signed(|signer| signer.sign_body(request.clone(), Duration::ZERO));
        // What `printf '{}' | openssl dgst -sha256 -binary | base64` says.
        let digest = "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=";
        let message = format!(
            "date: Thu, 01 Jan 1970 00:00:00 GMT\n(request-target): post /v1/x509\ncontent-length: 2\ncontent-type: \
             application/json\nx-content-sha256: {digest}"
        );
        let signature = STANDARD.encode(key.sign(message.as_bytes()).expect("it can sign"));
        assert!(authorization(&request).ends_with(&format!("signature=\"{signature}\"")));
        assert!(
            authorization(&request)
                .contains("headers=\"date (request-target) content-length content-type x-content-sha256\"")
        );
        assert!(
            request
                .headers
                .contains(&("X-Content-SHA256".to_owned(), digest.to_owned()))
        );
    }
}
