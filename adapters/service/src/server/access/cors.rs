//! Pages of other origins that may read (CORS): none, unless `--web.cors.origin` names them.
//!
//! **They may read, and never change anything**: Prometheus's `POST` for other pages is not there.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;
use http::{Method, Response};

use super::CorsOrigin;
use crate::server::respond::{self, Body};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");
const HEADERS: HeaderValue = HeaderValue::from_static("Accept, Authorization, If-None-Match");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Date, ETag, X-Headcount-Incomplete, X-Headcount-Restored, X-Headcount-Replaced");

/// The answer to a browser that asks what a page may do.
pub(super) fn preflight(allowed: &CorsOrigin, request: &Parts) -> Option<Response<Body>> {
    if request.method != Method::OPTIONS || !request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let origin = allowed_origin(allowed, &request.headers)?;
    let mut answer = respond::methods(true, None);
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    Some(answer)
}

/// Lets a page read an answer, if it is one that may.
pub(super) fn allow(allowed: &CorsOrigin, asked: &HeaderMap, answer: &mut HeaderMap) {
    // Also where it may not: who keeps the answer must not give it to one that may.
    answer.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed_origin(allowed, asked) {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

fn allowed_origin(allowed: &CorsOrigin, asked: &HeaderMap) -> Option<HeaderValue> {
    let origin = asked.get(ORIGIN)?;
    let text = origin.to_str().ok()?;
    allowed.allows(text).then(|| origin.clone())
}
