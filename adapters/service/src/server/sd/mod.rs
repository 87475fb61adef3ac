//! `/sd/<job>`: a job's targets as Prometheus's `http_sd_configs` reads them; as they are
//! discovered, or, with `?relabelled=true`, as they are after the job's `relabel_configs`; with `&names=underscores` for a
//! Prometheus 2. These are lists of their own, each with its tag and its generation; `/sd` names the job.
//!
//! `?member=NAME` is for one of several who share the targets ([`Share`]): its own part of the list, and never an empty one while
//! that is worked out.
//!
//! The one rule: **a list that is not complete is not served.** While a provider of the job was never read
//! whole, or one of its configs can't be run, the answer is 503, and Prometheus keeps the list that it has;
//! with a partial list it would drop targets whenever headcount restarts. A provider that never answers is waited for
//! some minutes only (B10), and a config that can't be run is done without where the settings say `serve_incomplete`:
//! then there is a list, and [`INCOMPLETE`] says who lacks. What was saved before a restart is
//! served at once, and [`RESTORED`] says what of it nobody has looked at since.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Delivery, Instant, ProviderSnapshot};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderMap, HeaderName, HeaderValue, VARY};
use http::{Response, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Serialize;

use super::conditional::{accepts_gzip, is_known};
use super::respond::{self, Body};
use crate::ListKind;
use crate::app::App;
use crate::discovery::{Encoded, Job, View};
use crate::overwritten::Way;
use crate::targets::{Names, Sent, Share};
use crate::wall_clock::WallClock;

/// The header of an answer with a list that is not complete: the providers that were never read whole or can't be run.
const INCOMPLETE: HeaderName = HeaderName::from_static("x-headcount-incomplete");

/// The header of an answer with a list of which a part is as it was before a restart: the providers that were not read
/// whole since, and how old what they have is.
const RESTORED: HeaderName = HeaderName::from_static("x-headcount-restored");

/// The header by which Prometheus says how long it waits between two requests.
const REFRESH: HeaderName = HeaderName::from_static("x-prometheus-refresh-interval-seconds");

/// Lists shorter than this are not worth compressing.
const WORTH_COMPRESSING: u64 = 1024;

/// The path of a job's list, below the address that a service listens on.
///
/// ```
/// assert_eq!(headcount_service::list_path("web/eu"), "/sd/web%2Feu");
/// ```
pub fn path_of(job: &str) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    format!("/sd/{}", utf8_percent_encode(job, ESCAPED))
}

/// The job's name in a path; `None` where it is not UTF-8.
pub(super) fn name(escaped: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(escaped).decode_utf8().ok()
}

/// The list of the job whose name is `escaped`.
pub(super) async fn job(app: &App, escaped: &str, query: &str, headers: &HeaderMap) -> Response<Body> {
    let Some(name) = name(escaped) else {
        return respond::error(StatusCode::BAD_REQUEST, "the job's name is not UTF-8");
    };
    let kind = match ListKind::asked_for(query) {
        Ok(kind) => kind,
        Err(problem) => return respond::bad_data(problem),
    };
    let view = app.scrape.view();
    if !view.is_started() {
        return respond::not_yet(respond::error(StatusCode::SERVICE_UNAVAILABLE, "headcount is starting"));
    }
    if !view.jobs.contains_key(&*name) {
        return unknown(&view, &name);
    }
    let member = match member(query) {
        Ok(member) => member,
        Err(problem) => return respond::bad_data(problem),
    };
    if let Some(member) = member {
        let share = app
            .targets
            .share(&app.env, &member, &name, kind, refresh(headers))
            .await;
        match share {
            Share::Whole => {}
            Share::List(list, sent) => {
                let response = share_of(app, &name, kind, &list, sent, headers);
                return response.unwrap_or_else(|| unknown(&app.scrape.view(), &name));
            }
            Share::NotYet(_) if view.jobs.get(&*name).is_some_and(|job| !job.delivery.is_delivered()) => {
                return incomplete(app, &view, &name).await;
            }
            Share::NotYet(why) => {
                let message = format!("{member:?} has no list of {name:?} yet: {why}; keep the one that you have");
                return respond::not_yet(respond::error(StatusCode::SERVICE_UNAVAILABLE, message));
            }
            Share::NoMember(why) => return respond::error(StatusCode::NOT_FOUND, why),
            Share::Nobody => {
                let message = "targets are not shared out: headcount.yml has no `members`; ask without `member`";
                return respond::bad_data(message);
            }
        }
    }
    let handle = match kind {
        ListKind::Discovered => view.handle(&name),
        ListKind::Relabelled => app.targets.handle(&name, Names::AsTheyAre),
        ListKind::RelabelledInUnderscores => app.targets.handle(&name, Names::Underscores),
    };
    let Some(handle) = handle else {
        let message = format!("the targets of {name:?} are being worked out; keep the list that you have");
        return respond::not_yet(respond::error(StatusCode::SERVICE_UNAVAILABLE, message));
    };
    if !handle.delivery.is_delivered() {
        return incomplete(app, &view, &name).await;
    }
    let Some(list) = handle.json().await else {
        return incomplete(app, &app.scrape.view(), &name).await;
    };
    if kind == ListKind::Discovered {
        app.overwritten.was_read(&name, Way::Http);
    }
    let said = said(app, &view, &name, handle.delivery);
    let (response, is_compressed) = reply(&list, headers, said, || ());
    if is_compressed {
        handle.want_gzip();
    }
    response
}

/// A member's list. When it was sent, others may lose what is on it.
fn share_of(
    app: &App,
    name: &str,
    kind: ListKind,
    list: &Arc<Encoded>,
    sent: Sent,
    headers: &HeaderMap,
) -> Option<Response<Body>> {
    let view = app.scrape.view();
    let delivery = view.jobs.get(name)?.delivery;
    if kind == ListKind::Discovered {
        app.overwritten.was_read(name, Way::Http);
    }
    let (targets, env, executor) = (app.targets.clone(), app.env.clone(), app.executor.clone());
    let then = move || {
        let was_sent = async move { targets.was_sent(&env, sent).await };
        executor.spawn(was_sent).detach();
    };
    let (response, _) = reply(list, headers, said(app, &view, name, delivery), then);
    Some(response)
}

/// A list as it is sent: compressed or not, or nothing to who has it; and whether it was compressed. `then` is done when who
/// asks has all of it.
fn reply(
    list: &Arc<Encoded>,
    headers: &HeaderMap,
    said: [Option<HeaderValue>; 2],
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

/// What is to be said with a list: who lacks in it, and what of it is from before a restart.
fn said(app: &App, view: &View, name: &str, delivery: Delivery) -> [Option<HeaderValue>; 2] {
    let lacking = (delivery == Delivery::Incomplete).then(|| lacking(view, name));
    [lacking, restored(view, name, app.wall_clock())]
}

/// Names of members have at most so many bytes.
const MOST_NAME: usize = 256;

/// The member that asks, if it says so; or what is wrong with its name.
fn member(query: &str) -> Result<Option<String>, &'static str> {
    let mut values = url::form_urlencoded::parse(query.as_bytes());
    let Some((_, name)) = values.find(|(name, _)| name == "member") else {
        return Ok(None);
    };
    if name.is_empty() {
        return Err("member is empty: say who asks, or leave it out for the whole list");
    }
    if name.len() > MOST_NAME || name.contains(char::is_control) {
        return Err("member is a name of at most 256 bytes, without control characters");
    }
    Ok(Some(name.into_owned()))
}

/// When who asks will ask again, as Prometheus says it.
fn refresh(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(REFRESH)?.to_str().ok()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|refresh| !refresh.is_zero())
}

impl ListKind {
    /// The list that a query asks for, or what is unclear.
    fn asked_for(query: &str) -> Result<Self, &'static str> {
        let value = |name: &str| {
            let mut values = url::form_urlencoded::parse(query.as_bytes());
            values.find(|(other, _)| other == name).map(|(_, value)| value)
        };
        let is_relabelled = match value("relabelled").as_deref() {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => return Err("relabelled is true or false"),
        };
        let in_underscores = match value("names").as_deref() {
            None | Some("allow-utf-8") => false,
            Some("underscores") => true,
            Some(_) => return Err("names is underscores or allow-utf-8"),
        };
        match (is_relabelled, in_underscores) {
            (false, false) => Ok(Self::Discovered),
            (true, false) => Ok(Self::Relabelled),
            (true, true) => Ok(Self::RelabelledInUnderscores),
            (false, true) => {
                Err("names=underscores is for lists with relabelled=true: rules look at names as they are")
            }
        }
    }
}

/// All jobs.
pub(super) fn index(app: &App) -> Response<Body> {
    #[derive(Serialize)]
    struct Index<'a> {
        jobs: Vec<Entry<'a>>,
    }
    #[derive(Serialize)]
    struct Entry<'a> {
        job: &'a str,
        path: String,
        groups: usize,
        targets: usize,
        complete: bool,
        /// Whether the list is served, complete or not.
        served: bool,
        /// How many seconds ago the oldest part of it was last known to be so, if nobody has looked since a restart.
        #[serde(skip_serializing_if = "Option::is_none")]
        restored_age: Option<f64>,
    }
    let (view, clock) = (app.scrape.view(), app.wall_clock());
    let jobs = view.jobs.iter().map(|(job, state): (&Arc<str>, &Job)| Entry {
        job,
        path: path_of(job),
        groups: state.groups,
        targets: state.targets,
        complete: state.delivery == Delivery::Whole,
        served: state.delivery.is_delivered(),
        restored_age: oldest_restored(&view, job).map(|as_of| clock.age_seconds(as_of)),
    });
    respond::json(StatusCode::OK, &Index { jobs: jobs.collect() })
}

/// When the oldest of what nobody has looked at since a restart was last known to be so.
fn oldest_restored(view: &View, job: &str) -> Option<Instant> {
    view.restored(job).map(|(_, as_of)| as_of).min()
}

fn described(mut response: Response<Body>, tag: &str, said: [Option<HeaderValue>; 2]) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in [INCOMPLETE, RESTORED].into_iter().zip(said) {
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
fn lacking(view: &View, job: &str) -> HeaderValue {
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

/// Mechanisms of one's own may have any name.
fn header(value: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(value).ok().filter(|value| !value.is_empty())
}

fn unknown(view: &View, name: &str) -> Response<Body> {
    const MOST: usize = 20;
    #[derive(Serialize)]
    struct Unknown<'a> {
        status: &'static str,
        error: String,
        jobs: Vec<&'a str>,
    }
    let error = format!("there is no job {name:?}; /sd lists all {}", view.jobs.len());
    let jobs = view.jobs.keys().take(MOST).map(|job| &**job).collect();
    respond::json(
        StatusCode::NOT_FOUND,
        &Unknown {
            status: "error",
            error,
            jobs,
        },
    )
}

async fn incomplete(app: &App, view: &View, name: &str) -> Response<Body> {
    #[derive(Serialize)]
    struct Incomplete<'a> {
        status: &'static str,
        error: String,
        waiting_for: Vec<Waiting<'a>>,
    }
    #[derive(Serialize)]
    struct Waiting<'a> {
        provider: &'a str,
        description: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        last_error: Option<&'a str>,
        /// What its last read could not get.
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<String>,
    }
    // How they fare now: a snapshot has of that what came first.
    let unread = view.unread(name).map(ProviderSnapshot::id).collect();
    let Ok(unread) = app.scrape.observe_some(unread).await else {
        return respond::gone();
    };
    let providers = unread.iter().map(|provider| Waiting {
        provider: &provider.name,
        description: &provider.description,
        last_error: provider.health.reports.failure().map(|failed| &*failed.message),
        missing: provider.health.reports.missing().map(ToString::to_string),
    });
    let set = view.snapshot.set(name);
    let failed = set.iter().flat_map(|set| set.failed_configs());
    let failed = failed.map(|failed| Waiting {
        provider: &failed.name,
        description: &failed.description,
        last_error: Some(&failed.reason),
        missing: None,
    });
    let error = format!("the list of {name:?} is not complete yet; keep the one that you have");
    let body = Incomplete {
        status: "error",
        error,
        waiting_for: providers.chain(failed).collect(),
    };
    respond::not_yet(respond::json(StatusCode::SERVICE_UNAVAILABLE, &body))
}

#[cfg(test)]
mod tests {
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
            [Some(lacking(&view, "a")), None],
        );
        assert_eq!(response.headers()[&INCOMPLETE], "a/0");
        // Who lacked when the list was made may lack no more.
        sets.update(0, Vec::new());
        assert_eq!(lacking(&sets.view(), "a"), "?");
    }

    #[test]
    fn a_query_says_which_list_is_meant() {
        for (query, expected) in [
            ("", Ok(ListKind::Discovered)),
            ("relabelled=false&names=allow-utf-8", Ok(ListKind::Discovered)),
            ("relabelled=1&other=x", Ok(ListKind::Relabelled)),
            (
                "names=underscores&relabelled=true",
                Ok(ListKind::RelabelledInUnderscores),
            ),
            ("relabelled=yes", Err("relabelled is")),
            ("relabelled=true&names=dots", Err("names is underscores")),
            ("names=underscores", Err("for lists with relabelled=true")),
        ] {
            let found = ListKind::asked_for(query);
            match expected {
                Ok(kind) => assert_eq!(found, Ok(kind), "{query}"),
                Err(text) => assert!(found.is_err_and(|said| said.contains(text)), "{query}"),
            }
        }
    }

    #[test]
    fn any_job_name_has_a_path() {
        assert_eq!(path_of("node-1.a"), "/sd/node-1.a");
        assert_eq!(path_of("a/b c?"), "/sd/a%2Fb%20c%3F");
    }
}
