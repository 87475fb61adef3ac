//! From a method and a path to who answers.
//!
//! What comes from outside goes through [`serve`], and is answered only if it may be asked.

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_lite::FutureExt;
use http::header::{CONNECTION, CONTENT_SECURITY_POLICY, HeaderValue, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};

use super::paths;
use super::prefix::{Asked, RoutePrefix};
use super::respond::{self, Body};
use super::web_config::WebConfig;
use super::{Front, access, body};
use super::{allocator, events, members, metrics, page, providers, runtime_info, sd, status, targets};
use crate::app::App;

/// A mark of a request: a certificate has vouched for who asks when the connection was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vouched;

/// Answers a request from outside, or refuses it.
pub(super) async fn serve<B>(app: &Arc<App>, front: &Front, request: Request<B>) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (parts, sent) = request.into_parts();
    let web = front.web.current().await;
    let refusal = refusal(app, front, &web, &parts).await;
    let read = match refusal {
        Some(refusal) => Err(refusal),
        None if parts.method == Method::POST && front.inside(parts.uri.path()).is_some_and(paths::takes_body) => {
            body::read(sent).await
        }
        None => Ok(Bytes::new()),
    };
    let (read, refusal) = match read {
        Ok(read) => (read, None),
        Err(refusal) => (Bytes::new(), Some(refusal)),
    };
    let request = Request::from_parts(parts, read);
    let mut response = match refusal {
        Some(refusal) => {
            let (path, status) = (request.uri().path(), refusal.status().as_u16());
            tracing::debug!(method = %request.method(), path, status, "refused");
            refusal
        }
        None => inside(app, &front.prefix, &request).await,
    };
    let headers = response.headers_mut();
    front.access.complete(request.method(), request.headers(), headers);
    for (name, value) in &web.headers {
        match *name {
            // Browsers keep to all of them, and the page has its own.
            CONTENT_SECURITY_POLICY => drop(headers.append(name, value.clone())),
            _ => drop(headers.insert(name, value.clone())),
        }
    }
    response
}

/// Answers what is asked for below the prefix, and says where it is to who has missed it.
async fn inside(app: &Arc<App>, prefix: &RoutePrefix, request: &Request<Bytes>) -> Response<Body> {
    let (uri, method) = (request.uri(), request.method());
    let (path, query) = (uri.path(), uri.query());
    let moved = match *method {
        Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
        // What is sent has to be sent again, by the same method.
        _ => StatusCode::TEMPORARY_REDIRECT,
    };
    let path = match prefix.asked(path) {
        Asked::Inside(path) => path,
        Asked::Beginning => return prefix.redirect(StatusCode::FOUND, "/", None),
        Asked::Unfinished => return prefix.redirect(moved, "/", query),
        Asked::Outside => {
            return match prefix.asked(&paths::clean(path)) {
                Asked::Inside(path) => prefix.redirect(moved, path, query),
                _ => prefix.nowhere(path),
            };
        }
    };
    let view = app.scrape.view();
    if let Some(meant) = paths::meant(path, |job| view.jobs.contains_key(job)).filter(|_| *method != Method::OPTIONS) {
        return prefix.redirect(moved, &meant, query);
    }
    if path.len() == uri.path().len() {
        return answer(app, request).await;
    }
    let Some(uri) = RoutePrefix::inside(uri, path) else {
        return prefix.nowhere(path);
    };
    let mut request = request.clone();
    *request.uri_mut() = uri;
    answer(app, &request).await
}

/// The answer to a request that nobody else is to answer.
async fn refusal(app: &App, front: &Front, web: &WebConfig, request: &Parts) -> Option<Response<Body>> {
    if web
        .limiter
        .as_ref()
        .is_some_and(|limiter| !limiter.takes(Instant::now()))
    {
        let message = "there are more requests than `rate_limit` of --web.config.file takes";
        return Some(respond::error(StatusCode::TOO_MANY_REQUESTS, message));
    }
    // A browser asks without credentials whether it may ask with them.
    let answer = access::too_long(request).or_else(|| front.access.preflight(request));
    if answer.is_some() {
        return answer;
    }
    if !front.web.lets_in(web, &request.headers).await {
        let mut refused = respond::error(
            StatusCode::UNAUTHORIZED,
            "a user of --web.config.file and the password are needed",
        );
        refused.headers_mut().insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"headcount\", charset=\"UTF-8\""),
        );
        return Some(refused);
    }
    let plan = app.reloader.plan();
    let inside = front.inside(request.uri.path()).unwrap_or_default();
    front
        .access
        .refusal(request, inside, &plan.settings.web.allowed_hosts, web.authenticates())
}

/// Answers a request. A fault in whoever answers is an answer too, and in the log.
pub(super) async fn answer(app: &Arc<App>, request: &Request<Bytes>) -> Response<Body> {
    let answered = AssertUnwindSafe(route(app, request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| {
        tracing::error!(
            path = request.uri().path(),
            "answering a request panicked; please report this"
        );
        respond::error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "answering this failed; the log says more",
        )
    });
    tracing::debug!(method = %request.method(), path = request.uri().path(), status = response.status().as_u16());
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn route(app: &Arc<App>, request: &Request<Bytes>) -> Response<Body> {
    let (path, method) = (request.uri().path(), request.method());
    let methods = paths::methods(path);
    if *method == Method::OPTIONS && (methods.is_some() || paths::is_api(path)) {
        return respond::methods(paths::is_api(path), methods);
    }
    let Some(methods) = methods else {
        return RoutePrefix::default().nowhere(path);
    };
    if !methods.split(", ").any(|taken| taken == method.as_str()) {
        return respond::wrong_method(methods);
    }
    let query = request.uri().query().unwrap_or_default();
    match paths::of_provider(path) {
        Some((name, "confirm")) => return providers::confirm(app, name).await,
        Some((name, _)) => return providers::refresh(app, name, query).await,
        None => {}
    }
    if let Some(response) = paths::of_page(path).and_then(|name| page::file(name, request.headers())) {
        return response;
    }
    if let Some(job) = paths::of_collectors(path) {
        return allocator::targets(app, job, query, request.headers()).await;
    }
    match path {
        "/-/reload" => status::reload(app, request.headers()).await,
        "/sd" | "/sd/" => sd::index(app),
        "/jobs" => allocator::jobs(app),
        "/scrape_configs" => allocator::scrape_configs(app, request.extensions().get::<Vouched>().is_some()).await,
        "/api/v1/targets" => targets::targets(app, query).await,
        "/api/v1/targets/relabel_steps" => targets::relabel_steps(app, query),
        "/api/v1/relabel/rules" => targets::rules(app, query),
        "/api/v1/relabel/try" => targets::tried(app, query, request.body().clone()).await,
        "/api/v1/scrape_pools" => targets::scrape_pools(app, request.headers()),
        "/api/v1/alertmanagers" => targets::alertmanagers(app).await,
        "/api/v1/providers" => providers::providers(app).await,
        "/api/v1/members" => members::members(app).await,
        "/api/v1/guard" => providers::holds(app).await,
        "/api/v1/events" => events::events(app, query).await,
        "/api/v1/status/runtimeinfo" => runtime_info::runtime_info(app).await,
        "/api/v1/status/buildinfo" => runtime_info::build_info(),
        "/metrics" => metrics::all(app).await,
        "/config" => status::config(app),
        "/-/healthy" | "/livez" => respond::text(StatusCode::OK, "headcount is healthy."),
        "/-/ready" | "/readyz" => status::ready(app).await,
        _ => match path.strip_prefix("/sd/") {
            Some(job) => sd::job(app, job, query, request.headers()).await,
            None => RoutePrefix::default().nowhere(path),
        },
    }
}

/// Whether the path is one of those by which it is asked how the daemon is.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/-/healthy" | "/-/ready" | "/livez" | "/readyz")
}

/// The answer to who asks for something else when there is no place for it.
pub(super) fn crowded() -> Response<Body> {
    let message = "more clients are connected than may be, and all of them are being answered; more may be with \
                   --web.max-connections and --web.max-connections-per-address";
    let mut response = respond::not_yet(respond::error(StatusCode::SERVICE_UNAVAILABLE, message));
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
