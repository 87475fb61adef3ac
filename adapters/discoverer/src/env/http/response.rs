//! What is answered: as a whole, or as a stream.

use std::time::{Duration, UNIX_EPOCH};

use super::HttpError;
use crate::BoxFuture;

/// One answer as a whole, whatever its status.
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
        first(&self.headers, name)
    }

    /// How long the server asks to be left alone from `unix_time`, the time now, on (`Retry-After`: seconds, or a
    /// date).
    pub fn retry_after(&self, unix_time: Duration) -> Option<Duration> {
        let value = self.header("retry-after")?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(date.saturating_sub(unix_time))
    }
}

/// An answer whose head is there, and whose body comes as it is asked for.
///
/// Dropping it gives up: the connection is closed unless it carries others, and the server sends no more.
///
/// ```
/// use headcount_discoverer::env::{HttpClient, HttpError, HttpLimits, HttpRequest};
/// use std::time::Duration;
///
/// async fn count(client: &dyn HttpClient, url: &str) -> Result<usize, HttpError> {
///     let limits = HttpLimits::stream(Duration::from_secs(60));
///     let mut answer = client.open(HttpRequest::get(url).limits(limits)).await?;
///     let mut bytes = 0;
///     while let Some(piece) = answer.next_piece().await? {
///         bytes += piece.len();
///     }
///     Ok(bytes)
/// }
/// ```
pub struct HttpStream {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    body: Box<dyn HttpBody>,
}

impl HttpStream {
    /// An answer with this body.
    pub fn new(status: u16, headers: Vec<(String, String)>, body: impl HttpBody + 'static) -> Self {
        Self {
            status,
            headers,
            body: Box::new(body),
        }
    }

    /// The first value of the header called `name` (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// As [`HttpBody::next_piece`].
    ///
    /// # Errors
    /// As there.
    pub async fn next_piece(&mut self) -> Result<Option<&[u8]>, HttpError> {
        self.body.next_piece().await
    }

    /// Reads the body to its end.
    ///
    /// # Errors
    /// As [`HttpBody::next_piece`].
    pub async fn whole(mut self) -> Result<HttpResponse, HttpError> {
        let mut body = Vec::new();
        while let Some(piece) = self.next_piece().await? {
            body.extend_from_slice(piece);
        }
        Ok(HttpResponse {
            status: self.status,
            headers: self.headers,
            body,
        })
    }
}

impl std::fmt::Debug for HttpStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpStream")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// The body of an answer that comes piece by piece.
pub trait HttpBody: Send {
    /// The next piece, decompressed; `None` at the end. No piece is empty.
    ///
    /// Dropping the future before it completes loses nothing, so it can be raced against a timer.
    ///
    /// # Errors
    /// The connection broke, or a [limit](super::HttpLimits) is passed. There is nothing more after that.
    fn next_piece(&mut self) -> BoxFuture<'_, Result<Option<&[u8]>, HttpError>>;
}

/// A whole answer as a stream of one piece.
impl From<HttpResponse> for HttpStream {
    fn from(response: HttpResponse) -> Self {
        Self::new(
            response.status,
            response.headers,
            Whole {
                body: response.body,
                is_given: false,
            },
        )
    }
}

struct Whole {
    body: Vec<u8>,
    is_given: bool,
}

impl HttpBody for Whole {
    fn next_piece(&mut self) -> BoxFuture<'_, Result<Option<&[u8]>, HttpError>> {
        let is_given = std::mem::replace(&mut self.is_given, true);
        let piece = (!is_given && !self.body.is_empty()).then_some(self.body.as_slice());
        Box::pin(std::future::ready(Ok(piece)))
    }
}

fn first<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut named = headers.iter().filter(|(n, _)| n == name);
    named.next().map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Duration::from_secs(784_111_777);
        let asked = |value: &str| {
            let answer = HttpResponse {
                status: 503,
                headers: vec![("retry-after".to_owned(), value.to_owned())],
                body: Vec::new(),
            };
            answer.retry_after(now)
        };
        assert_eq!(asked("120"), Some(Duration::from_secs(120)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:57 GMT"), Some(Duration::from_secs(20)));
        assert_eq!(asked("Tue, 06 Nov 1990 08:49:57 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("soon"), None);
        assert_eq!(asked("-1"), None);
    }
}
