//! Where Consul is, and how we authenticate: the fields that both mechanisms have.

use std::path::PathBuf;
use std::sync::Arc;

use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpClient, HttpError, HttpRequest};
use headcount_discoverer::mechanism::Place;
use headcount_reader::{
    BasicAuth, Cursor, Fields, HeaderValues, HttpClientSettings, ProblemKind, Secret, SecretSource, TextSource, Url,
};

use super::Query;

/// Where Consul is if nothing is said.
const DEFAULT_SERVER: &str = "localhost:8500";
/// The header of Consul's own tokens.
const TOKEN_HEADER: &str = "X-Consul-Token";

/// How a mechanism's fields differ from the other's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// Whether there is a field `path_prefix`.
    has_path_prefix: bool,
    /// Whether TLS settings alone mean `https`, as vmagent has it.
    tls_means_https: bool,
    /// Whether a bearer token can't stand beside Consul's own.
    excludes_bearer_token: bool,
}

/// Prometheus's `consul`.
pub(crate) const SERVER: Dialect = Dialect {
    has_path_prefix: true,
    tls_means_https: false,
    excludes_bearer_token: false,
};

/// vmagent's and Alloy's `consulagent`.
pub(crate) const AGENT: Dialect = Dialect {
    has_path_prefix: false,
    tls_means_https: true,
    excludes_bearer_token: true,
};

/// A Consul server or agent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    /// `http://localhost:8500`, perhaps with a path, without credentials and without a slash at its end.
    base: String,
    /// The UNIX socket that takes the host's place.
    socket: Option<PathBuf>,
    client: HttpClientSettings,
    has_token: bool,
}

impl Server {
    /// Reads what an entry says of it; all other fields stay for the caller.
    pub(crate) fn read(fields: &mut Fields<'_>, place: &Place<'_>, dialect: Dialect) -> Option<Self> {
        let has_tls = fields.take_some("tls_config").is_some();
        let base = read_base(fields, dialect, has_tls);
        let username = written(fields, "username");
        let password = written(fields, "password");
        let token = written(fields, "token");
        // It takes fields that were looked at above once more.
        let has_authorization = fields.take_some("authorization").is_some();
        let mut client = HttpClientSettings::read(fields, place.folder);
        let has_bearer_token = client.authorization.is_some() && dialect.excludes_bearer_token;
        let is_excluded = has_authorization || client.oauth2.is_some() || has_bearer_token;
        if let Some((at, _)) = username.as_ref().or(password.as_ref()) {
            if client.authenticates() {
                at.report(ProblemKind::Conflict {
                    fields: "username with password, basic_auth, authorization, oauth2, bearer_token and bearer_token_file",
                });
            }
            let password = password.map(|(_, text)| SecretSource::Inline(Secret::new(text)));
            client.basic_auth = Some(BasicAuth {
                username: TextSource::Inline(username.map(|(_, text)| text).unwrap_or_default()),
                password,
            });
        }
        let has_token = token.is_some();
        if let Some((at, text)) = token {
            if is_excluded {
                at.report(ProblemKind::Conflict {
                    fields: if dialect.excludes_bearer_token {
                        "token, authorization, oauth2, bearer_token and bearer_token_file"
                    } else {
                        "token, authorization and oauth2"
                    },
                });
            }
            let secrets = vec![Secret::new(text)];
            set_token(
                &mut client,
                HeaderValues {
                    secrets,
                    ..HeaderValues::default()
                },
            );
        }
        let (base, socket) = base?;
        Some(Self {
            base,
            socket,
            client,
            has_token,
        })
    }

    /// In a few words: the server, and what of it is looked at.
    pub(crate) fn describe(&self, datacenter: &str, services: &[String], tags: &[String]) -> String {
        let mut described = match &self.socket {
            Some(socket) => format!("unix://{}", socket.display()),
            None => self.base.clone(),
        };
        let mut part = |what: &str, text: &str| {
            let mark = if described.contains(' ') { ',' } else { ':' };
            described.push_str(&format!("{mark} {what} {text}"));
        };
        if !datacenter.is_empty() {
            part("datacenter", datacenter);
        }
        match services {
            [] => {}
            [one] => part("service", one),
            [one, other] => part("services", &format!("{one} and {other}")),
            [one, rest @ ..] => part("services", &format!("{one} and {} more", rest.len())),
        }
        if !tags.is_empty() {
            part("with", &tags.join(" and "));
        }
        described
    }

    /// A request without any limits of its own.
    pub(crate) fn get(&self, path: &str, query: &Query) -> HttpRequest {
        let request = HttpRequest::get(format!("{}{path}{}", self.base, query.as_str()));
        HttpRequest {
            socket: self.socket.clone(),
            ..request
        }
    }

    /// What sends requests. Without a token in the settings it is the one of the environment variables that
    /// every client of Consul reads; a file that they name is read again for each request.
    ///
    /// # Errors
    /// The settings can't work.
    pub(crate) fn client(&self, env: &Env) -> Result<Arc<dyn HttpClient>, HttpError> {
        if self.has_token {
            return env.http.client(&self.client);
        }
        let mut values = HeaderValues::default();
        if let Some(path) = variable(env, "CONSUL_HTTP_TOKEN_FILE") {
            values.files.push(PathBuf::from(path));
        } else if let Some(token) = variable(env, "CONSUL_HTTP_TOKEN") {
            values.secrets.push(Secret::new(token));
        } else {
            return env.http.client(&self.client);
        }
        let mut client = self.client.clone();
        set_token(&mut client, values);
        env.http.client(&client)
    }
}

/// An environment variable that says something.
fn variable(env: &Env, name: &str) -> Option<String> {
    env.variables.get(name).filter(|value| !value.is_empty())
}

/// What the settings say, and where they say nothing, an environment variable that every client of Consul reads.
pub(crate) fn or_variable(setting: &str, env: &Env, name: &str) -> String {
    match setting {
        "" => variable(env, name).unwrap_or_default(),
        setting => setting.to_owned(),
    }
}

/// The texts of a list.
pub(crate) fn texts(fields: &mut Fields<'_>, name: &'static str) -> Vec<String> {
    let texts = fields.texts(name).unwrap_or_default();
    texts.into_iter().map(|(text, _)| text).collect()
}

/// The names of a list, sorted and each once. None can be empty.
pub(crate) fn names(fields: &mut Fields<'_>, name: &'static str) -> Vec<String> {
    let Some(at) = fields.take(name) else { return Vec::new() };
    let mut names = Vec::new();
    for (index, (text, position)) in at.texts().unwrap_or_default().into_iter().enumerate() {
        if text.is_empty() {
            at.report_at(position, &format!("[{index}]"), ProblemKind::EmptyEntry);
        }
        names.push(text);
    }
    names.sort();
    names.dedup();
    names
}

/// A header of that name which the writer gave as well is not sent: Consul would take the first one only.
fn set_token(client: &mut HttpClientSettings, values: HeaderValues) {
    client
        .headers
        .retain(|(name, _)| !name.eq_ignore_ascii_case(TOKEN_HEADER));
    client.headers.push((TOKEN_HEADER.to_owned(), values));
    client.headers.sort_by(|(one, _), (other, _)| one.cmp(other));
}

fn written<'a>(fields: &mut Fields<'a>, name: &'static str) -> Option<(Cursor<'a>, String)> {
    let at = fields.take(name)?;
    let text = at.text().filter(|text| !text.is_empty())?;
    Some((at, text))
}

/// Reads `server`, `scheme` and `path_prefix`. A server with a scheme and a path of its own overrules both others,
/// except that nothing takes `https` back.
fn read_base(fields: &mut Fields<'_>, dialect: Dialect, has_tls: bool) -> Option<(String, Option<PathBuf>)> {
    let scheme = read_scheme(fields)?;
    let prefix_at = dialect.has_path_prefix.then(|| fields.take("path_prefix")).flatten();
    let prefix = prefix_at.as_ref().and_then(|at| at.text()).unwrap_or_default();
    let server_at = fields.take("server");
    let at = server_at.as_ref().unwrap_or(fields.at());
    let server = match &server_at {
        Some(at) => at.text()?,
        None => DEFAULT_SERVER.to_owned(),
    };
    if server.trim().is_empty() {
        at.report(ProblemKind::Missing { field: "server" });
        return None;
    }
    let (own_scheme, rest) = match server.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, server.as_str()),
    };
    let is_secure = match own_scheme {
        Some("https") => true,
        Some("http" | "unix") => scheme == Some("https"),
        None => scheme.map_or(has_tls && dialect.tls_means_https, |scheme| scheme == "https"),
        Some(_) => {
            at.report(ProblemKind::Rule("the server's scheme must be http, https or unix"));
            return None;
        }
    };
    if own_scheme == Some("unix") {
        if rest.is_empty() {
            at.report(ProblemKind::Rule("unix:// needs the path of a socket after it"));
        }
        // The host is not looked up, and Consul does not care.
        let base = with_path(is_secure, "localhost", &prefix);
        return Some((base, Some(PathBuf::from(rest))));
    }
    let (host, path) = match rest.split_once('/') {
        Some(_) if own_scheme.is_none() => {
            at.report(ProblemKind::Rule(
                "this is host:port; a path needs http:// or https:// before it",
            ));
            return None;
        }
        Some((host, path)) => (host, path.to_owned()),
        None => (rest, prefix),
    };
    if host.contains('@') {
        at.report(ProblemKind::Rule(
            "Consul's address can't hold a user name and a password; use basic_auth",
        ));
        return None;
    }
    let base = with_path(is_secure, host, &path);
    if base.contains(['?', '#']) {
        at.report(ProblemKind::Rule("Consul's address can't hold a query or a fragment"));
        return None;
    }
    match Url::parse(&base).and_then(|url| url.for_http()) {
        Ok(()) => Some((base, None)),
        Err(error) => {
            at.report(error);
            None
        }
    }
}

fn with_path(is_secure: bool, host: &str, path: &str) -> String {
    let scheme = if is_secure { "https" } else { "http" };
    match path.trim_matches('/') {
        "" => format!("{scheme}://{host}"),
        path => format!("{scheme}://{host}/{path}"),
    }
}

/// Nothing if none is written.
fn read_scheme(fields: &mut Fields<'_>) -> Option<Option<&'static str>> {
    let Some(at) = fields.take("scheme") else {
        return Some(None);
    };
    match at.text()?.as_str() {
        "" => Some(None),
        "http" => Some(Some("http")),
        "https" => Some(Some("https")),
        found => {
            at.report(ProblemKind::NotOneOf {
                found: found.to_owned(),
                allowed: "http, https",
            });
            None
        }
    }
}
