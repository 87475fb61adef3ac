//! AWS Signature Version 4: how a request says who sends it.
//!
//! The one rule: **what is sent is what was signed**. All headers that a request has when it comes here are signed, and
//! so is its body; whoever sends it may add headers, and change none.

use std::fmt::Write;
use std::time::Duration;

use headcount_discoverer::env::HttpRequest;
use headcount_reader::Secret;
use ring::{digest, hmac};

use crate::time::basic_format;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What requests are signed with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Keys {
    pub(crate) access_key: String,
    pub(crate) secret_key: Secret,
    /// There if the keys are for a while only.
    pub(crate) session_token: Option<Secret>,
}

/// For whom a request is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
}

/// Signs a request, as of `unix_time`. Its URL has to have a host, and its path and parameters to be escaped already.
pub(crate) fn sign(request: HttpRequest, scope: Scope<'_>, keys: &Keys, unix_time: Duration) -> HttpRequest {
    let time = basic_format(unix_time);
    let date = time.get(..8).unwrap_or_default();
    let mut request = request.header("X-Amz-Date", time.as_str());
    if let Some(token) = &keys.session_token {
        request = request.header("X-Amz-Security-Token", token.reveal());
    }
    let (canonical, signed) = canonical_request(&request);
    let credential_scope = format!("{date}/{}/{}/aws4_request", scope.region, scope.service);
    let to_sign = format!(
        "{ALGORITHM}\n{time}\n{credential_scope}\n{}",
        hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
    );
    let key = signing_key(keys.secret_key.reveal(), date, scope);
    let signature = hex(mac(&key, &to_sign).as_ref());
    let authorization = format!(
        "{ALGORITHM} Credential={}/{credential_scope}, SignedHeaders={signed}, Signature={signature}",
        keys.access_key
    );
    request.header("Authorization", authorization)
}

/// A text as it stands in a path or a parameter: all but letters, digits and `-._~` escaped.
pub(crate) fn escape(text: &str) -> String {
    escape_but(text, "")
}

fn escape_but(text: &str, plain: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        let letter = char::from(byte);
        if letter.is_ascii_alphanumeric() || "-._~".contains(letter) || (byte.is_ascii() && plain.contains(letter)) {
            escaped.push(letter);
        } else {
            // Nothing fails to be written into text.
            write!(escaped, "%{byte:02X}").ok();
        }
    }
    escaped
}

/// The request in the form that both sides make of it, and the names of the headers in it.
fn canonical_request(request: &HttpRequest) -> (String, String) {
    let (host, path, query) = parts(&request.url);
    let mut parameters: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    parameters.sort_by_key(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut headers: Vec<(String, String)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), one_space(value)))
        .collect();
    headers.push(("host".to_owned(), host));
    headers.sort();
    let signed: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let signed = signed.join(";");
    let mut canonical = format!("{}\n{}\n", request.method, escape_but(path, "/"));
    for (number, pair) in parameters.iter().enumerate() {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let before = if number == 0 { "" } else { "&" };
        write!(canonical, "{before}{name}={value}").ok();
    }
    canonical.push('\n');
    for (name, value) in &headers {
        writeln!(canonical, "{name}:{value}").ok();
    }
    let body = hex(digest::digest(&digest::SHA256, &request.body).as_ref());
    write!(canonical, "\n{signed}\n{body}").ok();
    (canonical, signed)
}

/// The host as it stands in the header, the path and the parameters of a URL.
fn parts(url: &str) -> (String, &str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let default = if scheme.eq_ignore_ascii_case("https") {
        ":443"
    } else {
        ":80"
    };
    let host = host.strip_suffix(default).unwrap_or(host);
    (host.to_ascii_lowercase(), path, query)
}

/// A header's value without white space at its ends, and with one space where there were several.
fn one_space(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn signing_key(secret: &str, date: &str, scope: Scope<'_>) -> Vec<u8> {
    let first = format!("AWS4{secret}").into_bytes();
    [date, scope.region, scope.service, "aws4_request"]
        .into_iter()
        .fold(first, |key, part| mac(&key, part).as_ref().to_vec())
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            write!(hex, "{byte:02x}").ok();
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2015-08-30T12:36:00Z, as in all examples of AWS's documentation.
    const THEN: Duration = Duration::from_secs(1_440_938_160);

    fn keys(session_token: Option<&str>) -> Keys {
        Keys {
            access_key: "AKIDEXAMPLE".to_owned(),
            secret_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: session_token.map(Secret::new),
        }
    }

    fn signature(request: HttpRequest, service: &str, session_token: Option<&str>) -> String {
        let scope = Scope {
            service,
            region: "us-east-1",
        };
        let signed = sign(request, scope, &keys(session_token), THEN);
        let (_, value) = signed.headers.last().expect("a signature");
        value.rsplit_once("Signature=").expect("a signature").1.to_owned()
    }

    #[test]
    fn the_key_is_that_of_the_documentation() {
        let scope = Scope {
            service: "iam",
            region: "us-east-1",
        };
        let key = signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", scope);
        assert_eq!(
            hex(&key),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }

    /// Of the documentation, and of AWS's test suite, whose services are called "service".
    #[test]
    fn signatures_are_those_of_the_documentation() {
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        let users = HttpRequest::get("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08");
        assert_eq!(
            signature(users.header("Content-Type", form), "iam", None),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
        let get = |url: &str| signature(HttpRequest::get(url), "service", None);
        assert_eq!(
            get("https://example.amazonaws.com/"),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        assert_eq!(
            get("https://u:p@EXAMPLE.amazonaws.com:443?Param2=value2&Param1=value1"),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        );
        assert_eq!(
            get(&format!("https://example.amazonaws.com/{}", escape("ሴ"))),
            get("https://example.amazonaws.com/%E1%88%B4")
        );
        let post = || HttpRequest {
            method: "POST".to_owned(),
            ..HttpRequest::get("https://example.amazonaws.com/")
        };
        assert_eq!(
            signature(post(), "service", None),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
        let posted = HttpRequest::post(
            "https://example.amazonaws.com/",
            "application/x-www-form-urlencoded",
            "Param1=value1",
        );
        assert_eq!(
            signature(posted, "service", None),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        );
        let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
        assert_eq!(
            signature(post(), "service", Some(token)),
            "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
        );
    }

    #[test]
    fn a_path_is_escaped_once_more_and_headers_lose_their_spaces() {
        let request = HttpRequest::get("http://kafka.example:8080/v1/clusters/arn%3Aaws/nodes?b=2&a&a=1")
            .header("My-Header", "  a   b ");
        let (canonical, signed) = canonical_request(&request);
        assert_eq!(
            canonical.lines().take(5).collect::<Vec<_>>(),
            [
                "GET",
                "/v1/clusters/arn%253Aaws/nodes",
                "a=&a=1&b=2",
                "host:kafka.example:8080",
                "my-header:a b"
            ]
        );
        assert_eq!(signed, "host;my-header");
    }

    #[test]
    fn keys_are_not_shown() {
        let shown = format!("{:?}", keys(Some("hunter2")));
        assert!(!shown.contains("wJalr") && !shown.contains("hunter2"), "{shown}");
    }
}
