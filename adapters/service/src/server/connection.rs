//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_channel::Receiver;
use futures_lite::FutureExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use smol::net::TcpStream;
use smol_hyper::rt::{FuturesIo, SmolTimer};

use super::access::{Access, MOST_HEADER_BYTES};
use super::router;
use super::stall::StallGuard;
use crate::app::App;

/// Time for a request's line and headers; a connection that is idle longer is closed.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// Time for a client to take a piece of an answer.
const WRITES_WITHIN: Duration = Duration::from_secs(30);

/// Serves a connection until it ends, or soon after `stopped` closes.
pub(super) async fn serve(
    stream: TcpStream,
    app: Arc<App>,
    access: Arc<Access>,
    stopped: Receiver<Infallible>,
) -> hyper::Result<()> {
    // Answers are written whole, so waiting to fill packets only delays their ends. Where it
    // can't be set, they are delayed.
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request| {
        let (app, access) = (app.clone(), access.clone());
        async move { Ok::<_, Infallible>(router::serve(&app, &access, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(SmolTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        // What it has read so far may be more.
        .max_buf_size(MOST_HEADER_BYTES)
        .serve_connection(FuturesIo::new(StallGuard::new(stream, WRITES_WITHIN)), service);
    let mut connection = pin!(connection);
    let stopping = async {
        stopped.recv().await.ok();
        None
    };
    let ended = async { Some(connection.as_mut().await) };
    match ended.or(stopping).await {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}
