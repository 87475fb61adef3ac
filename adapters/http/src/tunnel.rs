//! Asking an HTTP proxy for a tunnel (`CONNECT`).

use futures_lite::io::{AsyncReadExt, AsyncWriteExt};
use http::HeaderMap;
use http::header::{PROXY_AUTHORIZATION, USER_AGENT};

use crate::Stream;
use crate::client::default_user_agent;
use crate::proxy::ProxyError;

/// Longest answer of a proxy, in bytes.
const ANSWER_LIMIT: usize = 16 * 1024;
/// Headers that a proxy's answer may have.
const HEADERS: usize = 64;

/// Asks for a tunnel to `target` (host and port).
pub(crate) async fn ask(
    stream: &mut Box<dyn Stream>,
    target: &str,
    authorization: Option<&str>,
    headers: &HeaderMap,
) -> Result<(), ProxyError> {
    stream.write_all(&question(target, authorization, headers)).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            return Err(ProxyError::Silent);
        }
        answer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if let Some(verdict) = verdict(&answer) {
            return verdict;
        }
        if answer.len() > ANSWER_LIMIT {
            return Err(ProxyError::TooLong);
        }
    }
}

fn question(target: &str, authorization: Option<&str>, headers: &HeaderMap) -> Vec<u8> {
    let mut question = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n").into_bytes();
    let mut add = |name: &str, value: &[u8]| {
        question.extend_from_slice(name.as_bytes());
        question.extend_from_slice(b": ");
        question.extend_from_slice(value);
        question.extend_from_slice(b"\r\n");
    };
    if !headers.contains_key(USER_AGENT) {
        add(USER_AGENT.as_str(), default_user_agent().as_bytes());
    }
    for (name, value) in headers {
        // The credentials of the proxy's URL replace it, as in Go.
        if name != PROXY_AUTHORIZATION || authorization.is_none() {
            add(name.as_str(), value.as_bytes());
        }
    }
    if let Some(value) = authorization {
        add(PROXY_AUTHORIZATION.as_str(), value.as_bytes());
    }
    question.extend_from_slice(b"\r\n");
    question
}

/// What the answer says, once all of its head is there.
fn verdict(answer: &[u8]) -> Option<Result<(), ProxyError>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(answer) {
        Ok(httparse::Status::Partial) => return None,
        Ok(httparse::Status::Complete(length)) => length,
        Err(error) => return Some(Err(ProxyError::NotHttp(error))),
    };
    Some(match response.code {
        // The server speaks only after we did, so nothing can follow yet.
        Some(200..=299) if length == answer.len() => Ok(()),
        Some(200..=299) => Err(ProxyError::TooMuch),
        code => Err(ProxyError::Status {
            status: code.unwrap_or_default(),
            reason: response.reason.unwrap_or_default().to_owned(),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(answer: &[u8]) -> Option<Result<(), String>> {
        verdict(answer).map(|verdict| verdict.map_err(|error| error.to_string()))
    }

    #[test]
    fn answers_are_judged_once_whole() {
        assert_eq!(judged(b"HTTP/1.1 200 OK\r\nvia: p\r\n"), None);
        assert_eq!(judged(b"HTTP/1.1 200 OK\r\nvia: p\r\n\r\n"), Some(Ok(())));
        let refused = judged(b"HTTP/1.0 407 Proxy Authentication Required\r\n\r\n");
        assert_eq!(
            refused,
            Some(Err("it answered 407 Proxy Authentication Required".to_owned()))
        );
        assert!(matches!(
            verdict(b"SSH-2.0-OpenSSH\r\n"),
            Some(Err(ProxyError::NotHttp(_)))
        ));
        assert!(matches!(
            verdict(b"HTTP/1.1 200 OK\r\n\r\nmore"),
            Some(Err(ProxyError::TooMuch))
        ));
    }
}
