//! The loop for backends that are asked by HTTP, in parts and pages, written once.
//!
//! A mechanism that lists machines of a cloud implements [`Rest`]: which parts there are to be read (a zone, a
//! region, a compartment; most have one), what is asked for one, and what groups that makes. [`run`] does the
//! rest, on top of [`refresh`], which decides when:
//!
//! * **Requests** are sent by [`Ask`]: page by page, with what is left of the refresh's time, conditionally where
//!   the server says how, and a second time after a hiccup. Each request is sent twice at most, and once a second
//!   try was in vain there are no further ones, so that a backend in trouble is asked little.
//! * **Parts** are read side by side ([`Rest::AT_ONCE`]). The one rule: **each part shows what was last read of it as a
//!   whole.** One that fails keeps its groups and is named as missing; a page that fails fails its part. Only when
//!   no part could be read has the refresh failed.
//! * **A part that has no targets any more** has failed the first time, and counts the second: a backend that has lost
//!   what it knew looks the same (B11).
//! * **`Retry-After`**: a part whose server wishes to be left alone is, for as long as it wishes (and at most
//!   [`refresh::LONGEST_RETRY_AFTER`]); meanwhile it is missing.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use headcount_core::Batch;
//! use headcount_discoverer::env::HttpRequest;
//! use headcount_discoverer::rest::{self, Ask, Page, ReadError, Rest};
//! use headcount_discoverer::{Env, Updates};
//! use headcount_reader::HttpClientSettings;
//!
//! /// A cloud with a list of addresses in each of its zones, one a line, and the next page in a header.
//! struct Cloud(HttpClientSettings);
//!
//! impl Rest for Cloud {
//!     type Part = &'static str;
//!     type Found = Vec<String>;
//!     const READING: &'static str = "listing the servers of";
//!
//!     fn client(&self) -> &HttpClientSettings {
//!         &self.0
//!     }
//!
//!     async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<&'static str>, ReadError> {
//!         Ok(vec!["eu-1a", "eu-1b"])
//!     }
//!
//!     async fn read(&self, zone: &&'static str, ask: &Ask<'_>) -> Result<Option<Vec<String>>, ReadError> {
//!         let first = HttpRequest::get(format!("https://cloud.example/{zone}"));
//!         let found = ask.pages(first, |answer| {
//!             let text = std::str::from_utf8(&answer.body)?;
//!             Ok::<_, std::str::Utf8Error>(Page {
//!                 items: text.lines().map(str::to_owned).collect(),
//!                 next: answer.header("next").map(HttpRequest::get),
//!             })
//!         });
//!         found.await.map(Some)
//!     }
//!
//!     fn encode(&self, zone: &&'static str, found: Vec<String>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
//!         let targets = found.iter().map(|address| [("__address__", address.as_str())]);
//!         Ok(batch.group(zone, [("zone", *zone)], targets)?)
//!     }
//! }
//!
//! async fn cloud(env: Env, updates: Updates) {
//!     let cloud = Arc::new(Cloud(HttpClientSettings::default()));
//!     rest::run(Duration::from_secs(60), cloud, env, updates).await;
//! }
//! ```

mod ask;
mod error;
mod known;
mod round;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Batch, Group};
use headcount_reader::HttpClientSettings;

use crate::metrics::Definition;
use crate::{Env, Updates, refresh};

pub use ask::{Ask, Page};
pub use error::ReadError;

/// The most pages of one list. With ten machines a page that is a hundred thousand.
pub const MOST_PAGES: usize = 10_000;

/// A mechanism that asks a backend by HTTP.
pub trait Rest: Send + Sync {
    /// What is read by itself, and can fail by itself; as text it is what is said to be missing ("zone eu-1b").
    type Part: Clone + Ord + Display + Send + Sync;

    /// What was found of a part, before it is groups.
    type Found: Send;

    /// What goes on while a part is read, as it stands in front of what went wrong: "listing the servers of".
    const READING: &'static str;

    /// How many parts are read side by side.
    const AT_ONCE: usize = 8;

    /// A counter that grows by each refresh that failed, wholly or in a part.
    const FAILURES: Option<Definition> = None;

    /// How long a refresh may take. Longer than an interval only where the server is asked to wait with its answer.
    fn deadline(&self, interval: Duration) -> Duration {
        refresh::deadline(interval)
    }

    /// How requests are sent.
    fn client(&self) -> &HttpClientSettings;

    /// The parts that there are now. The groups of one that is no longer named are gone.
    fn parts(&self, ask: &Ask<'_>) -> impl Future<Output = Result<Vec<Self::Part>, ReadError>> + Send;

    /// Reads a part; nothing if [`Ask::changed`] says that it is as it was.
    fn read(
        &self,
        part: &Self::Part,
        ask: &Ask<'_>,
    ) -> impl Future<Output = Result<Option<Self::Found>, ReadError>> + Send;

    /// Makes groups of what was found. No two parts may have a source in common.
    ///
    /// # Errors
    /// It can't be understood or stored: then the part has failed.
    fn encode(&self, part: &Self::Part, found: Self::Found, batch: &mut Batch<'_>) -> Result<(), ReadError>;

    /// Gives groups whose sources say only where they stood the sources that they had `before` (B13).
    fn keep_sources(&self, _part: &Self::Part, _before: &[Group], _groups: &mut [Group]) {}

    /// Whether a source that was [found before](Updates::take_found_before) is one of this part. Where that can be said,
    /// a part that is suddenly empty is doubted from the first refresh on, and its groups keep their sources.
    fn is_source(&self, _part: &Self::Part, _source: &str) -> bool {
        false
    }
}

/// The one part of a backend that has no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole;

impl Display for Whole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("everything")
    }
}

/// Reads each part again and again, and reports each time. Returns when nobody listens any more.
pub async fn run<M: Rest>(interval: Duration, mechanism: Arc<M>, env: Env, updates: Updates) {
    if let Some(failures) = M::FAILURES {
        // So that the series is there before the first failure, as in Prometheus.
        env.metrics.add(failures, &[], 0.0);
    }
    let deadline = mechanism.deadline(interval);
    refresh::run_within(
        interval,
        deadline,
        round::Round::new(interval, mechanism, updates.take_found_before()),
        env,
        updates,
    )
    .await;
}

#[cfg(test)]
mod tests;
