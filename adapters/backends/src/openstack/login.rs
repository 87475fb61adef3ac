//! Asking the identity service for a token, and for the catalogue that comes with it.
//!
//! The endpoint may name a version or not; then the service says which ones it has. **The password goes nowhere but below
//! the endpoint of the settings**, wherever the versions' links lead.

use std::time::Duration;

use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpRequest, HttpResponse, Token};
use headcount_discoverer::rest::{Ask, ReadError};
use headcount_reader::without_credentials;
use serde::Deserialize;

use super::account::{Account, AccountError};
use super::catalog::{self, Catalog};
use crate::answers::{List, Object, Text};

/// Why there is no token. All who wait for it are told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {reason}")]
pub(super) struct LoginError {
    /// What was asked, without credentials.
    url: String,
    reason: String,
    /// A status that says that it may be another one later, and when.
    status: Option<(u16, Option<Duration>)>,
}

impl LoginError {
    pub(super) fn account(endpoint: &str, error: AccountError) -> Self {
        Self::answer(endpoint, error.to_string())
    }

    pub(super) fn answer(url: &str, reason: impl Into<String>) -> Self {
        Self {
            url: without_credentials(url).into_owned(),
            reason: reason.into(),
            status: None,
        }
    }

    fn status(env: &Env, url: &str, answer: &HttpResponse) -> Self {
        let status = answer.status;
        let reason = match status {
            401 => "the identity service refuses this account (status 401); are its name, password, domain and project right?".to_owned(),
            _ => format!("the server answered with status {status}"),
        };
        let retry_after = answer.retry_after(env.clock.unix_time());
        Self {
            status: (status != 401).then_some((status, retry_after)),
            ..Self::answer(url, reason)
        }
    }
}

impl From<LoginError> for ReadError {
    fn from(error: LoginError) -> Self {
        match error.status {
            Some((status, retry_after)) => Self::Status {
                url: error.url,
                status,
                retry_after,
            },
            None => Self::answer(&error.url, error.reason),
        }
    }
}

/// There was no answer; the other way round as above, because an error of that kind can't be told to several.
fn unanswered(url: &str, error: ReadError) -> LoginError {
    match error {
        ReadError::Http { source, .. } | ReadError::TooLarge { source, .. } => {
            LoginError::answer(url, source.to_string())
        }
        other => LoginError::answer(url, other.to_string()),
    }
}

/// A version of the identity service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Three,
    Two,
}

impl Version {
    /// The last step of its URLs.
    fn step(self) -> &'static str {
        match self {
            Self::Three => "v3",
            Self::Two => "v2.0",
        }
    }
}

/// A token of this account, and what it opens.
pub(super) async fn log_in(ask: &Ask<'_>, account: &Account) -> Result<(Token, Catalog), LoginError> {
    let endpoint = account
        .endpoint
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .trim_end_matches('/');
    let (base, version) = match named_version(endpoint) {
        Some(version) => (endpoint.to_owned(), version),
        None => {
            let version = best_version(ask, endpoint).await?;
            (format!("{}/{}", without_version(endpoint), version.step()), version)
        }
    };
    let wrong = |error| LoginError::account(&base, error);
    let (url, body) = match version {
        Version::Three => (format!("{base}/auth/tokens"), account.request().map_err(wrong)?),
        Version::Two => (format!("{base}/tokens"), account.old_request().map_err(wrong)?),
    };
    let request = HttpRequest::post(&url, "application/json", body.to_string()).header("Accept", "application/json");
    let answer = ask.send(request).await.map_err(|error| unanswered(&url, error))?;
    if !matches!(answer.status, 200 | 201 | 203) {
        return Err(LoginError::status(ask.env(), &url, &answer));
    }
    let now = ask.env().clock.unix_time();
    let found = match version {
        Version::Three => catalog::decode(&answer, now),
        Version::Two => catalog::decode_old(&answer, now),
    };
    found.map_err(|error| LoginError::answer(&url, error.to_string()))
}

/// The version that an endpoint ends in.
fn named_version(endpoint: &str) -> Option<Version> {
    let versions = [Version::Three, Version::Two].into_iter();
    let mut named = versions.filter(|version| endpoint.rsplit('/').next() == Some(version.step()));
    named.next()
}

/// An endpoint without a version of another form (`v3.14`) at its end.
fn without_version(endpoint: &str) -> &str {
    match endpoint.rsplit_once('/') {
        Some((before, last)) if is_version(last) => before,
        _ => endpoint,
    }
}

fn is_version(step: &str) -> bool {
    step.strip_prefix(['v', 'V'])
        .is_some_and(|digits| digits.starts_with(|digit: char| digit.is_ascii_digit()))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Versions {
    versions: Object<Values>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Values {
    values: List<Object<Offered>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Offered {
    id: Text,
    status: Text,
}

/// The newest version that is offered and meant to be used.
async fn best_version(ask: &Ask<'_>, endpoint: &str) -> Result<Version, LoginError> {
    let url = format!("{}/", without_version(endpoint));
    let request = HttpRequest::get(&url).header("Accept", "application/json");
    let answer = ask.send(request).await.map_err(|error| unanswered(&url, error))?;
    // That there are several is no failure.
    if !matches!(answer.status, 200 | 300) {
        return Err(LoginError::status(ask.env(), &url, &answer));
    }
    let versions: Versions = crate::json::from_slice(&answer.body)
        .map_err(|error| LoginError::answer(&url, format!("this is no list of versions: {error}")))?;
    let offered = versions.versions.0.unwrap_or_default().values.0;
    let has = |version: Version| {
        let mut offered = offered.iter().filter_map(|offered| offered.0.as_ref());
        offered.any(|offered| {
            let status = offered.status.as_str().to_ascii_lowercase();
            let is_good = matches!(status.as_str(), "current" | "supported" | "stable");
            is_good && offered.id.as_str().contains(version.step())
        })
    };
    let found = [Version::Three, Version::Two].into_iter().find(|version| has(*version));
    found.ok_or_else(|| LoginError::answer(&url, "the identity service offers neither its version 3 nor 2.0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_may_name_its_version() {
        assert_eq!(named_version("https://k.example/identity/v3"), Some(Version::Three));
        assert_eq!(named_version("https://k.example:5000/v2.0"), Some(Version::Two));
        assert_eq!(named_version("https://k.example"), None);
        assert_eq!(
            without_version("https://k.example/identity/v3.14"),
            "https://k.example/identity"
        );
        assert_eq!(without_version("https://k.example/video"), "https://k.example/video");
    }
}
