//! The HTTP API.
//!
//! * `connection`: one connection, with limits on what a slow or hostile client can hold: `pace` and `watch` on how long,
//!   `places` on how many, `held` and `stream` on how much.
//! * `router`: from a path to who answers; `paths`: what paths there are; `prefix`: what they begin with; `access`: who may ask what; `web_config`: TLS and users.
//! * `requests`: who asked for what. `body`: what is sent with it, where that is read.
//! * `respond`: answers of the usual kinds; `list_body`: a list as one; `conditional`: `ETag` and `Accept-Encoding`.
//! * `allocator`: who answers OpenTelemetry's collectors.
//! * `sd`, `targets`, `providers`, `events`, `metrics`, `status`, `runtime_info`, `page`: who answers.
//!
//! The one rule: **a client that is slow holds its own connection and nothing else.** Each has a
//! task; long answers are made piece by piece as the client takes them.

mod access;
mod allocator;
mod body;
mod conditional;
mod connection;
mod events;
mod held;
mod limits;
mod list_body;
mod members;
mod metrics;
mod pace;
mod page;
mod paths;
mod places;
mod prefix;
mod providers;
mod repeated;
mod requests;
mod respond;
mod router;
mod runtime_info;
mod sd;
mod status;
mod stream;
mod targets;
#[cfg(all(test, unix))]
mod tests;
mod watch;
mod web_config;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use futures_lite::{FutureExt, future};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use smol::net::TcpListener;
use smol::{Executor, Timer};

use crate::app::App;
pub(crate) use access::{Access, WebOptions, machine_name};
pub use access::{BadCorsOrigin, BadExternalUrl, CorsOrigin, ExternalUrl};
pub(crate) use allocator::WrittenJobs;
use connection::Shared;
pub use limits::ConnectionLimits;
use places::Places;
pub use prefix::{BadRoutePrefix, RoutePrefix};
use repeated::Repeated;
pub(crate) use requests::Requests;
pub use sd::path_of;
pub(crate) use web_config::WatchedConfig;
pub use web_config::check_web_config;

/// Time for requests under way when the daemon ends.
const GRACE: Duration = Duration::from_secs(5);
/// Time after which accepting is tried again when it fails (out of file descriptors, mostly). It is logged once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The same where somebody has made room.
const ROOM_PAUSE: Duration = Duration::from_millis(5);

/// A server that runs.
pub(crate) struct Server {
    // Nothing is ever sent: closing is the message.
    stop: Sender<Infallible>,
    ended: Receiver<Infallible>,
}

/// What a request passes before anybody answers.
pub(crate) struct Front {
    pub(crate) access: Access,
    pub(crate) web: WatchedConfig,
    pub(crate) limits: ConnectionLimits,
    pub(crate) prefix: RoutePrefix,
}

impl Front {
    /// A path without the prefix, if it begins with that.
    fn inside<'a>(&self, path: &'a str) -> Option<&'a str> {
        match self.prefix.asked(path) {
            prefix::Asked::Inside(path) => Some(path),
            _ => None,
        }
    }
}

/// Why nothing can listen at an address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// It is no address, or its name is not known.
    #[error("the address {address:?} to listen on; write it as host:port, for example 127.0.0.1:9099")]
    Address {
        /// As it was written.
        address: String,
        /// What is wrong.
        source: io::Error,
    },
    /// Its name has no address.
    #[error("the address {address:?} to listen on: the name has no address")]
    NoAddress {
        /// As it was written.
        address: String,
    },
    /// The system refuses it.
    #[error("listening on {address}; is another program there already?")]
    Bind {
        /// As it was written.
        address: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Binds `address`: `host:port`, or `:port` for every interface.
pub(crate) async fn bind(address: &str) -> Result<TcpListener, ListenError> {
    let full = if address.starts_with(':') {
        format!("[::]{address}")
    } else {
        address.to_owned()
    };
    let shown = || address.to_owned();
    let found = smol::net::resolve(full).await;
    let found = found.map_err(|source| ListenError::Address {
        address: shown(),
        source,
    })?;
    let mut last = None;
    for address in found {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some(error),
        }
    }
    let address = shown();
    Err(match last {
        Some(source) => ListenError::Bind { address, source },
        None => ListenError::NoAddress { address },
    })
}

/// Answers what is asked from within this process; `path` may have a query.
pub(crate) async fn get(app: &Arc<App>, path: &str) -> (u16, Vec<u8>) {
    let Ok(request) = Request::get(path).body(bytes::Bytes::new()) else {
        return (StatusCode::BAD_REQUEST.as_u16(), Vec::new());
    };
    let answer = router::answer(app, &request).await;
    let status = answer.status().as_u16();
    let Ok(body) = answer.into_body().collect().await;
    (status, body.to_bytes().into())
}

impl Server {
    /// Serves on `listener` what may be asked there.
    pub(crate) fn start(executor: &Arc<Executor<'static>>, listener: TcpListener, app: Arc<App>, front: Front) -> Self {
        let (pace, places) = (front.limits.pace(), Places::new(front.limits.most()));
        let shared = Shared {
            app,
            front: Arc::new(front),
            executor: executor.clone(),
            pace,
        };
        let (stop, stopped) = async_channel::bounded::<Infallible>(1);
        let (ending, ended) = async_channel::bounded::<Infallible>(1);
        let accept_stopped = stopped.clone();
        executor
            .spawn(async move {
                let accept = accept(listener, &shared, &places, &stopped, &ending);
                let stopping = async {
                    accept_stopped.recv().await.ok();
                };
                accept.or(stopping).await;
            })
            .detach();
        Self { stop, ended }
    }

    /// Accepts no more, and waits for the requests under way, for a while.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        let all = async {
            self.ended.recv().await.ok();
        };
        let too_late = async {
            Timer::after(GRACE).await;
            tracing::warn!("some requests took too long and were cut off");
        };
        all.or(too_late).await;
    }
}

async fn accept(
    listener: TcpListener,
    shared: &Shared,
    places: &Arc<Places>,
    stopped: &Receiver<Infallible>,
    ending: &Sender<Infallible>,
) {
    let mut failures = Repeated::new(
        "connections can't be accepted; trying again",
        "connections are accepted again",
    );
    loop {
        let (stream, peer): (_, SocketAddr) = match listener.accept().await {
            Ok(accepted) => {
                failures.end();
                accepted
            }
            Err(error) => {
                failures.note(&error);
                let pause = if places.make_room() { ROOM_PAUSE } else { ACCEPT_PAUSE };
                Timer::after(pause).await;
                continue;
            }
        };
        let place = places.take(peer.ip());
        let (stopped, ending, sharing) = (stopped.clone(), ending.clone(), shared.clone());
        let connection = async move {
            if let Err(error) = connection::serve(stream, peer.ip(), sharing, stopped, place).await {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::debug!(%peer, %error, cause, "a connection ended early");
            }
            drop(ending);
        };
        shared.executor.spawn(connection).detach();
        // Its request is looked for before the next one is accepted: whoever comes in a flood is not closed unheard.
        future::yield_now().await;
    }
}
