//! Making a connection: name resolution, TCP, the proxy, TLS.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_rustls::TlsConnector;
use headcount_core::planted;
use headcount_discoverer::address::host_port;
use headcount_discoverer::env::{Cause, ConnectionError, Endpoint, HttpError};
use headcount_reader::{ProxySettings, TlsSettings};
use http::header::{HeaderMap, HeaderValue};
use rustls::pki_types::ServerName;

use crate::authentication::sensitive;
use crate::connection::{Connection, broken};
use crate::pool::Place;
use crate::proxy::{Proxies, ProxyError, ProxyKind, ProxyServer, ThroughProxy};
use crate::request::{Outgoing, bare_host, header, port};
use crate::tls::{Session, Tls};
use crate::{Platform, Stream, socks5, tunnel};

/// The longest that a connection may take. Requests have limits of their own, which are shorter.
const LONGEST: Duration = Duration::from_secs(10 * 60);

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
        let proxy = self
            .proxy
            .as_ref()
            .filter(|_| planted!(self.asks_proxy(), ProxyCredentialsGoThrough, true));
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
            proxies: Proxies::new(&proxy.proxy, &*platform.variables)?,
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
        let target = host_port(&route.host, route.port);
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
        self.open(Endpoint::unix(socket), &socket.display().to_string()).await
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
        self.open(Endpoint::tcp(host, port), shown).await
    }

    async fn open(&self, endpoint: Endpoint, shown: &str) -> Result<Box<dyn Stream>, HttpError> {
        let opened = self.platform.connections.connect(&endpoint, LONGEST).await;
        let opened = opened.map_err(|error| HttpError::Connect {
            host: shown.to_owned(),
            // What it was doing and where is said already.
            cause: match error {
                ConnectionError::Resolve { cause, .. } | ConnectionError::Io { cause, .. } => cause,
                ConnectionError::NotAvailable { source, .. } => Cause::new(source),
                ConnectionError::Timeout { within, .. } => format!("nothing within {within:?}").into(),
                closed @ ConnectionError::Closed { .. } => Cause::new(closed),
            },
        });
        opened.map(|connection| connection.into_stream())
    }
}
