//! The settings that all mechanisms have which list the machines of a cloud.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use headcount_discoverer::env::{HttpLimits, HttpRequest};
use headcount_discoverer::mechanism::Place;
use headcount_discoverer::rest::{Ask, ReadError};
use headcount_reader::{Cursor, Fields, HttpClientSettings, ProblemKind};

/// How often a cloud is asked where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// The port of targets; Prometheus's.
const DEFAULT_PORT: u16 = 80;

/// How a cloud is asked, and where its machines are scraped.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Common {
    pub(crate) port: u16,
    pub(crate) refresh_interval: Duration,
    pub(crate) client: HttpClientSettings,
}

impl Common {
    /// Reads `port`, `refresh_interval` and the fields of the HTTP client; all others stay for the caller.
    pub(crate) fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Self {
        Self {
            port: fields.port("port").unwrap_or(DEFAULT_PORT),
            refresh_interval: fields.interval("refresh_interval", DEFAULT_INTERVAL),
            client: HttpClientSettings::read(fields, place.folder),
        }
    }
}

/// A request for a list in JSON, as large as one provider may have it.
pub(crate) fn get_json(ask: &Ask<'_>, url: impl Into<String>) -> HttpRequest {
    HttpRequest::get(url)
        .header("Accept", "application/json")
        .limits(HttpLimits {
            body: ask.env().limits.body,
            ..HttpLimits::default()
        })
}

/// Says of a setting that Prometheus does not know it, where it reads the file, too.
pub(crate) fn warn_of_own(at: &Cursor<'_>, place: &Place<'_>) {
    if place.is_shared {
        at.warn(ProblemKind::SettingNotPrometheus);
    }
}

/// How many parts a backend listed last.
#[derive(Debug, Default)]
pub(crate) struct PartCount(AtomicUsize);

impl PartCount {
    /// Refuses that a list of parts is empty all at once, the first time (B11): a backend that has lost what it knew says
    /// the same.
    pub(crate) fn believe(&self, url: &str, count: usize) -> Result<(), ReadError> {
        let before = self.0.swap(count, Ordering::Relaxed);
        if count > 0 || before == 0 {
            return Ok(());
        }
        let said = format!("it lists nothing any more, of {before} before; that counts if the next answer is the same");
        Err(ReadError::refused(url, said, None))
    }
}
