//! Sends one request on a connection that waits, or on a new one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use headcount_core::planted;
use headcount_discoverer::env::{Awaited, Cause, Clock, HttpError};
use headcount_reader::{ProxySettings, TlsSettings};
use http::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use http::{Method, Request, Uri, Version};
use http_body_util::Full;
use hyper::Response;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use crate::Platform;
use crate::connection::{Connection, SendError};
use crate::dial::{Dialer, Route};
use crate::limits::within;
use crate::pool::{Idle, Place, Pool};
use crate::request::Outgoing;

/// Connections to wherever they are needed, under one set of TLS and proxy settings.
pub(crate) struct Transport {
    clock: Arc<dyn Clock>,
    dialer: Dialer,
    pool: Arc<Pool>,
}

impl Transport {
    pub(crate) fn new(
        platform: &Platform,
        idle: &Arc<Idle>,
        tls: &TlsSettings,
        proxy: &ProxySettings,
        http2: bool,
    ) -> Result<Self, HttpError> {
        Ok(Self {
            clock: platform.clock.clone(),
            dialer: Dialer::new(platform, tls, proxy, http2)?,
            pool: Arc::new(Pool::new(idle)),
        })
    }

    /// Sends a request and waits for the answer's head, within the request's limits for both.
    pub(crate) async fn send(&self, request: &Outgoing) -> Result<Response<PooledBody>, HttpError> {
        let (host, limits) = (request.host(), request.limits);
        let route = self.dialer.route(request);
        let route = self.within(&host, Awaited::Connection, limits.connect, route).await?;
        let place = route.place();
        let send = async |connection| {
            let answer = self.send_on(connection, &route, &place, request);
            self.within(&host, Awaited::Head, limits.head, answer).await
        };
        if let Some(connection) = self.pool.take(&place) {
            match send(connection).await? {
                Ok(answer) => return Ok(answer),
                // The server may have closed it while it waited. What was not sent, or can be
                // sent twice without harm, is sent again.
                Err(failed) if failed.unsent || is_idempotent(&request.method) => {}
                Err(failed) => return Err(failed.explain(&host).await),
            }
        }
        let connection = self.dialer.connect(&route);
        let connection = self
            .within(&host, Awaited::Connection, limits.connect, connection)
            .await?;
        if let Some(shared) = connection.share() {
            self.pool.put(&place, shared);
        }
        match send(connection).await? {
            Ok(answer) => Ok(answer),
            Err(failed) => Err(failed.explain(&host).await),
        }
    }

    async fn within<T>(
        &self,
        host: &str,
        awaited: Awaited,
        limit: Option<Duration>,
        act: impl Future<Output = Result<T, HttpError>>,
    ) -> Result<T, HttpError> {
        within(&*self.clock, host, awaited, limit, act).await
    }

    async fn send_on(
        &self,
        mut connection: Connection,
        route: &Route,
        place: &Place,
        request: &Outgoing,
    ) -> Result<Result<Response<PooledBody>, SendError>, HttpError> {
        let outgoing = wire_request(request, route, connection.is_http2())?;
        let (pool, place) = (self.pool.clone(), place.clone());
        let mut lease = Box::new(Lease {
            pool,
            place,
            connection: None,
            state: LeaseState::Unanswered,
        });
        match connection.send(outgoing).await {
            Ok(answer) => {
                lease.connection = Some(connection);
                lease.state = LeaseState::Reading;
                Ok(Ok(answer.map(|body| PooledBody { body, lease })))
            }
            Err(failed) => {
                drop(lease);
                Ok(Err(failed))
            }
        }
    }
}

/// A body that gives its connection back once it has been read to its end.
pub(crate) struct PooledBody {
    body: Incoming,
    // Boxed, so that it may be moved while the body is read.
    lease: Box<Lease>,
}

impl Body for PooledBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        match &polled {
            Poll::Ready(None) => this.lease.state = LeaseState::Read,
            Poll::Ready(Some(Err(_))) => this.lease.fail(),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl PooledBody {
    /// Says that nothing came in time, so that nobody else waits on the same connection.
    pub(crate) fn give_up(&mut self) {
        self.lease.fail();
    }
}

/// A connection in use. An HTTP/2 connection whose request did not end well, a timeout among
/// others, is not used again: it may be dead without anybody having said so.
struct Lease {
    pool: Arc<Pool>,
    place: Place,
    connection: Option<Connection>,
    state: LeaseState,
}

/// How far the answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeaseState {
    Unanswered,
    Reading,
    Read,
    Failed,
}

impl Lease {
    fn fail(&mut self) {
        self.state = LeaseState::Failed;
        self.pool.forget_shared(&self.place);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        match (self.state, self.connection.take()) {
            (LeaseState::Read, Some(connection)) if !connection.is_http2() => {
                planted!(
                    self.pool.put(&self.place, connection),
                    ConnectionIsNotKept,
                    drop(connection)
                );
            }
            // Who stops to read ends a stream on an HTTP/2 connection, and the connection itself on another.
            (LeaseState::Read | LeaseState::Reading | LeaseState::Failed, _) => {}
            (LeaseState::Unanswered, _) => self.pool.forget_shared(&self.place),
        }
    }
}

/// The request in the form that this connection wants.
fn wire_request(request: &Outgoing, route: &Route, http2: bool) -> Result<Request<Full<Bytes>>, HttpError> {
    let unusable = |cause: Cause| HttpError::Url {
        url: request.host(),
        cause,
    };
    let url = &request.url;
    let target = match url.query() {
        Some(query) => planted!(format!("{}?{query}", url.path()), QueryIsDropped, url.path().to_owned()),
        None => url.path().to_owned(),
    };
    let authority = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => planted!(format!("{host}:{port}"), HostHasNoPort, host.to_owned()),
        (host, _) => host.unwrap_or_default().to_owned(),
    };
    // A proxy that we don't tunnel through, and HTTP/2, are told the whole URL.
    let whole = http2 || route.asks_proxy();
    let uri = if whole {
        format!("{}://{authority}{target}", url.scheme())
    } else {
        target
    };
    let uri: Uri = uri.parse().map_err(|error| unusable(Cause::new(BadTarget(error))))?;
    let mut outgoing = Request::new(Full::new(request.body.clone()));
    *outgoing.method_mut() = request.method.clone();
    *outgoing.uri_mut() = uri;
    *outgoing.version_mut() = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
    *outgoing.headers_mut() = request.headers.clone();
    if http2 {
        outgoing.headers_mut().remove(HOST);
    } else if !outgoing.headers().contains_key(HOST) {
        let host = HeaderValue::from_str(&authority).map_err(|error| unusable(Cause::new(error)))?;
        outgoing.headers_mut().insert(HOST, host);
    }
    if let Some(credentials) = route.proxy_authorization()? {
        outgoing.headers_mut().insert(PROXY_AUTHORIZATION, credentials);
    }
    Ok(outgoing)
}

#[derive(Debug, thiserror::Error)]
#[error("the path or query can't be sent")]
struct BadTarget(#[source] http::uri::InvalidUri);

fn is_idempotent(method: &Method) -> bool {
    planted!(
        matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE),
        PostIsSentTwice,
        true
    )
}
