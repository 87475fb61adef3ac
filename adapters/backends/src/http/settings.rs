//! What an entry of `http_sd_configs` says.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use headcount_core::planted;
use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_reader::{Fields, HttpClientSettings, Url, UrlError, without_credentials};

use super::{FAILURES, rest};

/// How often the list is asked for where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// One entry of `http_sd_configs`.
///
/// ```
/// use std::time::Duration;
/// use headcount_backends::http::HttpSd;
///
/// let list = HttpSd::new("http://cmdb.example/targets", Duration::from_secs(60), Default::default())?;
/// assert!(HttpSd::new("cmdb.example", Duration::from_secs(60), Default::default()).is_err());
/// # Ok::<(), headcount_reader::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HttpSd {
    pub(super) url: String,
    /// The same without its secrets.
    pub(super) shown: String,
    pub(super) refresh_interval: Duration,
    pub(super) client: HttpClientSettings,
}

impl HttpSd {
    /// The list at `url`, asked for every `refresh_interval`.
    ///
    /// # Errors
    /// The URL has no host, or is neither `http` nor `https`.
    pub fn new(
        url: impl Into<String>,
        refresh_interval: Duration,
        client: HttpClientSettings,
    ) -> Result<Self, UrlError> {
        let url = url.into();
        Url::parse(&url)?.for_http()?;
        Ok(Self {
            shown: without_credentials(&url).into_owned(),
            url,
            refresh_interval,
            client,
        })
    }

    /// The URL as it is written, which may hold a password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How often the list is asked for.
    pub fn refresh_interval(&self) -> Duration {
        self.refresh_interval
    }

    /// How requests are sent.
    pub fn client(&self) -> &HttpClientSettings {
        &self.client
    }
}

impl fmt::Debug for HttpSd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSd")
            .field("url", &self.shown)
            .field("refresh_interval", &self.refresh_interval)
            .field("client", &self.client)
            .finish()
    }
}

impl Mechanism for HttpSd {
    const NAME: &'static str = "http";
    const SUMMARY: &'static str = "lists of targets that a server sends as JSON";
    const METRICS: &'static [Definition] = &[FAILURES];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let url = fields.http_url("url");
        let refresh_interval = fields.interval(
            "refresh_interval",
            planted!(DEFAULT_INTERVAL, AskedAsSeldomAsFiles, Duration::from_secs(300)),
        );
        let client = HttpClientSettings::read(fields, place.folder);
        let url = url?;
        Some(Self {
            shown: without_credentials(&url).into_owned(),
            url,
            refresh_interval,
            client,
        })
    }

    fn describe(&self) -> String {
        planted!(self.shown.clone(), DescriptionHasThePassword, self.url.clone())
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        let interval = self.refresh_interval;
        Box::new(move |env, updates| rest::run(interval, self, env, updates))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_description_nor_debug_output_holds_credentials() {
        let client = HttpClientSettings::default();
        let list = HttpSd::new("https://user:hunter2@sd.example:8080/list", DEFAULT_INTERVAL, client).unwrap();
        assert_eq!(list.describe(), "https://sd.example:8080/list");
        assert!(!format!("{list:?}").contains("hunter2"));
    }
}
