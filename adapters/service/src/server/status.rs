//! `/-/ready`, `/-/reload`, `/config`.

use std::sync::Arc;
use std::time::Duration;

use headcount_core::Delivery;
use http::header::{ACCEPT, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

use super::respond::{self, Body};
use crate::app::{App, VISIBLE_SOON};
use crate::discovery::View;
use crate::reload::ReloadError;
use crate::wall_clock::WallClock;

/// Ready when every provider has reported or failed once since the start, or was read whole before it (B09), and that
/// can be seen. A reload does not make it unready again.
pub(super) fn ready(app: &App) -> Response<Body> {
    let silent = app.unready();
    if silent.is_empty() {
        return respond::text(
            StatusCode::OK,
            format!(
                "headcount is ready.{}{}",
                incomplete(&app.scrape.view()),
                restored(&app.scrape.view(), app.wall_clock())
            ),
        );
    }
    let text = format!("headcount is not ready; waiting for:\n{}", silent.join("\n"));
    respond::not_yet(respond::text(StatusCode::SERVICE_UNAVAILABLE, text))
}

/// The jobs whose lists are served though they are not complete (B10), with who lacks.
fn incomplete(view: &View) -> String {
    let mut text = String::new();
    let served = view.jobs.iter().filter(|(_, job)| job.delivery == Delivery::Incomplete);
    for (name, _) in served {
        for lacking in view.lacking(name) {
            let (provider, description) = (lacking.name, lacking.description);
            text.push_str(&format!("\n{name} is served without {provider} ({description})"));
        }
    }
    text
}

/// The jobs of whose lists a part is as it was before a restart, with who was not read whole since. The first of them:
/// after a restart that is every job for a moment.
fn restored(view: &View, clock: WallClock) -> String {
    const MOST: usize = 20;
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

    #[test]
    fn b10_jobs_that_are_served_without_everything_are_named() {
        let mut sets = Sets::new(&["a", "b"]);
        sets.finds_a_part(0, vec![("s", vec![], vec![vec![("__address__", "h:1")]])]);
        sets.update(1, Vec::new());
        assert_eq!(incomplete(&sets.view()), "");
        sets.pass(Duration::from_secs(120));
        let text = incomplete(&sets.view());
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.starts_with("\na is served without a/0 ("), "{text}");
    }
}
