//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use async_channel::Receiver;
use futures_lite::{AsyncRead, AsyncWrite, FutureExt};
use futures_rustls::TlsAcceptor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use smol::net::TcpStream;
use smol::{Executor, Timer};
use smol_hyper::rt::{FuturesIo, SmolExecutor, SmolTimer};

use super::Front;
use super::access::MOST_HEADER_BYTES;
use super::router;
use super::stall::StallGuard;
use crate::app::App;

/// Time for a request's line and headers; a connection that is idle longer is closed.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// Time for a client to take a piece of an answer.
const WRITES_WITHIN: Duration = Duration::from_secs(30);
/// Time to agree on how to encrypt.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How often a client with HTTP/2 is asked whether it is still there, and how long it has to say so.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// Requests at a time on one connection with HTTP/2.
const MOST_STREAMS: u32 = 100;

/// What connections share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) app: Arc<App>,
    pub(super) front: Arc<Front>,
    pub(super) executor: Arc<Executor<'static>>,
}

/// Why a connection ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error("agreeing on how to encrypt")]
    Handshake(#[source] io::Error),
    #[error("agreeing on how to encrypt took longer than {HANDSHAKE_WITHIN:?}")]
    SlowHandshake,
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

/// Serves a connection until it ends, or soon after `stopped` closes.
pub(super) async fn serve(
    stream: TcpStream,
    shared: Shared,
    stopped: Receiver<Infallible>,
) -> Result<(), ConnectionError> {
    // Answers are written whole, so waiting to fill packets only delays their ends. Where it
    // can't be set, they are delayed.
    stream.set_nodelay(true).ok();
    let stream = StallGuard::new(stream, WRITES_WITHIN);
    let Some(tls) = shared.front.web.current().await.tls.clone() else {
        return Ok(speak(stream, false, shared, stopped).await?);
    };
    let accepted = async {
        let accepted = TlsAcceptor::from(tls).accept(stream).await;
        accepted.map_err(ConnectionError::Handshake)
    };
    let too_late = async {
        Timer::after(HANDSHAKE_WITHIN).await;
        Err(ConnectionError::SlowHandshake)
    };
    let stream = accepted.or(too_late).await?;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(speak(stream, is_http2, shared, stopped).await?)
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    is_http2: bool,
    shared: Shared,
    stopped: Receiver<Infallible>,
) -> hyper::Result<()> {
    let (stream, executor) = (FuturesIo::new(stream), shared.executor.clone());
    let service = service_fn(move |request| {
        let (app, front) = (shared.app.clone(), shared.front.clone());
        async move { Ok::<_, Infallible>(router::serve(&app, &front, request).await) }
    });
    if is_http2 {
        let connection = http2::Builder::new(SmolExecutor::new(executor))
            .timer(SmolTimer::new())
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1)
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(MOST_HEADER_BYTES as u32)
            .serve_connection(stream, service);
        return run(connection, &stopped, |connection| connection.graceful_shutdown()).await;
    }
    let connection = http1::Builder::new()
        .timer(SmolTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        // What it has read so far may be more.
        .max_buf_size(MOST_HEADER_BYTES)
        .serve_connection(stream, service);
    run(connection, &stopped, |connection| connection.graceful_shutdown()).await
}

/// Waits for the end of a connection, which begins when `stopped` closes.
async fn run<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    stopped: &Receiver<Infallible>,
    shut_down: impl FnOnce(Pin<&mut C>),
) -> hyper::Result<()> {
    let mut connection = pin!(connection);
    let stopping = async {
        stopped.recv().await.ok();
        None
    };
    let ended = async { Some(connection.as_mut().await) };
    match ended.or(stopping).await {
        Some(ended) => ended,
        None => {
            shut_down(connection.as_mut());
            connection.await
        }
    }
}
