//! Why there is no token, and what APIs say of requests that they refuse.

use std::time::Duration;

use headcount_core::one_line;
use headcount_discoverer::Env;
use headcount_discoverer::env::{FileError, HttpError, HttpResponse};
use headcount_discoverer::rest::ReadError;
use headcount_reader::without_credentials;
use serde::Deserialize;

use crate::answers::{Object, Scalar, Text};

/// Longer messages are cut.
const LONGEST: usize = 300;

/// Why there is no token. All who wait for it are told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{from}: {said}")]
pub(crate) struct LoginError {
    /// Who was asked, or what was read, without credentials.
    from: String,
    said: String,
    retry_after: Option<Duration>,
}

impl LoginError {
    /// Something is wrong with what was read or answered.
    pub(crate) fn new(from: &str, said: impl Into<String>) -> Self {
        Self {
            from: without_credentials(from).into_owned(),
            said: said.into(),
            retry_after: None,
        }
    }

    /// The answer is that there is none.
    pub(crate) fn refused(env: &Env, from: &str, answer: &HttpResponse) -> Self {
        Self {
            retry_after: answer.retry_after(env.clock.unix_time()),
            ..Self::new(from, said(answer))
        }
    }

    /// There was no answer.
    pub(crate) fn unanswered(from: &str, error: ReadError) -> Self {
        match error {
            ReadError::Http { source, .. } | ReadError::TooLarge { source, .. } => Self::http(from, &source),
            other => Self::new(from, other.to_string()),
        }
    }

    /// There was no answer.
    pub(crate) fn http(from: &str, error: &HttpError) -> Self {
        Self::new(from, error.to_string())
    }

    /// A file can't be read.
    pub(crate) fn file(error: &FileError) -> Self {
        match error {
            FileError::NotFound { path }
            | FileError::TooLarge { path, .. }
            | FileError::NotAFile { path, .. }
            | FileError::Io { path, .. } => Self::new(&path.to_string_lossy(), error.reason()),
            _ => Self::new("reading a file", error.to_string()),
        }
    }
}

impl From<LoginError> for ReadError {
    fn from(error: LoginError) -> Self {
        Self::refused(&error.from, error.said, error.retry_after)
    }
}

/// How errors are told in JSON: as OAuth 2.0 does (RFC 6749, section 5.2), with an object, or without one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    error: Scalar,
    error_description: Text,
    code: Scalar,
    message: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Within {
    error: Object<ErrorBody>,
}

/// What an answer of another status than 200 says, in one line.
pub(crate) fn said(answer: &HttpResponse) -> String {
    let within: Option<Within> = crate::json::from_slice(&answer.body).ok();
    let told = within.and_then(|within| within.error.0);
    let alone = || crate::json::from_slice::<Object<ErrorBody>>(&answer.body).ok()?.0;
    let told = told.or_else(alone).unwrap_or_default();
    let (code, message) = match told.error.as_str() {
        "" => (told.code.as_str(), told.message.as_str()),
        error => (error, told.error_description.as_str()),
    };
    // Some say the status again.
    let code = if code == answer.status.to_string() { "" } else { code };
    match (cut(code).as_str(), cut(message).as_str()) {
        ("", "") => format!("the server answered with status {}, not 200", answer.status),
        ("", message) => format!("{message} (status {})", answer.status),
        (code, "") => format!("{code} (status {})", answer.status),
        (code, message) => format!("{code}: {message} (status {})", answer.status),
    }
}

/// The first line of a message.
fn cut(message: &str) -> String {
    let line = message.trim().lines().next().unwrap_or_default().trim();
    let short: String = line.chars().take(LONGEST).collect();
    one_line(&short).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_told_whatever_its_form() {
        let told = |status, body: &str| {
            said(&HttpResponse {
                status,
                headers: Vec::new(),
                body: body.as_bytes().to_vec(),
            })
        };
        // Google's APIs.
        let google = r#"{"error": {"code": 403, "message": "Compute Engine API is disabled.\nEnable it", "status": "PERMISSION_DENIED"}}"#;
        assert_eq!(told(403, google), "Compute Engine API is disabled. (status 403)");
        // Azure's.
        let azure = r#"{"error": {"code": "AuthorizationFailed", "message": "The client has no right."}}"#;
        assert_eq!(
            told(403, azure),
            "AuthorizationFailed: The client has no right. (status 403)"
        );
        // RFC 6749.
        let oauth = r#"{"error": "invalid_grant", "error_description": "Bad Request"}"#;
        assert_eq!(told(400, oauth), "invalid_grant: Bad Request (status 400)");
        // gRPC's gateway.
        assert_eq!(
            told(404, r#"{"code": 5, "message": "Folder not found", "details": []}"#),
            "5: Folder not found (status 404)"
        );
        for nothing in [
            "",
            "<html>",
            "[1]",
            "{}",
            r#"{"error": null}"#,
            r#"{"error": {"message": 7}}"#,
        ] {
            assert_eq!(
                told(500, nothing),
                "the server answered with status 500, not 200",
                "{nothing}"
            );
        }
    }
}
