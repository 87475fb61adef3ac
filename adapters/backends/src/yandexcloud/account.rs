//! Who asks, and how that becomes a token (<https://yandex.cloud/docs/iam/concepts/authorization/iam-token>).

use headcount_discoverer::env::{HttpLimits, HttpRequest, HttpResponse, Token};
use headcount_discoverer::rest::Ask;
use headcount_reader::Secret;
use serde::Deserialize;
use serde_json::json;

use crate::answers::Text;
use crate::bearer::{Login, LoginError, SMALL, ask_machine, granted};
use crate::time::seconds_since_1970;

/// Where the machine lends a token, as Google's does, and as Amazon's did, which is withdrawn on newer machines
/// (<https://yandex.cloud/docs/compute/concepts/vm-metadata>).
const LENDS: &str = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token";
const LENT: &str = "http://169.254.169.254/latest/meta-data/iam/security-credentials/default";

/// Who asks. Equal ones share their token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Account {
    /// The service account of the machine.
    Machine,
    /// A person.
    Person {
        passport: Secret,
        /// Where the IAM service is.
        iam: Secret,
    },
}

impl Login for Account {
    async fn log_in(&self, ask: &Ask<'_>) -> Result<Token, LoginError> {
        match self {
            Self::Machine => of_machine(ask).await,
            Self::Person { passport, iam } => {
                let url = format!("{}/iam/v1/tokens", iam.reveal());
                let body = json!({ "yandexPassportOauthToken": passport.reveal() }).to_string();
                let limits = HttpLimits {
                    body: SMALL,
                    ..HttpLimits::default()
                };
                let request = HttpRequest::post(&url, "application/json", body).limits(limits);
                let answer = ask
                    .send(request)
                    .await
                    .map_err(|error| LoginError::unanswered(&url, error))?;
                match answer.status {
                    200 => lent(ask, &url, &answer),
                    _ => Err(LoginError::refused(ask.env(), &url, &answer)),
                }
            }
        }
    }
}

async fn of_machine(ask: &Ask<'_>) -> Result<Token, LoginError> {
    let env = ask.env();
    let request = HttpRequest::get(LENDS).header("Metadata-Flavor", "Google");
    let answer = ask_machine(env, LENDS, request).await?;
    if answer.status == 200 {
        return granted(LENDS, &answer, env.clock.unix_time());
    }
    let old = ask_machine(env, LENT, HttpRequest::get(LENT)).await;
    match old {
        Ok(old) if old.status == 200 => lent(ask, LENT, &old),
        // The first is what should work.
        _ => Err(LoginError::refused(env, LENDS, &answer)),
    }
}

/// A token with the moment of its end; Amazon's names, or those of the IAM service.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Lent {
    #[serde(alias = "Token", rename = "iamToken")]
    token: Text,
    #[serde(alias = "Expiration", rename = "expiresAt")]
    end: Text,
}

fn lent(ask: &Ask<'_>, from: &str, answer: &HttpResponse) -> Result<Token, LoginError> {
    // The parser's message could repeat a secret.
    let lent: Option<Lent> = crate::json::from_slice(&answer.body).ok();
    let lent = lent.filter(|lent| !lent.token.as_str().is_empty());
    let lent = lent.ok_or_else(|| LoginError::new(from, "the answer has no token"))?;
    let end = seconds_since_1970(lent.end.as_str());
    let lifetime = end.map(|end| end.saturating_sub(ask.env().clock.unix_time()));
    Ok(Token::new(lent.token.0, lifetime))
}
