//! Making a connection: name resolution, TCP, the proxy, TLS.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use blocking::unblock;
use futures_lite::FutureExt;
use futures_rustls::TlsConnector;
use headcount_discoverer::env::{Cause, Clock, HttpError};
use headcount_reader::{ProxySettings, TlsSettings};
use http::header::{HeaderMap, HeaderValue};
use rustls::pki_types::ServerName;

use crate::authentication::sensitive;
use crate::connection::{Connection, broken};
use crate::pool::Place;
use crate::proxy::{Proxies, ProxyError, ProxyKind, ProxyServer, ThroughProxy};
use crate::request::{Outgoing, bare_host, header, port};
use crate::tls::{Session, Tls};
use crate::{Connect, Platform, Stream, socks5, tunnel};

/// How long an address is tried before the other family gets its chance (RFC 8305).
const OTHER_FAMILY_AFTER: Duration = Duration::from_millis(300);
/// How long an address is tried while there are others.
const EACH_ADDRESS: Duration = Duration::from_secs(5);

/// Makes connections under one set of TLS and proxy settings.
pub(crate) struct Dialer {
    platform: Platform,
    tls: Tls,
    proxies: Proxies,
    connect_headers: HeaderMap,
}

/// How a URL is reached.
pub(crate) struct Route {
    host: String,
    port: u16,
    socket: Option<PathBuf>,
    proxy: Option<ProxyServer>,
    secure: bool,
    /// There whenever TLS is needed, to the server or to the proxy.
    session: Option<Session>,
}

impl Route {
    /// What connections of this route have in common.
    pub(crate) fn place(&self) -> Place {
        Place {
            secure: self.secure,
            host: self.host.clone(),
            port: self.port,
            socket: self.socket.clone(),
            proxy: self.proxy.as_ref().map(ProxyServer::address),
            generation: self.session.as_ref().map_or(0, |session| session.generation),
        }
    }

    /// Whether requests are handed to the proxy itself, not sent through a tunnel.
    pub(crate) fn asks_proxy(&self) -> bool {
        !self.secure && self.proxy.as_ref().is_some_and(|proxy| proxy.kind != ProxyKind::Socks5)
    }

    /// The credentials that the proxy wants with each request.
    pub(crate) fn proxy_authorization(&self) -> Result<Option<HeaderValue>, HttpError> {
        let proxy = self.proxy.as_ref().filter(|_| self.asks_proxy());
        proxy
            .and_then(ProxyServer::authorization)
            .map(|value| sensitive(&value))
            .transpose()
    }
}

impl Dialer {
    pub(crate) fn new(
        platform: &Platform,
        tls: &TlsSettings,
        proxy: &ProxySettings,
        http2: bool,
    ) -> Result<Self, HttpError> {
        let mut connect_headers = HeaderMap::new();
        for (name, values) in &proxy.connect_headers {
            for value in values {
                let (name, mut value) = header(name, value.reveal()).map_err(|error| HttpError::Settings {
                    setting: "proxy_connect_header".to_owned(),
                    cause: Cause::new(error),
                })?;
                value.set_sensitive(true);
                connect_headers.append(name, value);
            }
        }
        Ok(Self {
            platform: platform.clone(),
            tls: Tls::new(platform, tls, http2)?,
            proxies: Proxies::new(&proxy.proxy, &platform.environment)?,
            connect_headers,
        })
    }

    /// How to reach a URL, with the certificates of now.
    pub(crate) async fn route(&self, request: &Outgoing) -> Result<Route, HttpError> {
        let (url, socket) = (&request.url, request.socket.clone());
        // What a socket leads to is on this machine.
        let proxy = self.proxies.for_url(url).filter(|_| socket.is_none()).cloned();
        let secure = url.scheme() == "https";
        let secure_proxy = proxy.as_ref().is_some_and(|proxy| proxy.kind == ProxyKind::Https);
        let session = if secure || secure_proxy {
            Some(self.tls.session().await?)
        } else {
            None
        };
        Ok(Route {
            host: bare_host(url),
            port: port(url),
            socket,
            proxy,
            secure,
            session,
        })
    }

    /// A new connection.
    pub(crate) async fn connect(&self, route: &Route) -> Result<Connection, HttpError> {
        let target = show(&route.host, route.port);
        let stream = match (&route.socket, &route.proxy) {
            (Some(socket), _) => self.unix(socket).await?,
            (None, None) => self.tcp(&route.host, route.port, &target).await?,
            (None, Some(proxy)) => self.through(proxy, route, &target).await?,
        };
        let (stream, http2) = match &route.session {
            Some(session) if route.secure => self.secure(session, stream, &route.host, &target, true).await?,
            _ => (stream, false),
        };
        Connection::open(&self.platform, stream, http2)
            .await
            .map_err(|error| broken(&target, error))
    }

    async fn through(&self, proxy: &ProxyServer, route: &Route, target: &str) -> Result<Box<dyn Stream>, HttpError> {
        let address = proxy.address();
        let mut stream = self.tcp(&proxy.host, proxy.port, &address).await?;
        if let (ProxyKind::Https, Some(session)) = (proxy.kind, &route.session) {
            stream = self.secure(session, stream, &proxy.host, &address, false).await?.0;
        }
        let failed = |error: ProxyError| HttpError::Connect {
            host: target.to_owned(),
            cause: Cause::new(ThroughProxy {
                address: address.clone(),
                error,
            }),
        };
        match proxy.kind {
            ProxyKind::Socks5 => {
                let credentials = proxy.credentials.as_ref();
                socks5::ask(&mut stream, &route.host, route.port, credentials)
                    .await
                    .map_err(failed)?;
            }
            ProxyKind::Http | ProxyKind::Https if route.secure => {
                let authorization = proxy.authorization();
                tunnel::ask(&mut stream, target, authorization.as_deref(), &self.connect_headers)
                    .await
                    .map_err(failed)?;
            }
            ProxyKind::Http | ProxyKind::Https => {}
        }
        Ok(stream)
    }

    async fn unix(&self, socket: &Path) -> Result<Box<dyn Stream>, HttpError> {
        let stream = self.platform.connect.unix(socket).await;
        stream.map_err(|error| HttpError::Connect {
            host: socket.display().to_string(),
            cause: error.into(),
        })
    }

    /// TLS over a stream, and whether HTTP/2 was agreed on.
    async fn secure(
        &self,
        session: &Session,
        stream: Box<dyn Stream>,
        host: &str,
        shown: &str,
        may_be_http2: bool,
    ) -> Result<(Box<dyn Stream>, bool), HttpError> {
        let failed = |cause: Cause| HttpError::Tls {
            host: shown.to_owned(),
            cause,
        };
        let name = self.tls.server_name().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned()).map_err(|_| {
            failed(format!("{name:?} is neither a name nor an address that a certificate can be for").into())
        })?;
        let config = if may_be_http2 {
            &session.config
        } else {
            &session.proxy_config
        };
        let stream = TlsConnector::from(config.clone())
            .connect(name, stream)
            .await
            .map_err(|error| failed(error.into()))?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Box::new(stream), http2))
    }

    async fn tcp(&self, host: &str, port: u16, shown: &str) -> Result<Box<dyn Stream>, HttpError> {
        let failed = |error: io::Error| HttpError::Connect {
            host: shown.to_owned(),
            cause: error.into(),
        };
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => {
                let host = host.to_owned();
                unblock(move || (host.as_str(), port).to_socket_addrs())
                    .await
                    .map_err(failed)?
                    .collect()
            }
        };
        race(&*self.platform.clock, &*self.platform.connect, addresses)
            .await
            .map_err(failed)
    }
}

fn show(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// The first address that answers. The family that the system prefers has a head start.
async fn race(clock: &dyn Clock, connect: &dyn Connect, addresses: Vec<SocketAddr>) -> io::Result<Box<dyn Stream>> {
    let prefers_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, others): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == prefers_ipv6);
    if others.is_empty() {
        return in_turn(clock, connect, preferred).await;
    }
    let (starting, start) = async_channel::bounded::<()>(1);
    let preferred = async {
        let result = in_turn(clock, connect, preferred).await;
        // If it failed, the others need not wait for their time.
        drop(starting);
        result
    };
    let others = async {
        let early = async {
            start.recv().await.ok();
        };
        early.or(clock.sleep(OTHER_FAMILY_AFTER)).await;
        in_turn(clock, connect, others).await
    };
    first_success(preferred, others).await
}

/// Each address after the one before failed.
async fn in_turn(clock: &dyn Clock, connect: &dyn Connect, addresses: Vec<SocketAddr>) -> io::Result<Box<dyn Stream>> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let count = addresses.len();
    for (index, address) in addresses.into_iter().enumerate() {
        let limit = async {
            // The last one may take all the time that the request has.
            if index + 1 == count {
                futures_lite::future::pending::<()>().await;
            }
            clock.sleep(EACH_ADDRESS).await;
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{address} does not answer"),
            ))
        };
        match connect.tcp(address).or(limit).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The first of two that succeeds, or the error of the one that failed last.
async fn first_success<T>(
    one: impl Future<Output = io::Result<T>>,
    other: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let (mut one, mut other) = (Box::pin(one), Box::pin(other));
    let first = async { (true, (&mut one).await) }
        .or(async { (false, (&mut other).await) })
        .await;
    match first {
        (_, Ok(value)) => Ok(value),
        (true, Err(_)) => other.await,
        (false, Err(_)) => one.await,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    use futures_lite::future::{block_on, pending, ready};
    use futures_lite::io::Cursor;
    use headcount_core::Instant;
    use headcount_discoverer::BoxFuture;

    use super::*;

    /// What an address does.
    #[derive(Clone, Copy)]
    enum Does {
        Answer,
        Refuse,
        Nothing,
    }

    /// A network in which some waits pass at once and the others never do.
    struct Network {
        addresses: HashMap<SocketAddr, Does>,
        passes: Option<Duration>,
        tried: Mutex<Vec<SocketAddr>>,
    }

    impl Clock for Network {
        fn now(&self) -> Instant {
            Instant::ZERO
        }

        fn unix_time(&self) -> Duration {
            Duration::ZERO
        }

        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            if self.passes == Some(duration) {
                Box::pin(ready(()))
            } else {
                Box::pin(pending())
            }
        }
    }

    impl Connect for Network {
        fn tcp(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
            self.tried.lock().unwrap().push(address);
            match self.addresses[&address] {
                Does::Answer => Box::pin(ready(Ok(Box::new(Cursor::new(Vec::new())) as Box<dyn Stream>))),
                Does::Refuse => Box::pin(ready(Err(io::ErrorKind::ConnectionRefused.into()))),
                Does::Nothing => Box::pin(pending()),
            }
        }

        fn unix(&self, _path: &Path) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
            Box::pin(pending())
        }
    }

    /// Races these addresses; which were tried, and whether one answered.
    fn raced(addresses: &[(&str, Does)], passes: Option<Duration>) -> (Vec<String>, bool) {
        let addresses: Vec<(SocketAddr, Does)> = addresses
            .iter()
            .map(|(address, does)| (address.parse().unwrap(), *does))
            .collect();
        let list = addresses.iter().map(|(address, _)| *address).collect();
        let network = Arc::new(Network {
            addresses: addresses.into_iter().collect(),
            passes,
            tried: Mutex::default(),
        });
        let answered = block_on(race(&*network, &*network, list)).is_ok();
        let tried = network.tried.lock().unwrap().iter().map(ToString::to_string).collect();
        (tried, answered)
    }

    #[test]
    fn addresses_are_tried_until_one_answers() {
        use Does::{Answer, Nothing, Refuse};
        let (v6, v4, other) = ("[::1]:1", "127.0.0.1:1", "127.0.0.2:1");
        let tried = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(raced(&[(v6, Answer), (v4, Answer)], None), (tried(&[v6]), true));
        assert_eq!(
            raced(&[(v6, Refuse), (v4, Answer)], None),
            (tried(&[v6, v4]), true),
            "without waiting"
        );
        let head_start = Some(OTHER_FAMILY_AFTER);
        assert_eq!(
            raced(&[(v6, Nothing), (v4, Answer)], head_start),
            (tried(&[v6, v4]), true)
        );
        assert_eq!(
            raced(&[(v6, Nothing), (v4, Refuse), (other, Answer)], head_start),
            (tried(&[v6, v4, other]), true)
        );
        let patience = Some(EACH_ADDRESS);
        assert_eq!(
            raced(&[(v4, Nothing), (other, Answer)], patience),
            (tried(&[v4, other]), true)
        );
        assert_eq!(
            raced(&[(v4, Nothing), (other, Refuse)], patience),
            (tried(&[v4, other]), false)
        );
        assert_eq!(raced(&[(v6, Refuse), (v4, Refuse)], None), (tried(&[v6, v4]), false));
        assert_eq!(raced(&[], None), (Vec::new(), false));
    }
}
