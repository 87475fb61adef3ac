use std::sync::Arc;
use std::time::Duration;

use super::{Cause, NotAvailable};
use crate::BoxFuture;
use headcount_reader::HttpClientSettings;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Header names and values, beside those that the client's settings add.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// Time allowed from the start of the connection to the last byte of the answer.
    pub timeout: Duration,
    /// Largest body that is accepted, in bytes after decompression.
    pub body_limit: u64,
}

impl HttpRequest {
    /// A `GET` without headers, with 30 s and 64 MiB as its limits.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_secs(30),
            body_limit: 64 << 20,
        }
    }
}

/// One answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The whole body, decompressed.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The first value of the header called `name` (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

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
    /// There was no whole answer in time.
    #[error("{host}: no whole answer within {timeout:?}")]
    Timeout {
        /// Host and port.
        host: String,
        /// The time that was allowed.
        timeout: Duration,
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

/// Makes HTTP clients.
pub trait Http: Send + Sync {
    /// A client with these settings. Files that the settings name (`password_file`, `ca_file`, …)
    /// are read by the client when it sends, so that a changed file is seen.
    ///
    /// # Errors
    /// [`HttpError::Settings`] when the settings can never work.
    fn client(&self, settings: &HttpClientSettings) -> Result<Arc<dyn HttpClient>, HttpError>;
}

/// Sends requests. Connections are kept and shared between requests.
pub trait HttpClient: Send + Sync {
    /// Sends one request and reads the whole answer.
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>>;

    /// Sends one request and gives the answer's body to `sink` as it comes, so that it need not fit
    /// into memory. The answer that is returned has no body.
    ///
    /// Whoever implements this by [`send`](Self::send) alone gives the body in one piece.
    fn send_to<'a>(
        &'a self,
        request: HttpRequest,
        sink: &'a mut dyn BodySink,
    ) -> BoxFuture<'a, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let mut answer = self.send(request).await?;
            let body = std::mem::take(&mut answer.body);
            sink.begin(&answer);
            sink.take(&body);
            Ok(answer)
        })
    }
}

/// Takes the body of an answer, piece by piece.
pub trait BodySink: Send {
    /// The answer's status and headers, once, before any of its body.
    fn begin(&mut self, head: &HttpResponse);

    /// The next piece, decompressed. After an error there are no more.
    fn take(&mut self, piece: &[u8]);
}
