//! The settings that all mechanisms have which list the machines of a cloud.

use std::time::Duration;

use headcount_discoverer::env::{HttpLimits, HttpRequest};
use headcount_discoverer::mechanism::Place;
use headcount_discoverer::rest::Ask;
use headcount_reader::{Fields, HttpClientSettings};

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
