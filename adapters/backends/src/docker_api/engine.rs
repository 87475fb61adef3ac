//! Where the Engine is, how it is reached, and how it is asked.

use std::fmt;
use std::path::PathBuf;

use headcount_discoverer::env::{HttpLimits, HttpRequest};
use headcount_discoverer::mechanism::Place;
use headcount_discoverer::rest::{Ask, ReadError};
use headcount_reader::{
    Cursor, Fields, HttpClientSettings, ProblemKind, Proxy, ProxySettings, Url, UrlError, without_credentials,
};
use serde::de::DeserializeOwned;

use super::Filters;
use super::answer::{list, message};

/// The newest version of the API that this is written for. An Engine is asked in its own, if that is older.
const NEWEST: (u32, u32) = (1, 51);

/// A Docker Engine.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Engine {
    /// Its address as it is written.
    address: String,
    /// What all URLs begin with, without a slash at its end.
    base: String,
    /// The UNIX socket that takes the host's place.
    socket: Option<PathBuf>,
    client: HttpClientSettings,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("address", &self.describe())
            .field("client", &self.client)
            .finish()
    }
}

impl Engine {
    /// Reads `host` and the HTTP client's settings. As in Prometheus those count for `http://` and `https://` only.
    pub(crate) fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let found = read_address(fields);
        let mut client = HttpClientSettings::read(fields, place.folder);
        let (address, reached) = found?;
        if reached != Reached::Client && client != HttpClientSettings::default() {
            fields.at().warn(ProblemKind::Rule(
                "settings of the HTTP client have no effect with unix:// and tcp://, as in Prometheus; begin host with \
                 http:// or https:// to have them",
            ));
        }
        let (base, socket) = match reached {
            // The host is not looked up, and the Engine does not care.
            Reached::Socket(socket) => {
                client = HttpClientSettings::default();
                ("http://localhost".to_owned(), Some(socket))
            }
            Reached::Tcp => {
                client = HttpClientSettings {
                    proxy: ProxySettings {
                        proxy: Proxy::Environment,
                        ..ProxySettings::default()
                    },
                    ..HttpClientSettings::default()
                };
                (address.replacen("tcp", "http", 1), None)
            }
            Reached::Client => (address.clone(), None),
        };
        Some(Self {
            address,
            base: base.trim_end_matches('/').to_owned(),
            socket,
            client,
        })
    }

    /// Its address, for people.
    pub(crate) fn describe(&self) -> String {
        without_credentials(&self.address).into_owned()
    }

    /// How requests are sent.
    pub(crate) fn client(&self) -> &HttpClientSettings {
        &self.client
    }

    /// Begins to ask: finds out which version of the API it speaks.
    pub(crate) async fn session<'a>(&'a self, ask: &'a Ask<'a>) -> Result<Session<'a>, ReadError> {
        let url = format!("{}/_ping", self.base);
        let answer = ask.send(self.get(ask, url.clone())).await?;
        let version = match answer.status {
            200 => answer.header("api-version").and_then(version),
            // What stands before it may let nothing through but lists. Without a version it takes its own.
            403..=405 => None,
            status => {
                return Err(ReadError::Status {
                    url: without_credentials(&url).into_owned(),
                    status,
                    retry_after: answer.retry_after(ask.env().clock.unix_time()),
                });
            }
        };
        let prefix = version.map(|(major, minor)| format!("/v{major}.{minor}"));
        Ok(Session {
            engine: self,
            ask,
            prefix: prefix.unwrap_or_default(),
        })
    }

    fn get(&self, ask: &Ask<'_>, url: String) -> HttpRequest {
        let request = HttpRequest::get(url).limits(HttpLimits {
            body: ask.env().limits.body,
            ..HttpLimits::default()
        });
        HttpRequest {
            socket: self.socket.clone(),
            ..request
        }
    }
}

/// An Engine that is being asked.
pub(crate) struct Session<'a> {
    engine: &'a Engine,
    ask: &'a Ask<'a>,
    /// `/v1.41`, or nothing.
    prefix: String,
}

impl Session<'_> {
    /// The objects of a list, and how many made no sense.
    ///
    /// # Errors
    /// It can't be had, or is no list.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        filters: &Filters,
    ) -> Result<(Vec<T>, usize), ReadError> {
        let url = format!("{}{}{path}{}", self.engine.base, self.prefix, filters.query());
        let answer = self.ask.send(self.engine.get(self.ask, url.clone())).await?;
        if answer.status == 200 {
            return list(&answer.body).map_err(|error| ReadError::answer(&url, error));
        }
        let retry_after = answer.retry_after(self.ask.env().clock.unix_time());
        match message(&answer.body).filter(|_| retry_after.is_none()) {
            Some(message) => {
                let said = format!("the server answered with status {}: {message}", answer.status);
                Err(ReadError::answer(&url, said))
            }
            None => Err(ReadError::Status {
                url: without_credentials(&url).into_owned(),
                status: answer.status,
                retry_after,
            }),
        }
    }
}

/// The version to ask in, of the newest that an Engine speaks.
fn version(newest: &str) -> Option<(u32, u32)> {
    let (major, minor) = newest.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?)).map(|version: (u32, u32)| version.min(NEWEST))
}

/// How an Engine is reached.
#[derive(Debug, PartialEq, Eq)]
enum Reached {
    /// By the UNIX socket of this path.
    Socket(PathBuf),
    /// In the clear and without any settings.
    Tcp,
    /// By an HTTP client with settings.
    Client,
}

fn read_address(fields: &mut Fields<'_>) -> Option<(String, Reached)> {
    let at = fields.take("host");
    let address = at.as_ref().and_then(|at| at.text()).filter(|text| !text.is_empty());
    let (Some(at), Some(address)) = (at, address) else {
        fields.at().report(ProblemKind::Missing { field: "host" });
        return None;
    };
    match reached(&at, &address) {
        Ok(reached) => Some((address, reached?)),
        Err(error) => {
            at.report(error);
            None
        }
    }
}

/// Nothing if it was reported what is wrong.
fn reached(at: &Cursor<'_>, address: &str) -> Result<Option<Reached>, UrlError> {
    let rule = |rule| {
        at.report(ProblemKind::Rule(rule));
        Ok(None)
    };
    Url::parse(address)?;
    let Some((scheme, rest)) = address.split_once("://") else {
        return rule("begin it with unix://, tcp://, http:// or https://");
    };
    match scheme {
        "unix" if !rest.starts_with('/') => rule("unix:// needs the whole path of a socket after it"),
        "unix" => Ok(Some(Reached::Socket(PathBuf::from(rest)))),
        "npipe" => rule("npipe:// is there on Windows only"),
        "tcp" | "http" | "https" => {
            let authority = rest.split('/').next().unwrap_or_default();
            if authority.contains('@') {
                return rule("the Engine's address can't hold a user name and a password; use basic_auth");
            }
            if rest.contains(['?', '#']) {
                return rule("the Engine's address can't hold a query or a fragment");
            }
            let url = address.replacen("tcp", "http", usize::from(scheme == "tcp"));
            Url::parse(&url)?.for_http()?;
            Ok(Some(if scheme == "tcp" { Reached::Tcp } else { Reached::Client }))
        }
        _ => rule("the scheme of the Engine's address must be unix, tcp, http or https"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_engine_is_asked_in_its_own_version_and_a_newer_one_in_ours() {
        assert_eq!(version("1.41"), Some((1, 41)));
        assert_eq!(version("1.9"), Some((1, 9)));
        assert_eq!(version("1.99"), Some(NEWEST));
        assert_eq!(version("2.0"), Some(NEWEST));
        for text in ["", "1", "one.two", "1.-1"] {
            assert_eq!(version(text), None, "{text}");
        }
    }
}
