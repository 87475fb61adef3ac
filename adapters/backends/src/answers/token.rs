//! Why there is no token.

use std::time::Duration;

use headcount_discoverer::Env;
use headcount_discoverer::env::HttpResponse;
use headcount_discoverer::rest::ReadError;
use headcount_reader::without_credentials;

/// Why there is no token. All who wait for it are told, so it can be cloned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {reason}")]
pub(crate) struct TokenError {
    /// What was asked, without credentials.
    url: String,
    reason: String,
    /// A status that says that it may be another one later, and when.
    status: Option<(u16, Option<Duration>)>,
}

impl TokenError {
    pub(crate) fn new(url: &str, reason: impl Into<String>) -> Self {
        Self {
            url: without_credentials(url).into_owned(),
            reason: reason.into(),
            status: None,
        }
    }

    /// An answer that has no token. `refused` is said where it means that who asks is not known.
    pub(crate) fn status(env: &Env, url: &str, answer: &HttpResponse, refused: &str) -> Self {
        match answer.status {
            status @ (400 | 401 | 403) => Self::new(url, format!("{refused} (status {status})")),
            status => Self {
                status: Some((status, answer.retry_after(env.clock.unix_time()))),
                ..Self::new(url, format!("the server answered with status {status}"))
            },
        }
    }

    /// There was no answer.
    pub(crate) fn unanswered(url: &str, error: &ReadError) -> Self {
        match error {
            ReadError::Http { source, .. } | ReadError::TooLarge { source, .. } => Self::new(url, source.to_string()),
            other => Self::new(url, other.to_string()),
        }
    }
}

impl From<TokenError> for ReadError {
    fn from(error: TokenError) -> Self {
        match error.status {
            Some((status, retry_after)) => Self::Status {
                url: error.url,
                status,
                retry_after,
            },
            None => Self::answer(&error.url, error.reason),
        }
    }
}
