//! `http_sd_configs`: lists of targets that a server sends as JSON.
//!
//! The protocol is Prometheus's: a `GET` each `refresh_interval` with the interval in a header, an
//! answer of status 200 and type `application/json` that lists everything there is. On top of
//! it, headcount asks only for what changed: it sends back the server's `ETag` and
//! `Last-Modified`, and a body that is byte for byte the last one is not decoded again.
//! **Only an answer that was understood as a whole replaces what was found before.**
//!
//! The sources are the URL with `:0`, `:1`, … in the order of the list.
//!
//! A refresh may take as long as the interval, and no longer than [`LONGEST_REFRESH`]. Within
//! it, a connection that failed and an overloaded server are tried a second time, after a second
//! at most; then the refresh has failed, which is counted once and reported, and the next one
//! comes when the interval is over. So **a server that fails is asked at most twice in an interval**.

mod protocol;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Encoder, Update};
use headcount_discoverer::env::{HttpClient, HttpLimits, HttpRequest, HttpResponse};
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::refresh::{self, Refresh, RefreshError, Refreshed};
use headcount_discoverer::{BoxFuture, Discoverer, Env, Fingerprint, Updates};
use headcount_reader::without_credentials;

use crate::target_groups::{Origin, json};

pub use settings::HttpSd;

/// The largest body that is accepted, in bytes. A list of a million targets with a dozen labels
/// each is about this long; beyond it, a server is more likely to have run wild than to mean it.
pub const LARGEST_BODY: u64 = 256 << 20;

/// The longest that a refresh may take, however long the interval: a server that hangs must be
/// noticed within minutes, even where lists are fetched once a day.
pub const LONGEST_REFRESH: Duration = Duration::from_secs(10 * 60);

/// The longest wait before a request is sent a second time within a refresh.
const QUICK_RETRY: Duration = Duration::from_secs(1);

const FAILURES: Definition = Definition {
    name: "prometheus_sd_http_failures_total",
    help: "Number of HTTP service discovery refresh failures.",
    kind: Kind::Counter,
};

struct HttpDiscoverer {
    settings: Arc<HttpSd>,
}

impl Discoverer for HttpDiscoverer {
    fn run(self: Box<Self>, env: Env, updates: Updates) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // So that the series is there before the first failure, as in Prometheus.
            env.metrics.add(FAILURES, &[], 0.0);
            let interval = self.settings.refresh_interval;
            let list = List {
                settings: self.settings,
                client: None,
                encoder: Encoder::new(),
                last: None,
                retry_wait: None,
            };
            refresh::run(interval, list, env, updates).await;
        })
    }
}

/// The list at one URL.
struct List {
    settings: Arc<HttpSd>,
    client: Option<Arc<dyn HttpClient>>,
    encoder: Encoder,
    last: Option<LastAnswer>,
    retry_wait: Option<Duration>,
}

/// What is known of the answer that was understood last.
struct LastAnswer {
    fingerprint: Fingerprint,
    etag: Option<String>,
    last_modified: Option<String>,
}

impl Refresh for List {
    async fn refresh(&mut self, env: &Env) -> Result<Refreshed, RefreshError> {
        let result = match self.ask(env).await {
            Ok(answer) => self.understand(env, answer),
            Err(error) => Err(error),
        };
        if result.is_err() {
            env.metrics.add(FAILURES, &[], 1.0);
        }
        result
    }
}

impl List {
    /// Sends the request, again if that may help, and gives an answer of any status.
    async fn ask(&mut self, env: &Env) -> Result<HttpResponse, RefreshError> {
        let client = match &self.client {
            Some(client) => client.clone(),
            None => {
                let made = env.http.client(&self.settings.client);
                let client = made.map_err(|error| self.failure(&error))?;
                self.client.insert(client).clone()
            }
        };
        let limit = self.settings.refresh_interval.min(LONGEST_REFRESH);
        let started = env.clock.now();
        let mut result = client.send(self.request(limit)).await;
        let left = limit.saturating_sub(env.clock.now().saturating_duration_since(started));
        let wait = self.retry_wait(env);
        if wait < left && protocol::worth_a_quick_retry(&result) {
            env.clock.sleep(wait).await;
            result = client.send(self.request(left.saturating_sub(wait))).await;
        }
        result.map_err(|error| self.failure(&error))
    }

    /// The wait before a second try: drawn once, so that however refreshes follow each other no three requests fall
    /// into one interval.
    fn retry_wait(&mut self, env: &Env) -> Duration {
        let longest = QUICK_RETRY.min(self.settings.refresh_interval / 2);
        let draw = || env.random.between(longest / 2, longest);
        *self.retry_wait.get_or_insert_with(draw)
    }

    fn request(&self, timeout: Duration) -> HttpRequest {
        let interval = self.settings.refresh_interval.as_secs_f64().to_string();
        let mut headers = vec![
            ("Accept".to_owned(), "application/json".to_owned()),
            (
                "User-Agent".to_owned(),
                concat!("headcount/", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
            ("X-Prometheus-Refresh-Interval-Seconds".to_owned(), interval),
        ];
        if let Some(last) = &self.last {
            headers.extend(last.etag.iter().map(|etag| ("If-None-Match".to_owned(), etag.clone())));
            headers.extend(
                last.last_modified
                    .iter()
                    .map(|time| ("If-Modified-Since".to_owned(), time.clone())),
            );
        }
        HttpRequest {
            headers,
            limits: HttpLimits {
                body: LARGEST_BODY,
                ..HttpLimits::whole(timeout)
            },
            ..HttpRequest::get(self.settings.url.clone())
        }
    }

    fn understand(&mut self, env: &Env, answer: HttpResponse) -> Result<Refreshed, RefreshError> {
        if answer.status == 304 && self.last.is_some() {
            return Ok(Refreshed::Unchanged);
        }
        if answer.status != 200 {
            let status = answer.status;
            let error = self.failure(&format_args!("the server answered with status {status}, not 200"));
            let wait = answer
                .header("retry-after")
                .and_then(|value| protocol::retry_after(value, env.clock.unix_time()));
            return Err(wait.map_or(error.clone(), |wait| error.after(wait)));
        }
        let content_type = answer.header("content-type").unwrap_or_default();
        if !protocol::is_json(content_type) {
            let reason = format_args!("the answer's type is {content_type:?}, not \"application/json\"");
            return Err(self.failure(&reason));
        }
        let fingerprint = Fingerprint::of(&answer.body);
        let owned = |name| answer.header(name).map(str::to_owned);
        let this = LastAnswer {
            fingerprint,
            etag: owned("etag"),
            last_modified: owned("last-modified"),
        };
        if self.last.as_ref().is_some_and(|last| last.fingerprint == fingerprint) {
            self.last = Some(this);
            return Ok(Refreshed::Unchanged);
        }
        let mut batch = self.encoder.batch();
        let origin = Origin {
            name: &self.settings.url,
            label: "__meta_url",
        };
        if let Err(error) = json::decode(&answer.body, origin, &mut batch) {
            drop(batch);
            return Err(self.failure(&error));
        }
        let update = Update::full(batch.finish());
        self.last = Some(this);
        Ok(Refreshed::Update(update))
    }

    /// A failure, after which it is asked again when the interval is over: what is worth another try has had it.
    fn failure(&self, reason: &dyn std::fmt::Display) -> RefreshError {
        RefreshError::at_interval(format!(
            "getting the target list {}: {reason}",
            without_credentials(&self.settings.url)
        ))
    }
}

#[cfg(test)]
mod tests;
