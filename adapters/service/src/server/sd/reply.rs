//! A list as an answer: its tag, its compression, and what is to be said with it.

use std::sync::Arc;

use headcount_core::Delivery;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderMap, HeaderName, HeaderValue, VARY};
use http::{Response, StatusCode};

use super::super::conditional::{accepts_gzip, is_known};
use super::super::respond::{self, Body};
use crate::app::App;
use crate::discovery::{Encoded, View};
use crate::wall_clock::WallClock;

/// The header of an answer with a list that is not complete: the providers that were never read whole or can't be run.
pub(super) const INCOMPLETE: HeaderName = HeaderName::from_static("x-headcount-incomplete");

/// The header of an answer with a list of which a part is as it was before a restart: the providers that were not read
/// whole since, and how old what they have is.
pub(super) const RESTORED: HeaderName = HeaderName::from_static("x-headcount-restored");

/// The header of an answer with a list of which a part is as it was before a reload: the providers that are shown until
/// what takes their place was read.
pub(super) const REPLACED: HeaderName = HeaderName::from_static("x-headcount-replaced");

/// Lists shorter than this are not worth compressing.
const WORTH_COMPRESSING: u64 = 1024;

/// A list as it is sent: compressed or not, or nothing to who has it; and whether it was compressed. `then` is done when who
/// asks has all of it.
pub(super) fn reply(
    list: &Arc<Encoded>,
    headers: &HeaderMap,
    said: [Option<HeaderValue>; 3],
    then: impl FnOnce() + Send + Sync + 'static,
) -> (Response<Body>, bool) {
    let tags = [format!("\"{}\"", list.tag()), format!("\"{}-gzip\"", list.tag())];
    let is_compressed = list.len() >= WORTH_COMPRESSING && accepts_gzip(headers);
    let [plain, compressed] = &tags;
    let tag = if is_compressed { compressed } else { plain };
    if is_known(headers, &tags) {
        then();
        let response = respond::whole(StatusCode::NOT_MODIFIED, respond::JSON, "");
        return (described(response, tag, said), false);
    }
    let parts = if is_compressed { list.gzip_parts() } else { list.parts() };
    let mut response = described(respond::list_then(parts, then), tag, said);
    if is_compressed {
        let gzip = HeaderValue::from_static("gzip");
        response.headers_mut().insert(CONTENT_ENCODING, gzip);
    }
    (response, is_compressed)
}

/// What is to be said with a list: who lacks in it, and what of it is from before a restart or a reload.
pub(super) fn said(app: &App, view: &View, name: &str, delivery: Delivery) -> [Option<HeaderValue>; 3] {
    let lacking = (delivery == Delivery::Incomplete).then(|| lacking(view, name));
    [lacking, restored(view, name, app.wall_clock()), replaced(view, name)]
}

pub(super) fn described(mut response: Response<Body>, tag: &str, said: [Option<HeaderValue>; 3]) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in [INCOMPLETE, RESTORED, REPLACED].into_iter().zip(said) {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Providers in one header.
const MOST_NAMED: usize = 20;

/// The providers that were never read whole, and those that can't be run, as a header's value.
pub(super) fn lacking(view: &View, job: &str) -> HeaderValue {
    let names: Vec<_> = view.lacking(job).take(MOST_NAMED).map(|lacking| lacking.name).collect();
    // The list may be of a state in which somebody lacked.
    header(&names.join(", ")).unwrap_or(HeaderValue::from_static("?"))
}

/// The providers that were not read whole since a restart, each with the age of what it has.
fn restored(view: &View, job: &str, clock: WallClock) -> Option<HeaderValue> {
    let restored = view.restored(job).take(MOST_NAMED);
    let names: Vec<_> = restored
        .map(|(provider, as_of)| format!("{};age={:.0}", provider.name(), clock.age_seconds(as_of)))
        .collect();
    (!names.is_empty()).then(|| header(&names.join(", ")).unwrap_or(HeaderValue::from_static("?")))
}

/// The providers that are shown until what takes their place was read.
fn replaced(view: &View, job: &str) -> Option<HeaderValue> {
    let names: Vec<_> = view
        .replaced(job)
        .take(MOST_NAMED)
        .map(|provider| &**provider.name())
        .collect();
    (!names.is_empty()).then(|| header(&names.join(", ")).unwrap_or(HeaderValue::from_static("?")))
}

/// Mechanisms of one's own may have any name.
fn header(value: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(value).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::discovery::Sets;

    #[test]
    fn b10_a_list_that_is_not_complete_names_who_lacks() {
        let mut sets = Sets::new(&["a"]);
        sets.finds_a_part(0, vec![("s", vec![], vec![vec![("__address__", "h:1")]])]);
        assert_eq!(sets.view().jobs["a"].delivery, Delivery::Withheld);
        sets.pass(Duration::from_secs(120));
        let view = sets.view();
        assert_eq!(view.jobs["a"].delivery, Delivery::Incomplete);
        let response = described(
            respond::text(StatusCode::OK, "[]"),
            "\"tag\"",
            [Some(lacking(&view, "a")), None, None],
        );
        assert_eq!(response.headers()[&INCOMPLETE], "a/0");
        // Who lacked when the list was made may lack no more.
        sets.update(0, Vec::new());
        assert_eq!(lacking(&sets.view(), "a"), "?");
    }
}
