//! Why there was no answer.

use std::fmt;
use std::time::Duration;

use super::super::{Cause, NotAvailable};

/// Why there was no answer. Secrets never appear in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// There are no HTTP clients here.
    #[error(transparent)]
    NotAvailable(#[from] NotAvailable),
    /// The settings can't be used (a certificate that can't be read, …).
    #[error("HTTP client: {setting}: {cause}")]
    Settings {
        /// Which of them.
        setting: String,
        /// What is wrong and what to do.
        cause: Cause,
    },
    /// The URL can't be used.
    #[error("{url}: {cause}")]
    Url {
        /// The URL, without its credentials.
        url: String,
        /// What is wrong.
        cause: Cause,
    },
    /// No connection could be made.
    #[error("connecting to {host}: {cause}")]
    Connect {
        /// Host and port.
        host: String,
        /// What the system or the proxy says.
        cause: Cause,
    },
    /// The TLS handshake failed.
    #[error("TLS with {host}: {cause}")]
    Tls {
        /// Host and port.
        host: String,
        /// What the TLS library says.
        cause: Cause,
    },
    /// A [limit](super::HttpLimits) of time has passed.
    #[error("{host}: {awaited} within {limit:?}")]
    Timeout {
        /// Host and port.
        host: String,
        /// What did not come.
        awaited: Awaited,
        /// The time that was allowed for it.
        limit: Duration,
    },
    /// The body is larger than the caller takes.
    #[error("{host}: the body is larger than the limit of {limit} bytes")]
    BodyTooLarge {
        /// Host and port.
        host: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Too many redirects.
    #[error("{host}: stopped after {count} redirects")]
    TooManyRedirects {
        /// Host and port.
        host: String,
        /// How many were followed.
        count: u32,
    },
    /// The connection broke, or the answer is not HTTP.
    #[error("{host}: {cause}")]
    Protocol {
        /// Host and port.
        host: String,
        /// What went wrong.
        cause: Cause,
    },
    /// A token could not be had.
    #[error("OAuth 2.0 token from {token_url}: {cause}")]
    Token {
        /// Where the token was asked for.
        token_url: String,
        /// What went wrong.
        cause: Cause,
    },
}

impl HttpError {
    /// Whether it may pass without anybody mending anything.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Timeout { .. }
            | Self::Protocol { .. }
            | Self::Token { .. } => true,
            Self::NotAvailable(_)
            | Self::Settings { .. }
            | Self::Url { .. }
            | Self::BodyTooLarge { .. }
            | Self::TooManyRedirects { .. } => false,
        }
    }
}

/// What did not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// A connection.
    Connection,
    /// The head of the answer.
    Head,
    /// The next piece of the body.
    Piece,
    /// The end of the answer.
    End,
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connection => "no connection",
            Self::Head => "no answer",
            Self::Piece => "nothing more of the answer",
            Self::End => "no whole answer",
        })
    }
}
