//! Who asks OVHcloud, and how a request says so.
//!
//! A signature has the time of OVHcloud's clock in it. **The difference to that clock is asked for once an hour**, by one
//! of all who ask the same endpoint, and again when a signature is refused: it may be the reason.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpLimits, HttpRequest};
use headcount_discoverer::rest::{Ask, ReadError};
use headcount_reader::Secret;
use ring::digest;

use crate::answers::{ServerUrl, get_json};

/// For how long a difference is used. Clocks drift by less than a second meanwhile.
const GOOD_FOR: Duration = Duration::from_secs(60 * 60);

/// An answer is small, and one that does not come must not keep others from being asked for.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);

/// An application of an account: <https://docs.ovh.com/gb/en/api/first-steps-with-ovh-api/>.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Account {
    pub(super) endpoint: ServerUrl,
    pub(super) application_key: String,
    pub(super) application_secret: Secret,
    pub(super) consumer_key: Secret,
}

/// How far an endpoint's clock is ahead of ours, in seconds, and since when that is known.
#[derive(Debug, Default)]
struct Ahead(Mutex<Option<(i64, Instant)>>);

impl Ahead {
    fn get(&self, now: Instant) -> Option<i64> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .filter(|(_, since)| now < *since + GOOD_FOR)
            .map(|(ahead, _)| ahead)
    }

    fn set(&self, known: Option<(i64, Instant)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

/// Signs requests for one account.
pub(super) struct Signer {
    account: Account,
    ahead: Arc<Ahead>,
}

impl Signer {
    pub(super) fn new(env: &Env, account: Account) -> Self {
        let ahead = env.shared.of(("ovhcloud", account.endpoint.clone()), Ahead::default);
        Self { account, ahead }
    }

    /// Sees to it that the endpoint's time is known.
    pub(super) async fn begin(&self, ask: &Ask<'_>) -> Result<(), ReadError> {
        let clock = &ask.env().clock;
        if self.ahead.get(clock.now()).is_some() {
            return Ok(());
        }
        let url = self.account.endpoint.join("/auth/time");
        let answer = ask.get(get_json(ask, url.as_str())).await?;
        let theirs: i64 = crate::json::from_slice(&answer.body).map_err(|error| ReadError::answer(&url, error))?;
        let ahead = theirs.saturating_sub(seconds(clock.unix_time()));
        self.ahead.set(Some((ahead, clock.now())));
        Ok(())
    }

    /// A request for what is below the endpoint, signed as of now.
    pub(super) fn get(&self, ask: &Ask<'_>, path: &str) -> HttpRequest {
        let clock = &ask.env().clock;
        let ahead = self.ahead.get(clock.now()).unwrap_or_default();
        let timestamp = seconds(clock.unix_time()).saturating_add(ahead);
        let url = self.account.endpoint.join(path);
        let signature = self.account.signature("GET", &url, "", timestamp);
        HttpRequest::get(url)
            .header("Accept", "application/json")
            .header("X-Ovh-Application", self.account.application_key.as_str())
            .header("X-Ovh-Consumer", self.account.consumer_key.reveal())
            .header("X-Ovh-Timestamp", timestamp.to_string())
            .header("X-Ovh-Signature", signature)
            .limits(HttpLimits {
                body: ask.env().limits.body,
                connect: Some(LONGEST_ANSWER),
                head: Some(LONGEST_ANSWER),
                ..HttpLimits::default()
            })
    }

    /// Forgets the time if an error may come of it.
    pub(super) fn heed(&self, error: &ReadError) {
        if matches!(
            error,
            ReadError::Status {
                status: 400 | 401 | 403,
                ..
            }
        ) {
            self.ahead.set(None);
        }
    }
}

impl Account {
    /// `$1$`, and what the two keys and the request make together.
    fn signature(&self, method: &str, url: &str, body: &str, timestamp: i64) -> String {
        let text = format!(
            "{}+{}+{method}+{url}+{body}+{timestamp}",
            self.application_secret.reveal(),
            self.consumer_key.reveal()
        );
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        let mut signature = "$1$".to_owned();
        for byte in digest.as_ref() {
            // Nothing fails to be written into text.
            write!(signature, "{byte:02x}").ok();
        }
        signature
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of <https://docs.ovh.com/gb/en/api/first-steps-with-ovh-api/>.
    #[test]
    fn a_signature_is_that_of_the_documentation() {
        let account = Account {
            endpoint: ServerUrl::new("https://eu.api.ovh.com/1.0"),
            application_key: "7kbG7Bk7S9Nt7ZSV".to_owned(),
            application_secret: Secret::new("EXEgWIz07P0HYwtQDs7cNIqCiQaWSuHF"),
            consumer_key: Secret::new("MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1"),
        };
        let url = "https://eu.api.ovh.com/1.0/domains/";
        assert_eq!(
            account.signature("GET", url, "", 1_366_560_945),
            "$1$d3705e8afb27a0d2970a322b96550abfc67bb798"
        );
        let shown = format!("{account:?}");
        assert!(!shown.contains("EXEg") && !shown.contains("MtSw"), "{shown}");
    }
}
