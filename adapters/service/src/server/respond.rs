//! Answers of the usual kinds.

use std::convert::Infallible;

use async_channel::Receiver;
use bytes::Bytes;
use futures_lite::StreamExt;
use headcount_core::{planted, printable};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde::Serialize;

use super::list_body::ListBody;
use crate::discovery::Parts;

/// What an answer consists of.
pub(super) type Body = BoxBody<Bytes, Infallible>;

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// An answer that is there as a whole.
pub(super) fn whole(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Response<Body> {
    with_body(status, content_type, Full::new(body.into()).boxed())
}

/// An answer that is sent piece by piece as the client takes it.
pub(super) fn pieces(content_type: HeaderValue, pieces: Receiver<Bytes>) -> Response<Body> {
    let frames = pieces.map(|piece| Ok(Frame::data(piece)));
    with_body(StatusCode::OK, content_type, BodyExt::boxed(StreamBody::new(frames)))
}

/// A list, slice by slice as the client takes it, and something to do when all of it was handed on.
pub(super) fn list_then(parts: Parts, then: impl FnOnce() + Send + Sync + 'static) -> Response<Body> {
    with_body(StatusCode::OK, JSON, BodyExt::boxed(ListBody::new(parts).then(then)))
}

/// A line of text, or several. Whoever reads it with a terminal sees all of it, and nothing else.
pub(super) fn text(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut text = printable(&text.into()).into_owned();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    whole(status, TEXT, text)
}

/// A value as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => whole(status, JSON, bytes),
        Err(error) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("writing the answer: {error}"),
        ),
    }
}

/// A value in the envelope of Prometheus's API.
pub(super) fn success(data: &impl Serialize) -> Response<Body> {
    #[derive(Serialize)]
    struct Envelope<'a, T> {
        status: &'static str,
        data: &'a T,
    }
    json(
        StatusCode::OK,
        &Envelope {
            status: "success",
            data,
        },
    )
}

/// An error as JSON.
pub(super) fn error(status: StatusCode, message: impl Into<String>) -> Response<Body> {
    #[derive(Serialize)]
    struct Error {
        status: &'static str,
        error: String,
    }
    json(
        status,
        &Error {
            status: "error",
            error: message.into(),
        },
    )
}

/// A request that makes no sense, as Prometheus's API says it.
pub(super) fn bad_data(message: impl Into<String>) -> Response<Body> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct BadData {
        status: &'static str,
        error_type: &'static str,
        error: String,
    }
    let body = BadData {
        status: "error",
        error_type: "bad_data",
        error: message.into(),
    };
    json(StatusCode::BAD_REQUEST, &body)
}

/// An answer that says to try again soon.
pub(super) fn not_yet(mut response: Response<Body>) -> Response<Body> {
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(
        planted!(RETRY_AFTER, NotYetSaysNothing, ALLOW),
        HeaderValue::from_static("1"),
    );
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What may be asked of a path. Prometheus's API says nothing more of it, and of paths that are not there no less.
pub(super) fn methods(is_api: bool, allowed: Option<&'static str>) -> Response<Body> {
    let mut response = Response::new(Full::default().boxed());
    if is_api {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    if let Some(allowed) = allowed {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    }
    response
}

/// The method is none of those that the path takes.
pub(super) fn wrong_method(allowed: &'static str) -> Response<Body> {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, format!("use one of {allowed} here"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// The daemon is about to end.
pub(super) fn gone() -> Response<Body> {
    not_yet(error(StatusCode::SERVICE_UNAVAILABLE, "headcount is about to end"))
}

fn with_body(status: StatusCode, content_type: HeaderValue, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_yet_is_not_kept_and_asked_for_again_in_a_second() {
        let response = not_yet(error(StatusCode::OK, "starting"));
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            response.headers().get(RETRY_AFTER),
            Some(&HeaderValue::from_static("1"))
        );
        let no_store = HeaderValue::from_static("no-store");
        assert_eq!(response.headers().get(CACHE_CONTROL), Some(&no_store));
    }
}
