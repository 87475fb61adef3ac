//! One HTTP connection, of either version, and its errors.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_channel::{Receiver, Sender as Sending};
use futures_lite::FutureExt;
use headcount_discoverer::env::{Cause, HttpError};
use http::Request;
use http_body_util::Full;
use hyper::Response;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;

use crate::io::HyperStream;
use crate::timer::ClockTimer;
use crate::{Platform, Spawn, Stream};

type Body = Full<Bytes>;

/// A connection that carries requests, on which nothing came for this long, is asked whether it is still there: the
/// streams of watches would not notice otherwise. Prometheus's times.
const PING_AFTER: Duration = Duration::from_secs(60);
const PONG_WITHIN: Duration = Duration::from_secs(15);

/// A connection on which requests can be sent. Dropping it closes it.
pub(crate) struct Connection {
    sender: Sender,
    /// Tells why it ended, when it does.
    end: Receiver<hyper::Error>,
    // Nothing is ever sent. Shared by the handles on an HTTP/2 connection: when the last one drops it, the
    // connection's task ends.
    held: Sending<Infallible>,
}

enum Sender {
    /// One request at a time.
    Http1(http1::SendRequest<Body>),
    /// Many at a time.
    Http2(http2::SendRequest<Body>),
}

impl Connection {
    /// Speaks HTTP/1.1, or HTTP/2 if that was agreed on, over a stream.
    pub(crate) async fn open(platform: &Platform, stream: Box<dyn Stream>, http2: bool) -> Result<Self, hyper::Error> {
        let io = HyperStream::new(stream);
        let (ending, end) = async_channel::bounded(1);
        let (held, holders) = async_channel::bounded(1);
        let sender = if http2 {
            let mut builder = http2::Builder::new(Spawner(platform.spawn.clone()));
            builder
                .timer(ClockTimer(platform.clock.clone()))
                .keep_alive_interval(PING_AFTER)
                .keep_alive_timeout(PONG_WITHIN);
            let (sender, connection) = builder.handshake(io).await?;
            platform.spawn.spawn(Box::pin(drive(connection, ending, holders)));
            Sender::Http2(sender)
        } else {
            let (sender, connection) = http1::handshake(io).await?;
            platform.spawn.spawn(Box::pin(drive(connection, ending, holders)));
            Sender::Http1(sender)
        };
        Ok(Self { sender, end, held })
    }

    pub(crate) fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        }
    }

    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.sender, Sender::Http2(_))
    }

    /// Another handle on the same connection, if it carries many requests at a time.
    pub(crate) fn share(&self) -> Option<Self> {
        match &self.sender {
            Sender::Http1(_) => None,
            Sender::Http2(sender) => {
                let sender = Sender::Http2(sender.clone());
                Some(Self {
                    sender,
                    end: self.end.clone(),
                    held: self.held.clone(),
                })
            }
        }
    }

    /// Sends a request and waits for the answer's head.
    pub(crate) async fn send(&mut self, request: Request<Body>) -> Result<Response<Incoming>, SendError> {
        // An HTTP/2 connection may go on for others; nobody waits for its end.
        let end = (!self.is_http2()).then(|| self.end.clone());
        let unsent = |error| SendError {
            error,
            unsent: true,
            end: end.clone(),
        };
        let answer = match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await.map_err(unsent)?;
                sender.try_send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await.map_err(unsent)?;
                sender.try_send_request(request).await
            }
        };
        answer.map_err(|mut failed| SendError {
            // A request that comes back was not sent.
            unsent: failed.take_message().is_some(),
            error: failed.into_error(),
            end: end.clone(),
        })
    }
}

/// Why there was no answer.
pub(crate) struct SendError {
    error: hyper::Error,
    /// The server has seen nothing of the request.
    pub(crate) unsent: bool,
    end: Option<Receiver<hyper::Error>>,
}

impl SendError {
    /// As our own error.
    pub(crate) async fn explain(self, host: &str) -> HttpError {
        // That the connection is closed says less than what closed it, which is told when its task
        // has ended; that is now.
        let vague = self.error.is_canceled() || self.error.is_closed();
        let cause = match self.end.filter(|_| vague) {
            Some(end) => end.recv().await.ok(),
            None => None,
        };
        broken(host, cause.unwrap_or(self.error))
    }
}

/// Runs a connection while somebody holds it, and tells why it ended.
async fn drive(
    connection: impl Future<Output = Result<(), hyper::Error>>,
    ending: Sending<hyper::Error>,
    holders: Receiver<Infallible>,
) {
    let abandoned = async {
        holders.recv().await.ok();
        Ok(())
    };
    // A panic would be a bug of a library's; it ends this connection and not the executor's thread.
    let ended = AssertUnwindSafe(abandoned.or(connection)).catch_unwind().await;
    if let Ok(Err(error)) = ended {
        // An error means that nobody asks.
        ending.try_send(error).ok();
    }
}

/// hyper's error as ours, and trouble with TLS as such.
pub(crate) fn broken(host: &str, error: hyper::Error) -> HttpError {
    let (host, cause) = (host.to_owned(), Cause::new(error));
    match cause.find::<rustls::Error>().cloned() {
        Some(tls) => HttpError::Tls {
            host,
            cause: Cause::new(tls),
        },
        None => HttpError::Protocol { host, cause },
    }
}

/// Starts hyper's own tasks; they end when their connection does.
#[derive(Clone)]
struct Spawner(Arc<dyn Spawn>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawner {
    fn execute(&self, future: F) {
        self.0.spawn(Box::pin(future));
    }
}
