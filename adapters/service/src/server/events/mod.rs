//! `/api/v1/events`: what happened (B12).
//!
//! | parameter | meaning |
//! |---|---|
//! | `job` | one job, also one that is gone |
//! | `provider` | one provider by its name, also one that is gone |
//! | `host` | targets at this host, with or without a port, as `headcount explain` understands it |
//! | `since` | from then on: `2026-01-31T23:59:59Z`, a Unix timestamp, or how long ago (`1h`) |
//! | `limit` | so many at most, the newest; 100 unless it is said, at most 1000 |
//!
//! `data` has `events`, the newest first; `hasMore`, if there are more; `unlisted`, when a host is asked for: events of
//! more targets than they list, of which it may be one; and `keptSince`, a Unix timestamp, with `keptSinceAt`, the same
//! for people: everything is kept from then on, and what was before is not known.
//!
//! An event has a `time`, `at`, the `manager`, the `jobs` (sets) and the `provider` to which it happened, `what`
//! happened, and a `message` for people. What else it has is said by [`Event`].
//!
//! The one rule: **nobody is held up.** What is looked through is a state of the history that nobody writes.

mod event;
mod query;

use std::sync::Arc;

use blocking::unblock;
use headcount_core::{HistoryEntry, HistoryQuery, Past};
use http::Response;
use serde::Serialize;

use super::respond::{self, Body};
use crate::app::App;
use crate::wall_clock::WallClock;
use event::Event;
use query::Query;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    events: Vec<Event>,
    has_more: bool,
    unlisted: Vec<Event>,
    kept_since: f64,
    kept_since_at: String,
}

/// The events that are asked for.
pub(super) async fn events(app: &Arc<App>, query: &str) -> Response<Body> {
    let clock = app.wall_clock();
    let query = match Query::parse(query, clock.unix()) {
        Ok(query) => query,
        Err(error) => return respond::bad_data(error.to_string()),
    };
    let pasts = app.managers().map(|managed| (managed.name(), managed.past()));
    // A look through all of it takes some milliseconds.
    unblock(move || respond::success(&answer(&pasts, &query, clock))).await
}

fn answer(pasts: &[(&'static str, Arc<Past>)], query: &Query, clock: WallClock) -> Answer {
    // Jobs are the sets of one manager.
    let asked = pasts
        .iter()
        .filter(|(name, _)| query.job.is_none() || *name == "scrape");
    let (mut events, mut unlisted) = (Vec::new(), Vec::new());
    let (mut has_more, mut kept_since) = (false, None);
    for (manager, past) in asked {
        let found = past.find(&HistoryQuery {
            set: query.job.as_deref(),
            provider: query.provider.as_deref(),
            host: query.host.as_ref(),
            since: query.since.map(|since| clock.instant(since)),
            limit: query.limit,
        });
        has_more |= found.has_more;
        events.extend(found.entries.into_iter().map(|entry| (*manager, entry)));
        unlisted.extend(found.unlisted.into_iter().map(|entry| (*manager, entry)));
        kept_since = kept_since.max(Some(past.complete_since()));
    }
    let kept_since = kept_since.unwrap_or_default();
    has_more |= events.len() > query.limit;
    Answer {
        events: newest(events, query.limit, clock),
        has_more,
        unlisted: newest(unlisted, query.limit, clock),
        kept_since: clock.unix_seconds(kept_since),
        kept_since_at: clock.utc_seconds(kept_since),
    }
}

/// Those of several managers in one order.
fn newest(mut entries: Vec<(&'static str, Arc<HistoryEntry>)>, limit: usize, clock: WallClock) -> Vec<Event> {
    // Stable: what happened at once stays as it was told.
    entries.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.at()));
    entries.truncate(limit);
    let event = |(manager, entry): &(&'static str, Arc<HistoryEntry>)| Event::of(manager, entry, clock);
    entries.iter().map(event).collect()
}

#[cfg(test)]
mod tests;
