//! How credentials become a token that may read what there is at Compute Engine.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{HttpLimits, HttpRequest, HttpResponse, Token};
use headcount_discoverer::rest::Ask;
use headcount_reader::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::credentials::{Credentials, External, Subject};
use crate::answers::Text;
use crate::bearer::{JwtAlgorithm, Login, LoginError, RsaKey, SMALL, ask_machine, form, granted};
use crate::time::seconds_since_1970;

/// What is asked of Compute Engine.
const READ_COMPUTE: &str = "https://www.googleapis.com/auth/compute.readonly";
/// What is asked of the service that lends tokens of service accounts.
const EVERYTHING: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long an assertion is good; Google takes no longer ones.
const ASSERTION_SECONDS: u64 = 3600;
impl Login for Credentials {
    async fn log_in(&self, ask: &Ask<'_>) -> Result<Token, LoginError> {
        self.token(ask, READ_COMPUTE).await
    }
}

impl Credentials {
    fn token<'s>(&'s self, ask: &'s Ask<'_>, scope: &'s str) -> BoxFuture<'s, Result<Token, LoginError>> {
        Box::pin(async move {
            match self {
                Self::Metadata { host } => lent(ask, host, scope).await,
                Self::ServiceAccount {
                    email,
                    key_id,
                    key,
                    token_uri,
                } => {
                    let now = ask.env().clock.unix_time().as_secs();
                    let claims = json!({
                        "iss": email, "scope": scope, "aud": token_uri,
                        "iat": now, "exp": now.saturating_add(ASSERTION_SECONDS),
                    });
                    let assertion = RsaKey::from_pem(key).and_then(|key| key.jwt(JwtAlgorithm::Rs256, key_id, &claims));
                    let assertion = assertion.map_err(|error| LoginError::new(email, error.to_string()))?;
                    let body = form(&[
                        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                        ("assertion", &assertion),
                    ]);
                    asked(ask, token_uri, body, None).await
                }
                Self::AuthorizedUser {
                    client_id,
                    client_secret,
                    refresh_token,
                    token_uri,
                    is_external,
                } => {
                    let (secret, refresh) = (client_secret.reveal(), refresh_token.reveal());
                    let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", refresh)];
                    if !is_external {
                        fields.extend([("client_id", client_id.as_str()), ("client_secret", secret)]);
                    }
                    let client = is_external.then_some((client_id.as_str(), client_secret));
                    asked(ask, token_uri, form(&fields), client).await
                }
                Self::External(external) => external.token(ask, scope).await,
                Self::Impersonated {
                    url,
                    delegates,
                    lifetime,
                    of,
                } => {
                    let own = of.token(ask, EVERYTHING).await?;
                    let mut body = json!({ "scope": [scope], "lifetime": format!("{lifetime}s") });
                    if let (false, Some(body)) = (delegates.is_empty(), body.as_object_mut()) {
                        body.insert("delegates".to_owned(), json!(delegates));
                    }
                    impersonated(ask, url, &body, &own).await
                }
            }
        })
    }
}

impl External {
    /// Exchanges the other token for one of Google's (RFC 8693).
    async fn token(&self, ask: &Ask<'_>, scope: &str) -> Result<Token, LoginError> {
        let subject = self.subject(ask).await?;
        let options = json!({ "userProject": self.user_project }).to_string();
        let mut fields = vec![
            ("audience", self.audience.as_str()),
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("scope", scope),
            ("subject_token", subject.reveal()),
            ("subject_token_type", &self.token_type),
        ];
        if self.client_id.is_empty() && !self.user_project.is_empty() {
            fields.push(("options", &options));
        }
        let client = (!self.client_id.is_empty()).then_some((self.client_id.as_str(), &self.client_secret));
        asked(ask, &self.token_url, form(&fields), client).await
    }

    async fn subject(&self, ask: &Ask<'_>) -> Result<Secret, LoginError> {
        let (from, bytes) = match &self.source {
            Subject::File(path) => {
                let contents = ask.env().files.read(path, SMALL).await;
                let contents = contents.map_err(|error| LoginError::file(&error))?;
                (path.to_string_lossy().into_owned(), contents.bytes)
            }
            Subject::Url { url, headers } => {
                let request = HttpRequest::get(url).limits(small());
                let request = headers
                    .iter()
                    .fold(request, |request, (name, value)| request.header(name, value.reveal()));
                let answer = sent(ask, url, request).await?;
                (url.clone(), answer.body)
            }
        };
        let text = match self.field.as_str() {
            "" => String::from_utf8_lossy(&bytes).trim().to_owned(),
            field => {
                let document: Option<Value> = serde_json::from_slice(&bytes).ok();
                let token = document.as_ref().and_then(|document| document.get(field)?.as_str());
                token.unwrap_or_default().to_owned()
            }
        };
        match text.is_empty() {
            true => Err(LoginError::new(&from, "there is no token in it")),
            false => Ok(Secret::new(text)),
        }
    }
}

/// A token that the machine's metadata service lends, which is asked without any proxy: what it lends is this machine's.
async fn lent(ask: &Ask<'_>, host: &str, scope: &str) -> Result<Token, LoginError> {
    let env = ask.env();
    let query = form(&[("scopes", scope)]);
    let url = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token?{query}");
    let request = HttpRequest::get(&url).header("Metadata-Flavor", "Google");
    let nowhere = "there are no credentials: GOOGLE_APPLICATION_CREDENTIALS is not set, there is none that gcloud left behind, \
                   and the metadata service";
    let answer = ask_machine(env, nowhere, request).await?;
    match answer.status {
        200 => granted(&url, &answer, env.clock.unix_time()),
        404 => Err(LoginError::new(
            &url,
            "this machine has no service account (status 404)",
        )),
        _ => Err(LoginError::refused(env, &url, &answer)),
    }
}

/// A token of an endpoint of OAuth 2.0.
async fn asked(ask: &Ask<'_>, url: &str, body: String, client: Option<(&str, &Secret)>) -> Result<Token, LoginError> {
    let mut request = HttpRequest::post(url, "application/x-www-form-urlencoded", body).limits(small());
    if let Some((id, secret)) = client {
        let basic = STANDARD.encode(format!("{id}:{}", secret.reveal()));
        request = request.header("Authorization", format!("Basic {basic}"));
    }
    let answer = sent(ask, url, request.header("Accept", "application/json")).await?;
    granted(url, &answer, ask.env().clock.unix_time())
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Impersonated {
    access_token: Text,
    expire_time: Text,
}

/// A token of a service account as which `own` may act.
async fn impersonated(ask: &Ask<'_>, url: &str, body: &Value, own: &Token) -> Result<Token, LoginError> {
    let request = HttpRequest::post(url, "application/json", body.to_string())
        .limits(small())
        .header("Authorization", format!("Bearer {}", own.value().reveal()));
    let answer = sent(ask, url, request).await?;
    let found: Option<Impersonated> = crate::json::from_slice(&answer.body).ok();
    let found = found.filter(|found| !found.access_token.as_str().is_empty());
    let found = found.ok_or_else(|| LoginError::new(url, "the answer has no accessToken"))?;
    let end = seconds_since_1970(found.expire_time.as_str());
    let lifetime = end.map(|end| end.saturating_sub(ask.env().clock.unix_time()));
    Ok(Token::new(found.access_token.0, lifetime))
}

/// An answer of status 200.
async fn sent(ask: &Ask<'_>, url: &str, request: HttpRequest) -> Result<HttpResponse, LoginError> {
    let answer = ask
        .send(request)
        .await
        .map_err(|error| LoginError::unanswered(url, error))?;
    match answer.status {
        200 => Ok(answer),
        _ => Err(LoginError::refused(ask.env(), url, &answer)),
    }
}

fn small() -> HttpLimits {
    HttpLimits {
        body: SMALL,
        ..HttpLimits::default()
    }
}
