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
//! then there is a list, and [`reply::INCOMPLETE`] says who lacks. What was saved before a restart is
//! served at once, and [`reply::RESTORED`] says what of it nobody has looked at since.

mod refused;
mod reply;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Instant, planted};
use http::header::{HeaderMap, HeaderName};
use http::{Response, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Serialize;

use super::respond::{self, Body};
use crate::ListKind;
use crate::app::App;
use crate::discovery::{Encoded, Job, ListHandle, View};
use crate::overwritten::Way;
use crate::targets::{Form, Names, Sent, Share, may_be_member};
use refused::{incomplete, unknown};
use reply::{reply, said};

/// The header by which Prometheus says how long it waits between two requests.
const REFRESH: HeaderName = HeaderName::from_static("x-prometheus-refresh-interval-seconds");

/// The path of a job's list, below the address that a service listens on.
///
/// ```
/// assert_eq!(headcount_service::list_path("web/eu"), "/sd/web%2Feu");
/// ```
pub fn path_of(job: &str) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let escaped = utf8_percent_encode(job, ESCAPED);
    planted!(format!("/sd/{escaped}"), SlashInAJobsPath, format!("/sd/{job}"))
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
    let member = match member(query) {
        Ok(member) => member,
        Err(problem) => return respond::bad_data(problem),
    };
    list(app, &name, Form::Of(kind), member.as_deref(), headers).await
}

/// A list of a job, for a member of those who share the targets or for whoever asks.
pub(super) async fn list(
    app: &App,
    name: &str,
    form: Form,
    member: Option<&str>,
    headers: &HeaderMap,
) -> Response<Body> {
    let view = app.scrape.view();
    if !view.is_started() {
        return respond::not_yet(respond::error(StatusCode::SERVICE_UNAVAILABLE, "headcount is starting"));
    }
    if !view.jobs.contains_key(name) {
        return unknown(&view, name);
    }
    if let Some(member) = member {
        let share = app.targets.share(&app.env, member, name, form, refresh(headers)).await;
        match share {
            Share::Whole => {}
            Share::List(list, sent) => {
                let response = share_of(app, name, form, &list, sent, headers);
                return response.unwrap_or_else(|| unknown(&app.scrape.view(), name));
            }
            Share::NotYet(_) if view.jobs.get(name).is_some_and(|job| !job.delivery.is_delivered()) => {
                return incomplete(app, &view, name).await;
            }
            Share::NotYet(why) => {
                let message = format!("{member:?} has no list of {name:?} yet: {why}; keep the one that you have");
                return respond::not_yet(respond::error(StatusCode::SERVICE_UNAVAILABLE, message));
            }
            Share::NoMember(why) => return respond::error(StatusCode::NOT_FOUND, why),
            Share::Nobody => return respond::bad_data(nobody(form)),
        }
    }
    let Some(handle) = whole_list(app, &view, name, form) else {
        let message = format!("the targets of {name:?} are being worked out; keep the list that you have");
        return respond::not_yet(respond::error(StatusCode::SERVICE_UNAVAILABLE, message));
    };
    if !handle.delivery.is_delivered() {
        return incomplete(app, &view, name).await;
    }
    let Some(list) = handle.json().await else {
        return incomplete(app, &app.scrape.view(), name).await;
    };
    note_read(app, name, form);
    let said = said(app, &view, name, handle.delivery);
    let (response, is_compressed) = reply(&list, headers, said, || ());
    if is_compressed {
        handle.want_gzip();
    }
    response
}

/// All of a job's targets. An allocator's are as they are discovered, several to an entry, which its readers take as well.
pub(super) fn whole_list(app: &App, view: &View, name: &str, form: Form) -> Option<ListHandle> {
    match form {
        Form::Of(ListKind::Discovered) | Form::Allocator => view.handle(name),
        Form::Of(ListKind::Relabelled) => app.targets.handle(name, Names::AsTheyAre),
        Form::Of(ListKind::RelabelledInUnderscores) => app.targets.handle(name, Names::Underscores),
    }
}

/// Why there are no lists of members.
pub(super) fn nobody(form: Form) -> &'static str {
    match form {
        Form::Of(_) => "targets are not shared out: headcount.yml has no `members`; ask without `member`",
        Form::Allocator => {
            "targets are not shared out: headcount.yml has no `members`, which says who the collectors are"
        }
    }
}

/// Whoever relabels the list himself finds something else in it than the job's rules do, if they look at what he overwrites.
fn note_read(app: &App, name: &str, form: Form) {
    if matches!(form, Form::Of(ListKind::Discovered) | Form::Allocator) {
        app.overwritten.was_read(name, Way::Http);
    }
}

/// A member's list. When it was sent, others may lose what is on it.
fn share_of(
    app: &App,
    name: &str,
    form: Form,
    list: &Arc<Encoded>,
    sent: Sent,
    headers: &HeaderMap,
) -> Option<Response<Body>> {
    let view = app.scrape.view();
    let delivery = view.jobs.get(name)?.delivery;
    note_read(app, name, form);
    let (targets, env, executor) = (app.targets.clone(), app.env.clone(), app.executor.clone());
    let then = move || {
        let was_sent = async move { targets.was_sent(&env, sent).await };
        executor.spawn(was_sent).detach();
    };
    let (response, _) = reply(list, headers, said(app, &view, name, delivery), then);
    Some(response)
}

/// The member that asks, if it says so; or what is wrong with its name.
fn member(query: &str) -> Result<Option<String>, &'static str> {
    let mut values = url::form_urlencoded::parse(query.as_bytes());
    let Some((_, name)) = values.find(|(name, _)| name == "member") else {
        return Ok(None);
    };
    if name.is_empty() {
        return Err("member is empty: say who asks, or leave it out for the whole list");
    }
    if !may_be_member(&name) {
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
        complete: state.is_complete(),
        served: state.delivery.is_delivered(),
        restored_age: oldest_restored(&view, job).map(|as_of| clock.age_seconds(as_of)),
    });
    respond::json(StatusCode::OK, &Index { jobs: jobs.collect() })
}

/// When the oldest of what nobody has looked at since a restart was last known to be so.
fn oldest_restored(view: &View, job: &str) -> Option<Instant> {
    view.restored(job).map(|(_, as_of)| as_of).min()
}

#[cfg(test)]
mod tests {
    use super::*;

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
