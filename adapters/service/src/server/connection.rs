//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use async_channel::Receiver;
use futures_lite::{AsyncRead, AsyncWrite, FutureExt};
use futures_rustls::TlsAcceptor;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use rustix::net::sockopt::set_socket_linger;
use smol::net::TcpStream;
use smol::{Executor, Timer};
use smol_hyper::rt::{SmolExecutor, SmolTimer};

use super::access::MOST_HEADER_BYTES;
use super::held::Held;
use super::pace::{Pace, PaceGuard};
use super::places::{Answering, Place};
use super::requests::Asked;
use super::respond::Body;
use super::router::{self, Vouched};
use super::stream::ClientStream;
use super::watch::Watch;
use super::{Front, allocator, paths};
use crate::app::App;

/// Time for a request's line and headers; a connection that is idle longer is closed.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// The same where there was no place for it.
const BESIDE_WITHIN: Duration = Duration::from_secs(5);
/// Time to agree on how to encrypt.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How often a client with HTTP/2 is asked whether it is still there, and how long it has to say so.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// Requests at a time on one connection with HTTP/2.
const MOST_STREAMS: u32 = 100;
/// What may wait to be taken on each of them.
const MOST_WAITING: usize = 64 << 10;

/// What connections share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) app: Arc<App>,
    pub(super) front: Arc<Front>,
    pub(super) executor: Arc<Executor<'static>>,
    pub(super) pace: Pace,
}

/// Who asks, and what his connection shares with others.
struct Caller {
    client: IpAddr,
    shared: Shared,
}

/// Why a connection ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error("agreeing on how to encrypt")]
    Handshake(#[source] io::Error),
    #[error("agreeing on how to encrypt took longer than {HANDSHAKE_WITHIN:?}")]
    SlowHandshake,
    #[error("the client takes its answers too slowly")]
    Slow,
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

impl ConnectionError {
    /// Whether the client took too little.
    fn is_slow(&self) -> bool {
        let is_late = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
        match self {
            Self::Slow => true,
            Self::Handshake(error) => is_late(error),
            Self::SlowHandshake => false,
            Self::Http(error) => {
                let first = std::error::Error::source(error);
                let mut causes = std::iter::successors(first, |error| error.source());
                causes.any(|error| error.downcast_ref().is_some_and(is_late))
            }
        }
    }
}

/// Serves a connection until it ends, or soon after `stopped` closes, or at once when it has to give up its place.
pub(super) async fn serve(
    stream: TcpStream,
    client: IpAddr,
    shared: Shared,
    stopped: Receiver<Infallible>,
    place: Place,
) -> Result<(), ConnectionError> {
    let place = Arc::new(place);
    let closed = async {
        place.closed().await;
        Ok(())
    };
    let slow = Watch::new(shared.pace, shared.executor.clone());
    let too_slow = async {
        slow.noticed().await;
        Err(ConnectionError::Slow)
    };
    let socket = stream.clone();
    let from = Caller { client, shared };
    let served = accept(stream, from, stopped, &place, &slow);
    let served = served.or(closed).or(too_slow).await;
    if served.as_ref().is_err_and(ConnectionError::is_slow) {
        // What it has not taken goes with it. Otherwise the system would keep that, and wait.
        set_socket_linger(&socket, Some(Duration::ZERO)).ok();
    }
    served
}

async fn accept(
    stream: TcpStream,
    from: Caller,
    stopped: Receiver<Infallible>,
    place: &Arc<Place>,
    slow: &Arc<Watch>,
) -> Result<(), ConnectionError> {
    // Answers are written whole, so waiting to fill packets only delays their ends. Where it
    // can't be set, they are delayed.
    stream.set_nodelay(true).ok();
    let stream = PaceGuard::new(stream, from.shared.pace);
    let web = from.shared.front.web.current().await;
    let Some(tls) = web.tls.clone() else {
        return Ok(speak(stream, Terms::default(), from, stopped, place, slow).await?);
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
    let terms = Terms {
        is_http2: stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        is_vouched: web.verifies_clients,
    };
    Ok(speak(stream, terms, from, stopped, place, slow).await?)
}

/// What was agreed on when a connection was made. It stays so, whatever the web configuration becomes.
#[derive(Debug, Clone, Copy, Default)]
struct Terms {
    is_http2: bool,
    /// Whether a certificate vouches for the client: it was demanded, and looked at.
    is_vouched: bool,
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    Terms { is_http2, is_vouched }: Terms,
    Caller { client, shared }: Caller,
    stopped: Receiver<Infallible>,
    place: &Arc<Place>,
    slow: &Arc<Watch>,
) -> hyper::Result<()> {
    let (stream, executor, is_beside) = (ClientStream::new(stream), shared.executor.clone(), place.is_beside());
    let (place, slow) = (place.clone(), slow.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        if is_vouched {
            request.extensions_mut().insert(Vouched);
        }
        let (app, front) = (shared.app.clone(), shared.front.clone());
        let answering = place.begin();
        // What is taken of a connection with one answer at a time is seen on the connection.
        let watched = is_http2.then(|| slow.clone());
        async move {
            let inside = front.inside(request.uri().path());
            // What is not below the prefix is none of the paths that there are.
            let asked = Asked::of(inside.unwrap_or_default());
            let is_probe = inside.is_some_and(router::is_probe);
            let is_allocators = inside.is_some_and(paths::is_allocators);
            let answer = match is_beside && !is_probe {
                true => router::crowded(),
                false => router::serve(&app, &front, request).await,
            };
            let answer = match is_allocators {
                true => allocator::in_plain_text(answer).await,
                false => answer,
            };
            count(&app, asked, client, answer.status().as_u16());
            Ok::<_, Infallible>(answer.map(|body| held(body, answering, watched)))
        }
    });
    if is_http2 {
        let connection = http2::Builder::new(SmolExecutor::new(executor))
            .timer(SmolTimer::new())
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1)
            .max_concurrent_streams(MOST_STREAMS)
            .max_send_buf_size(MOST_WAITING)
            .max_header_list_size(MOST_HEADER_BYTES as u32)
            .serve_connection(stream, service);
        return run(connection, &stopped, |connection| connection.graceful_shutdown()).await;
    }
    let connection = http1::Builder::new()
        .timer(SmolTimer::new())
        .header_read_timeout(if is_beside { BESIDE_WITHIN } else { HEADERS_WITHIN })
        .keep_alive(!is_beside)
        // What it has read so far may be more.
        .max_buf_size(MOST_HEADER_BYTES)
        .serve_connection(stream, service);
    run(connection, &stopped, |connection| connection.graceful_shutdown()).await
}

/// Counts an answer.
fn count(app: &App, asked: Asked, client: IpAddr, status: u16) {
    let now = app.env.clock.now();
    let is_job = |job: &str| app.scrape.view().jobs.contains_key(job);
    app.requests.count(asked, client, status, now, is_job);
}

/// The body, with what is to be let go when all of it was taken.
fn held(body: Body, answering: Answering, watched: Option<Arc<Watch>>) -> Held<Body> {
    Held::new(body, answering, watched.map(|watch| watch.begin()))
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
