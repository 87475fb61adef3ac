//! What a program is told about who may ask.

use std::str::FromStr;

use headcount_core::relabel::RuleRegex;
use headcount_reader::{RegexError, parse_regex};
use url::Url;

use crate::server::RoutePrefix;

/// What the server was told, by flags or by who embeds it.
#[derive(Debug, Clone, Default)]
pub(crate) struct WebOptions {
    pub(crate) external_url: Option<ExternalUrl>,
    /// What all paths begin with; the path of the external URL if nothing is said.
    pub(crate) prefix: Option<RoutePrefix>,
    /// Whether what changes something is on; by where it listens if nothing is said.
    pub(crate) lifecycle: Option<bool>,
    pub(crate) cors_origin: Option<CorsOrigin>,
}

impl WebOptions {
    /// What all paths begin with.
    pub(crate) fn prefix(&self) -> RoutePrefix {
        let of_url = || self.external_url.as_ref().map(|url| url.prefix.clone());
        self.prefix.clone().or_else(of_url).unwrap_or_default()
    }
}

/// The URL by which others know this server, `http` or `https`.
///
/// ```
/// use headcount_service::ExternalUrl;
///
/// let url: ExternalUrl = "https://sd.example.org/headcount/".parse().unwrap();
/// assert_eq!(url.host(), "sd.example.org");
/// assert!("sd.example.org".parse::<ExternalUrl>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalUrl {
    host: String,
    scheme: String,
    port: Option<u16>,
    origin: String,
    prefix: RoutePrefix,
}

/// Why a text is no external URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a URL that begins with http:// or https:// and a host, such as https://sd.example.org/")]
pub struct BadExternalUrl;

impl ExternalUrl {
    /// The host, in lower case.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The port, where it is not the scheme's.
    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    /// Scheme, host and port, as browsers write them.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }
}

impl FromStr for ExternalUrl {
    type Err = BadExternalUrl;

    fn from_str(text: &str) -> Result<Self, BadExternalUrl> {
        let url = Url::parse(text).map_err(|_| BadExternalUrl)?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        Ok(Self {
            host: host.ok_or(BadExternalUrl)?.to_owned(),
            scheme: url.scheme().to_owned(),
            port: url.port(),
            origin: url.origin().ascii_serialization(),
            prefix: url.path().parse().map_err(|_| BadExternalUrl)?,
        })
    }
}

/// The origins whose pages may read, as a regular expression of Go's that fits as a whole.
///
/// ```
/// use headcount_service::CorsOrigin;
///
/// assert!(r"https?://(grafana|sd)\.example\.org".parse::<CorsOrigin>().is_ok());
/// assert!("(".parse::<CorsOrigin>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsOrigin(RuleRegex);

/// Why a text is no expression for origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct BadCorsOrigin(RegexError);

impl CorsOrigin {
    pub(super) fn allows(&self, origin: &str) -> bool {
        self.0.is_match(origin)
    }
}

impl FromStr for CorsOrigin {
    type Err = BadCorsOrigin;

    fn from_str(text: &str) -> Result<Self, BadCorsOrigin> {
        parse_regex(text).map(Self).map_err(BadCorsOrigin)
    }
}
