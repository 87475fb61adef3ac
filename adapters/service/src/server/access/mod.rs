//! Who may ask what, before anybody answers.
//!
//! * `host`: by which names a client may ask. `origin`: whose page may change something. `cors`: whose page may read.
//! * `options`: what the program was told.
//!
//! The one rule: **a refusal names the setting that lifts it**, and what is refused has changed nothing.

mod cors;
mod host;
mod options;
mod origin;

use std::net::SocketAddr;

use headcount_core::planted;
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};

use super::paths;
use super::respond::{self, Body};
use host::Hosts;

pub(crate) use host::machine_name;
pub(crate) use options::WebOptions;
pub use options::{BadCorsOrigin, BadExternalUrl, CorsOrigin, ExternalUrl};

/// A request's line and headers, in bytes.
pub(super) const MOST_HEADER_BYTES: usize = 64 * 1024;

/// Paths of lists, metrics and probes: scrapers know a server by whatever name their configuration gives it, and so do
/// OpenTelemetry's collectors, whose paths are among these beside [`paths::is_allocators`].
const FOR_SCRAPERS: [&str; 6] = ["/sd", "/metrics", "/-/healthy", "/-/ready", "/livez", "/readyz"];

/// What is asked there is too long for a query, and changes nothing.
const ASKS_BY_POST: [&str; 1] = ["/api/v1/relabel/try"];

/// What a request may do here.
pub(crate) struct Access {
    hosts: Hosts,
    /// Whether only this machine can ask.
    is_loopback: bool,
    options: WebOptions,
}

impl Access {
    /// For a server that listens at `address`, as which it was asked to listen `at`.
    pub(crate) fn new(at: &str, address: SocketAddr, options: WebOptions) -> Self {
        let external = options.external_url.as_ref().map(ExternalUrl::host);
        Self {
            hosts: Hosts::new(at, external),
            is_loopback: address.ip().to_canonical().is_loopback(),
            options,
        }
    }

    /// The answer to a browser that asks whether a page may read, if it may.
    pub(super) fn preflight(&self, request: &Parts) -> Option<Response<Body>> {
        self.cors().and_then(|cors| cors::preflight(cors, request))
    }

    /// The answer to a request that may not be made.
    ///
    /// `path` is that below the prefix; `allowed_hosts` is what the settings say now; `is_authenticated`, whether whoever comes so far had to say who it is.
    pub(super) fn refusal(
        &self,
        request: &Parts,
        path: &str,
        allowed_hosts: &[String],
        is_authenticated: bool,
    ) -> Option<Response<Body>> {
        let changes_nothing = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let is_anybodys = !self.is_loopback
            && self.options.external_url.is_none()
            && allowed_hosts.is_empty()
            && changes_nothing
            && is_for_scrapers(path);
        if !is_anybodys && let Some(name) = self.hosts.unknown(request, allowed_hosts) {
            return Some(refused(format!(
                "refused: {name:?} is not a name by which this server is known; if it is one, add it to `allowed_hosts` \
                 in the section `web` of headcount.yml, or start headcount with --web.external-url=http://{name}/"
            )));
        }
        if changes_nothing {
            return None;
        }
        let external = self.options.external_url.as_ref().map(ExternalUrl::origin);
        if let Some(page) = planted!(
            origin::foreign(&request.uri, &request.headers, external),
            ForeignPageMayChange,
            None::<String>
        ) {
            return Some(refused(format!(
                "refused: this request was sent by a page of {page}, and what changes something is taken from \
                 headcount's own page or from a program only; if that is headcount's page behind a proxy, let the proxy \
                 pass on the Host header, or start headcount with --web.external-url"
            )));
        }
        if ASKS_BY_POST.contains(&path) {
            return None;
        }
        let is_on =
            self.options
                .lifecycle
                .unwrap_or(planted!(self.is_loopback || is_authenticated, ChangesAreOnForAll, true));
        let why = match self.options.lifecycle {
            _ if is_on => return None,
            Some(_) => "--web.enable-lifecycle=false says so",
            None => {
                "headcount listens to more than this machine, and does not ask who is there; --web.enable-lifecycle turns \
                 it on, and so do users or client certificates in --web.config.file"
            }
        };
        Some(refused(format!(
            "refused: what changes something is off, because {why}"
        )))
    }

    /// Adds to an answer what lets pages of others read it, where that is allowed.
    pub(super) fn complete(&self, method: &Method, asked: &HeaderMap, answer: &mut HeaderMap) {
        if let Some(allowed) = self.cors()
            && matches!(*method, Method::GET | Method::HEAD)
        {
            cors::allow(allowed, asked, answer);
        }
    }

    fn cors(&self) -> Option<&CorsOrigin> {
        self.options.cors_origin.as_ref()
    }
}

/// The refusal of a request whose line and headers are longer than what is taken. What reads them takes some more.
pub(super) fn too_long(request: &Parts) -> Option<Response<Body>> {
    // `GET / HTTP/1.1`, and `: ` and the line's end of each header.
    let line = request.method.as_str().len() + request.uri.to_string().len() + " HTTP/1.1\r\n".len() + 1;
    let headers = request.headers.iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    let bytes = headers.fold(line.saturating_add("\r\n".len()), usize::saturating_add);
    planted!(bytes > MOST_HEADER_BYTES, LongHeadersAreTaken, false).then(|| {
        let message = format!("the request's line and headers have {bytes} bytes; {MOST_HEADER_BYTES} are taken");
        respond::error(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message)
    })
}

fn is_for_scrapers(path: &str) -> bool {
    FOR_SCRAPERS.contains(&path) || path.starts_with("/sd/") || paths::is_allocators(path)
}

fn refused(message: String) -> Response<Body> {
    respond::error(StatusCode::FORBIDDEN, message)
}

#[cfg(test)]
mod tests;
