//! What happened to targets and providers, of a running daemon.
//!
//! The one rule: **what is not known is said.** Where the past that is kept begins later than what was asked for, the
//! answer says so, and when it begins.

use std::borrow::Cow;
use std::fmt::Write;

use serde::Serialize;

use crate::lookup::{Api, Event, Events};
use crate::table::table;

/// Jobs that a line names.
const MOST_JOBS: usize = 2;

/// Which events are asked for; all of it has to hold.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Of this job.
    pub job: Option<String>,
    /// Of this provider.
    pub provider: Option<String>,
    /// Of targets at this host.
    pub host: Option<String>,
    /// From then on: a time, or how long ago.
    pub since: Option<String>,
    /// So many at most, the newest.
    pub limit: usize,
}

/// What happened.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Report {
    events: Events,
    #[serde(skip)]
    host: Option<String>,
}

/// Asks for events.
///
/// # Errors
/// When who is asked does not answer, or can't make sense of the question.
pub async fn events(api: &Api, options: &Options) -> anyhow::Result<Report> {
    let limit = options.limit.to_string();
    let all = [
        ("job", &options.job),
        ("provider", &options.provider),
        ("host", &options.host),
        ("since", &options.since),
    ];
    let given = all.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    let parameters: Vec<_> = given.chain([("limit", &*limit)]).collect();
    Ok(Report {
        events: api.events(&parameters).await?,
        host: options.host.clone(),
    })
}

impl Report {
    /// The answer for people. Writing into memory does not fail.
    #[must_use]
    pub fn text(&self) -> String {
        let Events {
            events,
            has_more,
            unlisted,
            kept_since_at,
            ..
        } = &self.events;
        let mut text = String::new();
        if events.is_empty() {
            text.push_str("nothing of the kind is known\n");
        } else {
            text.push_str(&lines(events));
        }
        if !unlisted.is_empty() {
            let host = self.host.as_deref().unwrap_or_default();
            writeln!(text, "\n{host:?} may be one of these, which are too many to be listed:").ok();
            text.push_str(&lines(unlisted));
        }
        let more = if *has_more { "there are more; see --limit\n" } else { "" };
        writeln!(text, "\n{more}nothing before {kept_since_at} is known").ok();
        text
    }
}

fn lines(events: &[Event]) -> String {
    let rows: Vec<_> = events.iter().map(row).collect();
    table(["TIME", "JOB", "PROVIDER", "WHAT"], &rows)
}

fn row(event: &Event) -> [Cow<'_, str>; 4] {
    let provider = event.provider.as_deref().unwrap_or("-");
    [
        Cow::Borrowed(&event.at),
        jobs(event),
        Cow::Borrowed(provider),
        Cow::Borrowed(&event.message),
    ]
}

fn jobs(event: &Event) -> Cow<'_, str> {
    match &*event.jobs {
        [] => Cow::Borrowed("-"),
        [one] => Cow::Borrowed(one),
        all => {
            let named: Vec<_> = all.iter().take(MOST_JOBS).map(String::as_str).collect();
            let more = all.len().saturating_sub(MOST_JOBS);
            let mut text = named.join(", ");
            if more > 0 {
                text.push_str(&format!(" and {more} more"));
            }
            Cow::Owned(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(events: serde_json::Value, unlisted: serde_json::Value, has_more: bool) -> Report {
        let events = json!({
            "events": events, "unlisted": unlisted, "hasMore": has_more,
            "keptSince": 1.0, "keptSinceAt": "1970-01-01T00:00:01Z",
        });
        Report {
            events: serde_json::from_value(events).expect("an answer"),
            host: Some("db7".to_owned()),
        }
    }

    fn event(jobs: &[&str], message: &str) -> serde_json::Value {
        json!({
            "time": 2.5, "at": "1970-01-01T00:00:02Z", "manager": "scrape", "jobs": jobs, "provider": "file/0",
            "message": message, "what": "failing", "error": message,
        })
    }

    #[test]
    fn events_are_lines() {
        let reload = json!({
            "time": 1.0, "at": "1970-01-01T00:00:01Z", "manager": "scrape", "jobs": [],
            "message": "the configuration was applied", "what": "reloaded", "kept": 1,
        });
        let events = json!([
            event(&["a", "b", "c"], "fails: line\nand\u{1b}[31m line"),
            event(&["a", "b"], "x"),
            reload
        ]);
        let expected = "\
TIME                  JOB              PROVIDER  WHAT
1970-01-01T00:00:02Z  a, b and 1 more  file/0    fails: line\\u000aand\\u001b[31m line
1970-01-01T00:00:02Z  a, b             file/0    x
1970-01-01T00:00:01Z  -                -         the configuration was applied

there are more; see --limit
nothing before 1970-01-01T00:00:01Z is known
";
        assert_eq!(report(events, json!([]), true).text(), expected);
        let unlisted = json!([event(&["a"], "2000 targets (a:1, b:1, c:1, …) appeared")]);
        let expected = "\
nothing of the kind is known

\"db7\" may be one of these, which are too many to be listed:
TIME                  JOB  PROVIDER  WHAT
1970-01-01T00:00:02Z  a    file/0    2000 targets (a:1, b:1, c:1, …) appeared

nothing before 1970-01-01T00:00:01Z is known
";
        assert_eq!(report(json!([]), unlisted, false).text(), expected);
    }

    #[test]
    fn programs_get_all_that_was_answered() {
        let report = report(json!([event(&["a"], "x")]), json!([]), false);
        let json = serde_json::to_value(&report).expect("JSON");
        assert_eq!(json["events"][0]["error"], "x");
        assert_eq!(json["keptSinceAt"], "1970-01-01T00:00:01Z");
    }
}
