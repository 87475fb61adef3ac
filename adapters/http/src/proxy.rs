//! Which proxy a URL is reached through.

use std::io;

use headcount_discoverer::env::{Cause, HttpError, Variables};
use headcount_reader::Proxy;
use url::Url;

use crate::authentication::{basic_value, url_credentials};
use crate::no_proxy::NoProxy;
use crate::request::{bare_host, port};

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    Http,
    Https,
    Socks5,
}

/// Why a proxy's URL can't be used. It doesn't repeat the URL, which may hold credentials.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyUrlError {
    #[error("not a URL")]
    NotAUrl(#[source] url::ParseError),
    #[error("{0:?} is not a kind of proxy; use http, https or socks5")]
    Kind(String),
    #[error("it names no host")]
    NoHost,
}

/// A connection that a proxy did not make.
#[derive(Debug, thiserror::Error)]
#[error("through the proxy {address}")]
pub(crate) struct ThroughProxy {
    /// Host and port of the proxy.
    pub(crate) address: String,
    #[source]
    pub(crate) error: ProxyError,
}

/// Why a proxy did not make a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    #[error("asking it failed")]
    Io(#[from] io::Error),
    #[error("it closed the connection without an answer")]
    Silent,
    #[error("its answer is too long")]
    TooLong,
    #[error("it sent more than an answer")]
    TooMuch,
    #[error("its answer is not HTTP")]
    NotHttp(#[source] httparse::Error),
    #[error("it answered {status} {reason}")]
    Status { status: u16, reason: String },
    #[error("it does not speak SOCKS5")]
    NotSocks,
    #[error("it wants another way to authenticate")]
    Authentication,
    #[error("it refused user and password")]
    Password,
    #[error("its answer makes no sense")]
    Nonsense,
    #[error("it answered: {0}")]
    Refused(&'static str),
    #[error("{0} is longer than the 255 bytes that SOCKS5 allows")]
    TooLongToAsk(&'static str),
}

/// A proxy.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ProxyServer {
    pub(crate) kind: ProxyKind,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User and password.
    pub(crate) credentials: Option<(String, String)>,
}

/// Which proxy, for any URL.
#[derive(Clone, Default)]
pub(crate) struct Proxies {
    http: Option<ProxyServer>,
    https: Option<ProxyServer>,
    /// Hosts that are reached directly; `None`: not even this machine.
    except: Option<NoProxy>,
}

impl Proxies {
    /// What the settings say; the environment is asked if they do so.
    pub(crate) fn new(settings: &Proxy, variables: &dyn Variables) -> Result<Self, HttpError> {
        match settings {
            Proxy::Direct => Ok(Self::default()),
            Proxy::Url { url, no_proxy } => {
                let server = ProxyServer::parse(url.reveal()).map_err(|error| HttpError::Settings {
                    setting: "proxy_url".to_owned(),
                    cause: Cause::new(error),
                })?;
                let except = (!no_proxy.is_empty()).then(|| NoProxy::parse(no_proxy));
                Ok(Self {
                    http: Some(server.clone()),
                    https: Some(server),
                    except,
                })
            }
            Proxy::Environment => {
                let variable = |upper: &str| {
                    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
                    set(upper).or_else(|| set(&upper.to_lowercase()))
                };
                // A variable that names no proxy is passed over, as Go does: it is not our setting.
                let server = |name: &str| variable(name).and_then(|value| ProxyServer::parse(&value).ok());
                let except = NoProxy::parse(&variable("NO_PROXY").unwrap_or_default());
                Ok(Self {
                    http: server("HTTP_PROXY"),
                    https: server("HTTPS_PROXY"),
                    except: Some(except),
                })
            }
        }
    }

    /// The proxy for a URL; `None` to reach it directly.
    pub(crate) fn for_url(&self, url: &Url) -> Option<&ProxyServer> {
        let server = if url.scheme() == "https" {
            &self.https
        } else {
            &self.http
        };
        let directly = self
            .except
            .as_ref()
            .is_some_and(|except| except.covers(&bare_host(url), port(url)));
        if directly { None } else { server.as_ref() }
    }
}

impl ProxyServer {
    /// Reads a proxy's URL.
    pub(crate) fn parse(text: &str) -> Result<Self, ProxyUrlError> {
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let url = Url::parse(&with_scheme).map_err(ProxyUrlError::NotAUrl)?;
        let (kind, default_port) = match url.scheme() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            other => return Err(ProxyUrlError::Kind(other.to_owned())),
        };
        let host = match bare_host(&url) {
            host if host.is_empty() => return Err(ProxyUrlError::NoHost),
            // Of a scheme that is not the web's, an IPv6 address arrives as written.
            host => host.trim_start_matches('[').trim_end_matches(']').to_owned(),
        };
        Ok(Self {
            kind,
            host,
            port: url.port().unwrap_or(default_port),
            credentials: url_credentials(&url),
        })
    }

    /// Host and port, for errors.
    pub(crate) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The value of `Proxy-Authorization`.
    pub(crate) fn authorization(&self) -> Option<String> {
        self.credentials
            .as_ref()
            .map(|(user, password)| basic_value(user, password))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use headcount_reader::Secret;

    use super::*;

    fn chosen(proxies: &Proxies, url: &str) -> Option<String> {
        proxies.for_url(&Url::parse(url).unwrap()).map(ProxyServer::address)
    }

    /// No environment variable.
    fn none() -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    #[test]
    fn the_environment_is_read_as_go_reads_it() {
        let environment = [
            ("HTTP_PROXY", "plain:3128"),
            ("https_proxy", "http://user:pass@secure"),
            ("NO_PROXY", "inside.example"),
        ];
        let environment: BTreeMap<String, String> = environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let proxies = Proxies::new(&Proxy::Environment, &environment).unwrap();
        assert_eq!(chosen(&proxies, "http://a.example/"), Some("plain:3128".to_owned()));
        assert_eq!(chosen(&proxies, "https://a.example/"), Some("secure:80".to_owned()));
        assert_eq!(chosen(&proxies, "https://x.inside.example/"), None);
        assert_eq!(chosen(&proxies, "http://localhost/"), None);
        assert_eq!(
            chosen(&Proxies::new(&Proxy::Environment, &none()).unwrap(), "http://a/"),
            None
        );
    }

    #[test]
    fn a_configured_proxy_takes_this_machine_too_unless_told_not_to() {
        let settings = |no_proxy: &str| Proxy::Url {
            url: Secret::new("socks5://p"),
            no_proxy: no_proxy.to_owned(),
        };
        let all = Proxies::new(&settings(""), &none()).unwrap();
        assert_eq!(chosen(&all, "http://localhost/"), Some("p:1080".to_owned()));
        let some = Proxies::new(&settings("b.example"), &none()).unwrap();
        assert_eq!(chosen(&some, "http://localhost/"), None);
        assert_eq!(chosen(&some, "http://b.example/"), None);
        assert_eq!(chosen(&some, "https://a.example/"), Some("p:1080".to_owned()));
    }

    #[test]
    fn a_bad_proxy_is_refused_without_showing_it() {
        for url in ["gopher://u:hunter2@p/", "http://u:hunter2@p:port/", "http://"] {
            let settings = Proxy::Url {
                url: Secret::new(url),
                no_proxy: String::new(),
            };
            let error = Proxies::new(&settings, &none()).err().unwrap().to_string();
            assert!(error.contains("proxy_url") && !error.contains("hunter2"), "{error}");
        }
        assert_eq!(
            ProxyServer::parse("socks5://[fd00::1]:9").unwrap().address(),
            "[fd00::1]:9"
        );
    }
}
