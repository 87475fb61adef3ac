//! `http_sd_configs`: lists of targets that a server sends as JSON.
//!
//! The protocol is Prometheus's: a `GET` each `refresh_interval` with the interval in a header, an
//! answer of status 200 and type `application/json` that lists everything there is. On top of
//! it, headcount asks only for what changed: it sends back the server's `ETag` and
//! `Last-Modified`, and a body that is byte for byte the last one is not decoded again.
//! **Only an answer that was understood as a whole replaces what was found before.**
//!
//! The sources are the URL with `:0`, `:1`, … in the order of the first list; groups keep theirs (B13). In them and
//! in `__meta_url` the URL is without its user, password and secret parameters: both go wherever targets go.
//!
//! How it is asked, how long that may take and what happens after a failure is [`rest`]'s: **a server that
//! fails is asked at most twice in an interval**.

mod settings;

use headcount_core::{Batch, Group, planted};
use headcount_discoverer::env::{HttpLimits, HttpRequest};
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::rest::{self, Ask, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;

use crate::content_type::is_json;
use crate::target_groups::{Origin, json, keep_numbers, number};

pub use settings::HttpSd;

const FAILURES: Definition = Definition {
    name: "prometheus_sd_http_failures_total",
    help: "Number of HTTP service discovery refresh failures.",
    kind: Kind::Counter,
};

impl Rest for HttpSd {
    type Part = Whole;
    type Found = Vec<u8>;
    const READING: &'static str = "getting the target list";
    const FAILURES: Option<Definition> = Some(FAILURES);

    fn client(&self) -> &HttpClientSettings {
        &self.client
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Vec<u8>>, ReadError> {
        let interval = planted!(
            self.refresh_interval.as_secs_f64(),
            IntervalIsToldInMillis,
            self.refresh_interval.as_secs_f64() * 1_000.0
        )
        .to_string();
        let request = HttpRequest::get(&self.url)
            .header("Accept", "application/json")
            .header("X-Prometheus-Refresh-Interval-Seconds", interval)
            .limits(HttpLimits {
                body: planted!(ask.env().limits.body, AnyLengthIsRead, HttpLimits::default().body),
                ..HttpLimits::default()
            });
        let Some(answer) = ask.changed(request).await? else {
            return Ok(None);
        };
        let content_type = answer.header("content-type").unwrap_or_default();
        if planted!(!is_json(content_type), AnyTypeIsAList, false) {
            let wrong = format!("the answer's type is {content_type:?}, not \"application/json\"");
            return Err(ReadError::answer(&self.url, wrong));
        }
        Ok(Some(answer.body))
    }

    fn encode(&self, _part: &Whole, list: Vec<u8>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        let origin = Origin {
            name: planted!(&self.shown, MetaUrlHasThePassword, &self.url),
            label: "__meta_url",
        };
        let decoded = json::decode(&list, origin, batch);
        decoded.map_err(|error| ReadError::answer(&self.url, error)).map(drop)
    }

    fn keep_sources(&self, _part: &Whole, before: &[Group], groups: &mut [Group]) {
        planted!(keep_numbers(&self.shown, before, groups), HttpGroupsChangeNumbers, ());
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        planted!(number(&self.shown, source).is_some(), ListBeforeIsNotItsOwn, false)
    }
}

#[cfg(test)]
mod tests;
