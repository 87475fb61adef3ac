//! `/-/ready`, `/-/reload`, `/config`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Delivery, ProviderId, Reports};
use http::header::{ACCEPT, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

use super::respond::{self, Body};
use crate::app::{App, VISIBLE_SOON};
use crate::discovery::{Lacking, View, Why};
use crate::reload::ReloadError;
use crate::wall_clock::WallClock;

/// Ready when every provider has reported or failed once since the start, or was read whole before it (B09), and that
/// can be seen. A reload does not make it unready again, nor does a job that is not served: whoever asks only those that
/// are ready would lose all jobs for one. Such a job is named, with what it waits for.
pub(super) async fn ready(app: &App) -> Response<Body> {
    let silent = app.unready();
    if silent.is_empty() {
        let view = app.scrape.view();
        let now = reported(app, &view).await;
        let text = format!(
            "headcount is ready.{}{}{}",
            lacking(&view, &now),
            replaced(&view),
            restored(&view, app.wall_clock())
        );
        return respond::text(StatusCode::OK, text);
    }
    let text = format!("headcount is not ready; waiting for:\n{}", silent.join("\n"));
    respond::not_yet(respond::text(StatusCode::SERVICE_UNAVAILABLE, text))
}

/// Lines about jobs of a kind. Of more it is said how many.
const MOST: usize = 20;

/// How those fare now that lack in a list: a snapshot has of that what came first.
async fn reported(app: &App, view: &View) -> BTreeMap<ProviderId, Arc<Reports>> {
    let lacking = of_each(view).filter_map(|(_, _, lacking)| match lacking.why {
        Why::NotRead(id, _) => Some(id),
        Why::NotRun(_) => None,
    });
    let ids: BTreeSet<ProviderId> = lacking.take(2 * MOST).collect();
    if ids.is_empty() {
        return BTreeMap::new();
    }
    let now = app.scrape.observe_some(ids.into_iter().collect()).await;
    let now = now.unwrap_or_default().into_iter();
    now.map(|provider| (provider.id, provider.health.reports)).collect()
}

/// Each provider that lacks in a list, with the list's job: first those that are not served at all.
fn of_each(view: &View) -> impl Iterator<Item = (&str, Delivery, Lacking<'_>)> {
    [Delivery::Withheld, Delivery::Incomplete]
        .into_iter()
        .flat_map(move |wanted| {
            let jobs = view.jobs.iter().filter(move |(_, job)| job.delivery == wanted);
            jobs.flat_map(move |(name, _)| view.lacking(name).map(move |lacking| (&**name, wanted, lacking)))
        })
}

/// The jobs whose lists are not served, or though they are not complete (B10), with who lacks and why.
fn lacking(view: &View, now: &BTreeMap<ProviderId, Arc<Reports>>) -> String {
    let mut all = of_each(view);
    let lines = all.by_ref().take(MOST).map(|(job, delivery, lacking)| {
        let Lacking { name, description, why } = lacking;
        let why = match why {
            Why::NotRead(id, reports) => Why::NotRead(id, now.get(&id).map_or(reports, Arc::as_ref)),
            not_run @ Why::NotRun(_) => not_run,
        };
        let how = match delivery {
            Delivery::Withheld => "is not served (503), and waits for",
            Delivery::Incomplete | Delivery::Whole => "is served without",
        };
        format!("\n{job} {how} {name} ({description}), which {why}")
    });
    let mut text: String = lines.collect();
    let more = all.count();
    if more > 0 {
        text.push_str(&format!(
            "\nand {more} more that are waited for; `headcount status` names them"
        ));
    }
    text
}

/// The jobs that show what sources had before a reload, because what takes their place was not read yet (B03).
fn replaced(view: &View) -> String {
    let parts = view
        .jobs
        .keys()
        .flat_map(|name| view.replaced(name).map(move |part| (name, part)));
    let lines = parts.take(MOST).map(|(name, provider)| {
        let (provider, description) = (provider.name(), provider.description());
        format!("\n{name} has what {provider} ({description}) had before a reload, until what takes its place was read")
    });
    lines.collect()
}

/// The jobs of whose lists a part is as it was before a restart, with who was not read whole since. The first of them:
/// after a restart that is every job for a moment.
fn restored(view: &View, clock: WallClock) -> String {
    let parts = view
        .jobs
        .keys()
        .flat_map(|name| view.restored(name).map(move |part| (name, part)));
    let lines = parts.take(MOST).map(|(name, (provider, as_of))| {
        let (provider, description) = (provider.name(), provider.description());
        let age = headcount_core::format_duration(Duration::from_secs(clock.age_seconds(as_of) as u64));
        format!("\n{name} has what {provider} ({description}) had before the restart, {age} ago")
    });
    lines.collect()
}

/// Reloads; 200 once that is done, with what changed; 500 with the problems when the configuration is wrong.
pub(super) async fn reload(app: &Arc<App>, headers: &HeaderMap) -> Response<Body> {
    let is_json = wants_json(headers);
    match app.reload(None).await {
        Ok(reloaded) => {
            app.visible(&reloaded, VISIBLE_SOON).await;
            let changes = &reloaded.changes;
            let restart = restart(&app.needs_restart());
            match is_json {
                true => respond::success(changes),
                false if changes.is_nothing() => {
                    respond::text(StatusCode::OK, format!("reloaded; nothing changed{restart}"))
                }
                false => respond::text(
                    StatusCode::OK,
                    format!("reloaded\n{}{restart}", changes.text().trim_end()),
                ),
            }
        }
        Err(ReloadError::Config(errors)) => {
            let message = format!("not reloaded, what was running goes on; the configuration is wrong:\n{errors}");
            match is_json {
                true => respond::error(StatusCode::INTERNAL_SERVER_ERROR, message),
                false => respond::text(StatusCode::INTERNAL_SERVER_ERROR, message),
            }
        }
        Err(ReloadError::Gone(_)) => respond::gone(),
    }
}

/// What a reload could not change.
fn restart(sections: &[&str]) -> String {
    let lines = sections.iter();
    lines
        .map(|section| format!("\n`{section}` of the settings counts after a restart only"))
        .collect()
}

/// Whether a client takes JSON, and does not prefer to read.
fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .any(|range| range.eq_ignore_ascii_case("application/json"))
}

/// The configuration that runs, without secrets.
pub(super) fn config(app: &App) -> Response<Body> {
    const YAML: HeaderValue = HeaderValue::from_static("application/yaml; charset=utf-8");
    respond::whole(StatusCode::OK, YAML, app.reloader.plan().shown())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::Sets;
    use headcount_core::Failure;

    #[test]
    fn b10_jobs_that_are_served_without_everything_are_named() {
        let mut sets = Sets::new(&["a", "b"]);
        sets.finds_a_part(0, vec![("s", vec![], vec![vec![("__address__", "h:1")]])]);
        sets.update(1, Vec::new());
        sets.pass(Duration::from_secs(120));
        let text = lacking(&sets.view(), &BTreeMap::new());
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.starts_with("\na is served without a/0 ("), "{text}");
        assert!(text.ends_with("), which could not get zone a (503)"), "{text}");
    }

    /// It said "headcount is ready." and no more, while the job answered 503 without end.
    #[test]
    fn b10_jobs_that_are_withheld_are_named_with_what_they_wait_for() {
        let mut sets = Sets::new(&["a", "b", "c"]);
        sets.update(1, Vec::new());
        sets.fails(0, Failure::new("no\nanswer"));
        let (view, id) = (sets.view(), ProviderId::from_number(0));
        let text = lacking(&view, &BTreeMap::new());
        let lines: Vec<_> = text.lines().skip(1).collect();
        assert_eq!(lines.len(), 2, "b is served: {text}");
        assert!(
            lines[0].starts_with("a is not served (503), and waits for a/0 ("),
            "{text}"
        );
        assert!(lines[0].ends_with("), which fails: no\\u000aanswer"), "{text}");
        assert!(lines[1].ends_with("), which has not answered yet"), "{text}");
        // What it is now counts, and not what it was when a snapshot was last made.
        sets.finds_a_part(0, Vec::new());
        let now = sets
            .view()
            .snapshot
            .provider(id)
            .map(|provider| Arc::new(provider.reports().clone()));
        let text = lacking(&view, &BTreeMap::from([(id, now.expect("it runs"))]));
        assert!(text.contains("which could not get zone a (503)\n"), "{text}");
    }

    /// A probe's answer must not grow with the configuration.
    #[test]
    fn only_so_many_are_named() {
        let names: Vec<String> = (0..MOST + 3).map(|number| format!("job-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let text = lacking(&Sets::new(&names).view(), &BTreeMap::new());
        assert_eq!(text.lines().count(), 1 + MOST + 1, "{text}");
        assert!(text.contains("\nand 3 more that are waited for"), "{text}");
    }
}
