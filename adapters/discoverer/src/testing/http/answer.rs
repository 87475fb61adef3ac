//! What a scripted server answers.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::super::VirtualClock;
use crate::BoxFuture;
use crate::env::{Awaited, HttpBody, HttpError, HttpLimits, HttpResponse};

/// An answer, built step by step: its head after a while, and its body at once, piece by piece, or by hand.
///
/// ```
/// use std::time::Duration;
///
/// use headcount_discoverer::env::Cause;
/// use headcount_discoverer::testing::Answer;
///
/// // An answer that comes late, in two pieces, and breaks off.
/// let answer = Answer::new(200)
///     .header("content-type", "application/json")
///     .after(Duration::from_secs(2))
///     .piece(Duration::from_secs(1), "[")
///     .piece(Duration::from_secs(1), "1,")
///     .breaks(std::io::ErrorKind::ConnectionReset);
/// # drop(answer);
/// ```
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) after: Duration,
    pub(super) head: Head,
}

/// How an answer begins.
#[derive(Debug, Clone)]
pub(super) enum Head {
    /// Not.
    Error(HttpError),
    /// Not, and nothing says so.
    Silence,
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Body,
    },
}

/// How its body goes on.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Script(VecDeque<(Duration, Vec<u8>)>, End),
    Pipe(BodyPipe),
}

/// How a body ends.
#[derive(Debug, Clone)]
pub(super) enum End {
    Whole,
    Silence,
    Broken(std::io::ErrorKind),
}

/// The status, the headers and the body of an answer.
pub type Parts = (u16, Vec<(String, String)>, Vec<u8>);

impl Answer {
    /// An answer without a body, at once.
    pub fn new(status: u16) -> Self {
        Self {
            after: Duration::ZERO,
            head: Head::Answer {
                status,
                headers: Vec::new(),
                body: Body::Script(VecDeque::new(), End::Whole),
            },
        }
    }

    /// An answer of status 200 and JSON.
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200).header("content-type", "application/json").body(body)
    }

    /// No answer, for this reason.
    pub fn error(error: HttpError) -> Self {
        Self {
            after: Duration::ZERO,
            head: Head::Error(error),
        }
    }

    /// No answer, and nothing says so: the server hangs.
    pub fn hangs() -> Self {
        Self {
            after: Duration::ZERO,
            head: Head::Silence,
        }
    }

    /// An answer whose body is given by hand, while it is read.
    pub fn piped(status: u16) -> (Self, BodyPipe) {
        let (mut answer, pipe) = (Self::new(status), BodyPipe::default());
        if let Head::Answer { body, .. } = &mut answer.head {
            *body = Body::Pipe(pipe.clone());
        }
        (answer, pipe)
    }

    /// Its body, if it comes with status 200 and as a whole.
    pub fn whole_body(&self) -> Option<Vec<u8>> {
        let whole = self.parts().filter(|(status, ..)| *status == 200);
        whole.map(|(.., body)| body)
    }

    /// Its status, headers and body, if all of it comes.
    pub fn parts(&self) -> Option<Parts> {
        match &self.head {
            Head::Answer {
                status,
                headers,
                body: Body::Script(pieces, End::Whole),
            } => {
                let body = pieces.iter().flat_map(|(_, piece)| piece).copied().collect();
                Some((*status, headers.clone(), body))
            }
            _ => None,
        }
    }

    /// With another header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Head::Answer { headers, .. } = &mut self.head {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        self
    }

    /// With its head, or its error, only after this time.
    #[must_use]
    pub fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }

    /// With more of a body, at once.
    #[must_use]
    pub fn body(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.piece(Duration::ZERO, bytes)
    }

    /// With more of a body, this long after what was before.
    #[must_use]
    pub fn piece(mut self, after: Duration, bytes: impl Into<Vec<u8>>) -> Self {
        if let Head::Answer {
            body: Body::Script(pieces, _),
            ..
        } = &mut self.head
        {
            pieces.push_back((after, bytes.into()));
        }
        self
    }

    /// With a body that never ends, though nothing more of it comes.
    #[must_use]
    pub fn never_ends(self) -> Self {
        self.with_end(End::Silence)
    }

    /// With a body that breaks off, after the pieces that it has.
    #[must_use]
    pub fn breaks(self, kind: std::io::ErrorKind) -> Self {
        self.with_end(End::Broken(kind))
    }

    fn with_end(mut self, ends: End) -> Self {
        if let Head::Answer {
            body: Body::Script(_, end),
            ..
        } = &mut self.head
        {
            *end = ends;
        }
        self
    }
}

impl From<HttpResponse> for Answer {
    fn from(response: HttpResponse) -> Self {
        let answer = Self::new(response.status).body(response.body);
        let headers = response.headers.iter();
        headers.fold(answer, |answer, (name, value)| answer.header(name, value))
    }
}

impl From<Result<HttpResponse, HttpError>> for Answer {
    fn from(result: Result<HttpResponse, HttpError>) -> Self {
        result.map_or_else(Self::error, Self::from)
    }
}

/// The other end of a body that a test gives by hand. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct BodyPipe(Arc<Mutex<Piped>>);

#[derive(Debug, Default)]
struct Piped {
    pieces: VecDeque<Vec<u8>>,
    end: Option<End>,
    is_dropped: bool,
    waker: Option<Waker>,
}

impl BodyPipe {
    /// Gives a piece.
    pub fn send(&self, bytes: impl Into<Vec<u8>>) {
        self.with(|piped| piped.pieces.push_back(bytes.into()));
    }

    /// Ends the body.
    pub fn end(&self) {
        self.with(|piped| piped.end = Some(End::Whole));
    }

    /// Breaks the connection.
    pub fn breaks(&self, kind: std::io::ErrorKind) {
        self.with(|piped| piped.end = Some(End::Broken(kind)));
    }

    /// Whether who read it gave up.
    pub fn is_dropped(&self) -> bool {
        self.with(|piped| piped.is_dropped)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Piped) -> T) -> T {
        let mut piped = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut piped);
        piped.waker.take().into_iter().for_each(Waker::wake);
        result
    }

    async fn next(&self) -> Result<Vec<u8>, End> {
        std::future::poll_fn(|context| {
            let mut piped = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(piece) = piped.pieces.pop_front() {
                return Poll::Ready(Ok(piece));
            }
            if let Some(end) = piped.end.clone() {
                return Poll::Ready(Err(end));
            }
            piped.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// A body as it is read, under the request's limits.
pub(super) struct VirtualBody {
    pub(super) clock: VirtualClock,
    pub(super) host: String,
    pub(super) limits: HttpLimits,
    /// When all of it has to be there, and the limit that says so.
    pub(super) until: Option<(headcount_core::Instant, Duration)>,
    pub(super) body: Body,
    pub(super) taken: u64,
    pub(super) piece: Vec<u8>,
    /// When the piece that is awaited was asked for first.
    pub(super) asked: Option<headcount_core::Instant>,
}

impl VirtualBody {
    async fn next(&mut self) -> Result<Option<&[u8]>, HttpError> {
        let asked = *self.asked.get_or_insert_with(|| self.clock.time());
        let (clock, host) = (self.clock.clone(), self.host.clone());
        let late = |awaited, limit| HttpError::Timeout {
            host: host.clone(),
            awaited,
            limit,
        };
        let idle = async {
            match self.limits.idle {
                Some(limit) => {
                    clock.sleep_until(asked + limit).await;
                    Err(late(Awaited::Piece, limit))
                }
                None => pending().await,
            }
        };
        let total = async {
            match self.until {
                Some((until, limit)) => {
                    clock.sleep_until(until).await;
                    Err(late(Awaited::End, limit))
                }
                None => pending().await,
            }
        };
        let piece = async { Ok(next_piece(&mut self.body, &clock, asked).await) };
        let piece = futures_lite::future::or(piece, futures_lite::future::or(total, idle)).await?;
        self.asked = None;
        match piece {
            Ok(piece) => {
                self.taken = self.taken.saturating_add(piece.len() as u64);
                if self.taken > self.limits.body {
                    let (host, limit) = (self.host.clone(), self.limits.body);
                    return Err(HttpError::BodyTooLarge { host, limit });
                }
                self.piece = piece;
                Ok(Some(&self.piece))
            }
            Err(End::Broken(kind)) => Err(HttpError::Protocol {
                host: self.host.clone(),
                cause: kind.into(),
            }),
            Err(End::Whole | End::Silence) => Ok(None),
        }
    }
}

async fn next_piece(body: &mut Body, clock: &VirtualClock, asked: headcount_core::Instant) -> Result<Vec<u8>, End> {
    match body {
        Body::Pipe(pipe) => pipe.next().await,
        Body::Script(pieces, end) => {
            if let Some((after, _)) = pieces.front() {
                clock.sleep_until(asked + *after).await;
            }
            match (pieces.pop_front(), end) {
                (Some((_, piece)), _) => Ok(piece),
                (None, End::Silence) => pending().await,
                (None, end) => Err(end.clone()),
            }
        }
    }
}

impl HttpBody for VirtualBody {
    fn next_piece(&mut self) -> BoxFuture<'_, Result<Option<&[u8]>, HttpError>> {
        Box::pin(async move {
            // An empty piece would look like something that came.
            while let Body::Script(pieces, _) = &mut self.body
                && pieces
                    .front()
                    .is_some_and(|(after, piece)| piece.is_empty() && after.is_zero())
            {
                pieces.pop_front();
            }
            self.next().await
        })
    }
}

impl Drop for VirtualBody {
    fn drop(&mut self) {
        if let Body::Pipe(pipe) = &self.body {
            pipe.with(|piped| piped.is_dropped = true);
        }
    }
}
